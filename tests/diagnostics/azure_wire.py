"""A sandbox that can be bent: single calls answered as no scenario file can say, and clients pointed at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import requests
import urllib3
from diagnostic_samples import REGISTRY, SERVER, WORKSPACE

from diagnostics.azure.clouds import CLOUDS
from diagnostics.model import Fact
from diagnostics.reach import Reach
from sandbox import Sandbox, Scenario, parse_scenario
from sandbox.merge import merged
from sandbox.wire import CUT, Answer, Literal, Reply, Request, json_answer

CLOUD = CLOUDS["AzureCloud"]
MANAGER = "management.azure.com"
HISTORY = "northeurope.api.azureml.ms"
SUBSCRIPTION_ID = "11111111-1111-4111-8111-111111111111"
CLUSTER_ID = "22222222-0000-4000-8000-000000000002"
REFUSED = 'Error response from daemon: Head "https://prosereg.azurecr.io/v2/team/train/manifests/7": unauthorized: '
LOG = "system_logs/lifecycler/lifecycler.log"

GARBAGE = Answer(200, (("Content-Type", "text/html"),), Literal(b"<html>a proxy's own page</html>"))

_WORLD: dict[str, Any] = {
    "id": "role-missing",
    "world": {
        "failed_at": "2026-10-05T09:30:00Z",
        "subscriptions": [{"id": SUBSCRIPTION_ID, "tenant": "99999999-9999-4999-8999-999999999999"}],
        "workspaces": [
            {
                "name": "proseware-ml",
                "subscription": SUBSCRIPTION_ID,
                "resource_group": "rg-train",
                "region": "northeurope",
                "container_registry": REGISTRY,
            }
        ],
        "computes": [{"name": "cluster", "identity": {"type": "SystemAssigned", "principal_id": CLUSTER_ID}}],
        "registries": [
            {"name": "prosereg", "id": REGISTRY, "login_server": SERVER, "sku": "Standard", "region": "northeurope"}
        ],
        "images": [
            {
                "registry": "prosereg",
                "repository": "team/train",
                "tags": [
                    {"name": "7", "created": "2026-09-01T10:00:00Z", "compressed_gib": 2.1},
                    {"name": "6", "created": "2026-08-01T10:00:00Z", "compressed_gib": 2},
                ],
            }
        ],
        "responder": {
            "principal_id": "55555555-0000-4000-8000-000000000001",
            "tenant": "99999999-9999-4999-8999-999999999999",
            "data_plane": [{"login_server": SERVER, "reachable_from_responder": True, "may_read_tags": True}],
        },
    },
    "run": {
        "id": "brave_run_1",
        "experiment": "nightly",
        "type": "azureml.StepRun",
        "workspace": "proseware-ml",
        "compute": "cluster",
        "image": f"{SERVER}/team/train:7",
        "error": {"code": "UserError", "message": "AzureMLCompute job failed."},
        "logs": {LOG: f"preparing\n{REFUSED}authentication required\n"},
    },
    "event": {"schema": "eventgrid", "status": "Failed"},
    "expected": {"headline": "pull-role-missing", "status": "confirmed"},
}


def scenario(**changes: Any) -> Scenario:
    """Return the story of a missing role with ``changes`` laid over it, as a scenario's base is."""
    return parse_scenario(merged(_WORLD, changes))


class BentSandbox(Sandbox):
    """Answers some calls as it is told to, all others as the simulated Azure does."""

    def __init__(self, story: Scenario) -> None:
        self.bends: list[tuple[str, re.Pattern[str], Reply | Callable[[Request], Reply]]] = []
        super().__init__(story)

    def bend(self, host: str, path: str, reply: Reply | Callable[[Request], Reply]) -> None:
        """Answer calls to ``host`` whose decoded path holds the expression ``path`` with ``reply``; the newest counts."""
        self.bends.insert(0, (host, re.compile(path, re.IGNORECASE), reply))

    def asked(self, path: str) -> int:
        """Return how often a path that holds the expression ``path`` was asked for."""
        return sum(1 for call in self.calls if re.search(path, call.path, re.IGNORECASE))

    def _reply(self, request: Request) -> Reply:
        for host, path, reply in self.bends:
            if request.host == host and path.search(request.path):
                return reply(request) if callable(reply) else reply
        return super()._reply(request)


Begin = Callable[..., BentSandbox]
"""Starts a sandbox with changes to the story."""

Read = Callable[..., dict[str, Fact]]
"""Reads the named facts by their probes."""


def arm_error(status: int, code: str = "Failed", message: str = "It did not work.") -> Answer:
    """Return an error in Resource Manager's envelope (recorded shape)."""
    return json_answer(status, {"error": {"code": code, "message": message}})


class Broken(requests.adapters.BaseAdapter):
    """A connection that breaks in the middle of a body, which no proxy on loopback can do on request."""

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """Answer with a head whose body never comes."""
        answer = requests.Response()
        answer.status_code = 200
        answer.raw = _BreaksOff()
        answer.request = request
        return answer

    def close(self) -> None:
        """Hold nothing."""


class _BreaksOff:
    def read(self, *_sizes: int, **_options: Any) -> bytes:
        raise urllib3.exceptions.ProtocolError("Connection broken")

    def close(self) -> None:
        pass


def close(reach: Reach) -> None:
    """Close every connection of ``reach``, so that no socket is left to the garbage collector."""
    clients: list[Any] = [reach.arm._client, reach.session, *reach._registries.values(), *reach._roles.values()]
    for client in clients:
        client.close()


__all__ = [
    "CLOUD",
    "CLUSTER_ID",
    "CUT",
    "GARBAGE",
    "HISTORY",
    "LOG",
    "MANAGER",
    "REFUSED",
    "REGISTRY",
    "SERVER",
    "SUBSCRIPTION_ID",
    "WORKSPACE",
    "Answer",
    "Begin",
    "BentSandbox",
    "Broken",
    "Literal",
    "Read",
    "Request",
    "arm_error",
    "close",
    "json_answer",
    "scenario",
]
