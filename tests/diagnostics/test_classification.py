"""What a failure's text is taken to say: order, echoes, traps, hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from costs import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics import classification
from diagnostics.classification import classify
from diagnostics.model import LogExcerpt, Symptom
from diagnostics.own_signatures import OwnSignatures, install
from diagnostics.run_document import WARNINGS
from diagnostics.signatures import Ground, Signature, Weight

REFUSED = "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information."
NO_TAG = 'manifest for fabrikam.azurecr.io/nlp/train:7 not found: manifest unknown: manifest tagged by "7" is not found'
BLOCK = """AzureMLCompute job failed.
AcrRefreshTokenRetrievalError: Unable to retrieve ACR refresh token using Compute Identity 5b1e77f0-0d9c, please \
check if compute identity has access to ACR.
    Reason: Retrieving ACR refresh token using identity failed
    err: {err}
    serviceURL: fabrikam.azurecr.io
    imageName: fabrikam.azurecr.io/nlp/train:7
    err: Run docker command to pull private image failed with error: Error response from daemon: {daemon}"""


def excerpt(text: str, file: str = "run.error", first_line: int = 1) -> LogExcerpt:
    """Return ``text`` as an excerpt of ``file``."""
    return LogExcerpt(file=file, first_line=first_line, lines=tuple(text.split("\n")))


def read(text: str, file: str = "run.error") -> tuple[Symptom, ...]:
    """Classify ``text`` alone."""
    return classify([excerpt(text, file)])


def ids(text: str, file: str = "run.error") -> list[str]:
    """Return the ids of what ``text`` shows, best first."""
    return [symptom.id for symptom in read(text, file)]


def first(text: str, file: str = "run.error") -> str:
    """Return the best id, or ``not-registry`` where nothing is shown."""
    return (ids(text, file) or ["not-registry"])[0]


class TestOrder:
    def test_the_first_of_two_errors_leads_over_its_anonymous_retry(self) -> None:
        """In a kubelet's pair on one line the first error is the answer and the retry's 401 comes after."""
        pair = f'Failed to pull image "x": [rpc error: code = Unknown desc = {NO_TAG}, rpc error: code = Unknown desc = {REFUSED}]'
        assert ids(pair)[:2] == ["tag-not-found", "unauthorized"]

    def test_the_same_pair_turned_round_is_answered_the_other_way(self) -> None:
        """Position decides between causes, not a fixed precedence of symptoms."""
        assert first(f"[rpc error: desc = {REFUSED}, rpc error: desc = {NO_TAG}]") == "unauthorized"

    def test_the_run_s_own_error_stands_before_its_logs(self) -> None:
        """Among equal causes the excerpt that was passed first wins."""
        found = classify([excerpt(NO_TAG), excerpt(REFUSED, "system_logs/a.log")])
        assert [(s.id, s.excerpt.file) for s in found] == [
            ("tag-not-found", "run.error"),
            ("unauthorized", "system_logs/a.log"),
        ]

    def test_a_cause_in_a_log_beats_a_wrapper_in_the_error(self) -> None:
        """A wrapper that names a log gives way to the reason that stands in that log."""
        error = excerpt("Image build failed. For more details, check log file azureml-logs/20_image_build_log.txt")
        log = excerpt(
            "denied: client with IP '203.0.113.5' is not allowed access.",
            "azureml-logs/20_image_build_log.txt",
        )
        assert [s.id for s in classify([error, log])] == ["network-firewall", "image-build-failed"]

    def test_a_firewall_inside_a_docker_hub_wording_is_the_firewall(self) -> None:
        """Docker's guess about a missing repository gives way to what the registry said after it."""
        text = (
            "pull access denied for fabrikam.azurecr.io/a, repository does not exist or may require 'docker login': "
            "denied: client with IP '203.0.113.5' is not allowed access."
        )
        assert first(text) == "network-firewall"

    def test_a_symptom_is_told_once_a_line(self) -> None:
        """A line that repeats itself yields one symptom, not one for each pattern."""
        assert ids(f"{NO_TAG}: {NO_TAG}") == ["tag-not-found"]


class TestEchoes:
    def test_admin_line_after_a_firewall_403_is_an_echo(self) -> None:
        """The fallback to the admin user never hides the firewall before it (trap 2)."""
        text = (
            "token: POST https://fabrikam.azurecr.io/oauth2/exchange\nRESPONSE 403: 403 Forbidden\n"
            "client with IP '198.51.100.7' is not allowed access.\n, admin: admin user is not enabled for 'fabrikam'"
        )
        assert ids(text)[0] == "network-firewall"
        assert "admin-user-disabled" in ids(text)

    def test_admin_line_alone_is_the_answer(self) -> None:
        """Where nothing else is said, the disabled admin user is what the text says."""
        symptom = read("admin user is not enabled for container registry 'fabrikam'")[0]
        assert (symptom.id, symptom.names) == ("admin-user-disabled", ("admin-user-disabled",))

    def test_advice_to_enable_the_admin_user_is_no_symptom(self) -> None:
        """The runtime's list of suggestions names remedies, not findings."""
        advice = (
            "Failed to pull Docker image fabrikam.azurecr.io/a:1. If using ACR please ensure the ACR has Admin user "
            "enabled or a Managed Identity with `AcrPull` access to the ACR is assigned to the compute."
        )
        assert ids(advice) == ["insufficient-evidence"]


class TestRefreshTokenBlock:
    @pytest.mark.parametrize(
        ("err", "daemon", "expected"),
        [
            (
                "Post https://fabrikam.azurecr.io/oauth2/exchange: dial tcp 10.4.4.9:443: i/o timeout",
                "x",
                "network-timeout",
            ),
            (
                "Unknown server error.",
                "Get https://fabrikam.azurecr.io/v2/: dial tcp: lookup fabrikam.azurecr.io on 168.63.129.16:53: no such host",
                "dns",
            ),
            (
                "Unknown server error.",
                (
                    "get https://fabrikam.azurecr.iofabrikam.azurecr.io/v2/: dial tcp: lookup "
                    "fabrikam.azurecr.iofabrikam.azurecr.io on 168.63.129.16:53: no such host"
                ),
                "invalid-reference",
            ),
            ("client with IP '203.0.113.5' is not allowed access.", REFUSED, "network-firewall"),
            ("unexpected status code 403 from exchange request", "x", "network-firewall"),
            ("Unknown server error.", NO_TAG, "tag-not-found"),
        ],
    )
    def test_the_innermost_error_wins(self, err: str, daemon: str, expected: str) -> None:
        """The outer line blames the identity; the innermost says what happened (trap 1)."""
        found = ids(BLOCK.format(err=err, daemon=daemon))
        assert found[0] == expected
        assert "identity-misconfigured" in found[1:]

    def test_a_refused_exchange_names_the_missing_role(self) -> None:
        """An identity whose exchange is refused with 401 points at its role, and the identity is captured."""
        symptom = read(BLOCK.format(err="unexpected status code 401 from exchange request", daemon=REFUSED))[0]
        assert symptom.id == "unauthorized"
        assert symptom.names == ("pull-role-missing",)
        assert symptom.captured["identity"] == "5b1e77f0-0d9c"
        assert "exchange request" in symptom.text

    def test_the_outer_line_alone_blames_the_identity(self) -> None:
        """Without an inner error the block says no more than that no token came."""
        assert (
            first("Unable to retrieve ACR refresh token using Compute Identity 5b1e, please check")
            == "identity-misconfigured"
        )


