"""Lists of what no event tells of: over pages, up to a time, in any order, whatever a member looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from diagnostic_samples import run

from diagnostics.azure.arm import ArmClient
from diagnostics.codec import failed_run_from_json, to_json
from diagnostics.intake import kept_tags
from diagnostics.listing import deployments_of, jobs_of, waits, workspaces_of
from diagnostics.reach import Reach

NOW = datetime(2026, 12, 3, 15, tzinfo=UTC)
WORKSPACE = (
    "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/ml"
)


class Pages(ArmClient):
    """Resource Manager with answers by path, page after page: the client's own paging over them."""

    def __init__(self, **lists: list[list[dict[str, Any]]]) -> None:
        self._base = "https://management.azure.com"
        self.lists = lists
        self.asked: list[str] = []

    def get_url(self, url: str, *, params: Any = None) -> dict[str, Any]:
        """Return one page of the list that the path ends with."""
        parts = urlsplit(url)
        self.asked.append(parts.path)
        name = parts.path.rsplit("/", 1)[-1]
        page = int(parse_qs(parts.query).get("page", ["0"])[0])
        pages = self.lists[name]
        more = (
            {"nextLink": f"https://management.azure.com{parts.path}?page={page + 1}"} if page + 1 < len(pages) else {}
        )
        return {"value": pages[page], **more}


def reach(arm: Pages) -> Reach:
    """Return a reach whose Resource Manager is ``arm``."""
    made = cast("Any", object.__new__(Reach))
    made.__dict__["arm"] = arm
    return cast("Reach", made)


def job(name: str, hours: float, status: str = "Failed") -> dict[str, Any]:
    """Return a job that was made so many hours ago."""
    created = (NOW - timedelta(hours=hours)).isoformat()
    return {"name": name, "properties": {"status": status, "jobType": "Command"}, "systemData": {"createdAt": created}}


def test_a_list_in_the_order_of_time_ends_where_it_is_too_old() -> None:
    """The second page ends before the time in question: a third is not asked for."""
    arm = Pages(jobs=[[job("a", 1), job("b", 2)], [job("c", 20), job("d", 90)], [job("e", 100)]])
    found = jobs_of(reach(arm), WORKSPACE, NOW - timedelta(hours=72))
    assert [it.name for it in found.found] == ["a", "b", "c"]
    assert found.complete
    assert len(arm.asked) == 2


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    """No order is promised: a page that is not the newest first proves nothing about the next one."""
    arm = Pages(jobs=[[job("d", 90), job("e", 89)], [job("a", 1)]])
    found = jobs_of(reach(arm), WORKSPACE, NOW - timedelta(hours=72))
    assert [it.name for it in found.found] == ["a"]
    assert found.complete


def test_a_list_that_is_cut_says_so() -> None:
    """Whoever reads it must not take it for all there is."""
    arm = Pages(jobs=[[job(f"a{page}", 1)] for page in range(5)])
    found = jobs_of(reach(arm), WORKSPACE, NOW - timedelta(hours=72), most_pages=3)
    assert len(found.found) == 3
    assert not found.complete


@pytest.mark.parametrize("odd", [{}, {"name": None}, {"name": "../x"}, {"name": "a\nb"}, {"name": " "}])
def test_a_job_without_a_usable_name_is_left_out(odd: dict[str, Any]) -> None:
    """A name becomes part of a path."""
    arm = Pages(jobs=[[odd, job("a", 1)]])
    assert [it.name for it in jobs_of(reach(arm), WORKSPACE, NOW - timedelta(hours=72)).found] == ["a"]


def test_a_job_without_a_date_is_looked_at() -> None:
    """What cannot be dated may be new."""
    arm = Pages(jobs=[[{"name": "a", "properties": {"status": "Failed", "tags": {"team": "vision", "n": 1}}}]])
    (found,) = jobs_of(reach(arm), WORKSPACE, NOW).found
    assert found.created_at is None
    assert found.tags == {"team": "vision"}


def test_only_what_is_a_workspace_is_listed() -> None:
    """An id goes into the path of further requests."""
    arm = Pages(workspaces=[[{"id": WORKSPACE}, {"id": "/subscriptions/x"}, {}, {"id": f"{WORKSPACE}/../evil"}]])
    assert workspaces_of(reach(arm), "11111111-1111-4111-8111-111111111111") == (WORKSPACE,)


def test_deployments_come_with_their_endpoint() -> None:
    """And with the time of their last write."""
    shown = {
        "name": "blue",
        "properties": {"provisioningState": "Failed"},
        "systemData": {"lastModifiedAt": NOW.isoformat()},
    }
    arm = Pages(onlineEndpoints=[[{"name": "score"}]], deployments=[[shown]])
    (found,) = deployments_of(reach(arm), WORKSPACE)
    assert (found.endpoint, found.name, found.state, found.modified_at) == ("score", "blue", "Failed", NOW)
    assert found.id == f"{WORKSPACE}/onlineEndpoints/score/deployments/blue"


@pytest.mark.parametrize(
    ("status", "may_wait"), [("Preparing", True), ("provisioning", True), ("Queued", False), (None, False)]
)
def test_what_waits_for_nodes_does_not_wait_for_an_image(status: str | None, may_wait: bool) -> None:  # noqa: FBT001
    """Only states in which a run has its compute, or gets it."""
    assert waits(status) is may_wait


def test_what_is_rare_is_written_only_where_it_says_something() -> None:
    """The text of any other run is what it always was, and an older version reads it."""
    plain = run(run_id="a", failed_at=NOW)
    assert "waiting_since" not in to_json(plain)
    assert "deployment" not in to_json(plain)
    rare = run(run_id="a", failed_at=NOW, waiting_since=NOW - timedelta(hours=1), deployment=f"{WORKSPACE}/x")
    assert failed_run_from_json(to_json(rare)) == rare
    assert failed_run_from_json(to_json(plain)) == plain


def test_giant_tags_of_a_listed_job_fit_the_queues_message_as_those_of_an_event_do() -> None:
    """Whoever submits a run writes them; a run that does not fit is lost."""
    tags = {f"{number}" + "\x01" * 250: "\U0001f600" * 256 for number in range(20)}
    arm = Pages(jobs=[[{"name": "a", "properties": {"status": "Failed", "tags": tags}}]])
    (found,) = jobs_of(reach(arm), WORKSPACE, NOW).found
    assert 0 < len(found.tags) < 20
    assert found.tags == kept_tags(tags)
