"""Image references: what parses to what, which part is wrong, and which hosts are one registry."""

from __future__ import annotations

import pytest
from costs import assert_linear
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import ImageReference
from diagnostics.references import MalformedReference, host_problems, parse, registry_name, same_registry

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "implied"),
    [
        ("nginx", "docker.io", "library/nginx", "latest", None, True),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None, False),
        ("team/train", "docker.io", "team/train", "latest", None, True),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", None, False),
        ("localhost/app", "localhost", "app", "latest", None, True),
        ("localhost:5000/app:1", "localhost:5000", "app", "1", None, False),
        ("[2001:db8::1]:5000/app:1", "[2001:db8::1]:5000", "app", "1", None, False),
        ("x.azurecr.io/app", "x.azurecr.io", "app", "latest", None, True),
        ("x.azurecr.io:443/a/b/c:v1", "x.azurecr.io:443", "a/b/c", "v1", None, False),
        (f"x.azurecr.io/app@{DIGEST}", "x.azurecr.io", "app", None, DIGEST, False),
        (f"x.azurecr.io/app:v1@{DIGEST}", "x.azurecr.io", "app", "v1", DIGEST, False),
        ("x.azurecr.io/a__b/c---d/e.f_g:_1", "x.azurecr.io", "a__b/c---d/e.f_g", "_1", None, False),
        ("x.azurecr.io/mcr.microsoft.com/azureml/base:1", "x.azurecr.io", "mcr.microsoft.com/azureml/base", "1", None, False),
        ("x.azurecr.io/app:" + "a" * 128, "x.azurecr.io", "app", "a" * 128, None, False),
        ("x.azurecr.io/" + "a" * 255, "x.azurecr.io", "a" * 255, "latest", None, True),
        ("X.azurecr.io/app:1X", "X.azurecr.io", "app", "1X", None, False),
        ("x.azurecr.io:65535/app", "x.azurecr.io:65535", "app", "latest", None, True),
        ("[::1]/app", "[::1]", "app", "latest", None, True),
        (f"x.azurecr.io/app@blake3:{HEX}", "x.azurecr.io", "app", None, f"blake3:{HEX}", False),
    ],
)  # fmt: skip
def test_reference_parses(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None, *, implied: bool
) -> None:
    """A well-formed reference is read as Docker reads it."""
    assert parse(text) == ImageReference(
        registry=registry, repository=repository, tag=tag, digest=digest, tag_implied=implied
    )