class TestAnonymous:
    TEXT = (
        "AggregatedUnauthorizedAccessError: Failed to pull Docker image fabrikam.azurecr.io/a:1.\n"
        "    Authentication methods attempted: Anonymous\n    Error: {error}"
    )

    def test_an_anonymous_attempt_refused_means_that_no_identity_was_there(self) -> None:
        """Only anonymous was tried and refused: the identity is what is missing, the 401 its consequence."""
        found = read(self.TEXT.format(error='{"Message":"' + REFUSED + '"}'))
        assert [symptom.id for symptom in found][:2] == ["identity-misconfigured", "unauthorized"]
        assert found[0].names == ("pull-identity-absent",)

    def test_an_anonymous_attempt_that_met_no_host_is_a_name_failure(self) -> None:
        """The same block around another error is answered by that error."""
        assert first(self.TEXT.format(error="lookup fabrikam.azurecr.io on 10.0.0.2:53: no such host")) == "dns"

    def test_the_note_of_a_missing_identity_names_it(self) -> None:
        """The runtime's note is evidence for an absent identity."""
        symptom = read("Note: Identity (MSI) not found on the compute, see the documentation")[0]
        assert (symptom.id, symptom.names) == ("identity-misconfigured", ("pull-identity-absent",))


class TestOtherFailures:
    @pytest.mark.parametrize(
        "text",
        [
            "Your container application crashed. You can also try to run image fabrikam.azurecr.io/a:1 locally.",
            "The principal is not allowed to access registry fabrikam-assets",
            "does not have authorization to perform action 'Microsoft.MachineLearningServices/registries/assets/read'",
            "npm ERR! 401 Unauthorized - GET https://npm.contoso.example/@fabrikam/ui",
            "GET https://fabrikamdata.blob.core.windows.net/train: 403 This request is not authorized to perform this operation.",
            "https://fabrikam.vault.azure.net/secrets/a: StatusCode=403 Client address is not authorized: 203.0.113.5",
            "remote: Repository not found.\nfatal: repository 'https://github.com/fabrikam/models.git/' not found",
            'failed to clone "https://dev.azure.com/fabrikam/_git/models": authentication required',
            (
                "WARNING: Retrying (Retry(total=2)) after connection broken by 'ReadTimeoutError(\"HTTPSConnectionPool("
                "host='pypi.contoso.example', port=443): Read timed out.\")'"
            ),
            "mlflow.exceptions.RestException: 503 Service Unavailable",
            "openai.RateLimitError: 429 Too Many Requests",
            "torch.cuda.OutOfMemoryError: CUDA out of memory.",
            "OSError: [Errno 28] No space left on device: '/mnt/outputs/last.ckpt'",
            "OSError: [Errno 8] Exec format error: './solver'",
            'Liveness probe failed: Get "http://10.244.3.4:5001/": dial tcp 10.244.3.4:5001: connect: connection refused',
            "PreemptionError: Nodes of this job got pre-empted.",
            'deploying image pull secret fabrikamacrkey: invalid status code "Forbidden"',
            "DefaultAzureCredential failed to retrieve a token. ManagedIdentityCredential: Identity not found",
            "AADSTS7000215: Invalid client secret provided for the app of the data loader",
        ],
    )
    def test_a_failure_elsewhere_is_no_registry_failure(self, text: str) -> None:
        """Storage, vaults, git, feeds, services and user code show nothing, registry words or not (traps 3 to 5)."""
        assert ids(text) == []

    @pytest.mark.parametrize(
        "text",
        [
            "mlflow: artifact runs:/3f1/model not found",
            "ValueError: Image not found: cat.jpg",
            "image not found: /data/cat.jpg",
            "WARNING /data/images/1.jpg: ignoring corrupt image/label: image file is truncated",
            "sha256 checksum mismatch for weights.bin",
            "The blob data/train.csv was not found",
            "failed to write checkpoint: No space left on device",
            "not enough disk space to extract images dataset",
            "The image processor is deprecated and will be removed in v5",
            "PIL.Image.ANTIALIAS has been removed",
            "timeout while downloading image https://contoso.com/cat.jpg",
            "Failed to download image https://contoso.com/cat.jpg",
            "snowflake: Incorrect username or password was specified.",
            "GET https://api.contoso.com/v2/users: 401 Unauthorized",
            "POST https://login.microsoftonline.com/x/oauth2/token: 401 Unauthorized",
            "model registry is currently unavailable",
            "image generation rate limit exceeded",
            "Received status code 429 from the endpoint",
            "unexpected status code 503 from scoring endpoint",
            "failed to parse image cat.jpg",
            "Invalid image URL given to the vision model",
            "File copy failed: permission denied",
            "Failed to solve the linear program",
            "failed to build environment CartPole-v1",
            ".NET: Access denied: access to the path C:\\x is denied",
            "tag 'speed' does not exist in the historian",
            "layer 3: connection reset by peer in worker (layers 1-4)",
            "Connection to model registry refused: connection refused",
            "grpc: UNAVAILABLE: the service is currently unavailable",
            "RuntimeError: NCCL error: unhandled system error, Connection reset by peer",
            "Error: (TooManyRequests) Rate limit is exceeded. Try again later.",
            "TooManyRequests: the request rate is too high for language model",
            "HTTP Error 403: Forbidden for url https://data.contoso.com",
            "urllib.error.HTTPError: HTTP Error 404: Not Found",
            "[Errno 113] No route to host",
            "grpc: failed to connect to all addresses; connect: Connection refused (111)",
            "Unable to connect to the server: dial tcp: lookup aks-x.azmk8s.io: no such host",
            'Get "https://management.azure.com/subscriptions": dial tcp: lookup management.azure.com: no such host',
            "azcopy: failed to perform copy command due to error: cannot use directory as source",
            "AzureMLCompute job failed. MountVolume: Unable to mount Azure File; Job environment preparation failed on 10.0.0.4 with err exit status 1.",
            "ExecuteUserProgramError: User program failed with ValueError: manifest unknown",
            "The specified resource does not exist. RequestId:1",
            "AuthenticationFailed: Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly",
            "(UserError) The compute cpu-cluster was not found",
            "(ValidationError) Environment AzureML-foo version 3 not found in registry azureml",
            "HfHubHTTPError: 401 Client Error. Repository Not Found for url: https://huggingface.co/api/models/x",
            "OSError: We couldn't connect to 'https://huggingface.co' to load this file",
            "wandb: ERROR Error while calling W&B API: permission denied (403)",
            "java.net.UnknownHostException: storage.contoso.com: Name or service not known",
            "botocore.exceptions.ClientError: An error occurred (403) when calling HeadObject: Forbidden",
            "pip._vendor.urllib3.exceptions.ProtocolError: ('Connection broken: ConnectionResetError')",
            "kernel: Out of memory: Killed process 812 (python)",
            "Job exceeded its time limit",
            "DataAccessError: authentication required for datastore",
            "Permission denied (publickey). fatal: Could not read from remote repository.",
            "exec format error in user expression: KeyError: 'x'",
            "spark: container exited with exit code 143, x509 not used",
            "The registry key HKEY_LOCAL_MACHINE was not found",
            "rclone: Failed to copy: write /mnt/azureml/outputs/part3: no space left on device",
            "RuntimeError: Failed to export the model to /mnt/outputs/model.onnx: No space left on device",
            "rslex-fuse: failed to mount: write /mnt/cache: No space left on device",
            "Error writing blob shard-07 to /mnt/outputs: No space left on device",
            "Error processing tar file shard-07.tar: No space left on device",
            "#0 0x7f11 in write\n#1 0x7f12 in main\nOSError: [Errno 28] No space left on device: '/mnt/outputs/ckpt.pt'",
            "Step 3/9 : loss 0.31\nOSError: [Errno 28] No space left on device: '/mnt/outputs/ckpt.pt'",
            "ValueError: Error loading YAML config conf/train.yaml: mapping values are not allowed here",
            "Error loading YAML config conf/train.yaml: mapping values are not allowed here",
            "openai.AuthenticationError: Error code: 401 - Unauthorized: Access token is missing, invalid or expired",
            "proseware.ApiError: 401 Unauthorized: The token has no access to the project",
            "NeptuneInvalidApiTokenException: 401 Unauthorized: Invalid token",
            "PERMISSION_DENIED: Permission denied on resource project contoso.",
            "mlflow.exceptions.RestException: RESOURCE_EXHAUSTED: model registry: rate limit exceeded",
            "model registry: rate limit exceeded",
            "ERROR : data/x.tar: Failed to copy: context deadline exceeded",
            "Executor failed running task 0.0 in stage 1.0 (TID 7)",
            "pre-commit: hook returned a non-zero code: 1",
            "Timeout connecting to registry http://schema:8081",
            "pyodbc.Error: Login failed: admin account is disabled",
            "Login failed: admin account is disabled",
        ],
    )
    def test_words_shared_with_registries_are_not_enough(self, text: str) -> None:
        """Images, layers, registries, artifacts and status codes of other trades show nothing."""
        assert ids(text) == []

    @pytest.mark.parametrize(
        ("text", "symptom", "signature"),
        [
            (
                "Error response from daemon: Get https://quay.io/v2/: unauthorized: Invalid Username or Password",
                "unauthorized",
                "password-words",
            ),
            (
                "docker pull fabrikam.example/a:1\nError: unauthorized: access token has insufficient audience",
                "unauthorized",
                "credential-words",
            ),
            (
                (
                    "Unable to get AAD authorization tokens with message: not logged in\n"
                    "Unable to get admin user credentials with message: Admin user is disabled."
                ),
                "admin-user-disabled",
                "admin-off",
            ),
            ("Error response from daemon: docker registry: rate limit exceeded", "rate-limited", "rate-limit-words"),
            (
                'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "a"',
                "forbidden",
                "access-denied-by-registry",
            ),
            (
                (
                    'Failed to pull image "fabrikam.azurecr.io/a:1": rpc error: code = Unknown desc = failed to pull and '
                    'unpack image "fabrikam.azurecr.io/a:1": failed to copy: context deadline exceeded'
                ),
                "pull-too-slow",
                "pull-deadline",
            ),
        ],
    )
    def test_shared_words_beside_a_registry_are_its_own(self, text: str, symptom: str, signature: str) -> None:
        """What anybody may say is believed of whoever pulls."""
        assert (read(text)[0].id, read(text)[0].signature) == (symptom, signature)

    def test_storage_that_refuses_a_layer_is_a_registry_failure(self) -> None:
        """The one exception: an endpoint policy refuses the storage behind the registry while a layer comes."""
        text = (
            "Failed to pull image: error pulling image configuration: error parsing HTTP 403 response body: "
            "<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation."
        )
        symptom = read(text)[0]
        assert (symptom.id, symptom.names) == ("network-firewall", ("data-endpoint-blocked",))

    def test_no_such_host_is_a_name_failure(self) -> None:
        """An unresolved name is never a missing image (trap 7)."""
        assert ids("dial tcp: lookup fabrikam.azurecr.io on 168.63.129.16:53: no such host") == ["dns"]

    def test_the_platform_s_not_found_is_no_missing_tag(self) -> None:
        """A trailing "not found" after the platform does not make the tag absent."""
        assert ids('failed to pull and unpack image "a/b:1": no match for platform in manifest: not found')[0] == (
            "architecture-mismatch"
        )

    def test_the_reason_of_a_build_stands_above_its_last_lines(self) -> None:
        """The installer's error leads over the step and the run that report it (trap 8)."""
        log = (
            "ERROR: No matching distribution found for fabrikam-models==8\n"
            "The command '/bin/sh -c pip install' returned a non-zero code: 1\nfailed to run step ID: acb_step_0"
        )
        symptom = read(log)[0]
        assert (symptom.id, symptom.line, symptom.decisive) == ("image-build-failed", 1, True)
        assert symptom.captured["package"] == "fabrikam-models==8"

    @pytest.mark.parametrize(
        "file",
        [
            "user_logs/std_log.txt",
            "azureml-logs/70_driver_log.txt",
            "logs/azureml/stdoutlogs.txt",
            "logs/user/stdout/10.0.0.4/process000.stdout.txt",
        ],
    )
    def test_what_the_user_s_own_log_says_is_not_the_pull(self, file: str) -> None:
        """The user's log exists only because the image came, unless the run itself builds an image."""
        error = "ERROR: No matching distribution found for fabrikam-models==8"
        assert ids(error, file) == []
        assert ids("docker: dial tcp 203.0.113.5:443: i/o timeout", file) == []
        assert first(f"Step 3/9 : RUN pip install\n{error}", file) == "image-build-failed"

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (NO_TAG, []),
            (REFUSED, []),
            ("docker: dial tcp 203.0.113.5:443: i/o timeout", []),
            ("exec /bin/sh: exec format error", ["architecture-mismatch"]),
            ("OSError: [Errno 8] Exec format error: './solver'", []),
        ],
    )
    def test_once_the_user_s_process_ran_the_image_had_come(self, said: str, expected: list[str]) -> None:
        """What else the text says is that process's own, save that the image is made for another machine."""
        assert ids(f"Execution failed. User process 'python' exited with status code 1.\n{said}") == expected
        assert ids(f"{said}\nExecution failed. User process 'python' exited with status code 1.") == expected

    def test_a_build_under_way_counts_only_while_nothing_else_failed(self) -> None:
        """A build log that just stops is a wrapper; beside a failure elsewhere it is nothing."""
        head = excerpt("Step 1/9 : FROM mcr.microsoft.com/azureml/base:latest", "azureml-logs/20_image_build_log.txt")
        assert [s.id for s in classify([head])] == ["image-build-failed"]
        assert classify([excerpt("ModuleNotFoundError: No module named 'fabrikam'"), head]) == ()


