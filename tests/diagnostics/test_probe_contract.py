"""One contract for every probe there is: each call that it makes is one that it declares, and fails in words.

Probes are discovered. Each is first read in a world in which it finds something; the calls that it makes there, and no
list, are what is answered wrongly afterwards. A probe that comes new is covered once its fact is known in that world.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential
from azure_wire import (
    CLOUD,
    CLUSTER_ID,
    CUT,
    GARBAGE,
    MANAGER,
    REGISTRY,
    BentSandbox,
    arm_error,
    close,
    json_answer,
)
from diagnostic_samples import details, subject, symptom
from test_probes_image_failures import ENCRYPTED, VAULTS
from test_probes_way import story as network
from test_probes_who import whole

from diagnostics.azure import arm, registry_data
from diagnostics.model import Fact, Known, Unknown
from diagnostics.probing import FactReader, Probe, Subject, all_probes
from diagnostics.reach import Reach
from diagnostics.rights import PULL
from sandbox.merge import merged
from sandbox.services.management import needed_action
from sandbox.wire import Reply, Request

ASKS_NOBODY = frozenset({"build-log"})
"""Probes of what the investigation reads by itself; asked alone they make no call."""

USER = "train-pull"
RESPONDER = "55555555-0000-4000-8000-000000000001"
ABSENT, FAR = "prosreg.azurecr.io/team/train:7", "farreg.azurecr.io/a:1"
HIDDEN = "prosereg.azurecr.io/team/train:9"
IMAGES = {"registry-name": ABSENT, "registry-tenant": FAR, "quarantine": HIDDEN}
"""The image of the failed run, where the usual one gives a probe nothing to ask."""

WRONG: dict[str, Reply] = {
    "401": arm_error(401, "InvalidAuthenticationToken", "The token is not valid."),
    "403": arm_error(403, "AuthorizationFailed", "The client may not."),
    "404": arm_error(404, "ResourceNotFound", "It was not found."),
    "429": arm_error(429, "TooManyRequests", "Slow down."),
    "429 for a long time": arm_error(429, "TooManyRequests").retry_after(3600),
    "500": arm_error(500, "InternalServerError", "Sorry."),
    "503": arm_error(503, "ServiceUnavailable", "Sorry."),
    "garbage": GARBAGE,
    "a list": json_answer(200, ["nonsense"]),
    "null": json_answer(200, None),
    "an empty object": json_answer(200, {}),
    "a cut": CUT,
}

_SAYS = ("404", "429", "429 for a long time", "500", "503")
ANSWERS = {
    ("build-compute", "404"): "the image build compute is gone",
    ("compute", "404"): "the compute is gone",
    ("private-endpoints", "404"): "the endpoints are gone, their connections are not",
    ("pull-identities", "404"): "the identity is gone",
    ("registry-token", "404"): "the user name is no token's",
    **{("registry-load", said): "how the registry answers now" for said in _SAYS},
    ("registry", "404"): "the registry is gone",
}
"""Where a failure of every call is itself what was asked for, and what it says."""


def world() -> dict[str, Any]:
    """Return changes to the story that give every probe something to find."""
    rest = {
        "registries": [
            {
                **ENCRYPTED,
                "policies": {"quarantinePolicy": "enabled"},
                "tokens": [{"name": USER, "expires": ["2027-01-01T00:00:00Z"], "scope_map": "train"}],
                "scope_maps": [{"name": "train", "actions": ["repositories/team/*/content/read"]}],
                "cache_rules": [
                    {"name": "hub", "source": "docker.io/x/*", "target": "team/*", "credential_set": "hub"}
                ],
                "credential_sets": [{"name": "hub"}],
            }
        ],
        "key_vaults": VAULTS,
        "workspaces": [{"name": "proseware-ml", "image_build_compute": "builder"}],
        "computes": [{"name": "builder"}],
        "deny_assignments": [{"name": "for-all", "excludePrincipals": [{"id": RESPONDER, "type": "ServicePrincipal"}]}],
        "role_assignments": [{"scope": REGISTRY, "role": "AcrPull", "principal_id": CLUSTER_ID}],
    }
    found: dict[str, Any] = merged(merged(whole(), network()), {"world": rest})
    return found


class Stage:
    """A sandbox of that world and ways to read one probe alone in it."""

    def __init__(self, azure: BentSandbox, pool: ThreadPoolExecutor) -> None:
        self.azure, self._pool = azure, pool

    def healthy(self, name: str) -> dict[str, Fact]:
        """Return the probe's fact and those of all that it needs."""
        return self._read(name, {})

    def alone(self, name: str, needs: dict[str, Fact]) -> Fact:
        """Read the probe with everything known that it needs, through clients of its own."""
        self.azure.reset()
        return self._read(name, {need: fact for need, fact in needs.items() if need != name})[name]

    def _read(self, name: str, knowing: dict[str, Fact]) -> dict[str, Fact]:
        with ManagedIdentityCredential() as credential:
            reach = Reach(cloud=CLOUD, credential=credential)
            reader = FactReader(self._pool, reach, lambda: 60.0)
            for known, fact in knowing.items():
                reader.know(known, fact)
            reader.start([name], about(name))
            facts = reader.facts()
            close(reach)
        return facts


