"""The sweep for what no event tells of: which workspaces, how often, by whom, and what it says where it is blind.

Every look is a work of its own, claimed for one workspace and one slot of time, so that one worker does it; what it
finds it finds again until it was handled, so a worker that dies between finding and handing over loses nothing. What it
may not read it says once, loudly, and once more when that is over. Kinds of things are in :mod:`responders.missing`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from diagnostics.azure.errors import PASSING, NotPermitted, ReadFailed, Throttled
from diagnostics.listing import subscriptions, workspace_named, workspaces_of
from diagnostics.model import FailedRun
from diagnostics.reach import Reach
from responders.entities import Records
from responders.incidents import Incidents
from responders.missing import Kind, Look, Missed, Over, kinds
from responders.settings import Settings
from responders.store import ClaimResult, Store
from responders.subjects import Subject
from responders.telemetry import count

__all__ = ["Found", "MissedRuns"]

_LOG = logging.getLogger(__name__)
_LEASE = timedelta(minutes=5)
_PATIENCE = 240.0
"""Seconds after which no further workspace is begun: the others' turn comes with the next tick."""

_STATES = "sweeps"
_SCOPE = "scope"
_NO_EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep found: runs to be handled as if an event had told of them, and incidents that have news.

    ``slow_down`` tells that Azure asked for that: nothing more is to be read now.
    """

    runs: tuple[FailedRun, ...] = ()
    news: tuple[Subject, ...] = ()
    slow_down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is known of one workspace's sweeps. ``began_at``: nothing from before it is told. ``said`` is what was said
    loudly, by what it is about, and is true until it is taken back.
    """

    began_at: datetime
    swept_at: datetime
    said: dict[str, str] = field(default_factory=dict)
    schema: int = 1


