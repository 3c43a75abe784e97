"""A registry's data plane: the token flow, remembered and renewed tokens, and where secrets never go."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure_wire import (
    CLOUD,
    CUT,
    MANAGER,
    SERVER,
    Answer,
    Begin,
    BentSandbox,
    Broken,
    Request,
    json_answer,
)

from diagnostics.azure.credentials import own_tenant
from diagnostics.azure.errors import (
    NoCredential,
    Nonsense,
    NotPermitted,
    ReadFailed,
    ServiceFailed,
    Throttled,
    Unreachable,
)
from diagnostics.azure.registry_data import MANIFEST_TYPES, RegistryAnswer, RegistryClient
from diagnostics.reach import Reach
from sandbox.wire import Reply

TENANT = "99999999-9999-4999-8999-999999999999"
REFUSED = json_answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})


def client(reach: Reach, repository: str = "team/train") -> RegistryClient:
    """Return the worker's client for one repository."""
    return reach.registry(SERVER, repository)


def served(azure: BentSandbox) -> list[str]:
    """Return the paths that the registry was asked for, in order."""
    return [call.path.partition("?")[0] for call in azure.calls if call.host == SERVER]


def test_the_flow_is_exchange_token_manifest(azure: BentSandbox, reach: Reach) -> None:
    """A Microsoft Entra token is exchanged, a token for one repository is got with that, and the manifest is asked for."""
    answer = client(reach).manifest("7")
    assert answer.status == 200
    assert answer.digest.startswith("sha256:")
    assert answer.media_type in MANIFEST_TYPES
    assert served(azure) == ["/oauth2/exchange", "/oauth2/token", "/v2/team/train/manifests/7"]
    assert azure.violations == []


def test_a_token_is_remembered(azure: BentSandbox, reach: Reach) -> None:
    """Further questions about one repository need no further token, whoever asks."""
    for _ in range(3):
        client(reach).manifest("7")
        client(reach).tags()
    assert azure.asked("/oauth2/") == 2


def test_another_repository_gets_a_token_of_its_own(azure: BentSandbox, reach: Reach) -> None:
    """A token's scope is one repository."""
    client(reach).manifest("7")
    client(reach, "team/other").manifest("7")
    assert azure.asked("/oauth2/exchange") == 2


def test_only_so_many_repositories_are_remembered(azure: BentSandbox, reach: Reach) -> None:
    """A worker that sees many repositories does not grow for ever; the ones used last stay."""
    first = client(reach, "r0")
    for number in range(64):
        client(reach, f"r{number}")
        client(reach, "r0")
    client(reach, "r64")
    assert client(reach, "r0") is first
    assert len(reach._data_planes) == 64


def once(reply: Answer) -> Callable[[Request], Reply]:
    """Return an answer that is given once; then everything is as if nothing had been."""
    left = [reply]
    good = json_answer(200, {"schemaVersion": 2, "layers": []})
    return lambda _request: left.pop() if left else good


def test_a_remembered_token_that_is_refused_is_renewed_once(azure: BentSandbox, reach: Reach) -> None:
    """A token may be older than the right to look, so a refusal is answered with a new one."""
    client(reach).manifest("7")
    azure.bend(SERVER, "/manifests/", once(REFUSED))
    assert client(reach).manifest("7").status == 200
    assert azure.asked("/oauth2/exchange") == 2


def test_a_fresh_token_that_is_refused_is_the_answer(azure: BentSandbox, reach: Reach) -> None:
    """A second try with the same right would be refused again: it is asked once."""
    azure.bend(SERVER, "/manifests/", REFUSED)
    assert client(reach).manifest("7").status == 401
    assert (azure.asked("/oauth2/exchange"), azure.asked("/manifests/")) == (1, 1)


def test_a_token_that_keeps_being_refused_is_renewed_no_more_than_once_a_question(
    azure: BentSandbox, reach: Reach
) -> None:
    """Every question costs at most two tries."""
    client(reach).manifest("7")
    azure.bend(SERVER, "/manifests/", REFUSED)
    assert client(reach).manifest("7").status == 401
    assert azure.asked("/manifests/") == 3


@pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token"])
def test_a_refused_token_is_the_answer(azure: BentSandbox, reach: Reach, path: str) -> None:
    """Where no token is given, the registry's refusal of it is what it said of the image."""
    azure.bend(SERVER, path, REFUSED)
    answer = client(reach).manifest("7")
    assert (answer.status, answer.code, answer.said) == (
        401,
        "UNAUTHORIZED",
        "HTTP 401, UNAUTHORIZED, authentication required",
    )
    assert azure.asked("/manifests/") == 0