def about(name: str) -> Subject:
    """Return the failed run that makes a probe ask."""
    told: dict[str, Any] = {
        "symptoms": (symptom(captured={"identity": CLUSTER_ID}),),
        "details": details(registry_username=USER),
    }
    return subject(IMAGES[name], **told) if name in IMAGES else subject(**told)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give threads for the probes."""
    with ThreadPoolExecutor(max_workers=8) as made:
        yield made


@pytest.fixture
def stage(begin: Callable[..., BentSandbox], pool: ThreadPoolExecutor) -> Stage:
    """Give the world in which every probe finds something."""
    return Stage(begin(**world()), pool)


@pytest.fixture(scope="module")
def hanging() -> Iterator[Callable[[Request], Reply]]:
    """Give a reply that does not come before the client has given up."""
    released = Event()

    def hang(_request: Request) -> Reply:
        released.wait(20)
        return CUT

    yield hang
    released.set()


def calls_of(stage: Stage) -> list[tuple[str, str, str]]:
    """Return method, host and path of what was asked, the credential's own calls apart."""
    asked = {(call.method, call.host, call.path.partition("?")[0]) for call in stage.azure.calls}
    return sorted(one for one in asked if one[1] != "127.0.0.1")


def in_words(fact: Fact, probe: Probe, sentinel: str) -> None:
    """Assert that a fact is one that was read, or unknown with a reason on one line."""
    if isinstance(fact, Unknown):
        assert fact.reason
        assert "\n" not in fact.reason
        assert sentinel not in fact.reason
        assert fact.source
    else:
        assert isinstance(fact.value, probe.value_type)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(all_probes()))
def test_every_probe_keeps_to_its_contract(
    stage: Stage, name: str, hanging: Callable[[Request], Reply], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What works is known and declared; whatever goes wrong is unknown in words, and a refusal names the right."""
    probe, needs = all_probes()[name], stage.healthy(name)
    assert isinstance(stage.alone(name, needs), Known), needs[name]
    calls = calls_of(stage)
    assert bool(calls) == (name not in ASKS_NOBODY)
    assert stage.azure.violations == []
    declared = {action.lower() for action in probe.actions}
    for method, host, path in calls:
        action = needed_action(method, path)[1] if host == MANAGER else PULL
        assert path.lower() == "/subscriptions" or action.lower() in declared, f"{name} does not declare {action}"
    for wrong, reply in WRONG.items():
        for _, host, path in calls:
            stage.azure.bend(host, f"^{re.escape(path)}$", reply)
        fact = stage.alone(name, needs)
        in_words(fact, probe, stage.azure.sentinel)
        assert isinstance(fact, Unknown) == (bool(calls) and (name, wrong) not in ANSWERS), (wrong, fact)
        if isinstance(fact, Unknown) and wrong[0].isdigit():
            assert wrong[:3] in fact.reason
        if isinstance(fact, Unknown) and wrong in {"401", "403"}:
            assert fact.missing_action in probe.actions, wrong
        for _, host, path in calls if len(calls) > 1 else ():
            stage.azure.bends.clear()
            stage.azure.bend(host, f"^{re.escape(path)}$", reply)
            in_words(stage.alone(name, needs), probe, stage.azure.sentinel)
        stage.azure.bends.clear()
    monkeypatch.setitem(arm.LIMITS, "read_timeout", 0.05)
    monkeypatch.setattr(registry_data, "_TIMES", (4, 0.05))
    for _, host, path in calls:
        stage.azure.bend(host, f"^{re.escape(path)}$", hanging)
    assert isinstance(stage.alone(name, needs), Unknown) == bool(calls), "a timeout"
