"""Which ways a compute has to a registry, as far as the facts tell."""

from __future__ import annotations

from diagnostics.case import Case

__all__ = ["may_go_privately"]


def may_go_privately(case: Case) -> bool:
    """Return whether a private endpoint could serve the compute: true as well where its network is not known."""
    compute, workspace = case.compute, case.workspace
    if compute is None or workspace is None or not compute.found:
        return True
    managed = (workspace.isolation_mode or "Disabled").lower() != "disabled"
    return bool(compute.subnet) or managed or compute.kind not in {"AmlCompute", "ComputeInstance"}
