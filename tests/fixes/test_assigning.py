"""The fixer's hands on the wire: each answer of Azure, and that no request reaches further than it may."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.identity import ManagedIdentityCredential
from fix_story import CLIENT, FIXER, REGISTRY, WORKSPACE, FixStory, story

from diagnostics.azure import arm
from diagnostics.azure.clouds import CLOUDS
from diagnostics.azure.errors import ReadFailed
from diagnostics.pull_roles import ACR_PULL, REPOSITORY_READER
from responders.fixes.assigning import (
    Assigner,
    ChangedSince,
    LimitReached,
    NotNow,
    OtherTerms,
    PrincipalUnknown,
    Refused,
    WriteRefused,
)
from responders.fixes.planning import condition_on
from responders.fixes.right import ADMINISTRATOR, fixer_condition, remove_right
from responders.fixes.values import Plan, Repositories
from sandbox.access import Assignment
from sandbox.wire import CUT, Answer, Reply, json_answer

IDENTITY = "eba55d4b-0df7-49b9-8eb9-85d5d3b57148"
OTHER = "12345678-0000-4000-8000-000000000001"
PLAN = Plan(
    incident_id="inc-1",
    cause="pull-role-missing",
    workspace_id=WORKSPACE,
    run_id="brisk_heron_7k2m",
    registry_id=REGISTRY,
    registry_name="halvorsenimages",
    principal_id=IDENTITY,
    principal_words="the identity of gpu-train",
    role_name=ACR_PULL.name,
    role_id=ACR_PULL.id,
)
NARROW = replace(
    PLAN,
    role_name=REPOSITORY_READER.name,
    role_id=REPOSITORY_READER.id,
    condition=condition_on("turbines/train", Repositories.REPOSITORY),
    repository="turbines/train",
)
ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments/"


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a function that starts a world and returns it with an assigner of the fixer's; nothing waits."""
    monkeypatch.setitem(arm.LIMITS, "retry_backoff_factor", 0)
    with ExitStack() as stack:

        def start(**options: Any) -> tuple[FixStory, Assigner]:
            world = stack.enter_context(story(tmp_path, **options))
            credential = ManagedIdentityCredential(client_id=CLIENT)
            return world, Assigner(cloud=CLOUDS["AzureCloud"], credential=credential)

        yield start


def bend(it: FixStory, befalls: Callable[[Any], Reply | None], *, method: str = "PUT") -> None:
    """Let ``befalls`` answer each write instead of Azure; ``None`` leaves it to Azure."""
    real = it.sandbox._reply

    def bent(request: Any) -> Reply:
        writes = request.method == method and ASSIGNMENTS in request.path
        return (befalls(request) if writes else None) or real(request)

    it.sandbox._reply = bent  # type: ignore[method-assign]


def answer_writes(it: FixStory, reply: Reply, *, method: str = "PUT") -> None:
    """Let each write be answered with ``reply``, and not be made."""
    bend(it, lambda _request: reply, method=method)


def holding(it: FixStory, condition: str, *, name: str = "") -> Assignment:
    """Let the identity hold the repositories' role at the registry on other terms."""
    role = it.sandbox.access.role_named(REPOSITORY_READER.name)
    held = Assignment(REGISTRY, role, IDENTITY, condition=condition or None, condition_version="2.0", name=name)
    it.sandbox.access.assignments.append(held)
    return held


def raw(it: FixStory, method: str, path: str, body: Any = None) -> requests.Response:
    """Ask Azure with the fixer's own token for something that the product never would."""
    token = ManagedIdentityCredential(client_id=CLIENT).get_token("https://management.azure.com/.default").token
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": it.sandbox.url}
        session.verify = it.sandbox.environment["REQUESTS_CA_BUNDLE"]
        return session.request(
            method,
            f"https://management.azure.com{path}",
            params={"api-version": "2022-04-01"},
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )


def body(**changes: Any) -> dict[str, Any]:
    """Return the plan's own body, with changes."""
    return {"properties": {**PLAN.body["properties"], **changes}}


def role(guid: str) -> str:
    """Return a role's definition id."""
    return PLAN.role_definition_id.replace(ACR_PULL.id, guid)


