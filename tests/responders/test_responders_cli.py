"""``python -m responders``: what a person at a keyboard, or a script, gets from it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from settings_samples import ENVIRONMENT, NOW, PLACES, SENTINEL, SLACK, WORKSPACE, Clock, Shelf, _desk

from responders.__main__ import main
from responders.channels import Sent, slack
from responders.channels._webhook import WebhookConversation
from responders.commands.desk import AuditView, Desk, ask_at_terminal, open_view
from responders.commands.exits import CommandFailed, Exit
from responders.notices import Notice, NoticeKind
from responders.sending import Refused, TryLater
from responders.settings import Settings, load_settings
from responders.silences import Silences
from responders.store import StoreUnavailable

__all__ = ["_desk"]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "settings.example.toml"
RIGHT = PLACES + '[[routes]]\nname = "vision"\nwhen = { workspaces = ["ws-vision*"] }\nto = ["vision", "pager"]\n'
WRONG = RIGHT + '[[routes]]\nto = ["visiom"]\n'


@dataclass(frozen=True)
class Incident:
    """An incident as the store keeps it."""

    id: str = "f1-1"
    state: str = "open"
    verdict: str = "pull-role-missing"
    status: str = "confirmed"
    target: str = "acr1|0f1e"
    headline: str = f"cpu-4 may not pull \x1b[31m https://x.blob.core.windows.net/c?sig={SENTINEL}sig"
    workspaces: tuple[str, ...] = (WORKSPACE,)
    image: str = "acr1.azurecr.io/train:7"
    compute: str = "cpu-4"
    opened_at: datetime = NOW
    last_at: datetime = NOW
    resolved_at: datetime | None = None
    resolution: str = ""
    reopened: int = 0
    snoozed_until: datetime | None = None
    snoozed_by: str = ""


@dataclass(frozen=True)
class Run:
    """An occurrence."""

    run_id: str
    at: datetime = NOW
    experiment: str = "churn"
    reason: str = ""
    workspace_id: str = "/subscriptions/s/workspaces/ws-vision-1"

    @property
    def root_run_id(self) -> str:
        """The run itself: no child of a pipeline."""
        return self.run_id


@dataclass(frozen=True)
class Shown:
    """What a destination shows."""

    count: int = 2
    at: datetime = NOW


@dataclass(frozen=True)
class Delivery:
    """What became of an incident at one destination."""

    destination: str
    shown: Shown | None = None
    url: str = ""
    held: str = ""
    held_why: str = ""
    failures: int = 0
    error: str = ""
    gave_up_at: datetime | None = None
    repeats: int = 0
    confirmed_at: datetime | None = None


@dataclass(frozen=True)
class Feedback:
    """What people said."""

    right: int = 2
    wrong: int = 1


@dataclass
class Book:
    """The incidents of a store."""

    there: tuple[Incident, ...] = ()
    runs: tuple[Run, ...] = ()
    told: tuple[Delivery, ...] = ()

    def get(self, incident_id: str) -> Incident | None:
        return next((it for it in self.there if it.id == incident_id), None)

    def open_ones(self, workspace_id: str | None = None) -> Sequence[Incident]:
        return [it for it in self.there if it.state == "open"]

    def all_ones(self, limit: int = 10_000) -> Sequence[Incident]:
        return self.there[:limit]

    def occurrences(self, incident_id: str) -> Sequence[Run]:
        return self.runs

    def feedback(self, incident_id: str) -> Feedback:
        return Feedback()

    def deliveries(self, incident_id: str) -> Sequence[Delivery]:
        return self.told


@dataclass
class View:
    """An open store."""

    silences: Silences
    incidents: Book
    closed: bool = False

    @property
    def audit(self) -> AuditView:
        raise AssertionError("the audit record has tests of its own, on real stores")

    def fixing(self, settings: Settings) -> Any:
        raise AssertionError("fixes have tests of their own, on the whole app")

    def self_test(self, settings: Settings) -> Any:
        raise AssertionError("self-tests have tests of their own, on the whole app")

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Result:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Every line of the output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Keyboard:
    """A person at a terminal with a settings file, a store and a clock."""

    capsys: pytest.CaptureFixture[str]
    path: Path
    environ: dict[str, str] = field(default_factory=lambda: {**ENVIRONMENT, "USER": "dana"})
    clock: Clock = field(default_factory=Clock)
    shelf: Shelf = field(default_factory=Shelf)
    book: Book = field(default_factory=Book)
    answer: bool | None = None
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    views: list[View] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")
        self.environ["PULLMEDIC_SETTINGS"] = str(self.path)

    def __call__(self, *argv: str) -> Result:
        desk = Desk(environ=self.environ, now=self.clock, ask=self._ask, view=self._view, make_id=lambda: "s-abc")
        try:
            code = main(argv, desk)
        except SystemExit as stopped:  # argparse's own way to end
            code = int(stopped.code or 0)
        shown = self.capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        assert SENTINEL not in shown.out + shown.err
        assert "\x1b" not in shown.out + shown.err
        assert all(view.closed for view in self.views)
        return Result(code, shown.out, shown.err)

    def _ask(self, question: str) -> bool | None:
        self.asked.append(question)
        return self.answer

    def _view(self, settings: Settings, now: Callable[[], datetime]) -> View:
        if self.broken:
            raise StoreUnavailable("it does not answer")
        self.views.append(View(Silences(self.shelf, now=now), self.book))
        return self.views[-1]


@pytest.fixture
def keyboard(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Keyboard:
    """Give somebody at a keyboard."""
    made = Keyboard(capsys, tmp_path / "settings.toml")
    made.write(RIGHT)
    return made


# --- validate and settings -------------------------------------------------------------------------------------


def test_right_settings_are_valid_and_shown(keyboard: Keyboard) -> None:
    """Exit 0, and what would run, with stars for secrets."""
    found = keyboard("validate")
    assert (found.code, found.err) == (Exit.DONE, "")
    assert found.out.startswith("no mistakes, no warnings; what would run:")
    assert "webhook_url: ****" in found.out
    assert "workspaces: ws-vision*" in found.out


def test_every_mistake_is_said_with_its_place_and_the_exit_is_1(keyboard: Keyboard) -> None:
    """A misspelt variable is among them."""
    keyboard.write(WRONG)
    keyboard.environ["PULLMEDIC_WORKSPACE"] = "x"
    found = keyboard("validate")
    assert found.code == Exit.NO
    assert found.out.splitlines()[:3] == [
        f"wrong: {keyboard.path}:19: routes[1].to[0]: no destination is called visiom; is vision meant?",
        "wrong: PULLMEDIC_WORKSPACE: no such setting: is PULLMEDIC_WORKSPACES meant?",
        "2 mistakes, no warnings; what would run:",
    ]


def test_another_file_can_be_checked_and_as_json(keyboard: Keyboard, tmp_path: Path) -> None:
    """``--settings`` goes before the environment; a warning alone is valid."""
    other = tmp_path / "other.toml"
    other.write_text('[[silences]]\nuntil = 2026-01-01T00:00:00Z\nreason = "r"\nwhen = { causes = ["tag-absent"] }\n')
    keyboard.write(WRONG)
    keyboard.environ = {name: keyboard.environ[name] for name in ("PULLMEDIC_SLACK_WEBHOOK_URL", "PULLMEDIC_SETTINGS")}
    found = keyboard("validate", "--settings", str(other), "--json")
    assert found.code == Exit.DONE
    (told,) = found.lines
    assert told["valid"] is True
    assert told["problems"] == [
        {
            "place": f"{other}:2: silences[0].until",
            "message": "it has ended: take the silence out",
            "warning": True,
        }
    ]
    assert told["runs"]["destinations"] == [
        {"name": "slack", "channel": "slack", "from": "the environment", "fields": {"webhook_url": "****"}}
    ]
    assert told["runs"]["silences"][0]["active"] is False


def test_a_file_that_is_not_there_is_told(keyboard: Keyboard) -> None:
    """And a folder, and bytes that are no text."""
    for path, why in ((keyboard.path.parent / "none.toml", "no such file"), (keyboard.path.parent, "no such file")):
        found = keyboard("validate", "--settings", str(path))
        assert found.code == Exit.NO
        assert why in found.out
    keyboard.path.write_bytes(b"\xff\xfe")
    assert "no UTF-8 text" in keyboard("validate").out


def test_settings_shows_what_is_in_force_and_what_is_wrong_apart(keyboard: Keyboard) -> None:
    """Exit 0 all the same: it only shows."""
    keyboard.write(WRONG)
    found = keyboard("settings", "--json")
    assert found.code == Exit.DONE
    assert "visiom; is vision meant?" in found.err
    (told,) = found.lines
    assert told["incidents"]["repeat_at"] == [10, 100]
    assert [route["wrong"] for route in told["routes"]] == [False, True]
    assert told["trackers"][0]["fields"] == {"token": "****", "queue": "ML", "label": "pullmedic"}
    assert told["defaults"] == {
        "to": ["slack"],
        "tickets": [],
        "fallback": [],
        "insufficient_evidence": ["slack"],
        "not_registry": [],
    }
    keyboard.environ.clear()
    assert "to: the app's log, since no destination is set up" in keyboard("settings").out


def test_the_schema_is_printed(keyboard: Keyboard) -> None:
    """As one JSON document."""
    assert json.loads(keyboard("schema").out)["title"] == "Settings of Pullmedic"


# --- route -----------------------------------------------------------------------------------------------------

_DATA = {"experimentName": "release-7", "runId": "calm_net", "runStatus": "Failed", "runTags": {"team": "vision"}}
GRID = {
    "id": "1",
    "topic": WORKSPACE,
    "subject": "experiments/x/runs/calm_net",
    "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
    "eventTime": "2026-11-23T11:12:13.1234567Z",
    "data": _DATA,
}
CLOUD = {
    "specversion": "1.0",
    "id": "1",
    "source": WORKSPACE,
    "subject": "experiments/x/runs/calm_net",
    "type": "Microsoft.MachineLearningServices.RunStatusChanged",
    "time": "2026-11-23T11:12:13Z",
    "data": _DATA,
}


def event(keyboard: Keyboard, value: Any) -> str:
    """Write an event and return its path."""
    path = keyboard.path.parent / "event.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("value", [GRID, CLOUD, [GRID]])
def test_an_event_of_either_schema_is_routed(keyboard: Keyboard, value: Any) -> None:
    """With the rule that decides, and where it stands."""
    found = keyboard("route", event(keyboard, value), "--cause", "pull-role-missing", "--json")
    assert found.code == Exit.DONE
    assert found.lines == [
        {
            "run": "calm_net",
            "verdicts": ["pull-role-missing"],
            "destinations": ["vision", "pager"],
            "trackers": [],
            "wanted": True,
            "severity": "error",
            "rules": [f"route vision ({keyboard.path}:14: routes[0]): to vision, pager"],
            "silenced_by": None,
        }
    ]


def test_without_a_cause_every_verdict_is_tried_in_groups(keyboard: Keyboard) -> None:
    """Each verdict is in one group, those without a cause among them."""
    found = keyboard("route", event(keyboard, GRID), "--json")
    verdicts = [verdict for group in found.lines for verdict in group["verdicts"]]
    assert len(verdicts) == len(set(verdicts)) > 40
    by_verdict = {verdict: group for group in found.lines for verdict in group["verdicts"]}
    assert by_verdict["tag-absent"]["destinations"] == ["vision", "pager"]
    assert by_verdict["insufficient-evidence"]["destinations"] == ["slack"]
    assert by_verdict["not-registry"]["wanted"] is False
    text = keyboard("route", event(keyboard, GRID)).out
    assert "to       nobody" in text


def test_a_route_by_hours_is_tried_at_another_time(keyboard: Keyboard) -> None:
    """The event's own time decides, unless ``--at`` says another one."""
    keyboard.write(PLACES + '[[routes]]\nwhen = { hours = "11:00-12:00" }\nto = ["vision"]\n')
    asked = ("route", event(keyboard, GRID), "--cause", "tag-absent", "--json")
    assert keyboard(*asked).lines[0]["destinations"] == ["vision"]
    later = keyboard(*asked, "--at", "2026-11-23T12:30:00+00:00")
    assert later.lines[0]["destinations"] == ["slack"]
    assert keyboard(*asked, "--at", "2026-11-23T12:30:00").code == Exit.USAGE


