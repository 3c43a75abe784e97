"""Role assignments written and removed by a fixer with an identity of its own, as the sandbox answers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sandbox_client import ACR_RESOURCE, ARM, CLUSTER_ID, GROUP, REGISTRY, RESPONDER_ID, SUBSCRIPTION, Client, changed

from responders.fixes.right import ADMINISTRATOR, fixer_condition
from sandbox import Sandbox
from sandbox.access import Assignment

ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
NAME = f"{REGISTRY}{ASSIGNMENTS}/66666666-0000-4000-8000-000000000001"
OTHER_NAME = f"{NAME[:-1]}2"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
FIXER = "77777777-0000-4000-8000-000000000007"
CLIENT = "77777777-0000-4000-8000-00000000000c"
NEWCOMER = "88888888-0000-4000-8000-000000000008"


@dataclass
class Desk:
    """A sandbox whose clock is set (Unix seconds), and a fixer who writes."""

    client: Client
    clock: list[float]

    def ask(self, method: str, path: str, body: Any = None, who: str = CLIENT, **params: str) -> requests.Response:
        """Ask Resource Manager with the token of a client id."""
        return self.client.call(
            method,
            f"{ARM}{path}",
            headers={"Authorization": f"Bearer {self.client.token(client_id=who)}"},
            params={"api-version": "2022-04-01", **params},
            json=body,
        )

    def put(self, path: str = NAME, **properties: Any) -> tuple[int, str]:
        """Write an assignment and return the status with the error's code."""
        answer = self.ask("PUT", path, body(**properties))
        return answer.status_code, answer.json().get("error", {}).get("code", "")

    def listed(self) -> list[dict[str, Any]]:
        """Return the assignments of the newcomer."""
        params = {"$filter": f"principalId eq '{NEWCOMER}'"}
        found: list[dict[str, Any]] = self.ask("GET", f"{REGISTRY}{ASSIGNMENTS}", **params).json()["value"]
        return found


Begin = Callable[..., Desk]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Give a function that starts a world with a fixer; ``right`` replaces members of the fixer's own assignment."""
    with ExitStack() as stack:

        def start(right: dict[str, Any] | None = None, **world: Any) -> Desk:
            fixer = {"client_id": CLIENT, "principal_id": FIXER}
            clock = [1_000_000.0]
            azure = stack.enter_context(Sandbox(changed(world={"fixer": fixer, **world}), now=lambda: clock[0]))
            desk = Desk(Client(azure), clock)
            stack.callback(desk.client.session.close)
            access = azure.access
            held = {"scope": REGISTRY, "role": ADMINISTRATOR, "condition": fixer_condition(), **(right or {})}
            access.assignments.append(
                Assignment(**{**held, "role": access.role_named(held["role"])}, principal_id=FIXER)
            )
            return desk

        yield start


def body(role: str = PULL, **properties: Any) -> dict[str, Any]:
    """Return the body of a write."""
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    stated = {"roleDefinitionId": definition, "principalId": NEWCOMER, "principalType": "ServicePrincipal"}
    return {"properties": {**stated, **properties}}


def test_a_role_is_granted_and_taken_back(begin: Begin) -> None:
    """PUT creates, a second name for the same conflicts, DELETE answers with what it removed; the journal has both."""
    desk = begin()
    made = desk.ask("PUT", NAME, body())
    assert (made.status_code, made.json()["properties"]["createdBy"]) == (201, None)
    assert [it["id"] for it in desk.listed()] == [NAME]
    assert desk.put() == (409, "RoleAssignmentExists")
    assert desk.put(OTHER_NAME) == (409, "RoleAssignmentExists")
    removed = desk.ask("DELETE", NAME)
    assert (removed.status_code, removed.json()["id"]) == (200, NAME)
    assert desk.listed() == []
    journal = [(it.method, it.path, it.caller, it.created) for it in desk.client.azure.writes]
    assert journal == [("PUT", NAME, FIXER, True), ("DELETE", NAME, FIXER, False)]


def test_every_answer_names_its_entry_of_the_activity_log(begin: Begin) -> None:
    """Another for each request, refused ones included; the journal has the same."""
    desk = begin()
    answers = [desk.ask("PUT", NAME, body()), desk.ask("PUT", NAME, body()), desk.ask("PUT", NAME, body(role=PUSH))]
    answers.append(desk.ask("DELETE", NAME))
    ids = [it.headers["x-ms-correlation-request-id"] for it in answers]
    assert len(set(ids)) == 4
    assert [it.correlation_id for it in desk.client.azure.writes] == [ids[0], ids[3]]


