"""``preflight``: can this compute pull this image, and if not, why? Before anything has failed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure_wire import CLUSTER_ID, MANAGER, REGISTRY, SERVER, WORKSPACE, Begin, BentSandbox, arm_error
from diagnostic_samples import (
    IMAGE,
    PRINCIPAL,
    compute,
    evidence,
    grant,
    grants,
    healthy,
    lookup,
    manifest,
    no_registry,
    registry,
    visible,
)
from network_samples import OPEN, endpoint, world

from diagnostics.__main__ import main
from diagnostics.credential_facts import DenyAssignments
from diagnostics.facts import ManifestOutcome, NameAvailability
from diagnostics.judging import all_causes
from diagnostics.model import Known, Unknown
from diagnostics.network_facts import NetworkRule, NetworkRules, PrivateEndpoint
from diagnostics.preflight import _CLOSED_ONLY, _LIVE, Answer, Preflight, judge_preflight

ROLE = {"scope": REGISTRY, "role": "AcrPull", "principal_id": CLUSTER_ID, "createdOn": "2026-01-01T00:00:00Z"}
MAY_PULL: dict[str, Any] = {"role_assignments": [ROLE]}
NO_DENIAL = DenyAssignments(principal_id=PRINCIPAL, scope=REGISTRY)
LOST = Unknown(reason="HTTP 403, AuthorizationFailed")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Give back the SDKs' loggers as they were: the command line silences them for its whole process."""
    before = {name: logging.getLogger(name).level for name in ("azure", "msal", "urllib3")}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Give a function that runs ``preflight`` in this process; it may show no traceback."""

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(["preflight", *argv])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        return int(code), shown.out, shown.err

    return run


def about(image: str = IMAGE, *more: str, name: str = "cluster") -> list[str]:
    """Return the arguments for one compute."""
    return ["--workspace", WORKSPACE, "--compute", name, "--image", image, *more]


# --- against the sandbox ------------------------------------------------------------------------------------


def test_a_compute_that_may_pull_what_is_there_can(begin: Begin, command: Command) -> None:
    """Yes is exit code 0, and says by what right."""
    azure = begin(world=MAY_PULL)
    code, out, err = command(*about())
    assert (code, err) == (0, "")
    assert out.startswith("cluster: can pull prosereg.azurecr.io/team/train:7")
    assert "AcrPull" in out
    assert azure.refused == []
    assert azure.violations == []


@pytest.mark.parametrize(
    ("world", "image", "cause"),
    [
        ({}, IMAGE, "pull-role-missing"),
        (MAY_PULL, f"{SERVER}/team/train:99", "tag-absent"),
        (MAY_PULL, f"{SERVER}/team/nothing:1", "repository-absent"),
        (MAY_PULL, f"{SERVER}/Team/train:7", "reference-malformed"),
        (MAY_PULL, "prosregg.azurecr.io/team/train:7", "registry-absent"),
        ({"computes": [{"name": "cluster", "identity": {"type": "None"}}]}, IMAGE, "pull-identity-absent"),
        (
            {**MAY_PULL, "registries": [{"name": "prosereg", "sku": "Premium", "publicNetworkAccess": "Disabled"}]},
            IMAGE,
            "public-access-disabled",
        ),
        (
            {**MAY_PULL, "registries": [{"name": "prosereg", "roleAssignmentMode": "AbacRepositoryPermissions"}]},
            IMAGE,
            "pull-role-ignored-in-abac-mode",
        ),
    ],
)
def test_what_stops_a_pull_is_named_before_it_fails(
    begin: Begin, command: Command, world: dict[str, Any], image: str, cause: str
) -> None:
    """No is exit code 1, with the cause that a run would have failed for, and the way out."""
    begin(world=world)
    code, out, _ = command(*about(image, "--json"))
    told = json.loads(out)
    assert (code, told["answer"]) == (1, "no")
    (found,) = told["computes"]
    assert cause in [it["id"] for it in found["causes"]]
    assert all(it["reasons"] and it["remedies"] for it in found["causes"])


def test_two_faults_are_named_in_the_order_of_a_pull(begin: Begin, command: Command) -> None:
    """Fixing the first brings no second surprise."""
    begin()
    _, out, _ = command(*about(f"{SERVER}/team/train:99", "--json"))
    assert [it["id"] for it in json.loads(out)["computes"][0]["causes"]] == ["pull-role-missing", "tag-absent"]


@pytest.mark.parametrize("path", ["/registries", "/computes/", "/roleAssignments", "/workspaces/proseware-ml$"])
def test_where_it_may_not_look_it_cannot_tell(begin: Begin, command: Command, path: str) -> None:
    """Exit code 2, and what was not seen with the right that is missing."""
    azure = begin(world=MAY_PULL)
    azure.bend(MANAGER, path, arm_error(403, "AuthorizationFailed", "The client may not."))
    code, out, _ = command(*about())
    assert code == 2
    assert "cannot tell" in out
    assert "not known: " in out
    assert "403" in out


def test_a_refused_data_plane_is_no_missing_image(begin: Begin, command: Command) -> None:
    """What the registry does not let us see may well be there."""
    azure = begin(world=MAY_PULL)
    azure.bend(SERVER, "/oauth2/", arm_error(401, "UNAUTHORIZED"))
    code, out, _ = command(*about())
    assert code == 2
    assert "the image in the registry" in out


def test_a_compute_that_is_not_there_cannot_be_told_about(begin: Begin, command: Command) -> None:
    """It is said to be missing; nothing about the image follows."""
    begin(world=MAY_PULL)
    code, out, _ = command(*about(name="clutser"))
    assert code == 2
    assert "no compute called clutser" in out


def test_all_computes_at_once_with_progress(begin: Begin, command: Command) -> None:
    """One *no* makes the whole a *no*; progress stands on standard error, so that the output stays JSON."""
    computes = [{"name": "cluster"}, {"name": "second", "identity": {"type": "None"}}]
    begin(world={**MAY_PULL, "computes": computes})
    code, out, err = command("--workspace", WORKSPACE, "--all", "--image", IMAGE, "--json")
    told = json.loads(out)
    assert (code, told["answer"]) == (1, "no")
    assert [(it["compute"], it["answer"]) for it in told["computes"]] == [("cluster", "yes"), ("second", "no")]
    assert "1/2 cluster: yes" in err
    assert "2/2 second: no" in err


def test_a_list_of_computes_that_may_not_be_read_cannot_be_told_about(begin: Begin, command: Command) -> None:
    """Nor an empty one: no gate may open on nothing."""
    azure = begin(world=MAY_PULL)
    azure.bend(MANAGER, "/computes$", arm_error(403, "AuthorizationFailed"))
    code, out, err = command("--workspace", WORKSPACE, "--all", "--image", IMAGE)
    assert (code, out) == (2, "")
    assert err.startswith("pullmedic: the workspace's computes could not be listed")


def test_a_workspace_without_computes_is_no_yes(begin: Begin, command: Command) -> None:
    """There is nothing that could pull."""
    begin(world={**MAY_PULL, "computes": [{"name": "cluster", "kind": "serverless"}]})
    code, _, err = command("--workspace", WORKSPACE, "--all", "--image", IMAGE)
    assert code == 2
    assert "no compute" in err


def test_the_json_has_one_shape(begin: Begin, command: Command) -> None:
    """Whatever the answer, a script finds the same members."""
    begin(world=MAY_PULL)
    _, out, _ = command(*about(IMAGE, "--json"))
    told = json.loads(out)
    assert set(told) == {"answer", "workspace", "image", "computes"}
    assert set(told["computes"][0]) == {"compute", "answer", "causes", "unknown", "unchecked", "chain", "checks"}
    assert told["workspace"] == WORKSPACE


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--workspace", WORKSPACE, "--image", IMAGE],
        ["--workspace", WORKSPACE, "--image", IMAGE, "--compute", "a", "--all"],
        ["--workspace", "not-an-id", "--image", IMAGE, "--compute", "a"],
        [*about(), "--bogus"],
        [*about(), "--deadline", "0"],
        [*about(), "--cloud", "moon"],
    ],
)
def test_wrong_arguments_are_no_answer(command: Command, argv: list[str]) -> None:
    """They end with 64, so that no gate takes a slip of the pen for *cannot tell*."""
    code, out, err = command(*argv)
    assert (code, out) == (64, "")
    assert err


def test_without_a_credential_it_cannot_tell(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was asked."""
    from diagnostics.azure.errors import NoCredential  # noqa: PLC0415
    from diagnostics.commands import preflight  # noqa: PLC0415

    def nobody(_cloud: object) -> None:
        raise NoCredential("nobody is logged in")

    monkeypatch.setattr(preflight, "open_credential", nobody)
    assert command(*about())[0] == 2