def test_a_silence_of_the_store_is_considered(keyboard: Keyboard) -> None:
    """It is named; where the store cannot be read, the answer goes without and says so."""
    keyboard("silence", "add", "--for", "2h", "--reason", "known", "--workspace", "ws-vision-1")
    asked = ("route", event(keyboard, GRID), "--cause", "tag-absent")
    assert "silenced the silence " in keyboard(*asked).out
    keyboard.broken = True
    found = keyboard(*asked)
    assert found.code == Exit.DONE
    assert "silences of the store are not considered" in found.err


@pytest.mark.parametrize(
    ("value", "argv", "code", "complaint"),
    [
        ("{", (), Exit.INPUT_UNREADABLE, "is no JSON"),
        ("[" * 100_000, (), Exit.INPUT_UNREADABLE, "is no JSON"),
        ("[]", (), Exit.INPUT_UNREADABLE, "holds no event"),
        ("7", (), Exit.INPUT_UNREADABLE, "holds no event"),
        ({}, (), Exit.INPUT_UNREADABLE, "would drop this event"),
        (GRID | {"eventType": "Other"}, (), Exit.INPUT_UNREADABLE, "would drop this event"),
        (GRID | {"topic": "x"}, (), Exit.INPUT_UNREADABLE, "cannot be used"),
        (GRID | {"data": 7}, (), Exit.INPUT_UNREADABLE, "cannot be used"),
        (GRID, ("--cause", "pull-role-mising"), Exit.USAGE, "no cause is called"),
        (GRID, ("--status", "sure"), Exit.USAGE, "invalid choice"),
    ],
)
def test_an_event_that_cannot_be_used_is_told(
    keyboard: Keyboard, value: Any, argv: tuple[str, ...], code: Exit, complaint: str
) -> None:
    """In one line."""
    found = keyboard("route", event(keyboard, value), *argv)
    assert found.code == code
    assert complaint in found.err


