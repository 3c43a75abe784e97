"""How each kind of compute is given an identity to pull with."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import workspace_words
from diagnostics.facts import Compute
from diagnostics.model import Remedy
from diagnostics.pullers import ENDPOINT_KIND

__all__ = ["giving_identity"]


def giving_identity(case: Case, compute: Compute, role: str) -> Remedy:
    """Return how ``compute`` gets an identity that holds ``role``.

    Source: *Set up service authentication* (azure-ai-docs): serverless compute pulls with a user-assigned identity of
    the workspace or the job. *Access Azure resources from an online endpoint*: its identity cannot be changed later.
    """
    if compute.kind == "Serverless":
        return _of_serverless(case, role)
    if compute.kind == ENDPOINT_KIND:
        return Remedy(
            title=f"Make another online endpoint in place of {compute.name} with an identity, and grant that {role}",
            detail=(
                "The identity of an endpoint cannot be changed once it is made: name one in the new endpoint's file, "
                "deploy to it, and move the traffic."
            ),
        )
    if compute.kind in {"AmlCompute", "ComputeInstance"}:
        return _of_compute(case, compute, role)
    return Remedy(
        title=f"Give {compute.name} a managed identity and grant it {role}",
        detail=f"Studio: Compute > {compute.name} > Detach, then attach it again with the identity.",
    )


def _of_serverless(case: Case, role: str) -> Remedy:
    workspace, _ = workspace_words(case)
    return Remedy(
        title=f"Give the workspace {workspace} or the job a user-assigned identity and grant it {role}",
        detail=(
            f"Portal: {workspace} > Identity > User assigned > Add; or name one in the job's file, under identity "
            "(type: managed, client_id)."
        ),
    )


def _of_compute(case: Case, compute: Compute, role: str) -> Remedy:
    workspace, group = workspace_words(case)
    return Remedy(
        title=f"Give {compute.name} a managed identity and grant it {role}",
        detail=f"Studio: Compute > {compute.name} > Managed identity > Edit.",
        command=az(
            "ml", "compute", "update", "--name", compute.name, "--identity-type", "SystemAssigned",
            "--workspace-name", workspace, "--resource-group", group,
        ),
    )  # fmt: skip
