"""What decides a symptom: what a component says, and no name of a registry, a repository or a tag."""

from __future__ import annotations

import itertools

import pytest

from diagnostics.classification import classify
from diagnostics.model import LogExcerpt, Symptom
from diagnostics.run_document import error_excerpts

IMAGE = "{registry}.azurecr.io/{repository}:{tag}"
URL = "https://{registry}.azurecr.io/v2/{repository}/manifests/{tag}"
ASKED = f"unexpected status from HEAD request to {URL}"
REFUSED = "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information."
ORDINARY = {"registry": "contoso", "repository": "nlp/train", "tag": "7"}


def read(text: str) -> tuple[Symptom, ...]:
    """Classify ``text`` as the run's own error."""
    return classify([LogExcerpt(file="run.error", first_line=1, lines=tuple(text.split("\n")))])


def first(text: str) -> str:
    """Return the best id, or ``not-registry`` where nothing is shown."""
    return next((symptom.id for symptom in read(text)), "not-registry")


def named(text: str, **names: str) -> str:
    """Return ``text`` about an image of ordinary names but for those given."""
    return text.format(**{**ORDINARY, **names})


CLEAR = [
    ("unauthorized", f'Failed to pull image "{IMAGE}": {REFUSED}'),
    (
        "unauthorized",
        (
            f"AzureMLCompute job failed. FailedPullingImage: Unable to pull docker image\n    imageName: {IMAGE}\n"
            "    err: Run docker command to pull private image failed with error: Error response from daemon: "
            f'Head "{URL}": {REFUSED}'
        ),
    ),
    ("unauthorized", f'Failed to pull image "{IMAGE}": {ASKED}: 401 Unauthorized'),
    ("unauthorized", f"docker pull {IMAGE}: {ASKED}: 401 Unauthorized"),
    (
        "unauthorized",
        (
            f'Failed to pull image "{IMAGE}": failed to authorize: failed to fetch oauth token: unexpected status from GET '
            "request to https://{registry}.azurecr.io/oauth2/token?scope=repository%3A{repository}%3Apull: 401 Unauthorized"
        ),
    ),
    ("network-firewall", f'Failed to pull image "{IMAGE}": {ASKED}: 403 Forbidden'),
    ("network-firewall", f"Head \"{URL}\": denied: client with IP '203.0.113.5' is not allowed access."),
    ("tag-not-found", f'Failed to pull image "{IMAGE}": {ASKED}: 404 Not Found'),
    ("tag-not-found", f'imageName: {IMAGE}\nerror: manifest unknown: manifest tagged by "{{tag}}" is not found'),
    ("tag-not-found", f'failed to resolve reference "{IMAGE}": {IMAGE}: not found'),
    ("repository-not-found", f'imageName: {IMAGE}\nerror: name unknown: repository "{{repository}}" is not found'),
    (
        "repository-not-found",
        "docker.io/{repository}:{tag}: pull access denied, repository does not exist or may require authorization",
    ),
    ("artifact-locked", f"PUT {URL}: 405 Method Not Allowed"),
    ("artifact-locked", f'Failed to pull image "{IMAGE}": the manifest sha256:00ff is quarantined'),
    ("rate-limited", f'Failed to pull image "{IMAGE}": {ASKED}: 429 Too Many Requests'),
    ("registry-unavailable", f'Failed to pull image "{IMAGE}": {ASKED}: 503 Service Unavailable'),
    ("network-timeout", f'Failed to pull image "{IMAGE}": Head "{URL}": dial tcp 203.0.113.9:443: i/o timeout'),
    ("dns", f'Head "{URL}": dial tcp: lookup {{registry}}.azurecr.io on 168.63.129.16:53: no such host'),
    ("tls", f'Failed to pull image "{IMAGE}": Head "{URL}": x509: certificate signed by unknown authority'),
    ("pull-too-slow", f'Failed to pull image "{IMAGE}": context deadline exceeded'),
    (
        "architecture-mismatch",
        f'failed to pull and unpack image "{IMAGE}": no match for platform in manifest: not found',
    ),
    ("insufficient-evidence", f"FailedPullingImage: Unable to pull docker image\nimageName: {IMAGE}\nerr: stopped"),
]
"""Errors that say clearly what failed."""