def test_an_event_comes_from_standard_input_too(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other commands have it; a file that is not there is told."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(CLOUD)))
    assert keyboard("route", "-", "--cause", "tag-absent").code == Exit.DONE
    assert keyboard("route", str(keyboard.path.parent / "none.json")).code == Exit.INPUT_UNREADABLE


# --- send-test -------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    """Take what is sent; ``send`` of the webhooks' conversation is where it would go onto the wire."""
    notices: list[Notice] = []

    def send(self: WebhookConversation, notice: Notice, *, now: datetime) -> Sent:
        notices.append(notice)
        return Sent()

    monkeypatch.setattr(WebhookConversation, "send", send)
    return notices


def test_a_test_message_to_slack_is_proven_by_its_answer(keyboard: Keyboard, sent: list[Notice]) -> None:
    """Nobody is asked."""
    found = keyboard("send-test", "vision")
    assert (found.code, found.out, keyboard.asked) == (Exit.DONE, "vision took the message.\n", [])
    (notice,) = sent
    assert (notice.kind, notice.key) == (NoticeKind.TEST, "test-s-abc")
    assert "test message to vision" in json.dumps(slack.render(notice))


@pytest.mark.parametrize(("answer", "code"), [(True, Exit.DONE), (False, Exit.NO), (None, Exit.CANNOT_TELL)])
def test_what_teams_answers_proves_nothing_so_the_person_is_asked(
    keyboard: Keyboard,
    sent: list[Notice],
    answer: bool | None,  # noqa: FBT001
    code: Exit,
) -> None:
    """And told where the flow's history is."""
    keyboard.answer = answer
    found = keyboard("send-test", "pager")
    assert found.code == code
    assert "this status proves nothing" in found.out
    assert "run history" in found.out
    assert keyboard.asked == ["Did the test message arrive?"]
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        (Refused(404, "no_service"), "vision did not take the message: refused with 404: no_service"),
        (TryLater("answered 429"), "vision did not take the message: answered 429"),
        (KeyError(SLACK), "vision failed with KeyError: a fault of the channel"),
    ],
)
def test_a_message_that_is_not_taken_is_told_in_one_line(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch, error: Exception, complaint: str
) -> None:
    """Without any address, whatever the fault."""

    def send(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(WebhookConversation, "send", send)
    found = keyboard("send-test", "vision")
    assert (found.code, found.out) == (Exit.NO, "")
    assert found.err == f"pullmedic: {complaint}\n"


def test_a_destination_that_is_not_there_is_told_with_those_that_are(keyboard: Keyboard) -> None:
    """Fallbacks among them; where settings are wrong, that is the hint."""
    keyboard.environ["PULLMEDIC_FALLBACK_SLACK_WEBHOOK_URL"] = SLACK
    found = keyboard("send-test", "visiom")
    assert found.code == Exit.NOT_THERE
    assert "there are slack, vision, pager, fallback slack" in found.err
    keyboard.write('[destinations.a]\nchannel = "slack"\n')
    assert "the settings have 1 mistakes, see `validate`" in keyboard("send-test", "a").err


def test_nobody_is_asked_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline does not hang; a person's answer is taken in any case."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert ask_at_terminal("There?") is None

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("what\nYES\n"))
    assert ask_at_terminal("There?") is True
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert ask_at_terminal("There?") is False
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert ask_at_terminal("There?") is None


