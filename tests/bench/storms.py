"""Worlds of any size: so many failed runs, of so many causes, over so many registries and workspaces."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.playing import APP
from sandbox.world import Scenario, load_scenario

__all__ = ["storm"]

_STORY = APP.parent / "sandbox" / "scenarios" / "missing-pull-role.yaml"
_NAMESPACE = uuid.UUID("8a3f5c1e-64a7-5a1e-9b0f-2f6f3f1d7c55")
_FAILED_AT = "2026-11-20T10:00:00Z"

Tree = Mapping[str, Any]


def storm(
    runs: int,
    *,
    causes: int = 100,
    registries: int = 20,
    workspaces: int = 1,
    missing: Sequence[str] = ("tag", "role"),
) -> Scenario:
    """Return a world in which ``runs`` runs failed at one moment, of ``causes`` causes in turn.

    Registries differ in what is ``missing`` there, in turn: the tags that are asked for, one cause for each tag, or the
    role of the clusters that pull from it, one cause for each cluster. The first one is the workspaces' own.
    """
    base = load_scenario(_STORY)
    workspace, registry = base.world["workspaces"][0], base.world["registries"][0]
    image = next(one for one in base.world["images"])
    names = [f"stormimages{number:03d}" for number in range(registries)]
    spaces = [f"storm-ml-{number:03d}" for number in range(workspaces)]
    own = _registry(registry, names[0])
    faults = [
        _Fault(
            number, names[number % registries], spaces[number % workspaces], missing[number % registries % len(missing)]
        )
        for number in range(causes)
    ]
    world = {
        **base.world,
        "failed_at": _FAILED_AT,
        "workspaces": [{**workspace, "name": name, "container_registry": own["id"]} for name in spaces],
        "registries": [_registry(registry, name) for name in names],
        "images": [{**image, "registry": name} for name in names],
        "computes": [fault.compute(base.world["computes"][0]) for fault in faults],
        "role_assignments": [one for fault in faults for one in fault.roles(_registry(registry, fault.registry))],
        "public_dns": [{"host": f"{name}.azurecr.io", "answer": "resolves"} for name in names],
        "responder": {
            **base.world["responder"],
            "data_plane": [
                {"login_server": f"{name}.azurecr.io", "reachable_from_responder": True, "may_read_tags": True}
                for name in names
            ],
        },
    }
    failed = [faults[number % causes].run(base.run, number) for number in range(runs)]
    world["other_runs"] = failed[1:]
    deliveries = [{"run": run["id"]} for run in failed]
    return replace(base, world=world, run=failed[0], event={**base.event, "deliveries": deliveries}, expected={})


class _Fault:
    """One cause: a cluster without its role, or a tag that is not there."""

    def __init__(self, number: int, registry: str, workspace: str, missing: str) -> None:
        self._number = number
        self.registry = registry
        self._workspace = workspace
        self._role_missing = missing == "role"
        self._principal = str(uuid.uuid5(_NAMESPACE, f"principal {number}"))

    def compute(self, model: Tree) -> Tree:
        identity = {**model["identity"], "principal_id": self._principal, "display_name": f"pool-{self._number}"}
        return {**model, "name": f"pool-{self._number}", "workspace": self._workspace, "identity": identity}

    def roles(self, registry: Tree) -> list[Tree]:
        if self._role_missing:
            return []
        grant = {"scope": registry["id"], "role": "AcrPull", "principal_id": self._principal}
        return [{**grant, "principal_type": "ServicePrincipal", "createdOn": "2026-06-15T07:45:00Z"}]

    def run(self, model: Tree, number: int) -> Tree:
        tag = "4.2" if self._role_missing else f"9.{self._number}"
        image = f"{self.registry}.azurecr.io/turbines/train:{tag}"
        said = self._refused(image) if self._role_missing else self._unknown(image, tag)
        error = {
            "code": "UserError",
            "message": "AzureMLCompute job failed.\n"
            f"FailedPullingImage: Unable to pull docker image\n\timageName: {image}\n\terror: {said}",
        }
        return {
            **model,
            "id": f"storm_{number:05d}",
            "workspace": self._workspace,
            "compute": f"pool-{self._number}",
            "image": image,
            "error": error,
        }

    def _refused(self, image: str) -> str:
        host = image.partition("/")[0]
        return (
            f"AcrRefreshTokenRetrievalError: Unable to retrieve ACR refresh token using Compute Identity "
            f"{self._principal}, please check that it may pull\n\terr: POST https://{host}/oauth2/exchange: status 401"
        )

    def _unknown(self, image: str, tag: str) -> str:
        return (
            "Run docker command to pull private image failed with error: Error response from daemon: manifest for "
            f'{image} not found: manifest unknown: manifest tagged by "{tag}" is not found'
        )


def _registry(model: Tree, name: str) -> Tree:
    identity = f"{model['id'].rpartition('/')[0]}/{name}"
    return {**model, "name": name, "id": identity, "login_server": f"{name}.azurecr.io"}
