"""Mixed traffic: registry failures of many causes, other failures, completed runs, repeats, and what people ask."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from sandbox.delivering import deliveries_of
from sandbox.world import Scenario
from tests.bench.storms import storm
from tests.chaos.injecting import KINDS, PARTIES

__all__ = ["CAUSES", "Step", "faults", "steps", "world"]

CAUSES = 60
_PULL = "FailedPullingImage: Unable to pull docker image\n\timageName: {image}\n\terror: "
_HOST = "stormimages000.azurecr.io"
_TEXTS = (
    "Get https://{host}/v2/: dial tcp: lookup {host} on 168.63.129.16:53: no such host",
    "Get https://{host}/v2/: x509: certificate signed by unknown authority",
    "Get https://{host}/v2/: dial tcp 20.50.0.1:443: i/o timeout",
    "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit",
    "failed to register layer: write /usr/lib/libtorch.so: no space left on device",
)
_OTHERS = (
    "ModuleNotFoundError: No module named 'turbines.features'",
    "Execution failed. User process 'python' exited with status code 137.",
    "StreamAccessException: data path azureml://datastores/raw/paths/blades/ was not found",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event, or something that a person asks for: a command, or a button where ``button`` says so."""

    run: str = ""
    event: Mapping[str, Any] | None = None
    command: str = ""
    button: bool = False


def world(runs: int, failed_at: str) -> Scenario:
    """Return a world with so many runs: of ten, six fail on tags and roles, one on what only its text says, two on
    something else, and one completes.
    """
    base = storm(runs, causes=CAUSES, registries=8, workspaces=3)
    every = [_changed(number, run) for number, run in enumerate((base.run, *base.world["other_runs"]))]
    deliveries = [{"run": run["id"], "status": run["status"]} for run in every]
    changed = {**base.world, "failed_at": failed_at, "other_runs": every[1:]}
    return replace(base, world=changed, run=every[0], event={**base.event, "deliveries": deliveries})


def steps(scenario: Scenario, dice: random.Random) -> Iterator[Step]:
    """Yield each event of ``scenario``, some of them again, and now and then what a person asks for."""
    before: list[tuple[str, Any]] = []
    for delivery in deliveries_of(scenario):
        yield Step(run=delivery.run, event=delivery.body[0])
        before.append((delivery.run, delivery.body[0]))
        if dice.random() < 0.1:
            run, event = dice.choice(before[-200:])
            yield Step(run=run, event=event)
        if dice.random() < 0.1:
            yield Step(command=dice.choice(["status", "help", f"why {dice.choice(before)[0]}"]))
        if dice.random() < 0.05:
            yield Step(button=True)


def faults(dice: random.Random) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield names and ways in which one party fails, without end: first each party is slow once, then all in turn.

    While a party is slow, more calls to it are open at once than ever else, and so many connections are kept from then
    on: that belongs to the warm-up.
    """
    every = [
        (f"{party.name}: {kind.name}", fault) for kind in KINDS for party in PARTIES for fault in kind.faults_of(party)
    ]
    dice.shuffle(every)
    yield from cycle(sorted(every, key=lambda one: "latency_ms" not in one[1]))


def _changed(number: int, run: Mapping[str, Any]) -> Mapping[str, Any]:
    turn, again = number % 10, number // 10
    if turn == 6:
        text = (_PULL + _TEXTS[again % len(_TEXTS)]).format(image=run["image"], host=_HOST)
        return {**run, "error": {"code": "UserError", "message": f"AzureMLCompute job failed.\n{text}"}}
    if turn in {7, 8}:
        return {**run, "error": {"code": "UserError", "message": _OTHERS[again % len(_OTHERS)]}}
    if turn == 9:
        return {**{key: value for key, value in run.items() if key != "error"}, "status": "Completed"}
    return run