LIFECYCLER = "system_logs/lifecycler/lifecycler.log"
ELSEWHERE = "UserError: the evaluation gate was not passed"
LIMIT = "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit"
IMAGE, SIDECAR = "fabrikam.azurecr.io/nlp/train:7", "mcr.microsoft.com/fabrikam/proxy:2"
FAILED = f'Failed to pull image "{IMAGE}": {NO_TAG}'
BY_URL = (
    'Get "https://fabrikam.azurecr.io/v2/nlp/train/manifests/7": manifest unknown: manifest tagged by "7" is not found'
)


class TestOvercome:
    @pytest.mark.parametrize(
        "log",
        [
            f"{LIMIT}\nretrying\nSuccessfully pulled image docker.io/library/python:3.11\nstarting container",
            (
                'Get "https://fabrikam.azurecr.io/v2/": dial tcp 203.0.113.9:443: i/o timeout, retrying\n'
                "Successfully pulled image fabrikam.azurecr.io/nlp/train:7 in 4.1s"
            ),
            (
                "Unable to retrieve ACR refresh token using Compute Identity 5b1e, please check: falling back\n"
                "Status: Downloaded newer image for fabrikam.azurecr.io/nlp/train:7"
            ),
            f'{FAILED}\nContainer image "{IMAGE}" already present on machine',
            f"{FAILED}\nContainer image '{SIDECAR}' already present on machine\nStatus: Image is up to date for {IMAGE}",
            (
                'Get "https://registry-1.docker.io/v2/library/python/manifests/3.11": net/http: TLS handshake timeout\n'
                "Status: Downloaded newer image for python:3.11"
            ),
            (
                f"Warning  ImageGCFailed  kubelet  failed to garbage collect required amount of images\n{FAILED}\n"
                f'Successfully pulled image "{IMAGE}"'
            ),
            f"{LIMIT}\nSuccessfully pulled image",
            f'Successfully pulled image "{IMAGE}"\n{FAILED}\nSuccessfully pulled image "{IMAGE}"',
            (
                f'Failed to pull image "{SIDECAR}": {NO_TAG}\n{FAILED}\n'
                f'Successfully pulled image "{SIDECAR}"\nSuccessfully pulled image "{IMAGE}"'
            ),
            (
                f'Failed to pull image "fabrikam.azurecr.io/nlp/train": {NO_TAG}\n'
                f'Successfully pulled image "{SIDECAR}"\nSuccessfully pulled image "{IMAGE}"'
            ),
            f"{BY_URL}\nSuccessfully pulled image {SIDECAR}\nSuccessfully pulled image {IMAGE}",
            f'{FAILED}\ntime="2026-11-17" level=info msg="PullImage \\"{IMAGE}\\" returns image reference \\"sha256:0f1e\\""',
        ],
    )
    def test_an_error_that_the_pull_overcame_shows_nothing(self, log: str) -> None:
        """The same log says later that the image came, so the run failed on something else."""
        assert classify([excerpt(ELSEWHERE), excerpt(log, LIFECYCLER)]) == ()

    @pytest.mark.parametrize(
        "log",
        [
            f'{FAILED}\nSuccessfully pulled image "{SIDECAR}"\nStarted container proxy',
            f'{FAILED}\nError: ErrImagePull\nContainer image "{SIDECAR}" already present on machine',
            f'{FAILED}\nSuccessfully pulled image "fabrikam.azurecr.io/nlp/train:6"',
            f'Successfully pulled image "{IMAGE}"\n{FAILED}',
            f'{FAILED}\nSuccessfully pulled image "{IMAGE}"\n{FAILED}',
            f'{FAILED}\nSuccessfully pulled image "contoso.azurecr.io/nlp/train:7"',
            f"{BY_URL}\nSuccessfully pulled image fabrikam.azurecr.io/nlp/train:6",
            f"{BY_URL}\nSuccessfully pulled image fabrikam.azurecr.io/nlp/train:6\nSuccessfully pulled image {SIDECAR}",
            (
                f'Failed to pull image "fabrikam.azurecr.io/<image>": {NO_TAG}\n'
                'Successfully pulled image "fabrikam.azurecr.io/<proxy>"'
            ),
            f"{FAILED}\nStarted container proxy",
            f'{FAILED}\nSuccessfully pulled image "fabrikam.azurecr.io/<image>"',
        ],
    )
    def test_the_arrival_of_another_image_overcomes_nothing(self, log: str) -> None:
        """Nor does an arrival before the error, or one that was followed by it again."""
        assert classify([excerpt(ELSEWHERE), excerpt(log, LIFECYCLER)])[0].id == "tag-not-found"

    def test_an_error_without_an_image_is_not_taken_for_a_helper_s(self) -> None:
        """Where a log tells of several images, an error that names none may be of any."""
        log = f'{LIMIT}\nPulling image "{IMAGE}"\nSuccessfully pulled image "{SIDECAR}"\nSuccessfully pulled image "a/b:1"'
        assert classify([excerpt(log, LIFECYCLER)])[0].id == "rate-limited"

    def test_a_later_attempt_overcomes_an_earlier_one(self) -> None:
        """The first try met the limit and the second pulled, whichever log was read first."""
        limited, pulled = (excerpt(LIMIT, f"retry_001/{LIFECYCLER}"), f"Successfully pulled image {IMAGE}")
        later = excerpt(pulled, f"retry_002/{LIFECYCLER}")
        assert classify([later, limited]) == classify([limited, later]) == ()
        assert classify([excerpt(pulled, LIFECYCLER), limited])[0].id == "rate-limited"

    def test_another_log_s_arrival_overcomes_nothing(self) -> None:
        """Two logs have no common order, and the run's own error stands."""
        came = excerpt(f"Successfully pulled image {IMAGE}", LIFECYCLER)
        assert classify([excerpt(FAILED), came])[0].id == "tag-not-found"

    def test_what_an_image_does_after_it_came_stands(self) -> None:
        """A build, and a program for another machine, fail with all images there."""
        build = f"Status: Downloaded newer image for {IMAGE}\nERROR: No matching distribution found for fabrikam==8"
        assert first(build, "azureml-logs/20_image_build_log.txt") == "image-build-failed"
        assert first(f"exec /bin/sh: exec format error\nSuccessfully pulled image {IMAGE}") == "architecture-mismatch"

    def test_many_arrivals_take_no_time(self) -> None:
        """The cost of a log that is nothing but pulls of ever new images is linear."""

        def pulls(size: int) -> str:
            pull = 'Failed to pull image "a.io/x{0}:1": {1}\nSuccessfully pulled image "a.io/x{0}:1"'
            return "\n".join(pull.format(number, LIMIT) for number in range(size))

        assert_linear(lambda size: classify([excerpt(pulls(size), LIFECYCLER)]), 750)


