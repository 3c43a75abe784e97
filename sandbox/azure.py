"""One simulated Azure: the world, and what the services share to answer for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.access import Access, stable_guid
from sandbox.clouds import Hosts, hosts_of
from sandbox.records import Recorder
from sandbox.tokens import Ledger
from sandbox.world import Scenario

__all__ = ["Azure", "entries", "table"]


def entries(holder: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list under a key; empty where there is none."""
    return list(holder.get(key) or ())


def table(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping under a key; empty where there is none."""
    return holder.get(key) or {}


@dataclass(frozen=True, slots=True)
class Azure:
    """What every service answers from. ``sentinel`` stands wherever a real secret would; ``now`` is in Unix seconds."""

    scenario: Scenario
    recorder: Recorder
    tokens: Ledger
    access: Access
    sentinel: str
    now: Callable[[], float]
    states: dict[str, str] = field(default_factory=dict)
    """The states of runs and deployments that a story has moved on to, by their names."""

    def state_of(self, run: Mapping[str, Any]) -> str:
        """Return the status of a run as the story stands."""
        return str(self.states.get(run["id"]) or run.get("status") or "Failed")

    @property
    def hosts(self) -> Hosts:
        """The hosts of the world's cloud."""
        return hosts_of(self.world.get("cloud"))

    @property
    def world(self) -> Mapping[str, Any]:
        """The scenario's world."""
        return self.scenario.world

    @property
    def responder(self) -> Mapping[str, Any]:
        """The world's responder; empty where none is stated."""
        return table(self.world, "responder")

    @property
    def responder_id(self) -> str:
        """The object id of the responder's identity."""
        return self.responder.get("principal_id") or stable_guid("responder")

    @property
    def tenant(self) -> str:
        """The tenant of the responder."""
        return self.responder.get("tenant") or stable_guid("tenant")

    def registry_at(self, login_server: str) -> Mapping[str, Any] | None:
        """Return the registry with that login server, in any case."""
        wanted = login_server.lower()
        return next((it for it in self.registries() if it["login_server"].lower() == wanted), None)

    def registries(self) -> Iterator[Mapping[str, Any]]:
        """Return the world's registries."""
        return iter(entries(self.world, "registries"))

    def data_plane(self, login_server: str) -> Mapping[str, Any]:
        """Return what the world says about asking a login server; empty where it says nothing."""
        planes = entries(self.responder, "data_plane")
        return next((it for it in planes if it["login_server"].lower() == login_server.lower()), {})

    def workspace_id(self, workspace: Mapping[str, Any]) -> str:
        """Return a workspace's Resource Manager id."""
        group = f"/subscriptions/{workspace['subscription']}/resourceGroups/{workspace['resource_group']}"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace['name']}"

    def workspace_guid(self, workspace: Mapping[str, Any]) -> str:
        """Return a workspace's immutable id."""
        return stable_guid("workspace", self.workspace_id(workspace))

    def workspace_named(self, name: str | None) -> Mapping[str, Any] | None:
        """Return the workspace of that name; without a name the first."""
        found = [it for it in entries(self.world, "workspaces") if not name or it["name"].lower() == name.lower()]
        return found[0] if found else None

    def storage_account(self, workspace: Mapping[str, Any]) -> str:
        """Return the name of a workspace's default storage account."""
        letters = "".join(char for char in workspace["name"].lower() if char.isalnum())
        return f"st{letters}"[:24]

    def api_host(self, workspace: Mapping[str, Any]) -> str:
        """Return the host of a workspace's own services: the region's, or its own where public access is off
        (recorded).
        """
        if workspace.get("public_network_access") == "Disabled":
            return f"{self.workspace_guid(workspace)}.workspace.{workspace['region']}{self.hosts.learning_suffix}"
        return f"{workspace['region']}{self.hosts.learning_suffix}"
