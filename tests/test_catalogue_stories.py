"""What the stories cover, counted over all of them: plain ones, red herrings, two faults at once, silence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from diagnostics.judging import all_causes
from diagnostics.model import PullStep
from sandbox.world import Scenario, load_scenario
from tests.stories import FOLDER, OWN, played

pytestmark = pytest.mark.slow

_FEWEST_DOUBLES = 20
_FEWEST_SILENT = 15
STORIES = {name: load_scenario(FOLDER / f"{name}.yaml", complete=True) for name in OWN}
CAUSES = {cause.id: cause for cause in all_causes()}


def confirms(scenario: Scenario) -> tuple[str, ...]:
    """Return the causes that a story expects to be confirmed, headline first; of several that fit, any one."""
    expected = scenario.expected
    if expected["status"] != "confirmed":
        return ()
    also = (entry[0] if isinstance(entry, list) else entry for entry in expected["also"])
    return (expected["headline"], *also)


DOUBLES = sorted(name for name, scenario in STORIES.items() if len(confirms(scenario)) > 1)
SILENT = sorted(name for name, scenario in STORIES.items() if "silent" in scenario.classes)


def of_class(cause: str, wanted: str) -> Iterator[str]:
    """Yield the stories of a class whose headline the cause is."""
    yield from (name for name, it in STORIES.items() if wanted in it.classes and confirms(it)[:1] == (cause,))


def test_enough_stories_have_two_faults_or_none() -> None:
    """Two faults at once, and runs that failed on something else, are no rarity in the suite."""
    assert len(DOUBLES) >= _FEWEST_DOUBLES
    assert len(SILENT) >= _FEWEST_SILENT


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_has_a_plain_story_and_one_with_a_red_herring(cause: str) -> None:
    """A cause that comes new brings both: one as simple as can be, and one in which something else looks guilty."""
    plain = [name for name in of_class(cause, "single") if "red-herring" not in STORIES[name].classes]
    assert plain, f"no plain story has {cause} as its headline"
    assert list(of_class(cause, "red-herring")), f"no story with a red herring has {cause} as its headline"


@pytest.mark.parametrize("name", DOUBLES)
def test_two_faults_are_told_in_the_order_in_which_a_pull_meets_them(name: str) -> None:
    """Whoever puts the first right is not surprised by the next: both are told, and in that order."""
    steps = list(PullStep)
    told = played(FOLDER / f"{name}.yaml").confirmed
    assert set(confirms(STORIES[name])) <= set(told)
    assert told[0] == confirms(STORIES[name])[0]
    places = [steps.index(CAUSES[cause].step) for cause in told]
    assert places[1:] == sorted(places[1:])
    assert CAUSES[told[0]].step is PullStep.BUILD or places == sorted(places)


@pytest.mark.parametrize("name", SILENT)
def test_a_run_that_failed_on_something_else_disturbs_nobody(name: str) -> None:
    """Nothing is posted, nothing is confirmed."""
    told = played(FOLDER / f"{name}.yaml")
    assert told.outcome.messages == ()
    assert told.confirmed == []


def test_a_build_and_the_job_that_waited_for_it_are_one_incident() -> None:
    """Azure tells of both failures; to people it is one thing to put right, told of once."""
    outcome = played(FOLDER / "build-run-and-the-job-that-waited.yaml").outcome
    fingerprints = {run: diagnosis["fingerprint"] for run, diagnosis in outcome.diagnoses.items()}
    assert set(fingerprints) == {"imgbldrun_4c19e0b", "brisk_heron_7k2m"}
    assert len(set(fingerprints.values())) == 1
    assert sum(message.channel == "slack" for message in outcome.messages) == 1