SCRIPT_FAILED = "JobFailed: Submitted script failed with a non-zero exit code; see the driver log file for details."
DAEMON = (
    "Error response from daemon: pull access denied for redis-x, repository does not exist or may require "
    "'docker login': denied"
)


class TestScriptFailed:
    @pytest.mark.parametrize(
        "error",
        [
            f"AzureMLCompute job failed.\n{SCRIPT_FAILED}\n\tReason: Job failed with non-zero exit Code",
            "Executing script failed with a non-zero exit code; see the driver log for details.",
            "User program failed with CalledProcessError: Command 'docker run redis-x' returned non-zero exit status 125.",
            "AzureMLCompute job failed.\nExecutionFailed: [REDACTED]\n\texit_codes: 1\n\tAppinsights Reachable: Some(true)",
            (
                "AKS job failed: Pod evicted. The node was low on resource: ephemeral-storage. Container main was "
                "using 312Gi, which exceeds its request of 0."
            ),
        ],
    )
    @pytest.mark.parametrize("said", ["", DAEMON, LIMIT, "FreeDiskSpaceFailed  2d  kubelet  low on disk"])
    def test_what_is_told_beside_a_script_that_failed_is_its_own(self, error: str, said: str) -> None:
        """The script ran, so the image had come, whatever the wording of its end and whatever stands in the logs."""
        assert ids(f"{error}\n{said}") == []
        assert classify([excerpt(error), excerpt(said, LIFECYCLER)]) == ()

    def test_a_build_run_s_script_is_the_build(self) -> None:
        """What the run that builds an image says of its own script says nothing of the run that waits for it."""
        log = "Step 1/3 : FROM redis-x\n" + DAEMON
        told = [
            excerpt("Image build failed."),
            excerpt(SCRIPT_FAILED, "build run imgbldrun_1, error (run history)"),
            excerpt(log, "build run imgbldrun_1, user_logs/std_log.txt"),
        ]
        assert [symptom.id for symptom in classify(told)][:1] == ["repository-not-found"]
        own = [excerpt(SCRIPT_FAILED), excerpt(log, "user_logs/std_log.txt")]
        assert classify(own) == ()
        assert classify(own, of_build=True)[0].id == "repository-not-found"


