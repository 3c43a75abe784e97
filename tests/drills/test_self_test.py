"""The self-test through its doors: the timer, Event Grid's webhook and the command; each station fails in its turn."""

from __future__ import annotations

import importlib
import io
import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from diagnostics.model import FailedRun
from responders.__main__ import main
from responders.commands.desk import Desk, open_view
from responders.commands.exits import Exit
from responders.commands.self_test import KEY
from responders.drills.case import EXPECTED
from responders.drills.drawer import Drawer
from responders.drills.record import Drill, Drills, Station
from responders.incidents import Incidents
from responders.settings import SqliteStore
from responders.store import Store, open_store
from sandbox.delivering import Delivery, deliveries_of, post
from sandbox.playing import APP, environment, fresh_host, variables
from sandbox.server import Sandbox
from sandbox.world import Scenario, load_scenario

_STORY = APP.parent / "sandbox" / "scenarios" / "missing-pull-role.yaml"
_FILE = """\
[destinations.drills]
channel = "teams"
webhook_url = { env = "PULLMEDIC_REHEARSALS_WEBHOOK" }

[defaults]
to = ["slack"]
"""
_TEAMS = r".*\.powerplatform\.com"
_MINUTE = timedelta(minutes=1)


def _fault(host: str, path: str = ".*", **answer: Any) -> dict[str, Any]:
    return {"call": {"host": host, "path": path}, **answer}


class Stage:
    """A sandbox with an app in front of it that has a team's channel, a tracker, a fallback and a place for drills."""

    def __init__(self, folder: Path, *faults: dict[str, Any], **settings: str) -> None:
        self._stack = ExitStack()
        plain = load_scenario(_STORY)
        self.scenario = Scenario(
            id=plain.id, source=plain.source, world=plain.world, run=plain.run, event=plain.event, faults=faults
        )
        self.sandbox = self._stack.enter_context(Sandbox(self.scenario))
        (folder / "settings.toml").write_text(_FILE, encoding="utf-8")
        self.path = folder / "store.sqlite"
        wanted = {
            **environment(self.sandbox, self.path, ("slack", "github")),
            "PULLMEDIC_SETTINGS": str(folder / "settings.toml"),
            "PULLMEDIC_REHEARSALS_WEBHOOK": self.sandbox.teams_webhook_url,
            "PULLMEDIC_FALLBACK_SLACK_WEBHOOK_URL": self.sandbox.slack_fallback_webhook_url,
            "PULLMEDIC_DRILL_DESTINATION": "drills",
            **settings,
        }
        self.environ = {name: value for name, value in wanted.items() if value}
        self._stack.enter_context(variables(self.environ))
        self.host = self._stack.enter_context(fresh_host())
        self.worker: Any = importlib.import_module("responders.app")
        self._start = self.worker.clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tick(self, after: timedelta = timedelta()) -> None:
        before = self.worker.clock
        self.worker.clock = lambda: before() + after
        self.host.tick("self_test")

    def drill(self) -> None:
        self.tick()
        self.host.drain()

    @property
    def store(self) -> Store:
        return open_store(SqliteStore(self.path))

    @property
    def last(self) -> Drill:
        return Drills(self.store, now=self.worker.clock).all_ones()[0]

    @property
    def heard(self) -> list[str]:
        return [message.channel for message in self.sandbox.messages]

    def texts(self, channel: str) -> str:
        return json.dumps([one.payload for one in self.sandbox.messages if one.channel == channel])

    def command(
        self, *arguments: str, key: str = "local", pause: Callable[[float], None] | None = None
    ) -> tuple[int, str]:
        self.store.fetch("any", "any")  # the command makes no store where there is none
        desk = Desk(
            environ={**self.environ, KEY: key},
            now=self.worker.clock,
            ask=lambda _: None,
            view=open_view,
            pause=pause or (lambda _: self.host.drain()),
        )
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            code = main(["self-test", *arguments], desk)
        return code, out.getvalue()


def _failed(drill: Drill) -> list[Station]:
    return [one for one in Station if not ((found := drill.passage(one)) and found.ok)]


