"""The whole app on the sandbox, with a policy, a fixer that has its right, people in Slack, and a clock that is set."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from responders.entities import Records
from responders.fixes.audit import Audit, AuditEntry
from responders.fixes.fixing import FIXES
from responders.fixes.record import Fix
from responders.fixes.right import ADMINISTRATOR, fixer_condition
from responders.incidents import Incident, Incidents
from responders.settings import SqliteStore
from responders.store import open_store
from sandbox import Sandbox, Scenario
from sandbox.access import Assignment
from sandbox.delivering import deliveries_of, handshake, post
from sandbox.host import FunctionsHost
from sandbox.merge import merged
from sandbox.playing import environment, fresh_host, variables
from sandbox.records import Write
from sandbox.services.slack import Posted
from sandbox.slack_person import Person, send
from sandbox.world import load_scenario
from tests.stories import FOLDER

__all__ = ["APPROVER", "CLIENT", "FIXER", "REGISTRY", "WORKSPACE", "FixStory", "story"]

REGISTRY = (
    "/subscriptions/14ff9242-5d9a-4c87-8a21-293993ff22dd/resourceGroups/rg-turbines/providers/"
    "Microsoft.ContainerRegistry/registries/halvorsenimages"
)
WORKSPACE = (
    "/subscriptions/14ff9242-5d9a-4c87-8a21-293993ff22dd/resourceGroups/rg-turbines/providers/"
    "Microsoft.MachineLearningServices/workspaces/halvorsen-ml"
)
FIXER = "77777777-0000-4000-8000-000000000007"
CLIENT = "66666666-0000-4000-8000-000000000006"
APPROVER = "U0000000123"

_POLICY: Mapping[str, Any] = {
    "mode": "approve",
    "registries": [REGISTRY],
    "workspaces": [WORKSPACE],
    "approvers": {"slack": [APPROVER]},
    "per_day": 3,
    "per_registry": 2,
    "expires": "2027-06-30T00:00:00Z",
}


_OTHER = {
    "name": "gpu-other",
    "identity": {"type": "SystemAssigned", "principal_id": "99999999-0000-4000-8000-00000000000a"},
}
_ERROR = {
    "code": "UserError",
    "message": (
        "AzureMLCompute job failed.\nFailedPullingImage: Unable to pull docker image\n"
        "\timageName: halvorsenimages.azurecr.io/turbines/train:4.2\n"
        "\terr: POST https://halvorsenimages.azurecr.io/oauth2/exchange: status 401 Unauthorized"
    ),
}


@dataclass
class FixStory:
    """One app that runs: what it is told, what it said, what it wrote."""

    sandbox: Sandbox
    host: FunctionsHost
    scenario: Scenario
    folder: Path
    passed: timedelta = field(default_factory=timedelta)

    def fail(self) -> None:
        """Deliver the failed run, and let the app do all that it does at once."""
        for delivery in deliveries_of(self.scenario):
            assert post(self.host.webhook_url("on_run_status_changed"), delivery) == 202
        self.host.drain()

    def fail_too(self, run: str) -> None:
        """Let another run of the world fail, at the worker's present time."""
        (delivery,) = deliveries_of(replace(self.scenario, event={"deliveries": [{"run": run}]}))
        delivery.body[0]["eventTime"] = self._now().isoformat().replace("+00:00", "Z")
        assert post(self.host.webhook_url("on_run_status_changed"), delivery) == 202
        self.host.drain()

    # --- what others change in Azure ----------------------------------------------------------------------

    def grant(self, principal: str, role: str, *, scope: str = REGISTRY) -> None:
        """Let somebody assign a role by hand."""
        access = self.sandbox.access
        access.assignments.append(
            Assignment(scope, access.role_named(role), principal, created=f"{self._now():%Y-%m-%dT%H:%M:%SZ}")
        )

    def take_back(self, role: str) -> None:
        """Let somebody remove each assignment of a role at the registry."""
        held = self.sandbox.access.assignments
        held[:] = [it for it in held if it.role.name != role or it.scope != REGISTRY]

    def turn_into(self, role: str, other: str) -> None:
        """Let the assignments of a role at the registry hold another one, under their names."""
        access = self.sandbox.access
        held = access.assignments
        held[:] = [replace(it, role=access.role_named(other)) if it.role.name == role else it for it in held]

    def set_registry(self, **changes: Any) -> None:
        """Let somebody change the registry's settings."""
        self.scenario.world["registries"][0].update(changes)

    # --- time and settings --------------------------------------------------------------------------------

    def let_pass(self, **time_passed: int) -> None:
        """Set the worker's clock on, let both timers fire, work off what comes of it."""
        worker: Any = importlib.import_module("responders.app")
        before, step = worker.clock, timedelta(**time_passed)
        worker.clock = lambda: before() + step
        self.passed += step
        for timer in ("sweep", "sweep_fixes"):
            self.host.tick(timer)
            self.host.drain()

    def set_policy(self, **changes: Any) -> None:
        """Change the settings file, as a team does while the app runs; it is read once a minute."""
        write_policy(self.folder, changes)
        self.let_pass(minutes=2)

    @property
    def message(self) -> Posted:
        """The newest message of the app in Slack that is none of a thread."""
        slack = self.sandbox.slack_workspace
        return [it for it in slack.messages(next(iter(slack.channels))) if not it.thread_ts][-1]

    @property
    def text(self) -> str:
        """All that the message shows."""
        return json.dumps(self.message.blocks, ensure_ascii=False)

    def buttons(self) -> set[str]:
        """Return the ids of what can be pressed."""
        return {
            element["action_id"]
            for block in self.message.blocks
            if block.get("type") == "actions"
            for element in block["elements"]
        }

    def press(self, button: str, *, who: str = APPROVER, message: Posted | None = None) -> tuple[int, str]:
        """Let somebody press a button of the message as it is, and return what Slack was answered."""
        person = Person(self.sandbox.slack_workspace, id=who, name="kim.berg")
        answer = send(self.host.url("slack_requests"), person.presses(message or self.message, button))
        self.host.drain()
        return answer

    @property
    def writes(self) -> list[Write]:
        """What was changed in Azure."""
        return self.sandbox.writes

    @property
    def assignments(self) -> list[str]:
        """The ids of the role assignments that were made."""
        return [write.path for write in self.writes if write.created]

    def incident(self) -> Incident:
        """Return the one incident."""
        with self._store() as store:
            (found,) = Incidents(store, now=self._now).all_ones()
            return found

    def fix(self, compute: str = "gpu-train") -> Fix | None:
        """Return the fix of a compute's incident."""
        with self._store() as store:
            (incident,) = [it for it in Incidents(store, now=self._now).all_ones() if it.compute == compute]
            found = Records(store, Fix, self._now).get(FIXES, incident.id)
            return found.value if found is not None else None

    def audit(self) -> list[AuditEntry]:
        """Return the audit, which has to be whole."""
        with self._store() as store:
            kept = Audit(store, self._now)
            assert kept.verify().whole
            return list(kept.entries())

    def _now(self) -> Any:
        return importlib.import_module("responders.app").clock()

    @contextmanager
    def _store(self) -> Iterator[Any]:
        store = open_store(SqliteStore(self.folder / "store.sqlite"))
        try:
            yield store
        finally:
            store.close()