def test_other_people_s_names_reach_no_terminal(begin: Begin, command: Command) -> None:
    """A reference with an escape in it is shown without."""
    begin(world=MAY_PULL)
    _, out, err = command(*about("prosereg.azurecr.io/\x1b[31mteam:7"))
    assert "\x1b" not in out + err


# --- by the facts alone -------------------------------------------------------------------------------------


def judged(image: str = IMAGE, **facts: Any) -> Preflight:
    """Judge a world that has not failed."""
    from diagnostics.network_facts import PrivateEndpoints  # noqa: PLC0415

    usual = {"private_endpoints": PrivateEndpoints(endpoints=()), "deny_assignments": NO_DENIAL}
    world = healthy(**usual | facts)
    told = evidence(facts=world, image=image)
    assert told.details is not None
    return judge_preflight(replace(told, details=replace(told.details, image=image)))


def causes(found: Preflight) -> list[str]:
    """Return the ids of what stops the pull."""
    return [finding.cause for finding in found.findings]


def test_a_healthy_world_can() -> None:
    """Every step is known to be open; what seldom matters and nobody looked at is said, and keeps nothing back."""
    found = judged()
    assert (found.answer, found.findings, found.unknown) == (Answer.YES, (), ())
    assert any("resource health" in words for words in found.unchecked)