class TestDisk:
    @pytest.mark.parametrize(
        "text",
        [
            "The node was low on resource: ephemeral-storage.",
            "Warning  FreeDiskSpaceFailed  59m  kubelet  Failed to garbage collect required amount of images.",
            "node(s) had taint {node.kubernetes.io/disk-pressure: }, DiskPressure",
        ],
    )
    def test_a_node_that_is_short_of_disk_proves_nothing_of_an_image(self, text: str) -> None:
        """What filled it may be the run's own data, or a week old."""
        (symptom,) = read(text)
        assert (symptom.id, symptom.decisive) == ("disk-full", False)

    @pytest.mark.parametrize(
        "text",
        [
            "The node was low on resource: imagefs.",
            f'Failed to pull image "{IMAGE}": node has DiskPressure',
            f"failed to unpack image {IMAGE}: The node was low on resource: ephemeral-storage.",
            "failed to commit snapshot extract-12: write /x: no space left on device",
            "failed to copy: httpReadSeeker: write /x: no space left on device",
            "#9 12.1 tar: write error\n#9 12.2 No space left on device",
            "#7 [3/5] RUN conda install x\nNo space left on device",
        ],
    )
    def test_no_room_for_the_image_is_the_node_s_own_statement(self, text: str) -> None:
        """A pull, its unpacking or a build that meets a full disk is told by whoever met it."""
        assert next(symptom for symptom in read(text) if symptom.id == "disk-full").decisive


class TestInstallers:
    PIP = "ERROR: No matching distribution found for foo"

    @pytest.mark.parametrize(
        "said",
        [
            PIP,
            "error: subprocess-exited-with-error",
            "ResolvePackageNotFound:\n  - foo=1",
            "E: Unable to locate package libfoo",
        ],
    )
    @pytest.mark.parametrize("file", ["run.error", "logs/azureml/executionlogs.txt", LIFECYCLER])
    def test_an_installer_that_a_run_calls_builds_no_image(self, said: str, file: str) -> None:
        """Without a word of a build it is the script's own."""
        text = (
            f"Traceback (most recent call last):\n{said}\n"
            "subprocess.CalledProcessError: Command 'pip install foo' returned non-zero exit status 1."
        )
        assert ids(text, file) == []

    @pytest.mark.parametrize(
        ("text", "file"),
        [
            (PIP, "azureml-logs/20_image_build_log.txt"),
            (PIP, "build run imgbldrun_1, logs/a.txt"),
            (f"Image build failed.\n{PIP}", "run.error"),
            (f"ImageBuildFailure: {PIP}", "run.error"),
            (f"#8 [4/6] RUN pip install foo\n#8 2.1 {PIP}", "run.error"),
            (f"{PIP} (from -r /azureml-environment-setup/condaenv.x1.requirements.txt (line 3))", "run.error"),
        ],
    )
    def test_an_installer_in_a_build_is_what_the_build_failed_on(self, text: str, file: str) -> None:
        """By the log's name, or by what builders and the service write around it."""
        symptom = next(symptom for symptom in read(text, file) if symptom.names)
        assert (symptom.id, symptom.names, symptom.decisive) == (
            "image-build-failed",
            ("build-dependency-failed",),
            True,
        )

    def test_an_environment_that_cannot_be_resolved_is_a_build_s_while_nothing_else_failed(self) -> None:
        """Few others than builds ask conda for an environment, and its list alone proves none."""
        (symptom,) = read("ResolvePackageNotFound:\n  - libcontoso=4\n  - python=2.8.1")
        assert (symptom.id, symptom.names, symptom.decisive) == ("image-build-failed", (), False)

    def test_a_build_compute_is_to_blame_only_for_a_reason_of_its_own(self) -> None:
        """An ordinary failure of a build on a compute names no missing compute."""
        plain = read("Image build run on compute failed: process exited with code 1")
        assert [(symptom.id, symptom.names) for symptom in plain] == [("image-build-failed", ())]
        refused = read("Image build run on compute failed: User starting the run is not an owner")
        assert refused[0].names == ("build-compute-missing",)


NOTICES = [
    "Environment 'AzureML-PyTorch-1.3-GPU' version 3 is archived",
    "The base image mcr.microsoft.com/azureml/fabrikam:1 is deprecated.",
    (
        "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by "
        "default and will be removed in an upcoming release."
    ),
    "WARNING: The requested image's platform (linux/arm64) does not match the detected host platform (linux/amd64)",
]


class TestNotices:
    @pytest.mark.parametrize("notice", NOTICES)
    @pytest.mark.parametrize("beside", [ELSEWHERE, "ValueError: x", f"Status: Downloaded newer image for {IMAGE}"])
    def test_a_notice_explains_no_failure(self, notice: str, beside: str) -> None:
        """It is said of images that come, too."""
        assert ids(f"{notice}\n{beside}\nstarted container") == []
        assert classify([excerpt(beside), excerpt(notice, LIFECYCLER)]) == ()

    @pytest.mark.parametrize("notice", NOTICES)
    def test_a_notice_beside_a_failed_pull_is_its_best_explanation(self, notice: str) -> None:
        """While nobody says more."""
        assert first(f"Failed to pull Docker image {IMAGE}.\n{notice}") in {"deprecated-image", "architecture-mismatch"}
        assert first(f"{notice}\n{FAILED}") == "tag-not-found"

    def test_a_refusal_in_the_words_of_a_notice_is_a_refusal(self) -> None:
        """The daemon, and the service, may fail with the words that otherwise only warn."""
        assert first(f"Error response from daemon: {NOTICES[2]}") == "deprecated-image"
        assert first("The environment 'AzureML-Fabrikam-1.3' version 3 is archived and cannot be used") == (
            "deprecated-image"
        )

    def test_a_warning_counts_only_where_nothing_else_failed(self) -> None:
        """Run history keeps warnings beside the error, and they may be of what was overcome."""
        warned = excerpt(f"unauthorized: authentication required for {IMAGE}", WARNINGS)
        assert classify([excerpt("AzureMLCompute job failed."), warned])[0].id == "unauthorized"
        assert classify([excerpt("ModuleNotFoundError: No module named 'fabrikam'"), warned]) == ()
        mounted = excerpt("datastore mounted", LIFECYCLER)
        assert classify([excerpt(f"Failed to pull Docker image {IMAGE}."), mounted, warned])[0].id == "unauthorized"


