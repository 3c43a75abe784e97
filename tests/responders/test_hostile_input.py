"""Whatever those who submit runs write into names and logs: every channel and every tracker that there is takes it.

From the failed run to what goes over the wire, through the app's own parts: evidence, incident, wording, delivery. The
places are found as the product finds them, so a new file is tested as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest
import responder_samples as samples
from crashing_worker import Worker
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from diagnostics.intake import Event, MalformedEvent, ended_run
from diagnostics.model import Evidence, FailedRun, ImageReference, LogExcerpt, RunDetails, Symptom
from responders import channels, tickets
from responders.settings import load_settings
from responders.store import open_store
from responders.subjects import Subject
from sandbox import Sandbox, parse_scenario
from sandbox.places import PLACES, settings_of
from sandbox.playing import variables
from sandbox.records import Call
from tests.fuzz.drawing import SECRET, SECRETS

ATTACKS = (
    *("<!channel>", "<@U0123>", "<!subteam^S1|ops>", "@everyone", "<at>Dana</at>", "@halvorsen/admins", "#12"),
    *("https://evil.example/x", "<https://evil.example|portal>", "[portal](https://evil.example)", "www.evil.example"),
    *("<img src=x onerror=alert(1)>", "</p><script>alert(1)</script>", "<!-- -->", "]]>", "[code]<b>[/code]"),
    *('"}],"actions":[{"type":"Action.OpenUrl","url":"https://evil.example"}]', '{"type":"TextBlock"}', "${x}{{y}}"),
    *(
        '" OR labels = "x',
        "' OR [System.Id] > 0 OR '",
        "^ORactive=true^EQ",
        '\\" OR 1=1',
        "a; b, c",
        "[~accountid:5b1]",
    ),
    *(
        "{code}",
        "{noformat}",
        "```",
        "~~~",
        "*b* _i_ `c`",
        "\\",
        "&lt;",
        "\x1b[31m",
        "\u202e",
        "\ud800",
        "\x00",
        "\r\n",
    ),
)


def in_its_form(text: str) -> bool:
    """Tell whether the secret stands only where its form gives it away: bare it is a word like any other."""
    for form in SECRETS:
        text = text.replace(form, "")
    return SECRET not in text


WORDS = st.one_of(
    samples.TEXTS,
    st.lists(st.sampled_from((*ATTACKS, *SECRETS)), min_size=1, max_size=6).map(" ".join),
    st.sampled_from((*ATTACKS, *SECRETS)).map(lambda piece: f"{piece} " * 300),
).filter(in_its_form)


@dataclass(frozen=True, slots=True)
class Other:
    """The other side: its hosts, the bytes that one request may have, and what its readers would obey in one."""

    hosts: str
    longest: int
    live: str


OTHERS: Mapping[str, Other] = {
    "slack": Other(r"hooks\.slack\.com", 40_000, r"<[!@#]|<https://evil"),
    "slack_bot": Other(r"slack\.com", 40_000, r"<[!@#]|<https://evil"),
    "teams": Other(r".*\.powerplatform\.com", 20_000, r"<at>|(?<!\\)\]\(|(?<!\\)://evil|<img"),
    "webhook": Other(r"hooks\.contoso\.example", 20_000, r'"run_url":"(?!https://ml\.azure\.com/)[^"]'),
    "event_grid": Other(r".*\.eventgrid\.azure\.net", 64 * 1024, r'"run_url":"(?!https://ml\.azure\.com/)[^"]'),
    "apprise": Other(r"discord\.com", 12_000, r"@everyone|<@|https://evil|www\.evil"),
    "github": Other(r"api\.github\.com", 6 * 65_536, r"<img|<script|href=.{0,3}https://evil"),
    "azure_devops": Other(r"dev\.azure\.com", 1_048_576, r"<img|<script|href=.{0,3}https://evil"),
    "jira": Other(r"halvorsen\.atlassian\.net", 6 * 32_767, r'"type": ?"(mention|inlineCard)"|"href": ?"https://evil'),
    "servicenow": Other(r"halvorsen\.service-now\.com", 6 * 4_000 + 2_000, r"\[/?code\]|https://evil"),
}
"""By the place's name. Limits are the services' own, six bytes of JSON a character where these count characters."""

VERDICT = "its pull limit is used up"
ADVICE = "Give the workspace a credential for Docker Hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What somebody chose: the names of a run, what the log says, and what stands around it."""

    run_id: str
    experiment: str
    submitted_by: str
    account: str
    compute: str
    repository: str
    lines: tuple[str, str, str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Write one text everywhere."""
        return cls(
            run_id=text,
            experiment=text,
            submitted_by=text,
            account=text,
            compute=text,
            repository=text,
            lines=(text, text, text),
        )


WRITTEN = st.builds(
    Written,
    run_id=WORDS.filter(bool),
    experiment=WORDS,
    submitted_by=WORDS,
    account=WORDS.filter(bool),
    compute=WORDS,
    repository=WORDS,
    lines=st.tuples(WORDS, WORDS, WORDS),
)


def taken_in(written: Written, workspace: str, now: datetime) -> FailedRun:
    """Return the run as the app takes it from its event; an id that it refuses is another one here."""
    names = {"experimentName": written.experiment, "createdBy": written.submitted_by, "runTags": {"team": "a"}}
    for run_id in (
        written.run_id,
        " ".join(word for word in written.run_id.split() if "/" not in word)[:256],
        "calm_net_7xk2",
    ):
        event = Event(
            id="e1",
            type="Microsoft.MachineLearningServices.RunStatusChanged",
            source=workspace,
            subject="",
            time=now,
            data={"runId": run_id, "runStatus": "Failed", **names},
        )
        with suppress(MalformedEvent):
            run = ended_run(event)
            assert isinstance(run, FailedRun)
            return run
    raise AssertionError


def evidence(written: Written, run: FailedRun, at: datetime) -> Evidence:
    """Return evidence in which all that is no fact of ours was written by somebody else."""
    # As the reader of logs leaves them: one line each, without lone surrogates.
    before, saying, after = (" ".join(line.encode("utf-8", "replace").decode().splitlines()) for line in written.lines)
    symptom = Symptom(
        id="rate-limited",
        signature="docker-hub-limit",
        emitter="Docker Hub",
        excerpt=LogExcerpt(file=f"logs/{before[:80]}.txt", first_line=7, lines=(before, saying, after)),
        line=8,
        names=("docker-hub-limit",),
        decisive=True,
        captured={"client": written.account},
    )
    return samples.evidence(
        run=run,
        taken_at=at,
        symptoms=(symptom,),
        details=RunDetails(
            run_id=run.run_id, root_run_id=run.run_id, compute=written.compute, notes=(saying,), experiment=before
        ),
        image=ImageReference(registry="docker.io", repository="library/python", tag="3.12"),
        image_text=written.repository,
    )


class Everywhere:
    """A sandbox with every place that the product knows, and the requests that were made to them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings = {name: value for each in settings_of(sandbox).values() for name, value in each.items()}
        self.count = count()  # each example is an incident of its own, also at the trackers, which forget nothing

    def tell(self, written: Written) -> Mapping[str, list[Call]]:
        """Let a run fail with what somebody wrote, be told of and be over; return every request, by place."""
        self.sandbox.reset()
        now = datetime.now(UTC)
        with TemporaryDirectory() as folder:
            loaded = load_settings({"PULLMEDIC_STORE": f"sqlite:///{Path(folder) / 's.sqlite'}", **self.settings})
            assert loaded.problems == ()
            with closing(open_store(loaded.store)) as store:
                worker = Worker(
                    store=store,
                    settings=loaded,
                    investigate=lambda run: evidence(written, run, now),
                    clock=now + timedelta(minutes=1),
                )
                self._live_through(worker, written, now)
        calls = self.sandbox.calls
        return {name: [c for c in calls if re.fullmatch(it.hosts, c.host)] for name, it in OTHERS.items()}

    def _live_through(self, worker: Worker, written: Written, now: datetime) -> None:
        run = taken_in(written, f"{samples.WORKSPACE}-{next(self.count)}", now)
        worker.deliver(run)
        (incident,) = worker.incidents.all_ones()
        self._shown(worker, incident.id)
        worker.incidents.resolve(incident.id, f"run {run.run_id} completed", at=worker.clock)
        worker.news.append((Subject("incident", incident.id), 0))
        worker.drain()
        self._shown(worker, incident.id)
        assert worker.lost == []

    def _shown(self, worker: Worker, incident: str) -> None:
        """Every place took the full form, at the first try."""
        shown = {delivery.destination: delivery for delivery in worker.delivering().deliveries(incident)}
        assert set(shown) == {channel.name for channel in channels.discover()} | {
            f"ticket {tracker.name}" for tracker in tickets.discover()
        }
        for name, delivery in shown.items():
            assert delivery.shown is not None, (name, delivery.error)
            assert (delivery.gave_up_at, delivery.minimal, delivery.error) == (None, False, ""), name


@pytest.fixture(scope="module")
def everywhere() -> Iterator[Everywhere]:
    """Run the sandbox that all examples share, and point this process at it."""
    scenario = parse_scenario({"world": {"cloud": "AzureCloud"}})
    with Sandbox(scenario) as sandbox, variables(sandbox.environment):
        yield Everywhere(sandbox)


def test_every_channel_and_every_tracker_is_written_to() -> None:
    """A new file is tested here as soon as the sandbox has its other side."""
    known = {channel.name for channel in channels.discover()} | {tracker.name for tracker in tickets.discover()}
    assert set(PLACES) == set(OTHERS) == known


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(written=WRITTEN)
@example(written=Written.of(" ".join(ATTACKS)))
@example(written=Written.of(" ".join(SECRETS)))
@example(written=Written.of("x" * 100_000))
@example(written=replace(Written.of(""), run_id=f"https://hooks.slack.com/services/T0/B0/{SECRET} " * 300, account="0"))
@example(written=Written.of("\n" * 5_000 + "\u202e"))
def test_whatever_is_written_every_place_takes_it_whole_and_obeys_none_of_it(
    everywhere: Everywhere, written: Written
) -> None:
    """Within every limit, escaped, redacted; and the verdict and the advice can still be read."""
    for name, calls in everywhere.tell(written).items():
        other = OTHERS[name]
        for call in calls:
            assert call.status < 300, (name, call.status)
            assert SECRET not in call.path + call.body, name
            assert len(call.body.encode()) <= other.longest, name
            assert not re.search(other.live, call.body), name
            assert "evil" not in call.path
        said = [call.body for call in calls if VERDICT in call.body]
        assert said, name
        assert name == "event_grid" or any(ADVICE in body for body in said), name
    assert everywhere.sandbox.violations == []
    assert everywhere.sandbox.refused == []
