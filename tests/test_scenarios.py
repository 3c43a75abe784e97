"""The product against whole stories: a world, an event, and what a careful engineer would expect to be told."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from diagnostics import causes
from diagnostics.codec import evidence_from_json, to_json
from diagnostics.discovery import members
from diagnostics.judging import judge
from diagnostics.probing import fact_types
from sandbox.commands.demo import STORIES
from sandbox.playing import APP
from sandbox.world import load_scenario
from tests.stories import FOLDER, OWN, played

_SHARED = Path(os.environ.get("PULLMEDIC_SCENARIOS") or APP.parent.parent / "shared" / "scenarios")
_PASS = {"004", "006", "009", "029", "042", "060", "070"}
"""The shared examples, by number, whose whole expectation holds today; more may, none of these may stop."""
_CLASSES = {"single", "double", "red-herring", "blind", "hostile", "pipeline", "silent"}


@pytest.mark.parametrize("name", OWN)
def test_a_story_ends_as_its_file_expects(name: str) -> None:
    """From the event to the message: verdict, status, what is confirmed beside it, and who is disturbed how often."""
    assert played(FOLDER / f"{name}.yaml").score.failures == ()


@pytest.mark.parametrize("name", OWN)
def test_no_story_confirms_a_wrong_cause(name: str) -> None:
    """A confirmed cause is the promise of the product: only what the world shows to be wrong is ever confirmed."""
    expected = load_scenario(FOLDER / f"{name}.yaml").expected
    right = {expected["headline"], *expected["also"], *expected.get("may_also", ())}
    wrong = [cause for cause in played(FOLDER / f"{name}.yaml").confirmed if cause not in right]
    assert wrong == []


@pytest.mark.parametrize("name", OWN)
def test_stored_evidence_gives_the_same_diagnosis_again(name: str) -> None:
    """A verdict can be audited: what was stored, judged again with no network, is the same diagnosis, word for word."""
    outcome = played(FOLDER / f"{name}.yaml").outcome
    for run, evidence in outcome.evidence.items():
        again = to_json(judge(evidence_from_json(evidence, fact_types())))
        assert json.dumps(json.loads(again)) == json.dumps(outcome.diagnoses[run])


@pytest.mark.parametrize("name", OWN)
def test_a_file_tells_its_story_and_its_reason(name: str) -> None:
    """Whoever reads a scenario learns what happened, what is expected and why, and finds it under the file's name."""
    scenario = load_scenario(FOLDER / f"{name}.yaml", complete=True)
    assert scenario.id == name
    assert scenario.story
    assert scenario.why
    assert scenario.classes
    assert set(scenario.classes) <= _CLASSES
    assert {"headline", "status", "also", "must_not_confirm", "notify"} <= set(scenario.expected)
    assert scenario.expected.get("must_mention") or scenario.expected["status"] != "confirmed"


def test_every_judged_cause_is_confirmed_in_some_story() -> None:
    """No cause with a file of its own goes without a story in which live facts confirm it."""
    confirmed: set[str] = set()
    for name in OWN:
        expected = load_scenario(FOLDER / f"{name}.yaml").expected
        confirmed |= {expected["headline"], *expected.get("also", ())} if expected["status"] == "confirmed" else set()
    assert {cause.id for cause in members(causes, "CAUSE")} <= confirmed


def test_the_stories_of_the_demo_are_there() -> None:
    """What ``make demo`` plays unasked is among the scenarios."""
    assert set(STORIES) <= set(OWN)


def test_hostile_names_stay_text_in_every_channel() -> None:
    """Names that anyone can choose call nobody and link nowhere."""
    slack, teams = (
        json.dumps(message.payload, ensure_ascii=False)
        for message in sorted(played(FOLDER / "hostile-names.yaml").outcome.messages, key=lambda m: m.channel)
    )
    assert "<!channel>" not in slack
    assert "<https://evil.example" not in slack
    assert "&lt;!channel&gt;" in slack
    assert "](https://evil.example" not in teams.replace("\\\\", "\\").replace("\\]", "")
    assert "<at>" not in teams


def test_a_hostile_name_is_one_argument_of_the_command_to_copy() -> None:
    """A remedy can be pasted into a shell: whatever a thing is called, it stays one word."""
    outcome = played(FOLDER / "hostile-compute-name.yaml").outcome
    diagnosis = next(iter(outcome.diagnoses.values()))
    words = shlex.split(diagnosis["findings"][0]["remedies"][0]["command"])
    assert words[:6] == ["az", "ml", "compute", "update", "--name", outcome.scenario.run["compute"]]
    assert all(
        "<!here>" not in json.dumps(message.payload) for message in outcome.messages if message.channel == "slack"
    )


def test_a_gibibyte_of_log_costs_a_few_ranges() -> None:
    """The size of a log decides nothing: head and tail are fetched, the middle never is."""
    outcome = played(FOLDER / "gibibyte-of-log.yaml").outcome
    fetched = [call for call in outcome.calls if call.host.endswith(".blob.core.windows.net")]
    assert 1 <= len(fetched) <= 4
    assert all(call.status == 206 for call in fetched if call.method == "GET")


def test_what_slack_throttles_is_sent_by_the_next_try_and_nothing_is_read_again() -> None:
    """Telling is a queue of its own: only the channel is asked twice."""
    outcome = played(FOLDER / "slack-throttles-once.yaml").outcome
    tries = [call for call in outcome.invocations if call.function == "diagnose_failed_run"]
    assert [call.dequeue_count for call in tries] == [1]
    assert [call.status for call in outcome.calls if call.host == "hooks.slack.com"] == [429, 200]
    assert sum(call.path.endswith("/details") for call in outcome.calls) == 1


@pytest.mark.slow
@pytest.mark.skipif(not _SHARED.is_dir(), reason=f"{_SHARED} is not here; PULLMEDIC_SCENARIOS may name a folder")
def test_scenarios_of_others_end_as_their_files_expect() -> None:
    """Stories that others wrote, in whole: verdict, status, what is confirmed beside it, who is disturbed how often."""
    scores = {path.stem: played(path).score for path in sorted(_SHARED.glob("[!_]*.yaml"))}
    assert {name: score.failures for name, score in scores.items() if score.failures} == {}
    assert scores
