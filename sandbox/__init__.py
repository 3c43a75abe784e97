"""A simulated Azure that answers on the wire: load a world, start it, point an unmodified program at it.

    from sandbox import Sandbox, load_scenario

    with Sandbox(load_scenario("world.yaml")) as azure:
        ...  # run something with azure.environment, then look at azure.calls and azure.messages

Nothing of the product is imported here, and the product imports nothing from here.
"""

from __future__ import annotations

from sandbox.records import Call, Message, Refusal, Violation
from sandbox.server import SENTINEL_PREFIX, Sandbox
from sandbox.world import Scenario, ScenarioError, load_scenario, parse_scenario

__all__ = [
    "SENTINEL_PREFIX",
    "Call",
    "Message",
    "Refusal",
    "Sandbox",
    "Scenario",
    "ScenarioError",
    "Violation",
    "load_scenario",
    "parse_scenario",
]