@pytest.mark.parametrize(
    ("text", "part", "suggestion"),
    [
        ("", "reference", None),
        ("  ", "reference", None),
        (" x.azurecr.io/app:1\n", "reference", "x.azurecr.io/app:1"),
        ("x.azurecr.io/my app:1", "reference", "x.azurecr.io/myapp:1"),
        ("'x.azurecr.io/app:1'", "reference", "x.azurecr.io/app:1"),
        ("${ACR}.azurecr.io/app:1", "reference", None),
        ("<registry>.azurecr.io/app:1", "reference", None),
        ("azureml:env:1", "reference", None),
        ("x.azurecr.io/äpp:1", "reference", None),
        ("x.azurecr.io/app\x00:1", "reference", None),
        ("a" * 5000, "reference", None),
        ("https://x.azurecr.io/app:1", "registry", "x.azurecr.io/app:1"),
        ("https://x.azurecr.io/", "registry", None),
        ("x.azurecr.io/x.azurecr.io/app:1", "registry", "x.azurecr.io/app:1"),
        ("https://x.azurecr.io/x.azurecr.io/App:1", "registry", "x.azurecr.io/app:1"),
        ("x.azurecr.io.azurecr.io/app:1", "registry", "x.azurecr.io/app:1"),
        ("x.azurecr.us.azurecr.io/app:1", "registry", "x.azurecr.us/app:1"),
        ("azurecr.io/app:1", "registry", None),
        ("my_registry.azurecr.io/app", "registry", None),
        ("x.azurecr.io:port/app", "registry", "x.azurecr.io/app"),
        ("x.azurecr.io:99999/app", "registry", "x.azurecr.io/app"),
        ("docker.io/x.azurecr.io/app:1", "registry", "x.azurecr.io/app:1"),
        ("x.azurecr.io", "repository", None),
        ("x.azurecr.io:443", "repository", None),
        ("docker.io/library/x.azurecr.io", "repository", None),
        ("mcr.microsoft.com", "repository", None),
        ("x.azurecr.io/", "repository", None),
        ("x.azurecr.io/app/", "repository", "x.azurecr.io/app"),
        ("x.azurecr.io/App:V1", "repository", "x.azurecr.io/app:V1"),
        ("App:1", "repository", "app:1"),
        ("Team/app", "repository", "team/app"),
        ("/app:1", "repository", "app:1"),
        ("x.azurecr.io//app:1", "repository", "x.azurecr.io/app:1"),
        ("x.azurecr.io/a..b", "repository", None),
        ("x.azurecr.io/-app", "repository", None),
        ("x.azurecr.io/" + "a" * 256, "repository", None),
        (HEX, "repository", None),
        (":v1", "repository", None),
        ("x.azurecr.io/app:", "tag", "x.azurecr.io/app"),
        (f"x.azurecr.io/app:@{DIGEST}", "tag", f"x.azurecr.io/app@{DIGEST}"),
        ("x.azurecr.io/app:v1:v2", "tag", "x.azurecr.io/app:v1"),
        ("x.azurecr.io/app:feature/x", "tag", "x.azurecr.io/app:feature-x"),
        ("x.azurecr.io/app:1.0+build", "tag", "x.azurecr.io/app:1.0-build"),
        ("x.azurecr.io/app:.1", "tag", "x.azurecr.io/app:1"),
        ("x.azurecr.io/app:" + "a" * 129, "tag", None),
        (f"x.azurecr.io/app:{DIGEST}", "digest", f"x.azurecr.io/app@{DIGEST}"),
        (f"x.azurecr.io/app@{HEX}", "digest", f"x.azurecr.io/app@{DIGEST}"),
        ("x.azurecr.io/app@sha256:abc", "digest", None),
        (f"x.azurecr.io/app@sha256:{HEX}0", "digest", None),
        (f"x.azurecr.io/app@sha256:{HEX.upper()}", "digest", f"x.azurecr.io/app@{DIGEST}"),
        (f"x.azurecr.io/app@{DIGEST}@{DIGEST}", "digest", None),
        ("x.azurecr.io/app@", "digest", "x.azurecr.io/app"),
        ("x.azurecr.io/" + "a" * (4096 - 13), "repository", None),
        ("x.azurecr.io/" + "a" * (4097 - 13), "reference", None),
        ("x.azurecr.io/app!:1", "repository", None),
        ("x.azurecr.io/app~:1", "repository", None),
        ("https://x.azurecr.io/app:1X", "registry", "x.azurecr.io/app:1X"),
        ("x.azurecr.io/app:1X:", "tag", "x.azurecr.io/app:1X"),
        ("x.azurecr.io/app:.X1", "tag", "x.azurecr.io/app:X1"),
        (":5000/app:1", "registry", None),
        ("x.azurecr.io:65536/app", "registry", "x.azurecr.io/app"),
        ("x.azurecr.io:000443/app", "registry", "x.azurecr.io/app"),
        ("x.azurecr.io:99999/app:99999", "registry", "x.azurecr.io/app:99999"),
        ("[::99999]:99999/app:1", "registry", "[::99999]/app:1"),
        ("[::1]:50]0/app", "registry", "[::1]/app"),
        ("[::1]x5000/app", "registry", None),
        ("Team/app:Team", "repository", "team/app:Team"),
        ("x.azurecr.io/App:App", "repository", "x.azurecr.io/app:App"),
        ("X.azurecr.io/library/X:1", "repository", "X.azurecr.io/library/x:1"),
        ("AB.azurecr.io/A:A", "repository", "AB.azurecr.io/a:A"),
        ("AAAAAA.azurecr.io/A:1", "repository", "AAAAAA.azurecr.io/a:1"),
        ("docker.io/App:App", "repository", "docker.io/app:App"),
        ("docker.io/library/App:1", "repository", "docker.io/library/app:1"),
        ("index.docker.io/App:1", "repository", "index.docker.io/app:1"),
        ("library/App:1", "repository", "library/app:1"),
        ("x.azurecr.io/a//b:1", "repository", "x.azurecr.io/a/b:1"),
        ("x.azurecr.io/library/:1", "repository", "x.azurecr.io/library:1"),
        ("x.azurecr.io/x.azurecr.io/team/app:1", "registry", "x.azurecr.io/team/app:1"),
        ("index.docker.io/docker.io/nginx:1", "registry", "index.docker.io/nginx:1"),
        ("docker.io/x.azurecr.io/x.azurecr.io/app", "registry", "x.azurecr.io/app"),
        ("docker.io/x.azurecr.io/of-x.azurecr.io/app", "registry", "x.azurecr.io/of-x.azurecr.io/app"),
        ("localhost", "repository", None),
        ("localhost:5000", "repository", None),
        (f"library/{HEX}", "repository", None),
        ("/", "repository", None),
        (":", "tag", None),
        ("@", "digest", None),
        ("''", "reference", None),
        ("https://", "registry", None),
        ("x.azurecr.io/:v1", "repository", None),
        (f"x.azurecr.io/@{DIGEST}", "repository", None),
    ],
)
def test_malformed_reference_names_its_part(text: str, part: str, suggestion: str | None) -> None:
    """The error says which part is wrong, and what was probably meant where that is clear."""
    with pytest.raises(MalformedReference) as caught:
        parse(text)
    assert (caught.value.part, caught.value.suggestion) == (part, suggestion)
    assert caught.value.problem in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        (" 'https://x.azurecr.io/App/' ", "x.azurecr.io/app"),
        (" 'https://x.azurecr.io/App:1+2' ", None),
    ],
)
def test_four_mistakes_are_mended_and_five_are_not(text: str, suggestion: str | None) -> None:
    """The suggestion puts up to four mistakes right, a link's final slash being part of one; beyond, it would be a guess."""
    with pytest.raises(MalformedReference) as caught:
        parse(text)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a" * 4097, "4,097"),
        ("x.azurecr.io/äpp:1", r"'\xe4'"),
        ("x.azurecr.io/app:", "':'"),
        ("x.azurecr.io/app/", "'/'"),
        (":v1", "missing"),
        (f"@{DIGEST}", "missing"),
        ("x.azurecr.io/:v1", "missing"),
        (f"x.azurecr.io/@{DIGEST}", "missing"),
        ("localhost", "missing"),
        ("x.azurecr.io/app:v1:v2:v3", "'v1'"),
        ("x.azurecr.io/app:-X1", "'-'"),
        ("x.azurecr.io/app:X+1", "'+'"),
        ("x.azurecr.io/-" + "0123456789" * 7 + "012345678", "'-" + "0123456789" * 7 + "012345678'"),
        ("x.azurecr.io/-" + "0123456789" * 8, "'-" + "0123456789" * 3 + "012345678..." + "0123456789" * 2 + "'"),
    ],
)
def test_problem_says_what_breaks_the_reference(text: str, fact: str) -> None:
    """The character, the part or the number at fault stands in the message; a long part stands there shortened."""
    with pytest.raises(MalformedReference) as caught:
        parse(text)
    assert fact in caught.value.problem