@dataclass(kw_only=True)
class MissedRuns:
    """Sweeps with one store and one way to read Azure; ``now`` is the clock, ``monotonic`` counts seconds."""

    settings: Settings
    store: Store
    incidents: Incidents
    reach: Callable[[], Reach]
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _listed_before: tuple[datetime, tuple[str, ...]] | None = field(default=None, init=False, repr=False)

    def sweep(self) -> Found:
        """Look at every workspace whose turn it is. Raises ``StoreError`` where the store does not answer."""
        if not self.settings.sweep.on:
            return Found()
        until = self.monotonic() + _PATIENCE
        runs: list[FailedRun] = []
        news: list[Subject] = []
        try:
            for workspace in self._workspaces():
                if self.monotonic() > until:
                    _LOG.warning("the sweep took its time; the remaining workspaces' turn comes with the next one")
                    break
                found = self._in_turn(workspace)
                runs += found.runs
                news += found.news
                if found.slow_down:
                    break
        except Throttled as error:
            _slow_down(error)
        except ReadFailed as error:
            _LOG.warning("the sweep could not begin: %s", error)
            count("sweep_held", reason=type(error).__name__)
        return Found(tuple(runs), tuple(dict.fromkeys(news)))

    # --- which workspaces ---------------------------------------------------------------------------------

    def _workspaces(self) -> Iterator[str]:
        """Yield those in scope, by the settings, else all that the reader may list in the subscriptions it may see.

        A list is good for as long as one look is.
        """
        if self.settings.workspaces is not None:
            yield from sorted(self.settings.workspaces)
            return
        now, before = self.now(), self._listed_before
        if before is None or not timedelta() <= now - before[0] < self.settings.sweep.every:
            before = self._listed_before = (now, tuple(self._all()))
        yield from before[1]

    def _all(self) -> Iterator[str]:
        try:
            seen = subscriptions(self.reach())
        except NotPermitted as error:
            self._say(_SCOPE, "subscriptions", f"the sweep may not list subscriptions ({error}): {_NAME_THEM}")
            return
        if not seen:
            self._say(_SCOPE, "subscriptions", f"the sweep sees no subscription: {_NAME_THEM}")
            return
        self._take_back(_SCOPE, "subscriptions", "the sweep sees its subscriptions again")
        none = True
        for subscription in seen:
            for workspace in self._listed(subscription):
                none = False
                yield workspace
        if none:
            self._say(_SCOPE, "workspaces", f"the sweep sees no workspace in any subscription: {_NAME_THEM}")
        else:
            self._take_back(_SCOPE, "workspaces", "the sweep sees workspaces again")

    def _listed(self, subscription: str) -> tuple[str, ...]:
        about = f"workspaces of {subscription}"
        try:
            listed = workspaces_of(self.reach(), subscription)
        except NotPermitted as error:
            self._say(_SCOPE, about, f"the sweep may not list the {about} ({error}): {_NAME_THEM}")
            return ()
        self._take_back(_SCOPE, about, f"the sweep lists the {about} again")
        return listed

    # --- one workspace ------------------------------------------------------------------------------------

    def _in_turn(self, workspace: str) -> Found:
        """Look at a workspace once in each slot of time, whoever's timer fires; one that is cut short is done again."""
        every, now = self.settings.sweep.every, self.now()
        slot = int(now.timestamp() // every.total_seconds())
        key, owner = f"sweep/{workspace.lower()}/{slot}", uuid4().hex
        if self.store.claim(key, owner, now=now, lease=_LEASE) is not ClaimResult.ACQUIRED:
            return Found()
        done = False
        try:
            found, done = self._look_at(workspace)
        finally:
            if not done:
                self.store.release(key, owner)
        if done:
            self.store.complete(key, owner, now=self.now())
        return found

    def _look_at(self, workspace: str) -> tuple[Found, bool]:
        """Return what was found, and whether everything could be asked that can be asked now."""
        now, reach = self.now(), self.reach()
        self._change(workspace, lambda state: replace(state, swept_at=now))
        since = self._state(workspace).began_at
        try:
            name = workspace if self.settings.workspaces is None else workspace_named(reach, workspace)
        except Throttled as error:
            return _slow_down(error), False
        except ReadFailed as error:
            return Found(), self._blind(workspace, "workspace", "the workspace itself", error)
        self._take_back(workspace, "workspace", f"the sweep reads {workspace} again")
        look = Look(
            workspace_id=name,
            reach=reach,
            store=self.store,
            settings=self.settings.sweep,
            now=now,
            since=max(since, now - min(self.settings.sweep.look_back, self.settings.pacing.keep_for)),
        )
        runs: list[FailedRun] = []
        news: list[Subject] = []
        done = True
        for kind in kinds():
            try:
                missed = kind.look(look)
            except Throttled as error:
                return replace(_slow_down(error), runs=tuple(runs), news=tuple(news)), False
            except ReadFailed as error:
                done = self._blind(workspace, kind.name, kind.title, error) and done
                continue
            self._take_back(workspace, kind.name, f"the sweep sees {kind.title} of {workspace} again")
            runs += self._counted(look, kind, missed)
            news += [subject for over in missed.over if (subject := self._end(look, kind, over)) is not None]
            if missed.unheard is not None:
                self._tell_of_events(workspace, unheard=missed.unheard)
        return Found(tuple(runs), tuple(news)), done

    def _counted(self, look: Look, kind: Kind, missed: Missed) -> tuple[FailedRun, ...]:
        if missed.cut:
            _LOG.warning("%s of %s: %s", kind.title, look.workspace_id, missed.cut)
        for run in missed.runs:
            if look.found_first(kind.name, run.run_id):
                _LOG.info("the sweep found %s (%s) in %s", run.run_id, kind.title, look.workspace_id)
                count("missed", found_by="sweep", kind=kind.name)
        return missed.runs

    def _end(self, look: Look, kind: Kind, over: Over) -> Subject | None:
        """Resolve the incident of something that is over, unless other runs have it, too; then forget the thing."""
        ended = None
        for occurrence in self.incidents.of_run(over.told_as) if over.told_as and over.reason else ():
            if occurrence.workspace_id.lower() != look.workspace_id.lower():
                continue
            if (
                not self._others(occurrence.incident_id, over)
                and self.incidents.resolve(occurrence.incident_id, over.reason, at=look.now) is not None
            ):
                count("resolved", by="sweep")
                ended = Subject("incident", occurrence.incident_id)
        look.forget(kind.name, over.name)
        return ended

    def _others(self, incident_id: str, over: Over) -> bool:
        """Tell whether runs count to the incident that are not over with this one."""
        runs = (occurrence.run_id for occurrence in self.incidents.occurrences(incident_id))
        return any(it != over.told_as and not (over.family and it.startswith(over.family)) for it in runs)

    # --- what is said once --------------------------------------------------------------------------------

    def _blind(self, workspace: str, about: str, what: str, error: ReadFailed) -> bool:
        """Say that something cannot be seen; return whether asking again soon is of no use."""
        if isinstance(error, PASSING):
            _LOG.warning("%s of %s could not be read now: %s", what, workspace, error)
            return False
        right = f"; the right {error.action} is missing" if error.action else ""
        self._say(workspace, about, f"the sweep is blind for {what} of {workspace}: {error}{right} (docs/sweep.md)")
        return True

    def _tell_of_events(self, workspace: str, *, unheard: bool) -> None:
        if unheard:
            self._say(workspace, _NO_EVENTS, f"events do not arrive from workspace {workspace}: {_CHECK_EVENTS}")
        else:
            self._take_back(workspace, _NO_EVENTS, f"events arrive again from workspace {workspace}")

    def _say(self, where: str, about: str, words: str) -> None:
        state = self._state(where)
        if about in state.said:
            return
        _LOG.error("ALERT %s", words)
        count("sweep_alert", about=_SCOPE if where == _SCOPE else about)
        self._change(where, lambda it: replace(it, said={**it.said, about: words[:500]}))

    def _take_back(self, where: str, about: str, words: str) -> None:
        if about not in self._state(where).said:
            return
        _LOG.warning("%s", words)
        self._change(where, lambda it: replace(it, said={key: said for key, said in it.said.items() if key != about}))

    @property
    def _states(self) -> Records[_State]:
        return Records(self.store, _State, self.now)

    def _state(self, where: str) -> _State:
        found = self._states.get(_STATES, where.lower())
        return found.value if found is not None else _State(began_at=self.now(), swept_at=self.now())

    def _change(self, where: str, change: Callable[[_State], _State]) -> None:
        """Write what ``change`` makes of the state; where another worker was quicker its word stands."""
        found = self._states.get(_STATES, where.lower())
        if found is None:
            self._states.add(_STATES, where.lower(), change(self._state(where)))
        else:
            self._states.change(found, change(found.value))


def _slow_down(error: Throttled) -> Found:
    _LOG.warning("Azure asked the sweep to slow down, and it goes on with its next turn: %s", error)
    count("sweep_held", reason="throttled")
    return Found(slow_down=True)


_NAME_THEM = "give it the reader role there, or name the workspaces in PULLMEDIC_WORKSPACES (docs/sweep.md)"
_CHECK_EVENTS = (
    "the newest failed runs were found by the sweep alone. Look whether its system topic has an event subscription on "
    "RunStatusChanged with runStatus Failed that ends at the function on_run_status_changed, whether deliveries fail "
    "or are dead-lettered, and whether the app was stopped (docs/sweep.md)"
)
