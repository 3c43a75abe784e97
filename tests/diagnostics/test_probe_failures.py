"""Every probe against an Azure that fails: whatever goes wrong becomes words, never an error and never an invention."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from azure_wire import (
    CUT,
    GARBAGE,
    MANAGER,
    REGISTRY,
    SERVER,
    Begin,
    BentSandbox,
    Read,
    arm_error,
    json_answer,
)
from diagnostic_samples import compute as compute_value
from diagnostic_samples import lookup, run, subject, value, workspace

from diagnostics.facts import (
    Compute,
    RegistryLookup,
    RoleVisibility,
)
from diagnostics.model import Fact, Known, Unknown, Vantage
from diagnostics.probing import Subject, all_probes
from sandbox.wire import Reply

PLACES: dict[str, tuple[str, str]] = {
    "workspace": (MANAGER, "/workspaces/proseware-ml$"),
    "compute": (MANAGER, "/computes/"),
    "registry": (MANAGER, "/registries/prosereg$"),
    "registry-name": (MANAGER, "/checkNameAvailability"),
    "role-grants": (MANAGER, "/roleAssignments"),
    "role-visibility": (MANAGER, "/Microsoft.Authorization/permissions"),
    "manifest": (SERVER, "/manifests/"),
    "tags": (SERVER, "/_tags"),
    "replicas": (MANAGER, "/replications"),
}
"""Where each probe of the core looks; a probe that comes new brings its own test."""

NAMES = sorted(PLACES)

WRONG: dict[str, tuple[Reply, str]] = {
    "401": (arm_error(401, "InvalidAuthenticationToken", "The token is not valid."), "401"),
    "403": (arm_error(403, "AuthorizationFailed", "The client may not."), "403"),
    "429": (arm_error(429, "TooManyRequests", "Slow down."), "429"),
    "429 for a long time": (arm_error(429, "TooManyRequests").retry_after(3600), "429"),
    "500": (arm_error(500, "InternalServerError", "Sorry."), "500"),
    "503": (arm_error(503, "ServiceUnavailable", "Sorry."), "503"),
    "garbage": (GARBAGE, ""),
    "a list": (json_answer(200, ["nonsense"]), ""),
    "null": (json_answer(200, None), ""),
    "a cut": (CUT, "no answer|did not answer"),
}


def about_for(name: str) -> Subject:
    """Return a subject for which the probe really looks: the name check is needed for absent registries only."""
    return subject("prosreg.azurecr.io/team/train:7") if name == "registry-name" else subject()


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_when_nothing_works_every_probe_there_is_gives_words(azure: BentSandbox, read: Read, wrong: str) -> None:
    """Against an Azure of which nothing works no probe raises, and each unknown fact says why on one line."""
    reply, _ = WRONG[wrong]
    for host in (MANAGER, SERVER):
        azure.bend(host, "", reply)
    facts = read(*all_probes())
    assert set(facts) == set(all_probes())
    for name in NAMES:
        assert isinstance(facts[name], Unknown)
    for fact in facts.values():
        if isinstance(fact, Unknown):
            assert fact.reason
            assert "\n" not in fact.reason
            assert azure.sentinel not in fact.reason


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_whatever_goes_wrong_becomes_an_unknown_with_its_reason(
    azure: BentSandbox, read: Read, name: str, wrong: str
) -> None:
    """No probe raises and none invents: an answer that says nothing of the thing makes the fact unknown, in words."""
    host, path = PLACES[name]
    reply, said = WRONG[wrong]
    azure.bend(host, path, reply)
    fact = read(name, about=about_for(name))[name]
    assert isinstance(fact, Unknown), fact
    assert re.search(said, fact.reason)
    assert fact.source
    assert "\n" not in fact.reason
    assert azure.sentinel not in fact.reason
    if wrong in {"401", "403"}:
        assert fact.missing_action in all_probes()[name].actions


@pytest.mark.parametrize("name", NAMES)
def test_a_404_is_an_answer_or_an_unknown(azure: BentSandbox, read: Read, name: str) -> None:
    """Where not found says something of the thing it is a fact, elsewhere it is unknown; never an error."""
    host, path = PLACES[name]
    azure.bend(host, path, arm_error(404, "ResourceNotFound", "It was not found."))
    fact = read(name, about=about_for(name))[name]
    if name == "compute":
        assert not value(fact, Compute).found
    elif name == "registry":
        assert value(fact, RegistryLookup).attached_missing == REGISTRY
    else:
        assert isinstance(fact, Unknown)
        assert "404" in fact.reason


def test_azure_s_own_words_name_the_missing_action(azure: BentSandbox, read: Read) -> None:
    """The action that Azure names goes before the probe's own list."""
    message = (
        "The client does not have authorization to perform action 'Microsoft.Example/things/read' over scope '/x'."
    )
    azure.bend(*PLACES["replicas"], arm_error(403, "AuthorizationFailed", message))
    fact = read("replicas")["replicas"]
    assert isinstance(fact, Unknown)
    assert fact.missing_action == "Microsoft.Example/things/read"
    assert fact.reason.count("Microsoft.Example/things/read") == 1