def test_message_says_the_suggestion_where_there_is_one() -> None:
    """Whoever sees only the error's text learns the part, the problem and what was probably meant, if that is known."""
    assert str(MalformedReference("tag", "is odd")) == "tag: is odd"
    message = str(MalformedReference("tag", "is odd", "x.azurecr.io/app:1"))
    assert message.startswith("tag: is odd")
    assert message.endswith(" x.azurecr.io/app:1")


COMPONENT = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
HOSTS = st.sampled_from(["docker.io", "x.azurecr.io", "localhost:5000", "contoso-a1b2.azurecr.us", "10.0.0.4:443"])
REFERENCES = st.builds(
    ImageReference,
    registry=HOSTS,
    repository=st.lists(COMPONENT, min_size=2, max_size=4).map("/".join),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    digest=st.none() | st.just(DIGEST),
)


@given(REFERENCES)
def test_written_reference_parses_back(reference: ImageReference) -> None:
    """What a reference writes of itself is read as the same reference."""
    assert parse(str(reference)) == reference


WORDS = st.sampled_from(
    ["x.azurecr.io", "docker.io", "azurecr.io", "library", "App", "app", "/", ":", "@", "v1", DIGEST, " ", "https://",
     "..", "-", "_", "'", "é", "\ud800", "${X}", "localhost", ":443", "[::1]", "sha256:"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=4), max_size=10).map("".join))
def test_parser_raises_nothing_else(text: str) -> None:
    """Any text is a reference that parses back, or malformed with a suggestion that is not."""
    try:
        reference = parse(text)
    except MalformedReference as error:
        if error.suggestion is not None:
            parse(error.suggestion)
        return
    again = parse(str(reference))
    assert (again.registry, again.repository, again.reference) == (
        reference.registry,
        reference.repository,
        reference.reference,
    )