# --- incidents -------------------------------------------------------------------------------------------------

OLD = Incident(id="f2-1", state="resolved", resolved_at=NOW, resolution="the next run came through", status="")


def test_open_incidents_are_listed_and_all_on_demand(keyboard: Keyboard) -> None:
    """As lines and as one JSON list; what the run's author wrote is cleaned and redacted."""
    keyboard.book = Book((Incident(), OLD), (Run("a"), Run("b")))
    found = keyboard("incidents", "list")
    assert found.code == Exit.DONE
    assert found.out.splitlines()[0] == "f1-1  open  2 runs, the last 2026-11-23 12:00Z  pull-role-missing (confirmed)"
    assert "f2-1" not in found.out
    (told,) = keyboard("incidents", "list", "--all", "--json").lines
    assert [(it["id"], it["runs"], it["state"]) for it in told] == [("f1-1", 2, "open"), ("f2-1", 2, "resolved")]
    keyboard.book = Book()
    assert keyboard("incidents", "list").out == "no incident is open\n"


def test_an_incident_is_shown_with_its_chain_of_deliveries(keyboard: Keyboard) -> None:
    """Who shows what, what was held back and why, what failed, what people said."""
    keyboard.book = Book(
        (Incident(reopened=1, snoozed_until=NOW + timedelta(hours=1), snoozed_by="Kim"), OLD),
        tuple(Run(f"run_{number}", reason="folded" if number else "") for number in range(25)),
        (
            Delivery("vision", Shown(), url="https://slack.com/archives/C1/p1", held="paced"),
            Delivery("pager", failures=3, error="answered 503", gave_up_at=NOW, repeats=1, confirmed_at=NOW),
        ),
    )
    found = keyboard("incidents", "show", "f1-1")
    assert found.code == Exit.DONE
    for line in (
        "state: open",
        "verdict: pull-role-missing (confirmed), to be fixed at acr1|0f1e",
        "reopened: 1 times",
        "snoozed: until 2026-11-23 13:00Z by Kim",
        "runs: 25",
        "  2026-11-23 12:00Z  run_24  churn  (folded)",
        "  and 5 earlier ones",
        "  vision: shows 2 runs since 2026-11-23 12:00Z",
        "    held back: paced",
        "    failed: 3 times, answered 503",
        "    given up: 2026-11-23 12:00Z, answered 503",
        "    may have arrived twice: 1",
        "    confirmed by the destination: 2026-11-23 12:00Z",
        "feedback: 2 right, 1 wrong",
    ):
        assert line in found.out.splitlines()
    (told,) = keyboard("incidents", "show", "f1-1", "--json").lines
    assert [delivery["destination"] for delivery in told["deliveries"]] == ["vision", "pager"]
    assert told["feedback"] == {"right": 2, "wrong": 1}
    assert "resolved 2026-11-23 12:00Z, the next run came through" in keyboard("incidents", "show", "f2-1").out


