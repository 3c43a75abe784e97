"""The page's desk on the real store: reads an incident with its diagnosis, and hands decisions to the fixing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from responders.blocks import Report
from responders.deliveries import Delivery
from responders.fixes.audit import AuditBroken, AuditEntry
from responders.fixes.fixing import Fixing
from responders.fixes.record import Decision, Fix
from responders.fixes.seen import FixSeen, Pending
from responders.fixes.values import FixMode
from responders.incidents import Incident, Incidents, failed_runs
from responders.notices import NoticeKind
from responders.pages.serving import Rules
from responders.settings import Settings
from responders.store import ClaimResult, NewerSchema, Store
from responders.telling import Story, Wording

__all__ = ["PageDesk"]

_LEASE = timedelta(minutes=2)
_PLACE = "page"


@dataclass(kw_only=True)
class PageDesk:
    """A :class:`responders.pages.serving.Desk` for one request. ``due`` are the incidents whose fix has a step due."""

    environ: Mapping[str, str]
    settings: Settings
    store: Store
    incidents: Incidents
    fixing: Fixing
    wording: Wording
    fix_of: Callable[[Incident], FixSeen | Pending | None]
    clock: Callable[[], datetime]
    due: list[str] = field(default_factory=list)
    _owner: str = field(default_factory=lambda: uuid4().hex)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return Rules(
            environ=self.environ,
            approvers=self.settings.fixes.approvers,
            page_url=self.settings.page_url,
            page_key=self.settings.page_key,
        )

    def now(self) -> datetime:
        """Return the time."""
        return self.clock()

    def incident(self, incident_id: str) -> Incident | None:
        """Return the incident."""
        return self.incidents.get(incident_id)

    def fix(self, incident_id: str) -> Fix | None:
        """Return its fix."""
        return self.fixing.of(incident_id)

    def seen(self, incident: Incident) -> FixSeen | Pending | None:
        """Return what people see of its fix, while it is being planned that it is."""
        return self.fix_of(incident)

    def report(self, incident: Incident, seen: FixSeen | None) -> Report:
        """Return the diagnosis, as messages tell it, with nothing left out."""
        occurrences = self.incidents.occurrences(incident.id)
        siblings = self.incidents.siblings(incident.workspace_id, incident.root_run_id)
        story = Story(
            incident=incident,
            runs=failed_runs(occurrences),
            occurrences=occurrences,
            siblings=tuple(it for it in siblings if it.id != incident.id),
            fix=seen,
        )
        return self.wording.report(story, NoticeKind.OPENED, Delivery(destination=_PLACE), whole=True)

    def history(self, incident_id: str) -> Sequence[AuditEntry] | None:
        """Return what the audit says of it, in order; ``None`` where the record cannot be read."""
        try:
            return tuple(self.fixing.audit.of_incident(incident_id))
        except (AuditBroken, NewerSchema):
            return None

    def may_approve(self, fix: Fix) -> bool:
        """Return whether a fix can be approved now, by the policy in force and the time that was given."""
        in_time = fix.expires_at is None or self.now() < fix.expires_at
        return fix.may_be_decided and in_time and self.settings.fixes.mode is FixMode.APPROVE

    def approve(self, incident_id: str, digest: str, by: Decision) -> str:
        """Approve; return what to tell the person."""
        return self.fixing.approve(incident_id, digest, by)

    def reject(self, incident_id: str, digest: str, by: Decision) -> str:
        """Reject; return what to tell the person."""
        return self.fixing.reject(incident_id, digest, by)

    def ask_undo(self, incident_id: str, by: Decision) -> str:
        """Ask for what was added to be taken back; return what to tell the person."""
        return self.fixing.ask_undo(incident_id, by)

    def refuse(self, incident_id: str, by: Decision, why: str) -> None:
        """Record that somebody tried what they may not."""
        self.fixing.refuse(incident_id, by, why)

    def advance(self, incident_id: str) -> None:
        """Have the step done that is due now, and people told."""
        self.due.append(incident_id)

    def claim(self, key: str) -> ClaimResult:
        """Take what counts once for this request."""
        return self.store.claim(key, self._owner, now=self.now(), lease=_LEASE)

    def complete(self, key: str) -> None:
        """Record that it was used."""
        self.store.complete(key, self._owner, now=self.now())

    def release(self, key: str) -> None:
        """Give it back unused."""
        self.store.release(key, self._owner)