@pytest.mark.parametrize(
    "unit", ["a", "a/", "a-", "https://", ":", "x.azurecr.io/", ".azurecr.io", "A", " a", "@", "_"]
)
def test_long_text_is_refused_at_once(unit: str) -> None:
    """Hostile lengths, of the text or of its parts, cost no more than they must."""

    def look(length: int) -> None:
        with pytest.raises(MalformedReference):
            parse((unit * length)[:length])

    assert_linear(look, 1024)
    assert_linear(look, 250_000)


@pytest.mark.parametrize(
    ("host", "login_server", "same"),
    [
        ("x.azurecr.io", "x.azurecr.io", True),
        ("X.AzureCR.io:443", "x.azurecr.io", True),
        ("x.azurecr.io.", "x.azurecr.io", True),
        ("x.westeurope.geo.azurecr.io", "x.azurecr.io", True),
        ("x.westeurope.data.azurecr.io", "x.azurecr.io", True),
        ("x-a1b2.westeurope.geo.azurecr.io", "x-a1b2.azurecr.io", True),
        ("x.westeurope.geo.azurecr.io", "x-a1b2.azurecr.io", False),
        ("x.azurecr.io", "x-a1b2.azurecr.io", False),
        ("x.azurecr.us", "x.azurecr.io", False),
        ("y.azurecr.io", "x.azurecr.io", False),
        ("x.azurecr.io.evil.example", "x.azurecr.io", False),
        ("evil.x.azurecr.io", "x.azurecr.io", False),
        ("x.a.b.geo.azurecr.io", "x.azurecr.io", False),
        ("x..geo.azurecr.io", "x.azurecr.io", False),
        ("x.privatelink.azurecr.io", "x.azurecr.io", False),
        ("ghcr.io", "ghcr.io", True),
        ("", "", False),
    ],
)
def test_same_registry(host: str, login_server: str, *, same: bool) -> None:
    """A registry is reached by its login server, regional and data endpoints, and by no look-alike."""
    assert same_registry(host, login_server) is same


@pytest.mark.parametrize(
    ("login_server", "name"),
    [
        ("contoso.azurecr.io", "contoso"),
        ("Contoso-a1b2c3.azurecr.us", "contoso"),
        ("contoso.westeurope.geo.azurecr.cn", "contoso"),
        ("azurecr.io", None),
        ("ghcr.io", None),
        ("contoso.azurecr.io.example", None),
        ("my_registry.azurecr.io", None),
    ],
)
def test_registry_name(login_server: str, name: str | None) -> None:
    """The resource's name is the first label without the hash of a domain name label."""
    assert registry_name(login_server) == name


@pytest.mark.parametrize(
    ("host", "login_server", "words"),
    [
        ("x.azurecr.io", "x.azurecr.us", "another cloud"),
        ("x.azurecr.io", "x-a1b2.azurecr.io", "lacks the hash"),
        ("x-0000.azurecr.io", "x-a1b2.azurecr.io", "another domain name label's hash"),
        ("x.privatelink.azurecr.io", "x.azurecr.io", "private link"),
        ("x.privatelink.azurecr.io", None, "use x.azurecr.io"),
        ("x.westeurope.data.azurecr.io", "x.azurecr.io", "data endpoint"),
        ("x.westeurope.data.azurecr.io", None, "use x.azurecr.io"),
        ("X.azurecr.io", None, "upper-case"),
    ],
)
def test_problem_of_a_host_is_told(host: str, login_server: str | None, words: str) -> None:
    """A host that looks right and is not the registry's login server is explained in one sentence."""
    (problem,) = host_problems(ImageReference(registry=host, repository="app"), login_server)
    assert words in problem


@pytest.mark.parametrize(
    ("host", "login_server"),
    [
        ("x.azurecr.io", "x.azurecr.io"),
        ("x.westeurope.geo.azurecr.io", "x.azurecr.io"),
        ("y.azurecr.io", "x.azurecr.io"),
        ("ghcr.io", "x.azurecr.io"),
        ("x.azurecr.io", None),
        ("x.westeurope.azurecr.io", "x.azurecr.io"),
        ("registry.data", "x.azurecr.io"),
        ("privatelink.example", None),
    ],
)
def test_right_or_foreign_host_is_no_problem(host: str, login_server: str | None) -> None:
    """The registry's own hosts, and quite different registries, are not called mistakes."""
    assert host_problems(ImageReference(registry=host, repository="app"), login_server) == ()


def test_second_login_server_in_the_repository_is_told() -> None:
    """Another registry's host in front of the repository parses, and is pointed out."""
    (problem,) = host_problems(parse("x.azurecr.io/y.azurecr.io/team/app:1"), "x.azurecr.io")
    assert "y.azurecr.io" in problem
