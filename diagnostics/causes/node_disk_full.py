"""The image does not fit the disk of the compute's nodes."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.describing import size_words
from diagnostics.facts import Manifest
from diagnostics.image_facts import NodeDisk
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("node-disk", "manifest", "compute")


class NodeDiskFull:
    """The node's own statement decides: only it knows its disk. Else the image's size against the VM size's disks."""

    id = "node-disk-full"
    title = "The image does not fit the compute's disk"
    step = PullStep.TIME
    rank = 10
    masked = False
    explains = frozenset({"disk-full"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the node says so itself, or the image is larger than every disk of the VM size."""
        disk, size = case.value("node-disk", NodeDisk), _size(case)
        target = f"{case.image or 'the image'} on {case.compute_words}"
        words = _words(case, disk, size)
        if case.primary is not None and self.id in case.decisive:
            where = "the build's machine" if case.while_building else "the node"
            said = f"{where} says so itself: {case.primary.text.strip()[:200]}"
            return proven(_headline(case), target, said, *words, remedies=_remedies(case))
        room = disk.largest if disk else None
        if case.while_building:
            return unread(self.title, target, "how full the disk of the build's machine was", remedies=_remedies(case))
        if size is not None and room is not None and size > room:
            return proven(_headline(case), target, *words, remedies=_remedies(case))
        missing = case.unread(*_NEEDS) or ("how full the node's disk was when the image came",)
        return unread(self.title, target, *missing, remedies=_remedies(case), reasons=words)


def _size(case: Case) -> int | None:
    manifest = case.value("manifest", Manifest)
    return manifest.compressed_bytes if manifest else None


def _headline(case: Case) -> str:
    if case.while_building:
        return "The disk was full while the image was built"
    what = f"{case.image.repository}:{case.image.reference}" if case.image else "the image"
    return f"{what} does not fit the disk of {case.compute_words}"


def _words(case: Case, disk: NodeDisk | None, size: int | None) -> tuple[str, ...]:
    said = (
        []
        if case.while_building or size is None
        else [f"the image has {size_words(size)} compressed, and more unpacked"]
    )
    if disk is not None and disk.largest is not None and not case.while_building:
        said.append(f"a node of {case.compute_words} has at most {size_words(disk.largest)} ({disk})")
    return tuple(said)


def _remedies(case: Case) -> tuple[Remedy, ...]:
    smaller = Remedy(
        title="Make the image smaller",
        detail="Start from a smaller base, drop caches in the step that makes them, mount data and models instead.",
    )
    if case.while_building:
        return (smaller, Remedy(title="Or build on an image build compute with a larger disk"))
    region = case.compute.region if case.compute else ""
    command = az("ml", "compute", "list-sizes", "--location", region) if region else ""
    larger = Remedy(
        title="Or use a compute of a VM size with a larger disk",
        detail="Nodes that run other images in between fill up too: a minimum of zero nodes gives fresh ones.",
        command=command,
    )
    return (smaller, larger)


CAUSE = NodeDiskFull()
