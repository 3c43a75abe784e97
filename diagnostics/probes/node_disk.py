"""The disks of the compute's VM size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, ReadFailed
from diagnostics.facts import Compute
from diagnostics.image_facts import NodeDisk
from diagnostics.model import Fact
from diagnostics.probes._shapes import member, text
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach

__all__ = ["PROBE"]

_API = "2025-12-01"
_MIB = 1024**2


class NodeDiskProbe:
    """Reads the region's VM sizes from Azure Machine Learning (``locations/vmSizes``, api-version 2025-12-01).

    ``osVhdSizeMB`` is what a size allows at most, so these are upper bounds: an image that is larger fits nowhere.
    """

    name = "node-disk"
    title = "the disks of the compute's VM size"
    value_type: type = NodeDisk
    needs: tuple[str, ...] = ("compute",)
    actions: tuple[str, ...] = ("Microsoft.MachineLearningServices/locations/vmsizes/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`NodeDisk`."""
        compute: Compute = facts["compute"]
        if not compute.vm_size or not compute.region:
            raise ReadFailed(f"{compute.name} states no VM size, so its disks are not known")
        subscription = resource_part(subject.run.workspace_id, "subscriptions")
        location = "".join(character for character in compute.region.lower() if character.isalnum())
        path = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}/vmSizes"
        value = _disk(reach.arm.get(path, api_version=_API), compute.vm_size)
        return control_plane(value, "Azure Machine Learning's VM sizes", reach)


def _disk(answer: Mapping[str, Any], vm_size: str) -> NodeDisk:
    sizes = member(answer, "value")
    if not isinstance(sizes, list):
        raise Nonsense("the region's VM sizes came without their list")
    found = next((size for size in sizes if (text(size, "name") or "").lower() == vm_size.lower()), None)
    if found is None:
        raise ReadFailed(f"the region lists no VM size {vm_size}")
    return NodeDisk(
        vm_size=vm_size,
        os_disk=_bytes(member(found, "osVhdSizeMB")),
        resource_disk=_bytes(member(found, "maxResourceVolumeMB")),
    )


def _bytes(mebibytes: Any) -> int | None:
    return mebibytes * _MIB if isinstance(mebibytes, int) and mebibytes > 0 else None


PROBE = NodeDiskProbe()
