"""Runs self-tests: begins them, takes them over the stations, and notices those that did not come through.

Nothing here replaces a part of the real way. The same intake, :class:`responders.handling.Handler`, incidents,
:class:`responders.delivering.Delivering` and channel do the work, on a drawer of the same store; only the run's log is
a recorded one, and the destination is the one for drills. No tracker and no fix is reached from here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from diagnostics.azure.errors import ReadFailed
from diagnostics.codec import EvidenceUnreadable, evidence_from_json, to_json
from diagnostics.intake import Dropped, Event, failed_run
from diagnostics.listing import subscriptions
from diagnostics.model import Evidence, Fact, FailedRun, Known
from diagnostics.probing import FactReader, fact_types
from diagnostics.probing import Subject as ProbeSubject
from diagnostics.reach import Reach
from diagnostics.redaction import redact
from responders.delivering import Delivering, Directed
from responders.drills.case import EXPECTED, INVENTED, event_of, evidence_of
from responders.drills.drawer import Drawer
from responders.drills.record import Drill, Drills, Station
from responders.drills.telling import DrillPlace, alarm, lines, relieve, why
from responders.handling import Handler
from responders.incidents import Incidents
from responders.settings import Settings
from responders.store import Store, StoreError
from responders.subjects import Subject
from responders.telemetry import count, drilling
from responders.telling import Wording
from responders.wakeups import Wakeups

__all__ = ["SelfTest", "Ticked"]

_LOG = logging.getLogger(__name__)
_READ_WITHIN = 20.0
_AFTER_FAILURE = timedelta(hours=1)
"""When a drill that failed is followed by the next: whether it was put right is to be known before tomorrow."""

_ALARM_AGAIN = timedelta(hours=1)
"""How often one worker says that a self-test cannot even begin: without a store nobody knows what was said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What a beat of the timer gives rise to: the run of a new drill, and what may have news."""

    run: str = ""
    notices: tuple[str, ...] = ()


@dataclass(kw_only=True)
class SelfTest:
    """The self-tests of one app. ``reach`` logs in and raises :class:`ReadFailed`; ``build`` is an id of the code."""

    settings: Callable[[], Settings]
    store: Store
    reach: Callable[[], Reach]
    build: str
    now: Callable[[], datetime]
    _drills: Drills = field(init=False)
    _alarmed_at: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._drills = Drills(self.store, now=self.now)

    # --- the timer ----------------------------------------------------------------------------------------

    def tick(self) -> Ticked:
        """Do what time brings: end drills that did not come through, try again what is held up, begin one if due.

        One is due when none began within the time that the settings give, sooner after one that failed, or none of this
        very code: so there is one after each deployment. Nothing happens without a destination for drills.
        """
        if self.settings().drill is None:
            return Ticked()
        try:
            known = self._drills.all_ones()
            notices = tuple(self._look_after(known))
            return Ticked(run=self._begin() if self._is_due(known) else "", notices=notices)
        except StoreError as error:
            self._cannot_begin(error)
            return Ticked()

    def _look_after(self, known: tuple[Drill, ...]) -> Iterator[str]:
        for drill in known:
            if drill.over:
                continue
            if self.now() >= drill.deadline_at:
                self._end(drill)
            elif drill.passage(Station.STORED) is not None:
                yield Subject("drill", drill.id).to_json()

    def _is_due(self, known: tuple[Drill, ...]) -> bool:
        if not known:
            return True
        newest = known[0]
        if not newest.over and self.now() < newest.deadline_at:
            return False
        of_this_code = any(drill.build == self.build for drill in known)
        usual = self.settings().drill_every
        wait = usual if newest.passed else min(usual, _AFTER_FAILURE)
        return not of_this_code or self.now() - newest.started_at >= wait

    def _begin(self) -> str:
        """Begin a drill whose event goes by the same intake as every other one, past Event Grid's door alone."""
        drill, event = self.begin(by="the timer", door="the app's own timer")
        run = failed_run(event, in_scope=self.settings().in_scope, now=self.now())
        if isinstance(run, Dropped):
            self._drills.note(drill.id, Station.RECEIVED, ok=False, said=run.reason)
            self._end(drill)
            return ""
        self.received(run)
        return to_json(run)

    def begin(self, *, by: str, door: str, workspace_id: str = "") -> tuple[Drill, Event]:
        """Write a new drill down and return it with its event, which alone can tell of it."""
        scope = self.settings().workspaces
        named = workspace_id or min(scope or (), default="")
        drill, secret = self._drills.begin(named or INVENTED, real=bool(named), by=by, door=door, build=self.build)
        _LOG.info("self-test %s begins", drill.id)
        return drill, event_of(drill.run_id, drill.workspace_id, secret, drill.started_at)

    def _cannot_begin(self, error: StoreError) -> None:
        count("self_test", result="failed", station="store")
        said = f"the store cannot be used, so no drill can begin: {error}"
        if self._alarmed_at is not None and self.now() - self._alarmed_at < _ALARM_AGAIN:
            _LOG.error("ALERT the self-test failed: %s", redact(said))
            return
        self._alarmed_at = self.now()
        alarm(said, (), self.settings().fallbacks, key="none", now=self.now())

    # --- the stations -------------------------------------------------------------------------------------

    def of(self, run: FailedRun) -> Drill | None:
        """Return the drill whose own event told of ``run``, ``None`` for every other one."""
        return self._drills.of(run)

    def get(self, drill_id: str) -> Drill | None:
        """Return the drill called ``drill_id``."""
        return self._drills.get(drill_id)

    def last(self) -> Drill | None:
        """Return the newest drill that is kept."""
        return next(iter(self._drills.all_ones()), None)

    def not_received(self, drill: Drill, said: str) -> Drill | None:
        """End a drill whose event nobody took; return it."""
        self._drills.note(drill.id, Station.RECEIVED, ok=False, said=said)
        self._end(drill)
        return self.get(drill.id)

    def received(self, run: FailedRun) -> None:
        """Note that a drill's event came in; of any other run nothing."""
        drill = self._drills.of(run)
        if drill is not None:
            self._drills.note(drill.id, Station.RECEIVED, ok=True, said=f"by {drill.door}")

    def diagnose(self, drill: Drill, run: FailedRun, *, queued_at: datetime | None = None) -> list[str]:
        """Diagnose the drill's run as any other; return what has news because of it."""
        if drill.over:
            return []
        now = self.now()
        self._drills.note(drill.id, Station.QUEUED, ok=True, said="at the queue's own time", at=_time(queued_at, now))
        self._drills.note(drill.id, Station.PICKED_UP, ok=True)
        drawer = Drawer(self.store, drill.id)
        handler = Handler(
            settings=self.settings(),
            store=drawer,
            incidents=Incidents(drawer, now=self.now),
            investigate=lambda it: self._evidence(drill, it),
            now=self.now,
        )
        try:
            with drilling():
                handled = handler.handle(replace(run, event_id=""))
            self._check_kept(drill, run, drawer)
        except StoreError as error:
            self._drills.note(drill.id, Station.STORED, ok=False, said=str(error))
            raise
        finally:
            self._drills.will_clean_up(drill.id, drawer.partitions)
        _LOG.info("self-test %s: %s", drill.id, handled.said)
        return [Subject("drill", drill.id).to_json()]

    def _evidence(self, drill: Drill, run: FailedRun) -> Evidence:
        """Return the recorded evidence, with what could really be read of Azure with the app's own identity."""
        started = time.monotonic()
        facts: dict[str, Fact] = {}
        try:
            said = self._read(drill, run, facts)
            self._drills.note(drill.id, Station.EVIDENCE, ok=True, said=said)
        except ReadFailed as error:
            refused = f"the reader's identity lacks the right {error.action}" if error.action else str(error)
            self._drills.note(drill.id, Station.EVIDENCE, ok=False, said=refused)
        _LOG.info("self-test %s read Azure in %.1f s", drill.id, time.monotonic() - started)
        return evidence_of(run, facts, self.now())

    def _read(self, drill: Drill, run: FailedRun, facts: dict[str, Fact]) -> str:
        reach = self.reach()
        if not drill.real:
            seen = subscriptions(reach)
            if not seen:
                raise ReadFailed("the reader's identity sees no subscription: it has no role anywhere, or not yet")
            return f"the reader's identity sees {len(seen)} subscription{'s' if len(seen) > 1 else ''}"
        until = time.monotonic() + _READ_WITHIN
        with ThreadPoolExecutor(max_workers=1) as pool:
            reader = FactReader(pool, reach, lambda: until - time.monotonic())
            reader.start(["workspace"], ProbeSubject(run=run, details=None, image=None))
            facts.update(reader.facts())
        fact = facts["workspace"]
        if not isinstance(fact, Known):
            raise ReadFailed(f"the workspace could not be read: {fact.reason}")
        return f"the workspace {fact.value.name}, with the reader's identity"

    def _check_kept(self, drill: Drill, run: FailedRun, drawer: Drawer) -> None:
        """Note whether the verdict is the known one, and whether the store gives back what it was given."""
        record = drawer.get_record(run.workspace_id, run.run_id)
        verdict, status = EXPECTED
        if record is None:
            self._drills.note(drill.id, Station.STORED, ok=False, said="the record of the run is not there")
            return
        judged = f"{record.status} {record.verdict}".strip()
        expected = (record.verdict, record.status) == (verdict, status.value)
        self._drills.note(drill.id, Station.JUDGED, ok=expected, said=judged)
        stored = drawer.get_document(record.evidence_key) if record.evidence_key else None
        try:
            kept = stored is not None and evidence_from_json(stored, fact_types()).run.run_id == run.run_id
        except EvidenceUnreadable:
            kept = False
        said = "evidence, diagnosis and incident" if kept else "the evidence did not come back as it was given"
        self._drills.note(drill.id, Station.STORED, ok=kept and bool(record.incident), said=said)

    def notify(self, drill_id: str) -> str:
        """Post the drill's message where drills go, and end the drill once that is settled."""
        drill = self._drills.get(drill_id)
        if drill is None or drill.over:
            return "the drill is over"
        settings = self.settings()
        if settings.drill is None:
            self._drills.note(drill.id, Station.POSTED, ok=False, said="no destination for drills is set up")
            return self._end(drill)
        drawer = Drawer(self.store, drill.id)
        record = drawer.get_record(drill.workspace_id, drill.run_id)
        if record is None or not record.incident:
            return self._end(drill)
        place = DrillPlace(settings.drill, settings.pacing, drill)
        delivering = Delivering(
            store=drawer,
            incidents=Incidents(drawer, now=self.now),
            wording=Wording(document=drawer.get_document, cloud=settings.cloud),
            direct=lambda _incident, _at: Directed(places=(place,)),
            wakeups=Wakeups(drawer, now=self.now),
            pacing=settings.pacing,
            now=self.now,
        )
        try:
            with drilling():
                said = delivering.bring_up_to_date(Subject("incident", record.incident))
        finally:
            self._drills.will_clean_up(drill.id, drawer.partitions)
        delivery = next((one for one in delivering.deliveries(record.incident) if one.destination == place.name), None)
        if delivery is not None and delivery.shown is not None:
            self._drills.note(drill.id, Station.POSTED, ok=True, said=f"{place.name} took it")
            return self._end(drill)
        if delivery is not None and delivery.error:
            self._drills.note(drill.id, Station.POSTED, ok=False, said=f"{place.name}: {delivery.error}")
        if delivery is not None and delivery.gave_up_at is not None:
            return self._end(drill)
        return said

    def undeliverable(self, drill: Drill, reason: str) -> None:
        """End a drill whose message was tried in vain; no real run is lost, so nothing is counted as lost."""
        if drill.failed is not None and drill.passage(drill.failed) is None:
            self._drills.note(drill.id, drill.failed, ok=False, said=reason)
        self._end(drill)

    # --- the end ------------------------------------------------------------------------------------------

    def _end(self, drill: Drill) -> str:
        """Remove what the drill left, and say how it went; whoever ends it first says it."""
        self._clean_up(drill)
        ended, mine = self._drills.finish(drill.id)
        if not mine:
            return "the drill is over"
        took = ((ended.finished_at or self.now()) - ended.started_at).total_seconds()
        for line in lines(ended):
            _LOG.info("self-test %s: %s", ended.id, line)
        if ended.passed:
            count("self_test", result="passed")
            _LOG.info("self-test %s passed in %.1f s", ended.id, took)
            before = next((one for one in self._drills.all_ones() if one.over and one.id != ended.id), None)
            if before is not None and not before.passed:
                relieve(before, ended, self.settings().fallbacks, now=self.now())
            return f"passed in {took:.1f} s"
        station = ended.failed
        count("self_test", result="failed", station=station.name.lower() if station is not None else "")
        said = why(ended)
        alarm(said, lines(ended), self.settings().fallbacks, key=ended.id, now=self.now())
        return f"failed: {said}"

    def _clean_up(self, drill: Drill) -> None:
        drawer = Drawer(self.store, drill.id)
        present = self._drills.get(drill.id) or drill
        removed = 0
        try:
            for partition in present.partitions:
                for entity in drawer.scan(partition):
                    removed += drawer.remove(partition, entity.key)
            left = sum(len(drawer.scan(partition)) for partition in present.partitions)
        except StoreError as error:
            self._drills.note(drill.id, Station.CLEANED_UP, ok=False, said=str(error))
            return
        said = f"{removed} entries removed" if not left else f"{left} entries are left"
        self._drills.note(drill.id, Station.CLEANED_UP, ok=not left, said=said)


def _time(queued_at: datetime | None, now: datetime) -> datetime:
    """Return when the queue took a message, by its own clock, which may run ahead; without a zone it is UTC."""
    if queued_at is None:
        return now
    return min(queued_at if queued_at.tzinfo else queued_at.replace(tzinfo=UTC), now)