def test_a_drill_goes_the_whole_way_and_disturbs_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every station holds; one message where drills go, none to the team, no ticket, no incident, no fix, no count."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.drill()
        assert _failed(stage.last) == []
        assert stage.last.passed
        assert all((stage.last.seconds(one) or 0) >= 0 for one in Station)
        assert stage.heard == ["teams"]
        said = stage.texts("teams")
        assert "Drill, nothing is wrong" in said
        assert "This is a drill" in said
        assert "pull limit is used up" in said
        assert Incidents(stage.store, now=stage.worker.clock).all_ones() == ()
        assert all(call.error is None for call in stage.host.invocations)
        assert {call.function for call in stage.host.invocations} == {
            "self_test",
            "diagnose_failed_run",
            "notify_people",
        }
        assert stage.host.waiting("fixes") == []
        assert stage.sandbox.violations == []
        counted = {line.split()[1] for line in caplog.messages if line.startswith("metric ")}
        assert "pullmedic.self_test" in counted
        assert all(name.startswith(("pullmedic.drill.", "pullmedic.self_test")) for name in counted)
        assert "ALERT" not in caplog.text


def test_nothing_runs_where_no_destination_for_drills_is_named(tmp_path: Path) -> None:
    """Off by default: no message, no read of Azure, not even a row in the store."""
    with Stage(tmp_path, PULLMEDIC_DRILL_DESTINATION="") as stage:
        stage.drill()
        assert stage.sandbox.calls == []
        assert not stage.path.exists()


