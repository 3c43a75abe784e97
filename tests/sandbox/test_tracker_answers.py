"""The four trackers as the sandbox answers for them: what each refuses, in its own shape, and what it leaves out."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sandbox_client import Client, Start

GITHUB = "https://api.github.com/repos/halvorsen/ml-platform/issues"
DEVOPS = "https://dev.azure.com/halvorsen/ML%20Platform/_apis/wit"
JIRA = "https://halvorsen.atlassian.net/rest/api/3"
SERVICENOW = "https://halvorsen.service-now.com/api/now/table/incident"


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of a user."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def jira(client: Client) -> dict[str, str]:
    """Return the header of the account."""
    return basic("pullmedic@halvorsen.example", client.azure.sentinel)


@pytest.mark.parametrize(
    ("issue", "field", "code"),
    [
        ({"title": ""}, "title", "missing_field"),
        ({"title": "x" * 257}, "title", "too_long"),
        ({"title": "x", "body": "x" * 65_537}, "body", "too_long"),
        ({"title": "x", "labels": ["x" * 51]}, "labels", "invalid"),
    ],
)
def test_github_limits(start: Start, issue: dict[str, Any], field: str, code: str) -> None:
    """Beyond its limits GitHub answers 422 and names the field."""
    client = start()
    headers = {"Authorization": f"Bearer {client.azure.sentinel}"}
    answer = client.call("POST", GITHUB, json=issue, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
    assert answer.json()["errors"] == [{"resource": "Issue", "field": field, "code": code}]
    assert client.get(f"{GITHUB}?state=all", headers=headers).json() == []


def test_github_knows_its_token_and_its_repository(start: Start) -> None:
    """A wrong token is 401, another repository 404, and every answer tells the rate limit."""
    client = start()
    headers = {"Authorization": f"Bearer {client.azure.sentinel}"}
    assert client.get(GITHUB, headers={"Authorization": "Bearer x"}).json()["message"] == "Bad credentials"
    other = client.get(GITHUB.replace("ml-platform", "other"), headers=headers)
    assert (other.status_code, other.headers["X-RateLimit-Limit"]) == (404, "5000")


def test_azure_devops_wants_a_json_patch_and_a_version(start: Start) -> None:
    """Each is refused in the shape of the service; a wrong token gets a page for people."""
    client = start()
    headers = basic("", client.azure.sentinel)
    patch = [{"op": "add", "path": "/fields/System.Title", "value": "x"}]
    plain = client.call("POST", f"{DEVOPS}/workitems/$Bug?api-version=7.1", json=patch, headers=headers)
    assert plain.json()["typeKey"] == "VssRequestContentTypeNotSupportedException"
    unversioned = client.call("POST", f"{DEVOPS}/wiql", json={"query": ""}, headers=headers)
    assert unversioned.json()["typeKey"] == "VssVersionNotSpecifiedException"
    stranger = client.get(f"{DEVOPS}/workitems?ids=1&api-version=7.1", headers=basic("", "x"))
    assert (stranger.status_code, "Sign In" in stranger.text) == (203, True)
    wrong = client.call("POST", f"{DEVOPS}/wiql?api-version=7.1", json={"query": "SELECT x'"}, headers=headers)
    assert (wrong.status_code, wrong.json()["message"][:7]) == (400, "TF51006")


def test_a_token_of_the_identity_is_for_azure_devops_alone(start: Start) -> None:
    """One of Resource Manager does not serve there, and one of Azure DevOps anywhere else is a violation."""
    client = start()
    token = client.token("499b84ac-1321-427f-aa17-267ca6975798")
    url = f"{DEVOPS}/workitems?ids=1&api-version=7.1"
    assert client.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.azure.violations == []
    client.get(GITHUB, headers={"Authorization": f"Bearer {token}"})
    client.get(url, headers={"Authorization": f"Bearer {client.token()}"})
    assert [one.host for one in client.azure.violations] == ["api.github.com", "dev.azure.com"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"summary": "x" * 256}, "summary"),
        ({"summary": "a\nb"}, "summary"),
        ({"labels": ["a b"]}, "labels"),
        ({"description": "text"}, "description"),
        ({"description": {"version": 1, "type": "doc", "content": [{"type": "text", "text": ""}]}}, "description"),
        ({"description": {"version": 1, "type": "doc", "content": [{"type": "blink"}]}}, "description"),
        (
            {"description": {"version": 1, "type": "doc", "content": [{"type": "text", "text": "x" * 32_768}]}},
            "description",
        ),
        ({"project": {"key": "NO"}}, "project"),
    ],
)
def test_jira_limits(start: Start, changes: dict[str, Any], field: str) -> None:
    """Jira names the field that it does not take."""
    client = start()
    document = {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": []}]}
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "x", "description": document}
    good = client.call("POST", f"{JIRA}/issue", json={"fields": fields}, headers=jira(client))
    assert (good.status_code, good.json()["key"]) == (201, "OPS-1")
    answer = client.call("POST", f"{JIRA}/issue", json={"fields": fields | changes}, headers=jira(client))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_jira_shows_a_new_issue_to_the_search_only_when_it_is_named(start: Start) -> None:
    """``reconcileIssues`` is how the documentation reads what was just written."""
    client = start()
    document = {"version": 1, "type": "doc", "content": [{"type": "paragraph", "content": []}]}
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "x", "description": document}
    labelled = {"fields": fields | {"labels": ["k"]}}
    made = client.call("POST", f"{JIRA}/issue", json=labelled, headers=jira(client)).json()
    query = {"jql": 'project = "OPS" AND labels = "k" ORDER BY updated DESC', "fields": ["labels"]}

    def found(**more: Any) -> list[str]:
        answer = client.call("POST", f"{JIRA}/search/jql", json=query | more, headers=jira(client))
        return [one["id"] for one in answer.json()["issues"]]

    assert found() == []
    assert found(reconcileIssues=[int(made["id"])]) == [made["id"]]


def test_servicenow_cuts_and_leaves_out_in_silence(start: Start) -> None:
    """What is too long is cut, what may not be written is left out, and the answer is a 201 all the same."""
    client = start()
    record = {"short_description": "x" * 200, "correlation_id": "k"}
    headers = basic("pullmedic", f"{client.azure.sentinel}-limited")
    answer = client.call("POST", SERVICENOW, json=record, headers=headers)
    assert answer.status_code == 201
    assert len(answer.json()["result"]["short_description"]) == 160
    assert answer.json()["result"]["correlation_id"] == ""
    stranger = client.get(SERVICENOW, headers=basic("pullmedic", "x"))
    assert stranger.json() == {
        "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
        "status": "failure",
    }


def test_a_condition_that_servicenow_cannot_read_finds_everything(start: Start) -> None:
    """That is what makes an encoded query dangerous to paste text into."""
    client = start()
    headers = basic("pullmedic", client.azure.sentinel)
    for key in ("a", "b"):
        client.call("POST", SERVICENOW, json={"correlation_id": key}, headers=headers)
    query = "correlation_id=a^ORDERBYDESCsys_updated_on"
    one = client.get(SERVICENOW, params={"sysparm_query": query}, headers=headers).json()["result"]
    every = client.get(SERVICENOW, params={"sysparm_query": "no such field"}, headers=headers).json()["result"]
    assert (len(one), len(every)) == (1, 2)