@contextmanager
def story(
    folder: Path,
    name: str = "missing-pull-role",
    *,
    right: Mapping[str, Any] | None = None,
    world: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    fixer: bool = True,
    **policy: Any,
) -> Iterator[FixStory]:
    """Start the app on a story; ``right`` replaces members of the fixer's own assignment, ``policy`` of ``[fixes]``."""
    scenario = _with_fixer(load_scenario(FOLDER / f"{name}.yaml"), right or {}, world or {}, given=fixer)
    write_policy(folder, policy)
    with Sandbox(scenario) as sandbox:
        environ = environment(sandbox, folder / "store.sqlite", ("slack_bot",))
        environ |= {"PULLMEDIC_SETTINGS": str(folder / "settings.toml"), "PULLMEDIC_FIXER_CLIENT_ID": CLIENT}
        with variables(environ | dict(settings or {})), fresh_host() as host:
            handshake(host.webhook_url("on_run_status_changed"))
            yield FixStory(sandbox=sandbox, host=host, scenario=scenario, folder=folder)


def write_policy(folder: Path, changes: Mapping[str, Any]) -> None:
    """Write the settings file; a key with ``None`` is left out."""
    wanted = {key: value for key, value in {**_POLICY, **changes}.items() if value is not None}
    lines = [f"{key} = {_toml(value)}" for key, value in wanted.items()]
    (folder / "settings.toml").write_text("[fixes]\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    bare = isinstance(value, str) and value[:2] == "20" and "T" in value
    return str(value) if bare else json.dumps(value)


def _with_fixer(scenario: Scenario, right: Mapping[str, Any], world: Mapping[str, Any], *, given: bool) -> Scenario:
    """Return the story with a fixer in its world, that failed just now."""
    own = {
        "scope": REGISTRY,
        "role": ADMINISTRATOR,
        "principal_id": FIXER,
        "principal_type": "ServicePrincipal",
        "condition": fixer_condition(),
        "conditionVersion": "2.0",
        **right,
    }
    held = [*(scenario.world.get("role_assignments") or ()), *([own] if given else [])]
    lately = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    changed = {
        **scenario.world,
        "role_assignments": held,
        "fixer": {"client_id": CLIENT, "principal_id": FIXER},
        "failed_at": lately,
        "other_runs": [
            {**scenario.run, "id": "second_run"},
            {**scenario.run, "id": "run_elsewhere", "compute": "gpu-other", "error": {**_ERROR}},
        ],
        "computes": [*scenario.world["computes"], {**scenario.world["computes"][0], **_OTHER}],
    }
    return replace(scenario, world=merged(changed, dict(world)))