SAID = """
quarantine quarantined locked immutable read-only disallowed denied forbidden unauthorized access scope token
token-expired expired-token password secret credential certificate x509 ssl tls timeout timed-out deadline-exceeded
exceeded proxy firewall vnet private-endpoint no-such-host nxdomain dns host throttled rate-limit toomanyrequests
quota quota-exceeded storage capacity size resize full disk-full enospc outage unavailable degraded region
cross-region replica retired deprecated schema1 corrupt eof checksum digest layer manifest-unknown not-found missing
deleted tenant identity admin-user encryption-key policy signature arm64 build failed error invalid acr docker
"""
"""Words by which errors of registries are known."""

SAID_ELSEWHERE = """
mlflow pypi openai preempt preemptible datastore azcopy blobfuse torch mpirun oomkilled sqlalchemy pyodbc smtplib simple
"""
"""Words by which lines of other services are known."""

NUMBERS = "400 401 403 404 405 407 429 500 502 503 504 1.401 1.403 20260101.404 3.405 4.429 5.500 6.503"


class TestNames:
    @pytest.mark.parametrize(("expected", "text"), CLEAR)
    def test_an_ordinary_image_s_error_is_clear(self, expected: str, text: str) -> None:
        """Each of the errors that names are tried in is understood."""
        assert first(named(text)) == expected

    @pytest.mark.parametrize(("expected", "text"), CLEAR)
    def test_a_word_in_a_name_decides_nothing(self, expected: str, text: str) -> None:
        """An image may be called by what other errors say, in its registry, repository or tag."""
        names = [
            {part: form.format(word)}
            for word in (SAID + SAID_ELSEWHERE).split()
            for part, forms in {
                "registry": ["contoso{}"],
                "repository": ["{}", "email-{}", "ml/{}/server"],
                "tag": ["{}", "1.0-{}"],
            }.items()
            for form in forms
            if part != "registry" or "-" not in word
        ]
        assert [name for name in names if first(named(text, **name)) != expected] == []

    @pytest.mark.parametrize(("expected", "text"), CLEAR)
    def test_a_number_in_a_name_is_no_status(self, expected: str, text: str) -> None:
        """Tags and repositories are numbered like the answers of a registry."""
        names = [{part: number} for part, number in itertools.product(("tag", "repository"), NUMBERS.split())]
        assert [name for name in names if first(named(text, **name)) != expected] == []

    def test_a_tag_is_captured_whole(self) -> None:
        """A build's number that ends like a status is not cut there."""
        symptom = read(named(f'Head "{URL}": {REFUSED}', tag="20260101.404"))[0]
        assert (symptom.id, symptom.captured["tag"]) == ("unauthorized", "20260101.404")

    @pytest.mark.parametrize(
        "text",
        [
            "dockerd[405]: started the network controller",
            "contoso.azurecr.io:\n  repository: train\n  tag: 429",
            "pulled contoso.azurecr.io/train:403 from contoso.azurecr.io:403",
        ],
    )
    def test_a_number_of_something_else_is_no_status(self, text: str) -> None:
        """Numbers of processes, builds and ports show nothing."""
        assert read(text) == ()

    @pytest.mark.parametrize("reference", ["hub.azurecr.io/spoke.azurecr.io/app:1", "hub.azurecr.io/azurecr.io/app:1"])
    @pytest.mark.parametrize(
        "error", [REFUSED, "unexpected status from HEAD request to https://x/v2/: 401 Unauthorized"]
    )
    def test_a_repository_may_be_called_like_a_registry(self, reference: str, error: str) -> None:
        """An import keeps the name of where an image came from; the grammar allows it."""
        assert first(f'Failed to pull image "{reference}": {error}') == "unauthorized"

    @pytest.mark.parametrize(
        "text",
        [
            "lookup contoso.azurecr.iocontoso.azurecr.io on 168.63.129.16:53: no such host",
            f"imageName: contoso.azurecr.io.azurecr.io/app:1\nerror: {REFUSED}",
            "Image pull for contoso.azurecr.io/contoso.azurecr.io/app:1 failed",
        ],
    )
    def test_a_host_run_together_or_written_twice_is_malformed(self, text: str) -> None:
        """No registry has such a name, and twice in a row is what the text says where it says nothing else."""
        assert first(text) == "invalid-reference"


