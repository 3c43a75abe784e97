"""Docker Hub's pull limit is used up."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.facts import Registry
from diagnostics.image_facts import RegistryLoad
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_HUB = "docker.io"
_CACHE = "cache-rule-source"


class DockerHubLimit:
    """Docker Hub counts pulls by account or by address, so only its own answer to the pull decides.

    Source: *Docker Hub pull usage and limits*. What it answers us counts against our address, and proves nothing.
    """

    id = "docker-hub-limit"
    title = "Docker Hub's pull limit is used up"
    step = PullStep.NETWORK
    rank = 70
    masked = False
    explains = frozenset({"rate-limited"})
    needs = ("registry", "registry-load")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where Docker Hub's own words stand in the log, else by the image's registry."""
        primary, image = case.primary, case.image
        if primary is not None and self.id in case.decisive:
            said = f"Docker Hub says so itself: {primary.text.strip()[:200]}"
            return proven(_headline(case), _target(case), said, *_who(case), remedies=_remedies(case))
        if case.while_building or (primary is not None and primary.signature == _CACHE):
            what = (
                "which registry the build asked" if case.while_building else "which registry the cache rule copies from"
            )
            return unread(self.title, _target(case), what, remedies=_remedies(case))
        if image is not None and image.registry != _HUB:
            return contradicted(f"the image comes from {image.registry}, not from Docker Hub")
        load = case.value("registry-load", RegistryLoad)
        now = (
            (f"{load}, from our own address, whose pulls are counted apart",) if load else case.unread("registry-load")
        )
        return unread(self.title, _target(case), *now, remedies=_remedies(case))


def _target(case: Case) -> str:
    """Return what would have to be changed: an account's or an address's limit, not one image's."""
    return case.captured("client") or _HUB


def _headline(case: Case) -> str:
    what = f"{case.image.repository}:{case.image.reference}" if case.image is not None else "the image"
    source = what if case.image is not None and case.image.registry == _HUB else "an image"
    return f"Docker Hub refuses {source}: its pull limit is used up"


def _who(case: Case) -> tuple[str, ...]:
    primary = case.primary
    line = primary.text.lower() if primary else ""
    if "unauthenticated" in line:
        return ("nobody was logged in: anonymous pulls are counted by the address that all nodes share",)
    client = case.captured("client")
    return (f"the pulls count for {client}",) if client else ()


def _remedies(case: Case) -> tuple[Remedy, ...]:
    registry = case.registry or None
    credential = Remedy(
        title="Give the workspace a credential for Docker Hub",
        detail=(
            "Studio: Settings > Connections > Connect > Container registry, with the address "
            "https://index.docker.io/v1/ and an access token of a paid account."
        ),
    )
    name = registry.name if registry else _attached(case)
    if name is None:
        return (credential, Remedy(title="Or keep a copy of the image in your own registry"))
    return (_imported(name, case.image), _cached(name, registry), credential)


def _attached(case: Case) -> str | None:
    host = case.lookup.attached_login_server if case.lookup else None
    return host.split(".")[0] if host else None


def _imported(registry: str, image: ImageReference | None) -> Remedy:
    hub = image if image is not None and image.registry == _HUB else None
    source = f"docker.io/{hub.repository}:{hub.reference}" if hub else "docker.io/REPOSITORY:TAG"
    copied = source.removeprefix("docker.io/")
    return Remedy(
        title=f"Import the image into {registry} and use it from there",
        detail="The copy is made by the registry itself, once; pulls then never touch Docker Hub.",
        command=az("acr", "import", "--name", registry, "--source", source, "--image", copied),
    )


def _cached(registry: str, settings: Registry | None) -> Remedy:
    sku = f" (SKU {settings.sku})" if settings else ""
    return Remedy(
        title=f"Or have {registry}{sku} keep copies by a cache rule with a Docker Hub credential",
        detail=f"Portal: {registry} > Cache > Create rule, source docker.io, with a credential set.",
    )


CAUSE = DockerHubLimit()
