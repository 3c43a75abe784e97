"""System topics and event subscriptions as the sandbox answers for them, and what every answer has."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from sandbox_client import SUBSCRIPTION, Client, Start, changed

from sandbox import Sandbox

TOPICS = f"{SUBSCRIPTION}/providers/Microsoft.EventGrid/systemTopics"
VERSION = "2025-02-15"


def test_a_world_that_says_nothing_has_the_deployments_events(shared: Client) -> None:
    """A topic of each workspace, with a subscription that brings failed and completed runs."""
    (topic,) = shared.arm(TOPICS, VERSION).json()["value"]
    assert topic["properties"]["source"].endswith("/workspaces/proseware-ml")
    assert shared.arm(topic["id"], VERSION).json() == topic
    (subscription,) = shared.arm(f"{topic['id']}/eventSubscriptions", VERSION).json()["value"]
    properties = subscription["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["filter"]["advancedFilters"][0]["values"] == ["Failed", "Completed"]
    assert properties["deadLetterWithResourceIdentity"]["deadLetterDestination"]["endpointType"] == "StorageBlob"


def test_what_a_world_states_is_laid_over_it(start: Start) -> None:
    """Another app, another filter, and nothing where null is stated; without topics there are none."""
    stated = {"filter": {"includedEventTypes": ["x"]}, "deadLetterWithResourceIdentity": None}
    several = [{"name": "a", "app": "other", "properties": stated}, {"name": "b"}]
    topics = [{"name": "t", "workspace": "proseware-ml", "event_subscriptions": several}]
    client = start(world={"system_topics": topics})
    (topic,) = client.arm(TOPICS, VERSION).json()["value"]
    first, second = client.arm(f"{topic['id']}/eventSubscriptions", VERSION).json()["value"]
    assert first["properties"]["filter"]["includedEventTypes"] == ["x"]
    assert first["properties"]["filter"]["advancedFilters"]
    assert "deadLetterWithResourceIdentity" not in first["properties"]
    assert "/sites/other/functions/" in first["properties"]["destination"]["properties"]["resourceId"]
    assert second["name"] == "b"
    assert start(world={"system_topics": []}).arm(TOPICS, VERSION).json() == {"value": []}


def test_what_is_not_there_is_not_found(shared: Client) -> None:
    """A topic of no workspace."""
    gone = f"{SUBSCRIPTION}/resourceGroups/rg-train/providers/Microsoft.EventGrid/systemTopics/none"
    assert shared.arm(gone, VERSION).status_code == 404
    assert shared.arm(f"{gone}/eventSubscriptions", VERSION).status_code == 404


def test_every_answer_is_dated_by_the_sandboxs_clock() -> None:
    """Refusals, too."""
    with Sandbox(changed(), now=lambda: 1_000_000_000) as azure:
        client = Client(azure)
        answer = client.get("https://management.azure.com/subscriptions?api-version=2022-12-01")
        client.session.close()
    assert answer.status_code == 401
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == 1_000_000_000


def test_a_host_answers_who_asks_for_nothing(shared: Client) -> None:
    """As a service does; a host that is not part of it does not."""
    assert shared.call("HEAD", "https://hooks.slack.com/").status_code == 404
    assert not [it for it in shared.azure.refused if it.method == "HEAD"]