def test_the_registry_s_firewall_is_no_missing_right_of_ours(azure: BentSandbox, read: Read) -> None:
    """A refusal of our address is not answered with a role."""
    body = {"errors": [{"code": "DENIED", "message": "client with IP '198.51.100.7' is not allowed access."}]}
    azure.bend(SERVER, "/oauth2/exchange", json_answer(403, body))
    for fact in read("manifest", "tags").values():
        if not isinstance(fact, Known):
            assert "network rules" in fact.reason
            assert fact.missing_action is None


@pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token"])
@pytest.mark.parametrize("reply", [GARBAGE, json_answer(200, {}), json_answer(200, {"access_token": 5})])
def test_a_success_without_a_token_is_not_taken_for_the_image(
    azure: BentSandbox, read: Read, path: str, reply: Reply
) -> None:
    """A page of some proxy in place of a token does not make the image be there."""
    azure.bend(SERVER, path, reply)
    assert isinstance(read("manifest")["manifest"], Unknown)


def test_a_refused_exchange_is_the_reason(azure: BentSandbox, read: Read) -> None:
    """Where not even a token is given, the registry's words are told."""
    body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
    azure.bend(SERVER, "/oauth2/exchange", json_answer(401, body))
    fact = read("manifest")["manifest"]
    assert isinstance(fact, Unknown)
    assert "authentication required" in fact.reason


def test_what_may_not_be_read_in_a_world_is_unknown(begin: Begin, read: Read) -> None:
    """The world's own list of what the responder may not read leads to unknown facts, and to no other loss."""
    begin(
        world={"responder": {"may_not_read": [{"call": {"host": MANAGER, "path": ".*/roleAssignments.*"}}]}},
        faults=[{"call": {"host": SERVER}, "cut": True}],
    )
    facts = read("role-grants", "role-visibility", "manifest", "compute")
    assert isinstance(facts["role-grants"], Unknown)
    assert value(facts["role-visibility"], RoleVisibility).readable is False
    assert isinstance(facts["manifest"], Unknown)
    assert isinstance(facts["compute"], Known)


@pytest.mark.parametrize("name", ["replicas", "registry-name", "role-visibility", "role-grants", "manifest", "tags"])
def test_what_needs_a_registry_says_so_where_there_is_none(azure: BentSandbox, read: Read, name: str) -> None:
    """A host of no registry of ours is named in the reason, and is never contacted."""
    fact = read(name, about=subject("registry.example.com/team/train:7"))[name]
    assert isinstance(fact, Unknown)
    assert fact.reason
    assert "registry.example.com" not in azure.hosts


@pytest.mark.parametrize("name", ["manifest", "tags"])
def test_without_a_reference_nobody_is_asked(azure: BentSandbox, read: Read, name: str) -> None:
    """A reference that does not parse leads to no request at all."""
    about = replace(subject(), image=None, image_text="Bad//Ref")
    assert isinstance(read(name, about=about, knowing=attached())[name], Unknown)
    assert SERVER not in azure.hosts


def attached() -> dict[str, Fact]:
    """Return the registry as known."""
    fact: Fact = Known(value=lookup(), source="", vantage=Vantage.CONTROL_PLANE, time=run().failed_at)
    return {"registry": fact}


@pytest.mark.parametrize("compute", [compute_value(identities=()), compute_value(found=False, identities=())])
def test_without_a_principal_there_are_no_roles_to_read(azure: BentSandbox, read: Read, compute: Compute) -> None:
    """Nobody's roles are not an empty list of roles."""
    knowing = {"compute": Known(value=compute, source="", vantage=Vantage.CONTROL_PLANE, time=run().failed_at)}
    fact = read("role-grants", knowing=knowing)["role-grants"]
    assert isinstance(fact, Unknown)
    assert "no principal" in fact.reason


@pytest.mark.parametrize(
    "properties",
    [{}, {"discoveryUrl": None}, {"discoveryUrl": ["x"]}, None, "text"],
)
def test_a_workspace_without_a_discovery_url_is_nonsense(azure: BentSandbox, read: Read, properties: Any) -> None:
    """Without it run history cannot be found, so the workspace is as good as unread."""
    azure.bend(*PLACES["workspace"], json_answer(200, {"id": "x", "properties": properties}))
    fact = read("workspace")["workspace"]
    assert isinstance(fact, Unknown)
    assert "discovery URL" in fact.reason


def test_a_workspace_without_a_registry_yet_is_known(azure: BentSandbox, read: Read) -> None:
    """Its registry comes with its first image; the run's own is looked for in the lists."""
    known = {
        "workspace": Known(
            value=workspace(container_registry=None),
            source="",
            vantage=Vantage.CONTROL_PLANE,
            time=run().failed_at,
        )
    }
    found = value(read("registry", knowing=known)["registry"], RegistryLookup)
    assert found.found is not None
    assert not found.attached