def test_a_refusal_of_a_token_does_not_spoil_the_next_question(azure: BentSandbox, reach: Reach) -> None:
    """The right that came later is found by the next question."""
    azure.bend(SERVER, "/oauth2/exchange", REFUSED)
    client(reach).manifest("7")
    azure.bends.clear()
    assert client(reach).manifest("7").status == 200


@pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token"])
@pytest.mark.parametrize("status", [200, 302])
def test_a_token_service_that_gives_no_token_is_not_understood(
    azure: BentSandbox, reach: Reach, path: str, status: int
) -> None:
    """A success or a redirect without a token is some other server's, never the registry's word."""
    azure.bend(SERVER, path, json_answer(status, {}, (("Location", "https://evil.example/"),)))
    with pytest.raises(Nonsense):
        client(reach).manifest("7")
    assert "evil.example" not in azure.hosts


def test_a_redirect_of_the_manifest_is_not_followed(azure: BentSandbox, reach: Reach) -> None:
    """The token is for the registry alone."""
    azure.bend(SERVER, "/manifests/", Answer(307, (("Location", "https://evil.example/"),)))
    assert client(reach).manifest("7").status == 307
    assert "evil.example" not in azure.hosts


@pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token", "/manifests/"])
def test_a_cut_anywhere_in_the_flow_is_unreachable(azure: BentSandbox, reach: Reach, path: str) -> None:
    """No answer is told as no answer, with the host and without any token."""
    azure.bend(SERVER, path, CUT)
    with pytest.raises(Unreachable, match=SERVER) as cut:
        client(reach).manifest("7")
    assert azure.sentinel not in str(cut.value)


def test_without_a_microsoft_entra_token_the_registry_is_not_asked(azure: BentSandbox, reach: Reach) -> None:
    """Nobody logged in means that nothing is sent."""

    class Nobody:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            raise RuntimeError("no log-in\nsecond line")

    lonely = RegistryClient(reach.session, CLOUD, Nobody(), login_server=SERVER, repository="team/train")
    with pytest.raises(NoCredential):
        lonely.manifest("7")
    assert SERVER not in azure.hosts


def exchanged(azure: BentSandbox) -> list[dict[str, str]]:
    """Return the forms of the exchanges to come; each is answered as the registry does."""
    forms: list[dict[str, str]] = []

    def listen(request: Request) -> Reply:
        forms.append(request.form)
        return super(BentSandbox, azure)._reply(request)

    azure.bend(SERVER, "/oauth2/exchange", listen)
    return forms


@pytest.mark.parametrize("stated", ["", " ", None])
def test_no_tenant_is_named_where_none_is_known(azure: BentSandbox, reach: Reach, stated: str | None) -> None:
    """The registry then takes the token's own tenant, and an empty one would be refused."""
    forms = exchanged(azure)
    reach.tenant = own_tenant({} if stated is None else {"AZURE_TENANT_ID": stated})
    assert client(reach).manifest("7").status == 200
    assert sorted(forms[0]) == ["access_token", "grant_type", "service"]
    assert (forms[0]["service"], forms[0]["grant_type"]) == (SERVER, "access_token")


def test_a_known_tenant_is_named_in_the_exchange(azure: BentSandbox, reach: Reach) -> None:
    """The exchange takes it, and nothing else is sent with it."""
    forms = exchanged(azure)
    reach.tenant = own_tenant({"AZURE_TENANT_ID": TENANT})
    assert client(reach).manifest("7").status == 200
    assert [form["tenant"] for form in forms] == [TENANT]
    assert azure.violations == []


def test_another_tenant_is_refused_by_the_exchange(azure: BentSandbox, reach: Reach) -> None:
    """A token of one tenant is not exchanged as one of another; the refusal is the answer."""
    reach.tenant = "88888888-8888-4888-8888-888888888888"
    assert client(reach).manifest("7").status == 401
    assert served(azure) == ["/oauth2/exchange"]