# --- writing ----------------------------------------------------------------------------------------------


def test_it_is_made_found_and_removed(started: Any) -> None:
    """Under its deterministic name, with Azure's own id of the request; a second time it is there."""
    it, hands = started()
    assert hands.find(PLAN) is None
    made = hands.assign(PLAN)
    assert (made.assignment_id, made.created) == (PLAN.assignment_id, True)
    assert made.correlation_id
    assert hands.assign(PLAN).created
    assert hands.find(PLAN) is not None
    assert len(it.assignments) == 1
    removed = hands.remove(PLAN, made.assignment_id)
    assert removed.found
    assert removed.correlation_id
    assert not hands.remove(PLAN, made.assignment_id).found


def test_what_somebody_else_made_counts_as_there_and_is_not_ours(started: Any) -> None:
    """The same role on the same terms under another name: nothing is written, and nothing will be removed."""
    it, hands = started()
    it.grant(IDENTITY, "AcrPull")
    there = hands.assign(PLAN)
    assert not there.created
    assert there.assignment_id != PLAN.assignment_id
    assert it.writes == []
    with pytest.raises(ChangedSince):
        hands.remove(PLAN, there.assignment_id)
    assert it.writes == []


def test_two_writers_at_once_make_one(started: Any) -> None:
    """Whoever comes second is told that it exists, by its code."""
    it, hands = started()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: hands.assign(PLAN), range(8)))
    assert len(it.assignments) == 1
    assert {one.assignment_id for one in made} == {PLAN.assignment_id}
    assert all(one.created for one in made)


@pytest.mark.parametrize("answers_lost", [1, 3])
def test_an_answer_that_was_lost_is_found_again(started: Any, answers_lost: int) -> None:
    """The write was made and its answer never came: whoever tries again finds it and knows that it is ours."""
    it, hands = started()
    real = it.sandbox._reply
    lost: list[Any] = []

    def lose(request: Any) -> Reply | None:
        if len(lost) == answers_lost:
            return None
        lost.append(real(request))
        return CUT

    bend(it, lose)
    if answers_lost > arm.LIMITS["retry_total"]:
        with pytest.raises(NotNow):
            hands.assign(PLAN)
    assert hands.assign(PLAN).created
    assert [answer.status for answer in lost] == [201, 409, 409][:answers_lost]
    assert it.assignments == [PLAN.assignment_id]


def test_a_request_that_never_arrives_can_be_made_later(started: Any) -> None:
    """Nothing was written, and the next try writes it."""
    it, hands = started()
    silent = [True]
    bend(it, lambda _request: CUT if silent[0] else None)
    with pytest.raises(NotNow):
        hands.assign(PLAN)
    assert it.writes == []
    silent[0] = False
    assert hands.assign(PLAN).created
    assert len(it.assignments) == 1


def test_the_activity_logs_id_is_handed_on(started: Any) -> None:
    """Of what was written, of what was removed, and of what was refused."""
    it, hands = started(right={"condition": fixer_condition([IDENTITY])})
    made, removed = hands.assign(PLAN), hands.remove(PLAN, PLAN.assignment_id)
    assert [made.correlation_id, removed.correlation_id] == [write.correlation_id for write in it.writes]
    with pytest.raises(Refused) as refused:
        hands.assign(replace(PLAN, principal_id=OTHER))
    assert refused.value.correlation_id not in {"", made.correlation_id, removed.correlation_id}


def test_an_identity_that_the_directory_knows_later(started: Any) -> None:
    """The first answer means to try again, and a later try makes it."""
    it, hands = started(world={"unknown_principals": [IDENTITY]})
    with pytest.raises(PrincipalUnknown):
        hands.assign(PLAN)
    it.scenario.world["unknown_principals"].clear()
    assert hands.assign(PLAN).created


def test_a_full_subscription_is_for_good(started: Any) -> None:
    """Azure's own limit, by its code."""
    it, hands = started(world={"role_assignment_limit": 1})
    with pytest.raises(LimitReached, match="RoleAssignmentLimitExceeded"):
        hands.assign(PLAN)
    assert it.writes == []


