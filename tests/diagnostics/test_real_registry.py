"""Registries that Azure does not list, against a real one: the CNCF distribution's, with tokens from an issuer of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure_wire import CLOUD
from diagnostic_samples import FAILED, no_registry, subject
from oci_server import OciServer, find_registry, running_registry

from diagnostics.facts import Manifest, ManifestOutcome, Tags
from diagnostics.image_facts import Layers, RegistryLoad
from diagnostics.model import Fact, Known, Unknown, Vantage
from diagnostics.probing import all_probes
from diagnostics.reach import Reach

PROGRAM = find_registry(os.environ)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no docker-registry: apt-get install docker-registry")

Asked = Callable[..., Fact]


class NoAzure:
    """A credential that must never be asked for anything."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Fail the test: an Azure token has no business here."""
        raise AssertionError("an Azure token was asked for")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciServer]:
    """Give a running registry with images in it."""
    assert PROGRAM is not None
    with running_registry(PROGRAM, tmp_path_factory.mktemp("registry")) as found:
        found.push_image("public/train", "7", size=4096)
        found.push_image("public/train", "6")
        found.push_index("public/multi", "1", "linux/arm64", "linux/amd64")
        found.push_schema_1("public/legacy", "0.9")
        found.push_image("public/broken", "1")
        found.remove_blobs("public/broken", "1")
        found.push_image("secret/train", "7")
        yield found


@pytest.fixture
def ask(server: OciServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Give a function that reads one fact about an image of that registry."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.bundle))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made: list[Reach] = []

    def asked(name: str, image: str, allowed: tuple[str, ...] = (server.host, server.issuer)) -> Fact:
        reach = Reach(cloud=CLOUD, credential=NoAzure(), now=lambda: FAILED, allowed_registries=frozenset(allowed))
        made.append(reach)
        lookup = no_registry(host=server.host)
        about = subject(f"{server.host}/{image}")
        try:
            return all_probes()[name].read(about, {"registry": lookup}, reach)
        except Exception as error:  # noqa: BLE001 - as the reader of facts does
            return Unknown(reason=str(error), source=name)

    yield asked
    for reach in made:
        reach.session.close()


def known(fact: Fact, kind: type) -> Any:
    """Return the value of a fact that was read from here."""
    assert isinstance(fact, Known), fact
    assert fact.vantage is Vantage.RESPONDER_NETWORK
    assert isinstance(fact.value, kind)
    return fact.value


def test_an_image_is_found_with_an_anonymous_token(ask: Asked, server: OciServer) -> None:
    """The registry's challenge leads to its issuer, whose token for a stranger opens a public image."""
    found = known(ask("manifest", "public/train:7"), Manifest)
    assert (found.outcome, found.compressed_bytes, found.layers) == (ManifestOutcome.FOUND, 4096, 1)
    assert any("scope=repository%3Apublic%2Ftrain%3Apull" in path for path in server.asked)


@pytest.mark.parametrize(
    ("image", "outcome"),
    [
        ("public/train:9", ManifestOutcome.TAG_UNKNOWN),
        ("public/absent:7", ManifestOutcome.REPOSITORY_UNKNOWN),
        (f"public/train@sha256:{'0' * 64}", ManifestOutcome.TAG_UNKNOWN),
    ],
)
def test_what_is_absent_is_told_apart(ask: Asked, image: str, outcome: str) -> None:
    """This registry says MANIFEST_UNKNOWN of a repository that it lacks as well; its list of tags tells which it is."""
    found = known(ask("manifest", image), Manifest)
    assert found.outcome == outcome
    assert "404" in found.said


def test_an_index_shows_its_platforms_and_is_sized_by_the_usual_one(ask: Asked) -> None:
    """Of two platforms linux/amd64 is measured, wherever it stands in the index."""
    found = known(ask("manifest", "public/multi:1"), Manifest)
    assert found.platforms == ("linux/arm64", "linux/amd64")
    assert found.compressed_bytes == 2048


def test_a_manifest_of_schema_1_is_known_by_its_type(ask: Asked) -> None:
    """The oldest schema is served as what it is."""
    found = known(ask("manifest", "public/legacy:0.9"), Manifest)
    assert found.media_type == "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert found.compressed_bytes is None


def test_tags_are_names_without_times(ask: Asked) -> None:
    """The list of another registry says neither when nor in which order."""
    found = known(ask("tags", "public/train:7"), Tags)
    assert sorted(tag.name for tag in found.newest) == ["6", "7"]
    assert not found.dated
    assert all(tag.created_at is None for tag in found.newest)


def test_a_layer_that_was_cleaned_away_is_missing(ask: Asked) -> None:
    """Every blob is asked for by its head alone, and the one that is gone is named."""
    assert known(ask("layers", "public/train:7"), Layers) == Layers(checked=2)
    broken = known(ask("layers", "public/broken:1"), Layers)
    assert (broken.checked, len(broken.missing), broken.wrong_size) == (2, 1, ())


def test_a_registry_that_answers_is_neither_throttled_nor_failing(ask: Asked) -> None:
    """An answer about the image, or about its absence, is an answer."""
    for image in ("public/train:7", "public/train:9"):
        load = known(ask("registry-load", image), RegistryLoad)
        assert not load.throttled
        assert not load.failing


def test_what_strangers_may_not_read_stays_unknown(ask: Asked) -> None:
    """A private image looks to us like one that we may not ask about, never like one that is absent."""
    fact = ask("manifest", "secret/train:7")
    assert isinstance(fact, Unknown)
    assert "401" in fact.reason


def test_a_host_that_is_not_allowed_is_not_contacted(ask: Asked, server: OciServer) -> None:
    """Without the allow-list neither the registry nor its issuer hears of us."""
    before = len(server.asked)
    fact = ask("manifest", "public/train:7", ())
    assert isinstance(fact, Unknown)
    assert "not asked" in fact.reason
    assert len(server.asked) == before


def test_an_issuer_that_does_not_belong_to_the_registry_is_refused(ask: Asked, server: OciServer) -> None:
    """A challenge may name any host; only the registry's own, or an allowed one, gets a request."""
    before = len(server.asked)
    fact = ask("manifest", "public/train:7", (server.host,))
    assert isinstance(fact, Unknown)
    assert "not its own" in fact.reason
    assert len(server.asked) == before


@pytest.mark.parametrize("name", ["artifact", "usage", "registry-health", "encryption-key", "replicas"])
def test_what_only_azure_keeps_is_not_asked_of_others(ask: Asked, server: OciServer, name: str) -> None:
    """Attributes, usage and health belong to Azure's registries."""
    before = len(server.asked)
    assert isinstance(ask(name, "public/train:7"), Unknown)
    assert len(server.asked) == before