@pytest.mark.parametrize("lost", ["workspace", "compute", "registry", "role-grants", "role-visibility", "manifest"])
def test_no_yes_without_every_deciding_fact(lost: str) -> None:
    """The loss of any makes it *cannot tell*, never *yes* and never *no*."""
    missing: dict[str, Any] = {lost.replace("-", "_"): LOST}
    found = judged(**missing)
    assert (found.answer, found.findings) == (Answer.CANNOT_TELL, ())
    assert any(LOST.reason in words for words in found.unknown)


def test_an_empty_list_of_roles_is_a_fact_only_where_it_may_be_read() -> None:
    """Otherwise it looks the same and says nothing."""
    assert judged(role_grants=grants()).answer is Answer.NO
    assert judged(role_grants=grants(), role_visibility=visible(readable=False)).answer is Answer.CANNOT_TELL


def test_a_condition_that_was_not_understood_is_no_yes() -> None:
    """What cannot be read is undecided."""
    undecided = grants(grant(condition="@Request[x] FooBar 'y'"))
    assert judged(role_grants=undecided).answer is not Answer.YES


def test_a_registry_for_listed_addresses_cannot_be_told_about() -> None:
    """The compute's own address is not to be seen beforehand; the rules are said."""
    found = judged(registry=lookup(registry(default_action="Deny", ip_rules=("198.51.100.0/24",))))
    assert found.answer is Answer.CANNOT_TELL
    assert any("198.51.100.0/24" in words for words in found.unknown)


def test_a_closed_way_out_is_no_answer_where_a_private_one_may_be() -> None:
    """Networks with a private endpoint often let nothing out, and the endpoint may stand where we cannot look."""
    closed = NetworkRules(group="/g/nsg", rules=(NetworkRule(name="no", priority=200, allow=False),))

    def told(*endpoints: PrivateEndpoint) -> Preflight:
        facts = world(*endpoints, settings=OPEN, network_rules=closed, deny_assignments=NO_DENIAL)
        return judge_preflight(evidence(facts=facts))

    assert causes(told()) == ["egress-blocked"]
    unseen = told(endpoint(vnet=None))
    assert (unseen.answer, causes(unseen)) == (Answer.CANNOT_TELL, [])
    assert "in which network is not to be seen" in unseen.unknown[0]


def test_a_quarantined_registry_makes_an_absent_tag_uncertain() -> None:
    """A quarantined tag reads as not found to everybody."""
    hidden = lookup(registry(quarantine=True))
    found = judged(registry=hidden, manifest=manifest(ManifestOutcome.TAG_UNKNOWN))
    assert found.answer is not Answer.YES
    assert "tag-absent" not in causes(found)


def test_a_kubernetes_compute_does_not_show_who_pulls() -> None:
    """Neither its network nor its identity is Azure ML's."""
    found = judged(compute=compute(kind="Kubernetes", identities=()))
    assert found.answer is Answer.CANNOT_TELL
    assert any("who pulls" in words for words in found.unknown)


def test_a_registry_that_nobody_lists_may_be_another_tenant_s() -> None:
    """Absent is said only where its name is free."""
    taken, free = (NameAvailability(name="prosereg", available=it) for it in (False, True))
    assert judged(registry=no_registry(), registry_name=taken, manifest=LOST).answer is Answer.CANNOT_TELL
    assert causes(judged(registry=no_registry(), registry_name=free, manifest=LOST)) == ["registry-absent"]


def test_the_causes_that_are_judged_are_published_ones() -> None:
    """A slip in a name would leave one out in silence."""
    assert {cause.id for cause in all_causes()} >= _LIVE | _CLOSED_ONLY


def test_nothing_is_proven_of_the_healthy_world_whatever_is_lost() -> None:
    """No cause takes a missing text, or a missing fact, for a fault."""
    facts = evidence(facts=healthy()).facts
    for name in facts:
        rest = {key: fact.value for key, fact in facts.items() if key != name and isinstance(fact, Known)}
        assert judge_preflight(evidence(facts=rest)).findings == ()


def test_a_sandbox_story_is_left_untouched(azure: BentSandbox, command: Command) -> None:
    """Asking changes nothing: every call reads."""
    command(*about())
    writes = [call for call in azure.calls if call.method in {"PUT", "PATCH", "DELETE"}]
    assert writes == []