# --- other terms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", NARROW.assignment_name])
def test_what_is_there_on_other_terms_is_not_written_over(started: Any, name: str) -> None:
    """Under our own name Azure would update what somebody changed; under another it would refuse."""
    it, hands = started()
    held = holding(it, condition_on("somebody/elses", Repositories.REPOSITORY), name=name)
    with pytest.raises(OtherTerms, match=held.guid):
        hands.assign(NARROW)
    assert it.sandbox.access.assignments.count(held) == 1
    assert [call for call in it.sandbox.calls if call.method == "PUT" and ASSIGNMENTS in call.path] == []


@pytest.mark.parametrize("condition", ["", condition_on("turbines/train", Repositories.PREFIX)])
@pytest.mark.parametrize("name", ["", NARROW.assignment_name])
def test_wider_terms_serve_and_are_not_ours(started: Any, condition: str, name: str) -> None:
    """The identity has what it needs; nothing is written, and nothing will be removed."""
    it, hands = started()
    held = holding(it, condition, name=name)
    there = hands.assign(NARROW)
    assert (there.assignment_id, there.created) == (held.id, False)
    with pytest.raises(ChangedSince):
        hands.remove(NARROW, there.assignment_id)
    assert it.writes == []


def test_a_condition_that_nobody_understands_serves_nobody(started: Any) -> None:
    """What cannot be judged is no right."""
    it, hands = started()
    holding(it, "something new")
    with pytest.raises(OtherTerms):
        hands.assign(NARROW)


def test_somebody_who_was_faster_on_other_terms(started: Any) -> None:
    """Between our look and our write: Azure refuses, and the second look says why."""
    it, hands = started()

    def meanwhile(_request: Any) -> None:
        holding(it, condition_on("somebody/elses", Repositories.REPOSITORY))

    bend(it, meanwhile)
    with pytest.raises(OtherTerms):
        hands.assign(NARROW)
    assert it.writes == []


# --- answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [409, 400])
def test_that_it_exists_is_told_by_the_code_alone(started: Any, status: int) -> None:
    """Neither the status nor the text decides: both have changed before."""
    it, hands = started()
    answer_writes(it, json_answer(status, {"error": {"code": "RoleAssignmentExists", "message": "something else"}}))
    assert not hands.assign(PLAN).created


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "PrincipalNotFound", PrincipalUnknown),
        (404, "PrincipalNotFound", PrincipalUnknown),
        (400, "RoleAssignmentLimitExceeded", LimitReached),
        (400, "RoleAssignmentUpdateNotPermitted", WriteRefused),
        (403, "AuthorizationFailed", Refused),
        (403, "RequestDisallowedByPolicy", Refused),
        (409, "ScopeLocked", WriteRefused),
        (400, "InvalidConditionOperator", WriteRefused),
        (429, "SubscriptionRequestsThrottled", NotNow),
        (500, "InternalServerError", NotNow),
        (503, "ServiceUnavailable", NotNow),
    ],
)
def test_each_refusal_has_its_meaning(started: Any, status: int, code: str, kind: type[Exception]) -> None:
    """For good or in passing, and Azure's own words are kept."""
    it, hands = started()
    answer_writes(it, json_answer(status, {"error": {"code": code, "message": "no"}}))
    with pytest.raises(kind, match=code) as refused:
        hands.assign(PLAN)
    assert type(refused.value) is kind
    assert it.writes == []


def test_a_long_wait_is_handed_on(started: Any) -> None:
    """Nobody sleeps: the queue waits as long as Azure asks."""
    it, hands = started()
    answer_writes(it, json_answer(429, {"error": {"code": "Throttled", "message": "no"}}).retry_after(340))
    with pytest.raises(NotNow) as later:
        hands.assign(PLAN)
    assert later.value.after is not None
    assert later.value.after.total_seconds() == 340


def test_only_what_is_still_ours_is_removed(started: Any) -> None:
    """Another role, another condition, another name: it is left as it is."""
    it, hands = started()
    hands.assign(PLAN)
    it.turn_into("AcrPull", "AcrPush")
    with pytest.raises(ChangedSince):
        hands.remove(PLAN, PLAN.assignment_id)
    assert [write.method for write in it.writes] == ["PUT"]