class TestForms:
    @pytest.mark.parametrize(
        "text",
        [
            'manifest unknown: manifest tagged by \\"7\\" is not found',
            'MANIFEST UNKNOWN: MANIFEST TAGGED BY "7" IS NOT FOUND',
            'manifest unknown:\n    manifest tagged by\n    "7" is not found',
            '\x1b[91mmanifest unknown: manifest tagged by "7" is not found\x1b[0m',
            "> manifest unknown: manifest tagged by \\u00227\\u0022 is not found",
            'manifest unknown: manifest tagged by \\\\\\"7\\\\\\" is not found\\n\\tat x',
            "manifest unknown: manifest tagged by \\\\u00227\\\\u0022 is not found",
            "manifest unknown: manifest tagged by &quot;7&quot; is not found",
        ],
    )
    def test_wrapping_escaping_and_colour_do_not_matter(self, text: str) -> None:
        """A text is understood as it arrives: escaped, wrapped, shouted or coloured."""
        assert ids(text)[0] == "tag-not-found"

    def test_an_escaped_line_end_separates_like_a_real_one(self) -> None:
        """A failure elsewhere claims its own line of a text that came as one line of JSON."""
        assert first(f"ModuleNotFoundError: No module named 'a'\\n{NO_TAG}") == "tag-not-found"

    def test_a_log_that_came_as_one_line_is_not_claimed_whole(self) -> None:
        """A failure elsewhere claims what stands around it, not the far end of a log without line ends."""
        far = "x " * 400
        assert first(
            f"GET https://fabrikamdata.blob.core.windows.net/a: ok {far} docker: dial tcp 203.0.113.5:443: i/o timeout"
        ) == ("network-timeout")

    def test_a_claim_goes_on_where_its_line_ends_in_a_colon(self) -> None:
        """A failure elsewhere that was wrapped after a colon claims the line that follows."""
        assert (
            ids('Get "https://fabrikam.vault.azure.net/secrets/a":\n  docker: dial tcp 203.0.113.5:443: i/o timeout')
            == []
        )

    def test_a_claim_ends_at_its_own_line(self) -> None:
        """A failure elsewhere takes nothing from the line before it, nor from the line after it."""
        elsewhere = "GET https://fabrikamdata.blob.core.windows.net/a: ok"
        shared = "docker: dial tcp 203.0.113.5:443: i/o timeout"
        assert first(f"{shared}\n{elsewhere}") == "network-timeout"
        assert first(f"{elsewhere}\n{shared}") == "network-timeout"
        assert ids(f"{elsewhere} {shared}") == []
        assert ids(f"{shared} {elsewhere}") == []

    @pytest.mark.parametrize("far", [400, 480])
    def test_a_claim_reaches_so_far_within_one_line(self, far: int) -> None:
        """To both sides, and not a hundred bytes further."""
        elsewhere = "https://fabrikamdata.blob.core.windows.net/a"
        shared = "docker: dial tcp 203.0.113.5:443: i/o timeout"
        near = "x" * (far - len(shared))
        assert ids(f"{elsewhere} {near} {shared}") == []
        assert ids(f"{shared} {near} {elsewhere}") == []
        assert first(f"{elsewhere} {near} {'y' * 200} {shared}") == "network-timeout"
        assert first(f"{shared} {near} {'y' * 200} {elsewhere}") == "network-timeout"

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("a\\tb", "a b"),
            ("a\\nb", "a\nb"),
            ("a\\rb", "a\nb"),
            ("&lt;a&gt;", "<a>"),
            ("&#39;a&nbsp;b&apos;", "'a b'"),
            ("\\u003ca\\u003e", "<a>"),
            ("\\u0026", "&"),
            ("\\/v2\\/a", "/v2/a"),
            ("\x1b[1;31ma\x1b[0m", "a"),
            ("[0;32ma[0m", "a"),
            ("> a", "a"),
            ("  | a", "a"),
            ("\u2018a\u2019 \u201cb\u201d `c`", "'a' \"b\" 'c'"),
            ("a\x00b\u00a0c\u200bd\ufeff", "a b c d "),
            ("a > b | c", "a > b | c"),
        ],
    )
    def test_a_line_in_plain_form(self, written: str, read: str) -> None:
        """What wraps a text is taken off, what it says stays."""
        assert classification._plain(written) == read


