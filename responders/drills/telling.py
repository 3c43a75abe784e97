"""What people see of a self-test: its message, which cannot be taken for a failure, and the word that it failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from diagnostics.redaction import redact
from responders.blocks import Block, Kind, Pair, Report, Text
from responders.channels import Conversation, Destination, Sent
from responders.deliveries import Delivery
from responders.drills.record import Drill, Station
from responders.notices import Notice, NoticeKind
from responders.rules import Pacing
from responders.sending import SendError
from responders.wording import cut, one_line

__all__ = ["DrillPlace", "alarm", "lines", "relieve", "why"]

_LOG = logging.getLogger(__name__)
_LEFT_OUT = frozenset({Kind.STATE, Kind.REMEDIES, Kind.AS_CODE, Kind.NOTES, Kind.CHECKS})
"""What speaks of an incident, or tells people to do something, and the place of the stations."""

_SEEN = 160

_MEANING = {
    Station.RECEIVED: "no event came to on_run_status_changed: is the app running, and is the Event Grid key right",
    Station.QUEUED: "the queue failed-runs did not take it, or nobody reads it: storage, rights, the trigger",
    Station.PICKED_UP: "nothing took the message from the queue failed-runs: diagnose_failed_run",
    Station.EVIDENCE: "Azure could not be read with the reader's identity",
    Station.JUDGED: "the known failure got another verdict than the known one",
    Station.STORED: "the store did not keep the diagnosis",
    Station.POSTED: "the destination for drills did not take the message",
    Station.CLEANED_UP: "what the drill left in the store could not be removed",
}


@dataclass(frozen=True, slots=True)
class DrillPlace:
    """The destination for drills, as a :class:`responders.places.Place`."""

    destination: Destination
    pacing: Pacing
    drill: Drill

    @property
    def name(self) -> str:
        """See :class:`responders.places.Place`."""
        return self.destination.name

    @property
    def interval(self) -> timedelta | None:
        """Nobody is disturbed: there is one message a drill."""
        return None

    def open(self, delivery: Delivery, attempted_at: datetime | None) -> Conversation:
        """See :class:`responders.places.Place`."""
        del delivery, attempted_at
        return _Marked(self.destination.open(), self.drill)

    def key(self, incident_key: str, fingerprint: str) -> str:
        """Return a key that no incident has."""
        del incident_key, fingerprint
        return f"drill-{self.drill.id}"


class _Marked:
    """A conversation in which everything is a test: no incident for machines, no buttons, a headline that says so."""

    edits = False

    def __init__(self, conversation: Conversation, drill: Drill) -> None:
        self._conversation = conversation
        self._drill = drill
        self.finds = conversation.finds

    def send(self, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`."""
        report = _marked(notice.report, self._drill)
        kept = replace(notice, kind=NoticeKind.TEST, report=report, incident=None, actions=(), reply="")
        return self._conversation.send(kept, now=now)

    def edit(self, ref: str, notice: Notice, *, now: datetime) -> Sent:
        """See :class:`responders.channels.Conversation`; nothing is edited."""
        del ref
        return self.send(notice, now=now)

    def find(self, key: str, *, since: datetime, now: datetime) -> str | None:
        """See :class:`responders.channels.Conversation`."""
        return self._conversation.find(key, since=since, now=now)


def _marked(report: Report, drill: Drill) -> Report:
    begun = f"begun by {drill.by} at {drill.started_at:%Y-%m-%d %H:%M:%S UTC}"
    step = f"Nothing is to be done. This is a drill, {begun}: no run has failed, Pullmedic tests itself."
    kept = (block for block in report.blocks if block.kind not in _LEFT_OUT)
    return replace(
        report,
        headline=f"Drill, nothing is wrong. A real message would say: {report.headline}",
        next_step=Block(Kind.NEXT_STEP, (Text(step),)),
        status=None,
        run_url="",
        page_url="",
        blocks=(*kept, Block(Kind.CHECKS, tuple(Text(line) for line in lines(drill)))),
    )


def lines(drill: Drill) -> Iterator[str]:
    """Yield what is known of each station, in one line each; of one that is not reached yet nothing."""
    for station in Station:
        found, seconds = drill.passage(station), drill.seconds(station)
        if found is not None and seconds is not None:
            held = "pass" if found.ok else "FAIL"
            yield f"{held} {station.value}, {seconds:.1f} s{f': {found.said}' if found.said else ''}"


def why(drill: Drill) -> str:
    """Return in one sentence which station failed, and what that means."""
    station = drill.failed
    if station is None:
        return "every station held"
    found = drill.passage(station)
    seen = found.said if found is not None else f"not reached by {drill.deadline_at:%H:%M UTC}"
    return f"the station '{station.value}' failed: {_MEANING[station]} ({cut(seen or 'no reason', _SEEN).text})"


def alarm(said: str, detail: Iterable[str], fallbacks: Iterable[Destination], *, key: str, now: datetime) -> None:
    """Say loudly that a self-test failed: in the log in any case, and wherever the fallback places are."""
    _LOG.error("ALERT the self-test failed: %s", redact(said))
    step = "Real failures may go unheard until this is put right: docs/self-test.md says what to look at."
    _tell(f"Pullmedic's self-test failed: {said}.", step, detail, fallbacks, key=key, now=now)


def relieve(before: Drill, drill: Drill, fallbacks: Iterable[Destination], *, now: datetime) -> None:
    """Say where a failed self-test was told of that the next one passed."""
    said = (
        f"Pullmedic's self-test passes again: {why(before).partition(':')[0]} before, at {before.started_at:%H:%M UTC}."
    )
    step = "Nothing. Failures of that time whose message is missing: python -m responders incidents list --all."
    _tell(said, step, lines(drill), fallbacks, key=drill.id, now=now)


def _tell(
    headline: str, step: str, detail: Iterable[str], fallbacks: Iterable[Destination], *, key: str, now: datetime
) -> None:
    report = Report(
        headline=one_line(redact(headline)),
        next_step=Block(Kind.NEXT_STEP, (Text(step),)),
        verdict="self-test",
        blocks=(Block(Kind.CHECKS, (*(Text(redact(line)) for line in detail), Pair("Drill", key))),),
    )
    for place in fallbacks:
        try:
            place.open().send(Notice(kind=NoticeKind.TEST, key=f"drill-{key}-told", report=report), now=now)
        except SendError as error:
            _LOG.error("%s did not take the word of the self-test: %s", place.name, error)