def test_what_another_incident_made_under_the_same_name_is_its_own(started: Any) -> None:
    """Infrastructure code removed the first one, a later incident made it again: the first one's undo leaves it."""
    it, hands = started()
    later = replace(PLAN, incident_id="inc-2")
    hands.assign(PLAN)
    it.take_back("AcrPull")
    assert hands.assign(later).created
    assert hands.find(PLAN) is None
    with pytest.raises(ChangedSince):
        hands.remove(PLAN, PLAN.assignment_id)
    assert [write.method for write in it.writes] == ["PUT", "PUT"]
    assert hands.remove(later, later.assignment_id).found


def test_what_another_incident_made_serves_and_is_not_ours(started: Any) -> None:
    """It is there before: nothing is written over it, and nothing of it will be removed."""
    it, hands = started()
    hands.assign(PLAN)
    there = hands.assign(replace(PLAN, incident_id="inc-2"))
    assert (there.assignment_id, there.created) == (PLAN.assignment_id, False)
    assert [write.method for write in it.writes] == ["PUT"]


@pytest.mark.parametrize("right", [{}, {"condition": None}])
def test_what_somebody_removes_at_the_same_time_is_gone(started: Any, right: dict[str, Any]) -> None:
    """Azure says that nothing was there, or that the condition does not hold for nothing: both mean gone."""
    it, hands = started(right=right)
    hands.assign(PLAN)
    bend(it, lambda _request: it.take_back("AcrPull"), method="DELETE")
    assert not hands.remove(PLAN, PLAN.assignment_id).found
    assert [write.method for write in it.writes] == ["PUT"]


@pytest.mark.parametrize(("status", "kind"), [(403, Refused), (429, NotNow), (500, NotNow), (409, WriteRefused)])
def test_a_removal_that_is_refused_leaves_it(started: Any, status: int, kind: type[Exception]) -> None:
    """For good or in passing; it is still there."""
    it, hands = started()
    hands.assign(PLAN)
    answer_writes(it, json_answer(status, {"error": {"code": "No", "message": "no"}}), method="DELETE")
    with pytest.raises(kind):
        hands.remove(PLAN, PLAN.assignment_id)
    assert hands.find(PLAN) is not None


# --- the right --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "allowed", "words"),
    [
        ({}, True, ""),
        ({"condition": None}, True, ""),
        ({"condition": fixer_condition([IDENTITY])}, True, ""),
        ({"condition": fixer_condition([OTHER])}, False, "condition"),
        ({"condition": "nobody @Understands this"}, False, "condition"),
        ({"role": "Reader"}, False, "roleAssignments/write"),
        ({"scope": WORKSPACE}, False, "roleAssignments/write"),
        ({"role": "User Access Administrator", "condition": None}, True, ""),
    ],
)
def test_the_right_is_known_before_anything_is_offered(
    started: Any,
    right: dict[str, Any],
    allowed: bool,  # noqa: FBT001
    words: str,
) -> None:
    """And Azure agrees: what is allowed is made, what is not is refused."""
    it, hands = started(right=right)
    found = hands.right(PLAN)
    assert found.allowed is allowed
    assert words in found.why
    if allowed:
        assert hands.assign(PLAN).created
        return
    assert "az role assignment create" in found.why
    assert fixer_condition() in shlex.split(found.why.partition("Add it: ")[2])
    assert raw(it, "PUT", PLAN.assignment_id, body()).status_code == 403
    assert it.writes == []


def test_a_condition_that_is_too_narrow_has_to_go_first(started: Any) -> None:
    """Azure keeps one assignment of a role: the command that adds it would be refused."""
    it, hands = started(right={"condition": fixer_condition([OTHER])})
    held = next(one for one in it.sandbox.access.assignments if one.principal_id == FIXER)
    assert remove_right(held.id) in hands.right(PLAN).why
    above, hands = started(right={"condition": fixer_condition([OTHER]), "scope": REGISTRY.partition("/providers/")[0]})
    why = hands.right(PLAN).why
    assert above.writes == []
    assert ADMINISTRATOR in why
    assert "az role assignment delete" not in why