class TestProof:
    def test_values_are_captured(self) -> None:
        """The address, the image and the address of the manifest are handed on as typed values."""
        text = (
            "    imageName: fabrikam.azurecr.io/nlp/train:7\n"
            "    error: Run docker command to pull private image failed with error: Error response from daemon: Head "
            "\"https://fabrikam.azurecr.io/v2/nlp/train/manifests/7\": denied: client with IP '203.0.113.5' is not allowed"
        )
        assert dict(read(text)[0].captured) == {
            "address": "203.0.113.5",
            "image": "fabrikam.azurecr.io/nlp/train:7",
            "mode": "private",
            "registry": "fabrikam.azurecr.io",
            "repository": "nlp/train",
            "tag": "7",
        }

    def test_the_window_is_small_and_keeps_the_numbering(self) -> None:
        """Three lines to both sides are quoted, and the proving line keeps its number."""
        lines = [f"line {number}" for number in range(1, 21)]
        lines[11] = NO_TAG
        symptom = read("\n".join(lines))[0]
        assert (symptom.line, symptom.excerpt.first_line, len(symptom.excerpt.lines)) == (12, 9, 7)
        assert symptom.text == NO_TAG

    def test_lines_counted_from_the_end_stay_counted_from_the_end(self) -> None:
        """Where only the end of a log was read, the proving line's number is negative like the excerpt's."""
        symptom = classify([excerpt(f"a\nb\n{NO_TAG}\nc", first_line=-4)])[0]
        assert (symptom.line, symptom.text) == (-2, NO_TAG)

    def test_a_long_neighbour_is_not_quoted(self) -> None:
        """A neighbour that is too long to quote is left out; the proving line is whole."""
        symptom = read("x" * 9_000 + f"\n{NO_TAG}\n" + "short")[0]
        assert symptom.excerpt.lines == (NO_TAG, "short")

    @pytest.mark.parametrize(
        ("before", "proving", "after", "quoted"),
        [
            ([], 40, [], (0, 1)),
            ([1], 40, [1], (0, 3)),
            ([1] * 3, 40, [1] * 3, (0, 7)),
            ([1] * 4, 40, [1] * 4, (1, 7)),
            ([3_960], 40, [], (0, 2)),
            ([3_961], 40, [], (1, 1)),
            ([], 3_000, [1_000], (0, 2)),
            ([], 3_000, [1_001], (0, 1)),
            ([1_500, 1_500], 40, [1_500], (1, 3)),
            ([1, 2_000], 40, [2_000, 1], (0, 3)),
            ([1, 4_000], 40, [1, 1], (2, 3)),
            ([1], 4_001, [1], (1, 1)),
        ],
    )
    def test_so_many_characters_are_quoted(
        self, before: list[int], proving: int, after: list[int], quoted: tuple[int, int]
    ) -> None:
        """Neighbours are added from the proving line outwards while all quoted lines have 4,000 characters at most."""
        proof = "toomanyrequests: slow down".ljust(proving, ".")
        lines = (*("b" * length for length in before), proof, *("a" * length for length in after))
        (symptom,) = classify([LogExcerpt(file="a.log", first_line=1, lines=lines)])
        first, count = quoted
        assert symptom.excerpt.lines == lines[first : first + count]
        assert symptom.excerpt.first_line == 1 + first
        assert symptom.text == proof

    def test_what_was_cut_of_the_log_is_said_with_the_quoted_lines(self) -> None:
        """Whoever reads the quoted lines learns that the log is not whole."""
        (symptom,) = classify([LogExcerpt(file="a.log", first_line=1, lines=(NO_TAG,), cut="1 MB of 3 MB")])
        assert symptom.excerpt.cut == "1 MB of 3 MB"

    def test_lines_without_text_count(self) -> None:
        """The proving line's number is right behind a hundred blank lines."""
        symptom = read("\n" * 100 + f"{NO_TAG}\nend")[0]
        assert (symptom.line, symptom.text) == (101, NO_TAG)

    @settings(max_examples=60)
    @given(
        before=st.lists(st.text(max_size=40), max_size=6),
        after=st.lists(st.text(max_size=40), max_size=6),
        error=st.sampled_from(
            [NO_TAG, REFUSED, "toomanyrequests: slow down", "docker: dial tcp 203.0.113.5:443: i/o timeout"]
        ),
        start=st.integers(min_value=1, max_value=500),
        from_end=st.booleans(),
    )
    def test_every_proving_line_is_present(
        self, before: list[str], after: list[str], error: str, start: int, *, from_end: bool
    ) -> None:
        """Whatever stands around it, a symptom's quoted lines are lines of the input at their own numbers."""
        lines = (*before, error, *after)
        first_line = -len(lines) if from_end else start
        found = classify([LogExcerpt(file="a.log", first_line=first_line, lines=lines)])
        assert found
        for symptom in found:
            at = symptom.excerpt.first_line - first_line
            assert lines[at : at + len(symptom.excerpt.lines)] == symptom.excerpt.lines
            assert symptom.text == lines[symptom.line - first_line]


def words(pattern: str, **more: Any) -> Signature:
    """Return a signature of ``pattern``, called like it unless an ``id`` is given."""
    given = {"id": pattern, "pattern": pattern, "emitter": "the fjord", "accepts": (), "rejects": (), **more}
    return Signature(**given)


SMALL = OwnSignatures(
    texts={
        "tag-not-found": (
            words("fjord-plain", emitter="the ferry"),
            words("fjord-own"),
            words("fjord-shared", ground=Ground.SHARED),
            words("fjord-loose", ground=Ground.LOOSE),
            words("fjord-sure", decisive=True, names=("tag-absent",)),
            words("fjord-certain", decisive=True, names=("tag-absent",)),
            words("fjord-status", decisive=True, names=("tag-absent",), weight=Weight.STATUS),
            words("fjord-outer(?:%line%(?P<proof>fjord-inner))?", id="fjord-outer"),
            words(r"(?P<code>fjord-of-\C)", id="fjord-of"),
        ),
        "not-registry": (words("fjord-elsewhere", foreign=True),),
    }
)
"""Texts so short that what is tried is where they stand."""


