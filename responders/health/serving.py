"""The health endpoint: cheap for whoever asks often, coarse for strangers, whole for who may see it.

What was found is kept: of cheap checks for a minute, of those that ask Azure's control plane or other services for a
quarter of an hour, and for two minutes where something is not as it should be. So a load balancer, an availability
test or a stranger who asks as often as they like costs a few calls in that time. One request at a time looks; the
others get what is known.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any

from diagnostics.version import VERSION
from responders.health import Check, State
from responders.health.deployment import Deployment
from responders.health.examining import Examination, Section, examine
from responders.health.telling import as_plain

__all__ = ["DEADLINE", "Health", "HealthDesk"]

_LOG = logging.getLogger(__name__)

DEADLINE = timedelta(seconds=10)
"""How long one request may take, all checks together: availability tests and load balancers wait no longer."""


_TROUBLED = timedelta(minutes=2)


class Health(StrEnum):
    """What a stranger hears. ``UNHEALTHY`` alone is 503: what nothing works without is missing."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class HealthDesk:
    """Answers for one worker; safe to share between threads. ``deployment`` gives what is there at this moment."""

    def __init__(
        self,
        *,
        deployment: Callable[[], Deployment],
        checks: Iterable[Check],
        now: Callable[[], datetime],
        deadline: timedelta = DEADLINE,
    ) -> None:
        self._deployment = deployment
        self._checks = tuple(checks)
        self._now = now
        self._deadline = deadline
        self._looking = Lock()
        self._known: dict[str, Section] = {}

    def answer(self, *, whole: bool) -> tuple[int, str]:
        """Return status and JSON body: state, version and counts; ``whole`` adds every result."""
        found = self._examined()
        health = _health(found)
        body: dict[str, Any] = {
            "status": health.value,
            "version": VERSION,
            "counts": {state.value.replace(" ", "_"): found.count(state) for state in State},
            "checked_at": max((section.at for section in found.sections), default=self._now()).isoformat(),
        }
        if whole:
            body["sections"] = as_plain(found)["sections"]
        return (503 if health is Health.UNHEALTHY else 200), json.dumps(body, ensure_ascii=False)

    def _examined(self) -> Examination:
        """Look at what is due, unless another request does so: then say what is known, once anything is."""
        patience = 0.0 if self._known else self._deadline.total_seconds() + 2
        if self._looking.acquire(timeout=patience):
            try:
                self._look()
            finally:
                self._looking.release()
        known = dict(self._known)
        return Examination(tuple(known[check.name] for check in self._checks if check.name in known))

    def _look(self) -> None:
        now = self._now()
        due = [check for check in self._checks if _is_due(self._known.get(check.name), now)]
        if not due:
            return
        found = examine(self._deployment(), due, deadline=self._deadline)
        self._known |= {section.check.name: section for section in found.sections}
        for result in found.results:
            if result.state in (State.MISSING, State.WRONG):
                _LOG.warning("health: %s: %s", result.state.value, result.what)


def _is_due(known: Section | None, now: datetime) -> bool:
    """Tell whether to look again: sooner where something is not as it should be, since people are at work on it."""
    if known is None:
        return True
    fine = all(result.state in (State.OK, State.NOTE) for result in known.results)
    return now - known.at >= (known.check.fresh_for if fine else min(known.check.fresh_for, _TROUBLED))


def _health(found: Examination) -> Health:
    troubled = [result for result in found.results if result.state in (State.MISSING, State.WRONG, State.NOT_VISIBLE)]
    if not found.sections or any(result.vital for result in troubled):
        return Health.UNHEALTHY
    return Health.DEGRADED if troubled else Health.HEALTHY