class TestStatuses:
    @pytest.mark.parametrize(
        ("expected", "status"),
        [
            ("unauthorized", "401 Unauthorized"),
            ("network-firewall", "403 Forbidden"),
            ("tag-not-found", "404 Not Found"),
            ("artifact-locked", "405 Method Not Allowed"),
            ("rate-limited", "429 Too Many Requests"),
            ("registry-unavailable", "503 Service Unavailable"),
        ],
    )
    @pytest.mark.parametrize("form", ["{}: {}", '"{}": {}', "{} -> {}", "{}: status {}", '"{}": StatusCode: {}'])
    def test_a_status_is_read_behind_an_address(self, form: str, status: str, expected: str) -> None:
        """However components write it down."""
        assert first("docker pull: HEAD " + form.format(named(URL), status)) == expected


PAIR = (
    'Failed to pull image "{host}/train:7": [rpc error: code = Unknown desc = failed to resolve reference '
    '"{host}/train:7": {error}, rpc error: code = Unknown desc = failed to resolve reference "{host}/train:7": '
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
    "https://{host}/oauth2/token?service={host}: 401 Unauthorized]"
)


class TestAnonymousRetry:
    @pytest.mark.parametrize(
        ("host", "expected"), [("contoso.azurecr.io", "network-firewall"), ("ghcr.io/contoso", "forbidden")]
    )
    @pytest.mark.parametrize(
        "error",
        [
            (
                "failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
                "https://{host}/oauth2/token?service={host}: 403 Forbidden"
            ),
            "unexpected status from HEAD request to https://{host}/v2/train/manifests/7: 403 Forbidden",
        ],
    )
    def test_a_refusal_is_not_hidden_by_the_anonymous_retry(self, host: str, expected: str, error: str) -> None:
        """The 403 with a credential is the answer, and the retry's 401 comes after."""
        found = [symptom.id for symptom in read(PAIR.format(host=host, error=error.format(host=host)))]
        assert found[0] == expected
        assert "unauthorized" in found[1:]

    def test_an_anonymous_refusal_alone_is_the_answer(self) -> None:
        """Where nothing else is said, nothing was sent and that was refused."""
        text = "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized"
        assert read(text)[0].signature == "anonymous-refused"


class TestExpired:
    @pytest.mark.parametrize(
        "asked", ["failed to fetch oauth token: Post", "failed to fetch anonymous token: Get", "docker login: Post"]
    )
    def test_an_expired_certificate_is_no_expired_credential(self, asked: str) -> None:
        """A token's address stands before it, and the word token belongs to that."""
        text = (
            f'failed to authorize: {asked} "https://contoso.azurecr.io/oauth2/token": tls: failed to verify certificate: '
            "x509: certificate has expired or is not yet valid: current time 2026-11-01T00:00:00Z is after 2026-10-01"
        )
        assert first(text) == "tls"

    @pytest.mark.parametrize(
        "text",
        [
            "docker pull: the token has expired",
            "docker login contoso.azurecr.io: the client secret 'build' of this registry has expired",
            "contoso.azurecr.io: password is no longer valid",
            "registry: the credentials for contoso.azurecr.io have been revoked, the token has been revoked",
        ],
    )
    def test_an_expired_credential_is_told(self, text: str) -> None:
        """With a few words of what it is for in between."""
        assert first(text) == "unauthorized"