def test_a_name_keeps_its_role_and_identity(begin: Begin) -> None:
    """Its condition and description alone can be updated."""
    desk = begin()
    assert desk.put() == (201, "")
    assert desk.put(principalId=CLUSTER_ID) == (400, "RoleAssignmentUpdateNotPermitted")
    assert desk.put(description="another one") == (201, "")
    assert [it["properties"]["description"] for it in desk.listed()] == ["another one"]
    assert [it.created for it in desk.client.azure.writes] == [True, False]


def test_one_role_of_an_identity_at_a_scope_whatever_the_condition(begin: Begin) -> None:
    """A second assignment on other terms is refused (hashicorp/terraform-provider-azurerm, issue 24045)."""
    desk = begin()
    assert desk.put(condition="ActionMatches{'a'}", conditionVersion="2.0") == (201, "")
    assert desk.put(OTHER_NAME, condition="ActionMatches{'b'}", conditionVersion="2.0") == (409, "RoleAssignmentExists")


def test_an_identity_that_the_directory_does_not_know(begin: Begin) -> None:
    """By its code and in the recorded words: the object id without dashes."""
    desk = begin(unknown_principals=[NEWCOMER])
    answer = desk.ask("PUT", NAME, body())
    said = answer.json()["error"]
    assert (answer.status_code, said["code"]) == (400, "PrincipalNotFound")
    assert said["message"].startswith(f"Principal {NEWCOMER.replace('-', '')} does not exist in the directory ")


def test_a_subscription_that_is_full(begin: Begin) -> None:
    """By its code, and nothing is written."""
    desk = begin(role_assignment_limit=1)
    assert desk.put() == (400, "RoleAssignmentLimitExceeded")
    assert desk.client.azure.writes == []


@pytest.mark.parametrize(
    ("right", "conditioned"),
    [
        ({"role": "Reader", "condition": None}, False),
        ({"scope": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/other"}, False),
        ({"condition": fixer_condition([CLUSTER_ID])}, True),
        ({"condition": "nobody understands this"}, True),
    ],
)
def test_a_refusal_says_whether_a_condition_stands_in_the_way(
    begin: Begin,
    right: dict[str, Any],
    conditioned: bool,  # noqa: FBT001
) -> None:
    """One code, two wordings."""
    desk = begin(right)
    answer = desk.ask("PUT", NAME, body())
    said = answer.json()["error"]
    assert (answer.status_code, said["code"]) == (403, "AuthorizationFailed")
    assert f"object id '{FIXER}'" in said["message"]
    assert ("ABAC condition not fulfilled" in said["message"]) is conditioned
    assert desk.client.azure.writes == []


@pytest.mark.parametrize("changes", [{"role": PUSH}, {"principalType": "User"}, {"principalType": "Group"}])
def test_the_condition_bounds_what_is_written(begin: Begin, changes: dict[str, Any]) -> None:
    """By what the request asks for."""
    assert begin().put(**changes) == (403, "AuthorizationFailed")


def test_the_condition_bounds_what_is_removed(begin: Begin) -> None:
    """By what is there, not by what the request says."""
    desk = begin()
    access = desk.client.azure.access
    access.assignments.append(Assignment(REGISTRY, access.role_named("AcrPush"), NEWCOMER, name=NAME[-36:]))
    assert desk.ask("DELETE", NAME).status_code == 403
    assert desk.client.azure.writes == []


def test_who_reads_does_not_write(begin: Begin) -> None:
    """The responder's identity is another one than the fixer's."""
    desk = begin()
    answer = desk.ask("PUT", NAME, body(), who=RESPONDER_ID)
    assert (answer.status_code, f"object id '{RESPONDER_ID}'" in answer.json()["error"]["message"]) == (403, True)


def test_a_new_assignment_is_listed_at_once_and_counts_later(begin: Begin) -> None:
    """To the registry as to further writes, by the sandbox's clock."""
    desk = begin({"condition": None}, role_assignments_count_after_s=300)
    administrator = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
    assert desk.put() == (201, "")
    assert desk.put(OTHER_NAME, role=administrator) == (201, "")
    assert len(desk.listed()) == 2

    def counts() -> tuple[int, bool]:
        entered = desk.client.refresh_token(ACR_RESOURCE, client_id=NEWCOMER).status_code
        blocks = desk.ask("GET", f"{REGISTRY}/providers/Microsoft.Authorization/permissions", who=NEWCOMER).json()
        granted = [action for block in blocks["value"] for action in block["actions"]]
        return entered, "Microsoft.Authorization/roleAssignments/write" in granted

    desk.clock[0] += 299
    assert counts() == (401, False)
    desk.clock[0] += 1
    assert counts() == (200, True)