class TestSmallWords:
    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def small() -> Iterator[None]:
        """Add the short texts to the published ones."""
        install(SMALL)
        yield
        install(OwnSignatures())

    @staticmethod
    def hits(text: str) -> list[str]:
        """Return the ids of the short texts that are believed, best first."""
        return [symptom.signature for symptom in read(text) if symptom.signature.startswith("fjord-")]

    def test_a_symptom_names_its_text_and_who_says_it(self) -> None:
        """The reader can look both up."""
        (symptom,) = read("fjord-plain")
        assert (symptom.id, symptom.signature, symptom.emitter) == ("tag-not-found", "fjord-plain", "the ferry")
        assert (symptom.names, symptom.decisive) == ((), False)

    @pytest.mark.parametrize("word", ["kubelet", "pull image", "docker build", "/v2/a/manifests/1", "step 1/9 : RUN a"])
    def test_what_anybody_says_is_believed_beside_words_of_registries(self, word: str) -> None:
        """On its own line or near it, and never alone."""
        assert self.hits(f"{word} fjord-loose") == ["fjord-loose"]
        assert self.hits(f"fjord-loose\n{word}") == ["fjord-loose"]
        assert self.hits("fjord-loose") == []
        assert self.hits("asset registry fjord-loose") == []

    @pytest.mark.parametrize("filler", ["", "x", "some more words"])
    @pytest.mark.parametrize(("away", "expected"), [(1, ["fjord-loose"]), (3, ["fjord-loose"]), (4, []), (6, [])])
    def test_three_lines_away_is_near(self, filler: str, away: int, expected: list[str]) -> None:
        """To both sides, blank lines counted."""
        between = "\n".join([filler] * (away - 1) + [""]) if away > 1 else ""
        assert self.hits(f"kubelet\n{between}fjord-loose\n") == expected
        assert self.hits(f"fjord-loose\n{between}kubelet\n") == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x\nfjord-elsewhere fjord-shared\nx", []),
            ("x\nfjord-shared fjord-elsewhere\nx", []),
            ("x\nfjord-elsewhere fjord-own\nx", ["fjord-own"]),
            ("x\nfjord-shared\nfjord-elsewhere\nx", ["fjord-shared"]),
            ("x\nfjord-elsewhere\nfjord-shared\nx", ["fjord-shared"]),
            ("fjord-elsewhere:\nfjord-shared\nx", []),
            ("fjord-elsewhere: \t\nfjord-shared\nx", []),
            ("fjord-elsewhere:\n\n\nfjord-shared\nx", []),
            ("fjord-elsewhere:\nx:\nfjord-shared\nx", []),
            ("fjord-elsewhere:\nx\nfjord-shared", ["fjord-shared"]),
            ("fjord-elsewhere:\nx\nfjord-shared\nx:", ["fjord-shared"]),
            (f"fjord-elsewhere:\n{'x' * 600} fjord-shared\nx", ["fjord-shared"]),
            (f"fjord-elsewhere {'x' * 600} fjord-shared\nx", ["fjord-shared"]),
            ("fjord-elsewhere\nfjord-shared\nfjord-elsewhere", ["fjord-shared"]),
            ("fjord-elsewhere fjord-elsewhere fjord-shared", []),
        ],
    )
    def test_words_from_elsewhere_take_their_line(self, text: str, expected: list[str]) -> None:
        """All of it and no other, save what follows a colon at its end; what only a puller says stays believed."""
        assert self.hits(text) == expected

    @pytest.mark.parametrize(("between", "expected"), [(499, []), (500, ["fjord-shared"])])
    def test_words_from_elsewhere_take_500_bytes_behind_them(self, between: int, expected: list[str]) -> None:
        """A text that begins one further is believed."""
        assert self.hits(f"fjord-elsewhere{'.' * between}fjord-shared") == expected

    @pytest.mark.parametrize(("between", "expected"), [(500, []), (501, ["fjord-shared"])])
    def test_words_from_elsewhere_take_500_bytes_before_them(self, between: int, expected: list[str]) -> None:
        """A text that begins one sooner is believed."""
        assert self.hits(f"{'fjord-shared'.ljust(between, '.')}fjord-elsewhere") == expected

    def test_every_word_from_elsewhere_counts(self) -> None:
        """The hundredth takes its line like the first."""
        assert self.hits("fjord-elsewhere\n" * 99 + "fjord-elsewhere fjord-shared") == []

    @pytest.mark.parametrize(("taken", "expected"), [(39, ["fjord-shared"]), (40, [])])
    def test_a_text_is_looked_at_40_times(self, taken: int, expected: list[str]) -> None:
        """One that stood elsewhere 40 times over is given up, so that a log of nothing else is read in time."""
        assert self.hits("fjord-elsewhere fjord-shared\n" * taken + "fjord-shared") == expected

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("fjord-plain fjord-own", "fjord-plain"),
            ("fjord-own fjord-plain", "fjord-own"),
            ("fjord-plain fjord-sure", "fjord-sure"),
            ("fjord-sure fjord-plain", "fjord-sure"),
            ("fjord-sure fjord-certain", "fjord-sure"),
            ("fjord-plain fjord-own fjord-certain", "fjord-certain"),
            ("fjord-plain fjord-status", "fjord-plain"),
            ("fjord-status fjord-plain", "fjord-plain"),
        ],
    )
    def test_a_line_s_symptom_is_told_by_whoever_knows_best(self, line: str, expected: str) -> None:
        """The first of a line's texts, unless a later one of equal worth is its emitter's own statement."""
        assert self.hits(line) == [expected]

    def test_a_text_is_told_once(self) -> None:
        """A line that comes again is quoted where it came first, and another text beside it."""
        assert self.hits("fjord-plain\nfjord-plain\nfjord-own\nfjord-own") == ["fjord-plain", "fjord-own"]
        assert [symptom.line for symptom in read("fjord-plain\nfjord-plain\nfjord-own\nfjord-own")] == [1, 3]

    @pytest.mark.parametrize(
        ("text", "line"), [("fjord-outer\\nfjord-inner", 1), ("fjord-outer\nx", 1), ("a\nfjord-outer fjord-inner", 2)]
    )
    def test_a_text_whose_proof_is_missing_proves_where_it_stands(self, text: str, line: int) -> None:
        """A group that may be absent is no condition."""
        assert [(symptom.signature, symptom.line) for symptom in read(text)] == [("fjord-outer", line)]

    def test_a_text_that_ends_within_a_character_is_told(self) -> None:
        """A team's pattern may name bytes; half a character is shown as what it is."""
        (symptom,) = read("fjord-of-\u00e9")
        assert symptom.captured == {"code": "fjord-of-\ufffd"}

    @pytest.mark.parametrize(
        "text",
        [
            "fjord-plain pulling image a.azurecr.io/x:1",
            "pulling image a.azurecr.io/x:1 fjord-plain",
            "pulling image b.azurecr.io/y:2\npulling image a.azurecr.io/x:1 fjord-plain",
            "pulling image b.azurecr.io/y:2\nfjord-plain pulling image a.azurecr.io/x:1\nimageName: c.azurecr.io/z:3",
            "1\n2\n3\n4\n5\n6\n7\n8\nimageName: a.azurecr.io/x:1\n\n\nfjord-plain",
            "fjord-plain\n\n\nimageName: a.azurecr.io/x:1\nimageName: b.azurecr.io/y:2",
        ],
    )
    def test_the_image_that_stands_nearest_is_meant(self, text: str) -> None:
        """The proving line's own, else one that is named near it."""
        symptom = next(symptom for symptom in read(text) if symptom.signature == "fjord-plain")
        assert symptom.captured["image"] == "a.azurecr.io/x:1"

    @pytest.mark.parametrize("text", ["imageName: a.azurecr.io/x:1\n\n\n\n{}", "{}\n\n\n\nimageName: a.azurecr.io/x:1"])
    def test_an_image_that_is_named_far_away_is_not_meant(self, text: str) -> None:
        """Four lines away another pull may be spoken of."""
        assert "image" not in read(text.format("fjord-plain"))[0].captured


class TestHostile:
    @pytest.mark.parametrize(
        ("unit", "end"),
        [
            ("", ""),
            ("\0", ""),
            ("\ud800 lone surrogate", ""),
            ("a", ""),
            ("\\", ""),
            ("a.", "azurecr.io"),
            ("eyJhbGciOiJSUzI1NiJ9.", ""),
            ('Get "https://', ""),
        ],
        ids=["empty", "nul", "surrogate", "long", "backslashes", "dots", "token", "unfinished"],
    )
    def test_noise_shows_nothing_and_takes_no_time(self, unit: str, end: str) -> None:
        """Text made to hold a matcher up shows no symptom, and its cost is linear."""

        def look(size: int) -> None:
            assert ids(unit * (size // max(1, len(unit))) + end) == []

        assert_linear(look, 20_000)

    def test_an_error_inside_a_line_of_80000_characters_is_found(self) -> None:
        """Length of a line neither hides an error nor slows its discovery."""

        def look(size: int) -> None:
            assert first("QUJD" * size + f" {REFUSED} " + "QUJD" * size) == "unauthorized"

        assert_linear(look, 2_500)

    def test_no_excerpts_show_nothing(self) -> None:
        """A run without any text yields no symptoms."""
        assert classify([]) == ()
        assert classify([LogExcerpt(file="a.log", first_line=1, lines=())]) == ()

    @settings(max_examples=150)
    @given(st.lists(st.text(max_size=200), max_size=8))
    def test_any_text_is_read(self, lines: list[str]) -> None:
        """No text makes the classification fail."""
        classify([LogExcerpt(file="a.log", first_line=1, lines=tuple(lines))])


@given(st.text(st.sampled_from("ab 1;m[]>|\\/\"'nrtu0026&lt;gt`\x1b\x00\t\u2019\u2502é"), max_size=40))
@settings(max_examples=2000)
def test_a_line_that_is_taken_for_plain_has_nothing_to_rewrite(line: str) -> None:
    """The short way round says what the long way says."""
    if classification._is_plain(line):
        assert (
            classification._ESCAPED.sub(classification._unescaped, line.translate(classification._ONE_BY_ONE)) == line
        )
    else:
        assert not line.isascii() or set(line) & set("\x1b[\\&`\x00>|")