class TestElsewhere:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("dial tcp: lookup openai.azurecr.io on 10.0.0.10:53: no such host", "dns"),
            ('Head "https://contosoopenai.azurecr.io/v2/": dial tcp 203.0.113.9:443: i/o timeout', "network-timeout"),
            (
                'Head "https://ghcr.io/v2/mlflow/mlflow/manifests/7": dial tcp 203.0.113.9:443: i/o timeout',
                "network-timeout",
            ),
            ("pulling ghcr.io/ml/mlflow/server:7: dial tcp 203.0.113.9:443: i/o timeout", "network-timeout"),
            (
                "docker pull nvcr.io/simple/torch.x: read tcp 10.0.0.4:5->203.0.113.9:443: broken pipe",
                "network-timeout",
            ),
            (
                'Get "https://contoso.azurecr.io/v2/": dial tcp 203.0.113.9:443: i/o timeout; see https://github.com/Azure/aks',
                "network-timeout",
            ),
        ],
    )
    def test_words_of_others_in_a_registry_s_names_claim_nothing(self, text: str, expected: str) -> None:
        """Nor does a link to the documentation of what pulls."""
        assert first(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "openai.APIConnectionError: docker: connection refused",
            "POST https://mlflow.contoso.example/mlflow/v1.0/runs: docker: connection reset by peer",
            "git clone https://github.com/Azure/aks docker: i/o timeout",
            "see https://github.com/contoso/train: docker: connection refused",
            "loading contoso.azurecr.io/train:7, then datastore train: docker: i/o timeout",
        ],
    )
    def test_words_of_others_beside_a_registry_s_names_claim_their_line(self, text: str) -> None:
        """What stands outside of a name is somebody else's failure as before."""
        assert read(text) == ()


class TestOtherRegistries:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('Error response from daemon: Head "https://ghcr.io/v2/contoso/x/manifests/1": denied', "forbidden"),
            ('Get "https://eu.gcr.io/v2/contoso/x/manifests/1": denied, rpc error: code = Unknown', "forbidden"),
            ('unknown: {"errors": [{"code": "DENIED","message": "Payment Required"}]}', "forbidden"),
            (
                "Error response from daemon: unauthorized: <html>\n<head><title>401 Authorization Required</title></head>\n<body>",
                "unauthorized",
            ),
            ("pulling from host nvcr.io failed with status code [manifests 24.01]: 403 Forbidden", "forbidden"),
            (
                "pulling from host contoso.azurecr.io failed with status code [manifests 7]: 401 Unauthorized",
                "unauthorized",
            ),
            (
                (
                    "denied: Container Registry is deprecated and shutting down, please use the auto migration tool to "
                    "migrate to Artifact Registry"
                ),
                "forbidden",
            ),
            (
                (
                    'Get "https://contoso.azurecr.io/v2/": dial tcp 203.0.113.9:443: connectex: No connection could be made '
                    "because the target machine actively refused it."
                ),
                "network-timeout",
            ),
            (
                'Get "https://contoso.azurecr.io/v2/": dial tcp [2001:db8::1]:443: connect: cannot assign requested address',
                "network-timeout",
            ),
        ],
    )
    def test_how_others_refuse_is_known(self, text: str, expected: str) -> None:
        """ghcr, NVIDIA's and Google's registries have words of their own, and so has Windows."""
        assert first(text) == expected


class TestEndlessError:
    @pytest.mark.parametrize("end", ["\\n", "\\r\\n", "\\\\n"])
    @pytest.mark.parametrize("lines", [40, 400])
    def test_a_cause_in_the_middle_of_one_endless_line_is_found(self, lines: int, end: str) -> None:
        """A run's error that came as one line of JSON is read whole, and the line that proves it is quoted."""
        trace = end.join(
            f'  File \\"/azureml/runtime/step_{number}.py\\", line {number}, in run' for number in range(lines)
        )
        cause = 'FailedPullingImage: manifest unknown: manifest tagged by \\"7\\" is not found'
        message = f'{{"error":"Traceback (most recent call last):{end}{trace}{end}{cause}{end}{trace}"}}'
        assert len(message) > 4_000
        assert "\n" not in message
        symptom = classify(error_excerpts({"error": {"error": {"code": "UserError", "message": message}}}))[0]
        assert (symptom.id, symptom.text) == ("tag-not-found", cause)
