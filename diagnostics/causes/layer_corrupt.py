"""A layer of the image is not what the manifest says, or is not there."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._serving import at, moved_since
from diagnostics.facts import Registry
from diagnostics.image_facts import Layers
from diagnostics.model import ImageReference, PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_UNKNOWN = "blob-unknown"


class LayerCorrupt:
    """Decided by the registry's own answers about each blob; a digest found wrong may be the way's fault."""

    id = "layer-corrupt"
    title = "A layer of the image does not match its digest or is missing"
    step = PullStep.LAYERS
    rank = 20
    masked = False
    explains = frozenset({"corrupt-layer"})
    needs = ("layers", "registry", "tags")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry lacks a blob that the manifest names, or has it in another size."""
        image, layers = case.image, case.value("layers", Layers)
        if image is None or layers is None:
            return unread(
                self.title, str(image or ""), *case.unread("layers"), remedies=_remedies(case.registry, image)
            )
        if layers.missing or layers.wrong_size:
            return _proven(case, image, layers)
        if moved := moved_since(case):
            return unread(
                self.title, str(image), f"{image.reference} was pushed again on {at(moved)}, after the failure"
            )
        whole = (
            f"the registry has all {layers.checked} blobs of {image.reference}, of the sizes that the manifest states"
        )
        if case.primary is not None and case.primary.signature == _UNKNOWN:
            return contradicted(whole)
        return compatible(
            self.title,
            f"{whole}; what came out different at the compute may have been changed or cut off on the way",
            remedies=_remedies(case.registry, image),
        )


def _proven(case: Case, image: ImageReference, layers: Layers) -> Judgement:
    kinds = ((layers.missing, "does not have"), (layers.wrong_size, "has in another size"))
    reasons = [
        f"{case.registry_words} {what} {len(found)} of the {layers.checked} blobs of the manifest: {_shown(found)}"
        for found, what in kinds
        if found
    ]
    return proven(
        f"{image.repository}:{image.reference} is damaged on {case.registry_words}: "
        f"{len(layers.missing) + len(layers.wrong_size)} of its blobs cannot be pulled",
        str(image),
        *reasons,
        remedies=_remedies(case.registry, image),
    )


def _shown(digests: tuple[str, ...]) -> str:
    more = f" and {len(digests) - 3} more" if len(digests) > 3 else ""
    return ", ".join(digest[:19] for digest in digests[:3]) + more


def _remedies(registry: Registry | None, image: ImageReference | None) -> tuple[Remedy, ...]:
    push = Remedy(
        title="Push the image again, under a new tag",
        detail=(
            "Under the same tag a client skips layers that it believes to be there. If the build's cache was pruned, "
            "build with --no-cache first."
        ),
    )
    if registry is None or image is None:
        return (push,)
    where = f"{registry.login_server}/{image.repository}"
    show = az("acr", "manifest", "show", "--registry", registry.name, "--name", f"{image.repository}:{image.reference}")
    check = Remedy(title=f"See which layers the manifest of {where} names", command=show)
    return (push, check)


CAUSE = LayerCorrupt()