def test_an_incident_that_is_not_there_and_a_store_that_does_not_answer_are_told(keyboard: Keyboard) -> None:
    """Each with an exit code of its own."""
    assert keyboard("incidents", "show", "f9").code == Exit.NOT_THERE
    keyboard.broken = True
    found = keyboard("incidents", "list")
    assert (found.code, found.err) == (
        Exit.STORE_UNREADABLE,
        "pullmedic: the store cannot be used: it does not answer\n",
    )


def test_looking_into_a_store_that_is_not_there_does_not_make_it(tmp_path: Path) -> None:
    """A command in the wrong folder leaves nothing behind."""
    path = tmp_path / "s.sqlite"
    with pytest.raises(CommandFailed, match="there is no store at"):
        open_view(load_settings({"PULLMEDIC_STORE": f"sqlite:///{path}"}), Clock())
    assert not path.exists()


# --- silence ---------------------------------------------------------------------------------------------------


def test_a_silence_is_added_listed_and_ended(keyboard: Keyboard) -> None:
    """With who, until when, what and why; one of the settings file is listed as well."""
    add = ("silence", "add", "--reason", "the registry moves")
    first = keyboard(*add, "--for", "2h", "--workspace", "ws-vision*", "--tag", "team=vision", "--tag", "team=x")
    assert first.code == Exit.DONE
    name = first.out.split()[0]
    assert first.out == f"{name} silences workspaces ws-vision*, tag team vision or x until 2026-11-23T14:00:00+00:00\n"
    until = ("--until", "2026-11-25T00:00:00+01:00", "--from", "2026-11-24T00:00:00+01:00")
    second = keyboard(*add, *until, "--cause", "pull-*", "--experiment", "e", "--status", "likely", "--by", "Kim")
    assert second.code == Exit.DONE
    listed = keyboard("silence", "list").out
    assert f"{name}  2026-11-23 12:00Z to 2026-11-23 14:00Z by dana" in listed
    assert "experiments e, causes pull-*, statuses likely: the registry moves" in listed
    assert keyboard("silence", "end", name).out == f"{name} has ended, by dana\n"
    (left,) = keyboard("silence", "list", "--json").lines
    assert [one["by"] for one in left] == ["Kim"]
    assert "ended by dana" in keyboard("silence", "list", "--all").out
    keyboard.clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert keyboard("silence", "list").out == "nothing is silenced\n"
    assert keyboard("silence", "end", second.out.split()[0]).out.endswith("has ended by itself\n")
    text = '[[silences]]\nuntil = 2026-12-02T00:00:00Z\nreason = "r"\nwhen = { causes = ["tag-absent"] }\n'
    keyboard.write(PLACES + text)
    assert keyboard("silence", "list").out == f"{keyboard.path}:14: silences[0]  to 2026-12-02 00:00Z: r\n"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--for", "2h"), "say what is silenced"),
        (("--for", "soon", "--workspace", "*"), "a duration is a whole number and a unit"),
        (("--for", "91d", "--workspace", "*"), "within 90 days"),
        (("--until", "2026-12-01T00:00:00", "--workspace", "*"), "a time has an offset"),
        (("--until", "x", "--workspace", "*"), "a time has an offset"),
        (("--until", "2026-01-01T00:00:00Z", "--workspace", "*"), "ends before it starts"),
        (("--for", "2h", "--workspace", ""), "a pattern is not empty"),
        (("--for", "2h", "--workspace", "a" * 301), "at most 300 characters"),
        (("--for", "2h", "--tag", "team"), "NAME=PATTERN"),
        (("--for", "2h", "--cause", "pull-role-mising"), "no cause is called"),
        (("--for", "2h", "--until", "2026-12-01T00:00:00Z"), "not allowed with"),
        (("--workspace", "*"), "one of the arguments --for --until is required"),
    ],
)
def test_a_silence_that_is_wrong_is_told_and_not_kept(
    keyboard: Keyboard, argv: tuple[str, ...], complaint: str
) -> None:
    """Exit 2, one line, nothing written."""
    found = keyboard("silence", "add", "--reason", "r", *argv)
    assert found.code == Exit.USAGE
    assert complaint in found.err
    assert keyboard.shelf.entities == {}