def test_one_worker_s_threads_share_one_token(azure: BentSandbox, reach: Reach) -> None:
    """Probes that ask at the same time log in once."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(lambda _: client(reach).manifest("7").status, range(16)))
    assert set(answers) == {200}
    assert azure.asked("/oauth2/exchange") == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": [{"code": "A", "message": "b", "detail": None}]}, "HTTP 404, A, b"),
        ({"errors": [{"code": "A", "detail": [{"Type": "repository"}]}]}, "HTTP 404, A"),
        ({"errors": []}, "HTTP 404"),
        ({"errors": "text"}, "HTTP 404"),
        ({"errors": [5]}, "HTTP 404"),
        ([], "HTTP 404"),
        ("404 page not found", "HTTP 404"),
    ],
)
def test_a_registry_s_errors_are_read_in_every_shape(azure: BentSandbox, reach: Reach, body: Any, said: str) -> None:
    """Detail may be null, a list, an object or absent, and the body anything at all (recorded shapes)."""
    azure.bend(SERVER, "/manifests/", json_answer(404, body))
    assert client(reach).manifest("7").said == said


def test_what_is_said_is_short_and_redacted() -> None:
    """A registry's message cannot carry a secret or a novel into a channel."""
    secret = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
    answer = RegistryAnswer(status=401, code="X", message=f"{secret} " + "x" * 5000)
    assert "c2lnbmF0dXJl" not in answer.said
    assert len(answer.said) <= 300


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (RegistryAnswer(status=401, code="UNAUTHORIZED"), NotPermitted),
        (RegistryAnswer(status=403, code="DENIED", message="requested access to the resource is denied"), NotPermitted),
        (RegistryAnswer(status=403, code="DENIED", message="client with IP 'x' is not allowed access."), Unreachable),
        (RegistryAnswer(status=429, code="TOOMANYREQUESTS"), Throttled),
        (RegistryAnswer(status=503), ServiceFailed),
        (RegistryAnswer(status=405, code="UNSUPPORTED"), Nonsense),
    ],
)
def test_a_refusal_is_sorted(answer: RegistryAnswer, kind: type[Exception]) -> None:
    """A firewall's 403 is no missing right, whatever the status says."""
    assert type(answer.refusal()) is kind


def test_a_registry_s_own_rules_in_a_world_keep_us_out(begin: Begin, reach: Reach) -> None:
    """The sandbox's registry denies our address as the real one does, and that is what is told."""
    begin(
        world={
            "registries": [
                {"name": "prosereg", "sku": "Premium", "networkRuleSet": {"defaultAction": "Deny", "ipRules": []}}
            ],
            "responder": {
                "outbound_ip": "198.51.100.7",
                "data_plane": [{"login_server": SERVER, "reachable_from_responder": None}],
            },
        }
    )
    answer = client(reach).manifest("7")
    assert answer.status == 403
    assert type(answer.refusal()) is Unreachable


def test_a_body_that_breaks_off_is_unreachable(azure: BentSandbox, reach: Reach) -> None:
    """A connection that breaks after its head is no exception of another library."""
    reach.session.mount("https://", Broken())
    with pytest.raises(Unreachable, match="ProtocolError"):
        client(reach).manifest("7")
    assert MANAGER not in azure.hosts


FOREIGN = (
    "evil.example",
    "evil-azurecr.io",
    "azurecr.io",
    "prosereg.azurecr.io.evil.example",
    "prosereg.azurecr.io@evil.example",
    "evil.example\\.azurecr.io",
    "evil.example/.azurecr.io",
    "evil.example#.azurecr.io",
    "prosereg.azurecr.io:8443",
    "prosereg.\u0430zurecr.io",
    "prosereg\uff0eazurecr.io",
    "prosereg.azurecr.us",
    "169.254.169.254",
    "[::1]",
    "",
)


@pytest.mark.parametrize("host", FOREIGN)
def test_the_token_goes_to_no_login_server_that_is_not_the_cloud_s(azure: BentSandbox, reach: Reach, host: str) -> None:
    """Not even where Resource Manager were to name one."""
    with pytest.raises(ReadFailed, match="no Azure token is sent"):
        reach.registry(host, "team/train")
    assert azure.hosts == []


LOOK_ALIKES = (
    *FOREIGN,
    "mcr.microsoft.com.evil.example",
    "evilmcr.microsoft.com",
    "mcr.microsoft.com@evil.example",
    "evil.example\\@mcr.microsoft.com",
    "mcr.microsoft.com:8443",
    "mcr.micros\u043eft.com",
    "mcr.microsoft.com.",
    "localhost",
    "127.0.0.1:5000",
)


@pytest.mark.parametrize("host", LOOK_ALIKES)
def test_a_host_that_looks_like_an_allowed_one_is_not_contacted(azure: BentSandbox, reach: Reach, host: str) -> None:
    """A log names any host that it likes: only the allow-list's own names are asked, whole and to the letter."""
    with pytest.raises(ReadFailed, match="was not asked"):
        reach.other_registry(host, "team/train")
    assert azure.hosts == []