@pytest.mark.parametrize(
    ("principal", "spared", "allowed"),
    [(FIXER, OTHER, False), ("0" * 32, OTHER, False), ("0" * 32, FIXER, True), (OTHER, FIXER, True)],
)
def test_a_denial_goes_before_the_right(
    started: Any,
    principal: str,
    spared: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    """Such as a deployment stack's that keeps everybody else from writing; Azure agrees."""
    denial = {
        "name": "stack-keeps-it",
        "scope": REGISTRY,
        "permissions": [{"actions": ["*/write", "*/delete"]}],
        "principals": [{"id": principal, "type": "SystemDefined" if principal[0] == "0" else "ServicePrincipal"}],
        "excludePrincipals": [{"id": spared, "type": "ServicePrincipal"}],
    }
    _, hands = started(world={"deny_assignments": [denial]})
    found = hands.right(PLAN)
    assert found.allowed is allowed
    if allowed:
        assert hands.assign(PLAN).created
        return
    assert "stack-keeps-it" in found.why
    with pytest.raises(Refused):
        hands.assign(PLAN)


def test_a_fixer_without_any_right_is_told_so(started: Any) -> None:
    """By its object id, which the command needs."""
    _, hands = started(fixer=False)
    found = hands.right(PLAN)
    assert not found.allowed
    assert FIXER in found.why


@pytest.mark.parametrize(
    "changes",
    [
        {"roleDefinitionId": role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635")},  # Owner
        {"roleDefinitionId": role("8311e382-0749-4cb8-b61a-304f252e45ec")},  # AcrPush
        {"roleDefinitionId": role("f58310d9-a9f6-439a-9e8d-f62e7b41a168")},  # what the fixer has itself
        {"principalType": "User"},
        {"principalType": "Group"},
        {"principalId": OTHER},
    ],
)
def test_azure_refuses_even_a_wrong_request(started: Any, changes: dict[str, Any]) -> None:
    """The condition bounds the identity, whatever the code does with it."""
    it, _ = started(right={"condition": fixer_condition([IDENTITY])})
    answer = raw(it, "PUT", f"{REGISTRY}{ASSIGNMENTS}{OTHER}", body(**changes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "ABAC condition" in answer.json()["error"]["message"]
    assert it.writes == []


@pytest.mark.parametrize("scope", [WORKSPACE, REGISTRY.rpartition("/providers/")[0], REGISTRY[:51]])
def test_azure_refuses_any_other_scope(started: Any, scope: str) -> None:
    """The right is at the registry alone."""
    it, _ = started()
    assert raw(it, "PUT", f"{scope}{ASSIGNMENTS}{OTHER}", body()).status_code == 403
    assert it.writes == []


def test_azure_refuses_to_remove_what_is_none_of_the_two_roles(started: Any) -> None:
    """The second half of the condition: without it the fixer could remove anybody's role."""
    it, _ = started()
    it.grant(OTHER, "Owner")
    owner = next(one for one in it.sandbox.access.assignments if one.principal_id == OTHER)
    assert raw(it, "DELETE", owner.id).status_code == 403
    assert it.writes == []


def test_no_token_is_shown(started: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a log at DEBUG nor in an error."""
    caplog.set_level(logging.DEBUG)
    it, hands = started(fixer=False)
    said = hands.right(PLAN).why
    with pytest.raises(Refused) as refused:
        hands.assign(PLAN)
    assert it.sandbox.sentinel not in caplog.text + said + str(refused.value) + repr(hands)


@pytest.mark.parametrize("where", ["https://evil.example/next", "https://evil.example\\@management.azure.com/next"])
def test_the_fixers_token_goes_to_azure_alone(started: Any, where: str) -> None:
    """Whatever page a list names next, and wherever an answer redirects: the token that can write stays where it is."""
    it, assigner = started()
    client = assigner._client(PLAN)
    real = it.sandbox._reply
    for answer in (json_answer(200, {"value": [], "nextLink": where}), Answer(307, (("Location", where),))):
        it.sandbox._reply = lambda request, answer=answer: answer if "roleAssign" in request.path else real(request)
        with pytest.raises(ReadFailed, match="no Azure token is sent"):
            list(client.role_assignments.list_for_scope(PLAN.registry_id))
    assert not [call for call in it.sandbox.calls if "evil" in call.host]
    client.close()