@pytest.mark.parametrize("wrong", ["slack", "nowhere"])
def test_the_teams_own_channel_is_refused(tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    """People who hear drills beside failures stop to read either."""
    with Stage(tmp_path, PULLMEDIC_DRILL_DESTINATION=wrong) as stage:
        stage.drill()
        assert stage.sandbox.messages == []
        problems = stage.worker._settings().problems
        assert [one.setting for one in problems if "self-tests" in one.message] == ["PULLMEDIC_DRILL_DESTINATION"]


def test_a_fallback_can_be_the_place_for_drills(tmp_path: Path) -> None:
    """So that a team without a settings file needs no channel more."""
    with Stage(tmp_path, PULLMEDIC_SETTINGS="", PULLMEDIC_DRILL_DESTINATION="fallback slack") as stage:
        stage.drill()
        assert stage.last.passed
        assert stage.heard == ["slack-fallback"]


def test_one_a_day_and_one_after_each_deployment(tmp_path: Path) -> None:
    """The same code is tested daily, other code at once."""
    with Stage(tmp_path) as stage:
        stage.drill()
        first = stage.last
        stage.tick(timedelta(hours=23))
        stage.host.drain()
        assert stage.last.id == first.id
        stage.tick(timedelta(hours=1, minutes=1))
        stage.host.drain()
        second = stage.last
        assert second.id != first.id
        assert second.passed
        stage.worker._self_test().build = "other code"
        stage.tick(timedelta(minutes=5))
        stage.host.drain()
        assert stage.last.build == "other code"
        assert stage.heard == ["teams"] * 3


def test_a_named_workspace_is_really_read(tmp_path: Path) -> None:
    """With the reader's identity and the rights that a diagnosis needs."""
    with Stage(tmp_path) as probe:
        event = next(deliveries_of(probe.scenario)).body[0]
    with Stage(tmp_path, PULLMEDIC_WORKSPACES=event["topic"]) as stage:
        stage.drill()
        found = stage.last.passage(Station.EVIDENCE)
        assert found is not None
        assert "halvorsen-ml" in found.said
        assert stage.last.passed


@pytest.mark.slow
def test_a_drill_on_the_apps_own_storage(tmp_path: Path, azurite: str) -> None:
    """Tables and blobs instead of a file: it passes, leaves no entity behind, and its evidence stays."""
    with Stage(tmp_path, AzureWebJobsStorage=azurite, PULLMEDIC_STORE="azure") as stage:
        stage.drill()
        store = stage.worker._store()
        drill = Drills(store, now=stage.worker.clock).all_ones()[0]
        assert drill.passed, drill
        assert drill.partitions
        drawer = Drawer(store, drill.id)
        assert [drawer.scan(partition) for partition in drill.partitions] == [()] * len(drill.partitions)
        record = drawer.get_record(drill.workspace_id, drill.run_id)
        assert record is not None
        assert record.workspace_id == drill.workspace_id
        assert store.get_record(drill.workspace_id, drill.run_id) is None
        assert drawer.get_document(record.evidence_key)
        assert stage.heard == ["teams"]


# --- each station fails in its turn --------------------------------------------------------------------------


def _assert_loud(stage: Stage, caplog: pytest.LogCaptureFixture, station: Station, told: str) -> None:
    assert stage.last.over
    assert stage.last.failed is station
    assert "ALERT the self-test failed" in caplog.text
    assert f"station={station.name.lower()}" in caplog.text
    assert "self-test failed" in stage.texts("slack-fallback")
    assert told in stage.texts("slack-fallback")
    assert "slack" not in stage.heard
    code, said = stage.command("--last")
    assert code == Exit.NO
    assert f"FAILED: the station '{station.value}'" in said


def test_azure_that_may_not_be_read_fails_that_station_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The way behind it is still tested, so that one lost right hides no second fault."""
    refused = _fault("management.azure.com", "/subscriptions.*", status=403, code="AuthorizationFailed")
    with caplog.at_level(logging.INFO), Stage(tmp_path, refused) as stage:
        stage.drill()
        assert _failed(stage.last) == [Station.EVIDENCE]
        _assert_loud(stage, caplog, Station.EVIDENCE, "lacks the right Microsoft.Resources/subscriptions/read")


def test_a_channel_that_refuses_for_good_fails_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook that was deleted answers 410."""
    with caplog.at_level(logging.INFO), Stage(tmp_path, _fault(_TEAMS, status=410)) as stage:
        stage.drill()
        assert _failed(stage.last) == [Station.POSTED]
        _assert_loud(stage, caplog, Station.POSTED, "410")


def test_what_was_put_right_is_known_within_an_hour(tmp_path: Path) -> None:
    """The next drill comes sooner than a day later, and who heard of the failed one hears that it is over."""
    with Stage(tmp_path, _fault(_TEAMS, status=410, times=1)) as stage:
        stage.drill()
        assert stage.heard == ["slack-fallback"]
        stage.tick(59 * _MINUTE)
        assert stage.host.waiting("failed-runs") == []
        stage.tick(2 * _MINUTE)
        stage.host.drain()
        assert stage.last.passed
        assert stage.heard == ["slack-fallback", "teams", "slack-fallback"]
        assert "passes again: the station 'posted' failed before" in stage.texts("slack-fallback")
        stage.tick(23 * 60 * _MINUTE)
        assert stage.host.waiting("failed-runs") == []


def test_a_busy_channel_is_tried_again_and_passes(tmp_path: Path) -> None:
    """By the next beat of the timer."""
    with Stage(tmp_path, _fault(_TEAMS, status=429, retry_after=60, times=1)) as stage:
        stage.drill()
        assert not stage.last.over
        assert _failed(stage.last)[0] is Station.POSTED
        stage.tick(5 * _MINUTE)
        stage.host.drain()
        assert stage.last.passed
        assert stage.heard == ["teams"]


def test_a_channel_that_stays_busy_fails_by_the_deadline(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told elsewhere, with the last answer."""
    with caplog.at_level(logging.INFO), Stage(tmp_path, _fault(_TEAMS, status=429)) as stage:
        stage.drill()
        for _ in range(3):
            stage.tick(5 * _MINUTE)
            stage.host.drain()
        assert _failed(stage.last) == [Station.POSTED]
        _assert_loud(stage, caplog, Station.POSTED, "429")


def test_a_queue_that_loses_its_message_is_noticed_by_the_timer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would ever hear of it otherwise."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.tick()
        assert len(stage.host.lose("failed-runs")) == 1
        stage.tick(10 * _MINUTE)
        assert not stage.last.over
        stage.tick(6 * _MINUTE)
        assert _failed(stage.last)[0] is Station.QUEUED
        _assert_loud(stage, caplog, Station.QUEUED, "not reached")
        messages = len(stage.sandbox.messages)
        stage.tick(5 * _MINUTE)
        assert len(stage.sandbox.messages) == messages


def test_a_notice_that_is_lost_fails_the_posting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each beat asks for it again; only where all are lost the drill fails."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.tick()
        (message,) = stage.host.lose("failed-runs")
        stage.worker.diagnose(message)
        for _ in range(3):
            stage.tick(5 * _MINUTE)
            stage.host.lose("notices")
        _assert_loud(stage, caplog, Station.POSTED, "not reached")


def test_a_store_that_keeps_nothing_fails_the_storing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The message is tried five times, and no real run counts as lost."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.tick()
        with sqlite3.connect(stage.path) as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON documents BEGIN SELECT RAISE(ABORT, 'full'); END")
        database.close()
        stage.host.drain()
        tries = [call for call in stage.host.invocations if call.function == "diagnose_failed_run"]
        assert len(tries) == stage.host.most_dequeues
        assert Incidents(stage.store, now=stage.worker.clock).all_ones() == ()
        assert _failed(stage.last) == [Station.JUDGED, Station.STORED, Station.POSTED]
        _assert_loud(stage, caplog, Station.STORED, "full")


def test_what_cannot_be_removed_fails_the_cleaning_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A drill that leaves something behind each day is no harmless one."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.tick()
        with sqlite3.connect(stage.path) as database:
            database.execute(
                "CREATE TRIGGER kept BEFORE DELETE ON entities WHEN OLD.partition LIKE 'drill/%/runs/%' "
                "BEGIN SELECT RAISE(ABORT, 'kept'); END"
            )
        database.close()
        stage.host.drain()
        assert _failed(stage.last) == [Station.CLEANED_UP]
        _assert_loud(stage, caplog, Station.CLEANED_UP, "kept")


def test_another_verdict_than_the_known_one_fails_the_judging(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No world makes the judging wrong, so the expectation is."""
    monkeypatch.setattr("responders.drills.running.EXPECTED", ("tag-absent", EXPECTED[1]))
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.drill()
        assert _failed(stage.last) == [Station.JUDGED]
        _assert_loud(stage, caplog, Station.JUDGED, "docker-hub-limit")


def test_a_store_that_is_gone_is_said_once_in_the_fallback_channel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can be written down, so each beat is in the log, and people are told once an hour."""
    with caplog.at_level(logging.INFO), Stage(tmp_path) as stage:
        stage.path.write_bytes(b"this is no database" * 1000)
        stage.tick()
        stage.tick(5 * _MINUTE)
        assert stage.heard == ["slack-fallback"]
        assert caplog.text.count("ALERT the self-test failed") == 2
        assert "station=store" in caplog.text
        stage.tick(61 * _MINUTE)
        assert stage.heard == ["slack-fallback"] * 2


# --- nobody else's event is a drill --------------------------------------------------------------------------


def _forged(stage: Stage, drill: Drill, **changes: Any) -> Delivery:
    genuine = next(deliveries_of(stage.scenario)).body[0]
    data = {**genuine["data"], "runId": drill.run_id}
    event = {**genuine, "id": "an-outsiders-own", "topic": drill.workspace_id, "data": data, **changes}
    return Delivery(drill.run_id, [event], "application/json")


def test_an_event_without_the_secret_is_an_event_like_any_other(tmp_path: Path) -> None:
    """A real failure cannot pass itself off as a drill: it is diagnosed, and people hear of it."""
    with Stage(tmp_path) as stage:
        stage.tick()
        message = json.loads(stage.host.waiting("failed-runs")[0])
        stage.host.lose("failed-runs")
        assert post(stage.host.webhook_url("on_run_status_changed"), _forged(stage, stage.last)) == 202
        stage.host.drain()
        assert stage.last.passage(Station.PICKED_UP) is None
        assert stage.heard == ["slack-fallback"]
        assert "No diagnosis for" in stage.texts("slack-fallback")
        assert message["event_id"] not in stage.path.read_bytes().decode("latin-1")


def test_the_secret_counts_for_its_own_run_in_its_own_workspace_alone(tmp_path: Path) -> None:
    """Whoever learns it cannot hide another run behind it."""
    with Stage(tmp_path) as stage:
        stage.tick()
        run = FailedRun(**{**json.loads(stage.host.waiting("failed-runs")[0]), "failed_at": stage.worker.clock()})
        drills = Drills(stage.store, now=stage.worker.clock)
        assert drills.of(run) is not None
        other = stage.last.workspace_id.replace("drill", "vision")
        for name, value in (("run_id", "quiet_river"), ("workspace_id", other), ("event_id", "")):
            assert (
                drills.of(FailedRun(**{**{f: getattr(run, f) for f in run.__dataclass_fields__}, name: value})) is None
            )


def test_a_message_that_comes_twice_changes_nothing(tmp_path: Path) -> None:
    """Delivery is at least once: a drill that is over is neither told again nor taken for a run."""
    with Stage(tmp_path) as stage:
        stage.tick()
        body = stage.host.waiting("failed-runs")[0]
        stage.host.put("failed-runs", body)
        stage.host.drain()
        ended = stage.last
        stage.host.put("failed-runs", body)
        stage.host.drain()
        assert stage.last == ended
        assert ended.passed
        assert stage.heard == ["teams"]


def test_a_real_failure_meanwhile_is_told_as_ever(tmp_path: Path) -> None:
    """The team hears of it, and only of it."""
    with Stage(tmp_path) as stage:
        stage.tick()
        post(stage.host.webhook_url("on_run_status_changed"), next(deliveries_of(stage.scenario)))
        stage.host.drain()
        assert stage.last.passed
        assert stage.heard.count("slack") == 1
        assert "no pull role" in stage.texts("slack")
        assert "Drill" not in stage.texts("slack")


# --- the command ---------------------------------------------------------------------------------------------


def _url(stage: Stage) -> str:
    return stage.host.webhook_url("on_run_status_changed").partition("/runtime")[0]


def test_the_command_delivers_as_event_grid_does(tmp_path: Path) -> None:
    """Through the webhook with the system key; its output names every station, and no key."""
    with Stage(tmp_path, PULLMEDIC_DRILL_HOURS="48") as stage:
        code, said = stage.command("--url", _url(stage))
        assert code == Exit.DONE
        assert [line.split(" ")[0] for line in said.splitlines()[1:-1]] == ["pass"] * len(Station)
        assert "PASSED in" in said
        assert stage.last.door == "Event Grid's webhook"
        assert stage.host.invocations[0].trigger == "eventGridTrigger"
        assert stage.heard == ["teams"]
        code, said = stage.command("--last", "--json")
        shown = json.loads(said)
        assert code == Exit.DONE
        assert shown["passed"] is True
        assert [one["station"] for one in shown["passages"]] == [one.value for one in Station]
        assert "proof" not in shown


def test_a_wrong_key_fails_the_first_station_and_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The host answers 401."""
    with caplog.at_level(logging.DEBUG), Stage(tmp_path) as stage:
        code, said = stage.command("--url", _url(stage), key="quite-a-wrong-key-0815")
        assert code == Exit.NO
        assert stage.last.failed is Station.RECEIVED
        assert "401" in said
        assert "FAIL event received" in said
        everything = said + caplog.text + stage.texts("slack-fallback") + stage.path.read_bytes().decode("latin-1")
        assert "quite-a-wrong-key-0815" not in everything


def test_an_app_without_a_destination_for_drills_fails_the_posting(tmp_path: Path) -> None:
    """Rather than to post a drill where the team reads."""
    with Stage(tmp_path, PULLMEDIC_DRILL_DESTINATION="") as stage:
        code, said = stage.command("--url", _url(stage))
        assert code == Exit.NO
        assert "no destination for drills" in said
        assert stage.heard == ["slack-fallback"]


def test_a_drill_that_is_not_over_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    """The exit code says that nobody can tell yet."""
    with Stage(tmp_path) as stage:
        code, said = stage.command("--url", _url(stage), "--wait", "4", pause=lambda _: None)
        assert code == Exit.CANNOT_TELL
        assert "not over yet" in said
        assert "---- posted: not reached" in said


@pytest.mark.parametrize(
    ("arguments", "key", "hint"),
    [
        (["--url", "https://app.example"], "", "systemKeys.eventgrid_extension"),
        (["--url", "http://app.example"], "k", "address alone"),
        (["--url", "https://app.example/x?code=1"], "k", "address alone"),
        (["--url", "https://app.example", "--last"], "k", "one of the two"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: list[str], key: str, hint: str) -> None:
    """Before anything is written or sent."""
    with Stage(tmp_path) as stage:
        code, said = stage.command(*arguments, key=key)
        assert code == Exit.USAGE
        assert hint in said
        assert stage.sandbox.calls == []


def test_without_a_self_test_there_is_none_to_show(tmp_path: Path) -> None:
    """And that is no success."""
    with Stage(tmp_path) as stage:
        assert stage.command("--last")[0] == Exit.NOT_THERE


def test_no_secret_gets_out_of_a_drill(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where Azure and the channel repeat what they were sent in their errors."""
    with (
        caplog.at_level(logging.DEBUG, "responders"),
        Stage(
            tmp_path,
            _fault(
                "management.azure.com",
                "/subscriptions.*",
                status=403,
                message="refused; access_token=SECRET-8f1c2d3e4b",
            ),
            _fault(_TEAMS, status=410, message="gone: https://hooks.slack.com/services/T0/B0/SECRET-8f1c2d3e4b"),
        ) as stage,
    ):
        stage.drill()
        code, said = stage.command("--last", "--json")
        assert code == Exit.NO
        everything = said + caplog.text + json.dumps([one.payload for one in stage.sandbox.messages])
        everything += stage.path.read_bytes().decode("latin-1")
        assert stage.heard == ["slack-fallback"]
        assert "SECRET-8f1c2d3e4b" not in everything
        assert stage.sandbox.sentinel not in everything