def test_a_silence_without_a_name_or_that_is_not_there_is_told(keyboard: Keyboard) -> None:
    """Somebody has to stand behind it."""
    del keyboard.environ["USER"]
    found = keyboard("silence", "add", "--for", "1h", "--reason", "r", "--workspace", "*")
    assert (found.code, "the name of who sets it" in found.err) == (Exit.USAGE, True)
    assert keyboard("silence", "end", "s-none").code == Exit.NOT_THERE


# --- the process itself ----------------------------------------------------------------------------------------


def test_it_runs_as_a_module_of_its_own() -> None:
    """With the process's own environment, and the example from the documents."""
    environ = {
        "PATH": "/usr/bin",
        "PULLMEDIC_SETTINGS": str(EXAMPLE),
        "PULLMEDIC_ON_CALL_WEBHOOK": SLACK,
        "PULLMEDIC_VISION_WEBHOOK": ENVIRONMENT["PULLMEDIC_PAGER_URL"],
        "PULLMEDIC_FIXER_CLIENT_ID": "33333333-0000-4000-8000-000000000003",
        "PULLMEDIC_PLATFORM_TOKEN": "xoxb-1-2-abcdefgh",
        "PULLMEDIC_PLATFORM_SIGNING_SECRET": "0123456789abcdef" * 2,
    }
    command = [sys.executable, "-m", "responders", "validate"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no mistakes, no warnings" in done.stdout
    assert SENTINEL not in done.stdout
