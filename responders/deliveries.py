"""What was shown where: one delivery for each message that a destination has, and the pure rule of what is due next.

A delivery is compared with what should be shown; :func:`due` says what to do about the difference, and when. Before
anything is sent the attempt is recorded, after it the result: an attempt without a result was cut off, and nobody knows
whether it arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from responders.durations import growing
from responders.notices import NoticeKind
from responders.rules import Pacing

__all__ = [
    "Abilities",
    "Act",
    "Assume",
    "Delivery",
    "Due",
    "GiveUp",
    "Held",
    "Pace",
    "Shown",
    "Wait",
    "Wanted",
    "due",
    "next_try",
]


class Held(StrEnum):
    """Why a message is not sent, or not yet: named in the delivery, in the log and in a metric."""

    SHOWN = "shown-already"
    PACED = "paced"
    SILENCED = "silenced"
    SNOOZED = "snoozed"
    DIGEST = "in-digest"
    BESIDE = "beside-the-pipelines-first"
    PIPELINE_RUNS = "until-the-pipeline-ends"
    BACKING_OFF = "backing-off"
    UNDER_WAY = "under-way"
    GIVEN_UP = "given-up"
    NEVER_TOLD = "never-told"
    RESOLVED_BEFORE = "resolved-before-it-was-told"
    PLANNING = "until-a-fix-is-planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the newest message says: how many, in which state, with which evidence, and since when.

    ``fix`` is the serial number of the fix that it shows, ``fix_state`` the fix's state then; zero and empty without.
    """

    count: int
    open: bool
    evidence: str = ""
    fix: int = 0
    fix_state: str = ""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message at one destination.

    ``ref`` is the destination's own reference to it; ``first_at`` when it was sent first. ``attempt`` names who is at
    it until ``attempt_until``, and ``attempt_kind`` what for. ``unknown`` counts tries at the present message whose
    outcome nobody knows, ``repeats`` messages that may have been repeats. ``failing_since`` and ``failures`` are those
    of the present row of failures. ``slot`` is the time that the destination's own pace allots to the next message.
    ``told`` are the members of a group that its messages named. ``confirmed_at`` is when the destination called back.
    """

    destination: str
    ref: str = ""
    title: str = ""
    url: str = ""
    shown: Shown | None = None
    first_at: datetime | None = None
    attempt: str = ""
    attempt_kind: NoticeKind | None = None
    attempt_at: datetime | None = None
    unknown_at: datetime | None = None
    attempt_until: datetime | None = None
    unknown: int = 0
    repeats: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    slot: datetime | None = None
    error: str = ""
    gave_up_at: datetime | None = None
    held: str = ""
    held_why: str = ""
    held_count: int = 0
    minimal: bool = False
    told: tuple[str, ...] = ()
    confirmed_at: datetime | None = None
    schema: int = 1

    def sent(self, ref: str, shown: Shown, *, kept: tuple[str, ...] = (), minimal: bool = False) -> Delivery:
        """Return the delivery after ``shown`` arrived."""
        return replace(
            self.free(),
            ref=ref,
            shown=shown,
            first_at=self.first_at or shown.at,
            unknown=0,
            unknown_at=None,
            failures=0,
            failing_since=None,
            next_at=None,
            slot=None,
            error="",
            held="",
            held_why="",
            minimal=minimal,
            told=kept or self.told,
        )

    @property
    def attempted_at(self) -> datetime | None:
        """When the last try began whose outcome nobody knows."""
        return self.attempt_at if self.attempt else self.unknown_at

    def failed(self, why: str, *, now: datetime, after: timedelta, unknown: bool, answered: bool = False) -> Delivery:
        """Return the delivery after a try that is worth another one, not before ``after`` and a growing wait.

        ``unknown``: it may have arrived. ``answered``: the service has ended with it, so it need not be left more time.
        """
        wait = max(after, growing(_FIRST_WAIT, self.failures, longest=_LONGEST_WAIT))
        return replace(
            self.free(),
            failures=self.failures + 1,
            failing_since=self.failing_since or now,
            unknown=self.unknown + unknown,
            unknown_at=self.attempt_at if unknown else self.unknown_at,
            next_at=now + (max(wait, _UNKNOWN_WAIT) if unknown and not answered else wait),
            error=why,
        )

    def free(self) -> Delivery:
        """Return the delivery with nobody at it."""
        return replace(self, attempt="", attempt_kind=None, attempt_at=None, attempt_until=None)


_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=10)
_UNKNOWN_WAIT = timedelta(minutes=5)
"""Before a message that may be a repeat: the service may yet show the first one."""

_MOST_UNKNOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What should be shown: how many, in which state, with which evidence, with which change of a fix.

    ``fix`` is the fix's serial number, zero without one; ``fix_aloud``: its state is told in a message of its own.
    """

    count: int
    open: bool
    evidence: str = ""
    fix: int = 0
    fix_state: str = ""
    fix_aloud: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a destination can do."""

    edits: bool
    finds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Send or edit now. ``look_first``: an earlier try may have arrived, and can be found.

    ``aloud``: an edit alone would notify nobody of it. An edit is a ``possible_repeat`` where an earlier one was cut
    off, so that nobody is notified of it twice.
    """

    kind: NoticeKind
    edit: bool = False
    aloud: bool = False
    look_first: bool = False
    possible_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing now: ``held`` says why, ``until`` when to look again, ``None`` where only news can change it."""

    held: Held
    until: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """No further try at the present message: somebody else must hear of it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assume:
    """Take the present message as shown: it may have arrived, and the next one makes good what it did not say."""


Due = Act | Wait | GiveUp | Assume


def due(delivery: Delivery, wanted: Wanted, abilities: Abilities, pacing: Pacing, now: datetime) -> Due:
    """Return what is due at a destination for one incident, by what was shown there."""
    news = _news(delivery, wanted, abilities, pacing, now)
    return next_try(delivery, news, abilities, pacing, now) if isinstance(news, Act) else news


def _news(delivery: Delivery, wanted: Wanted, abilities: Abilities, pacing: Pacing, now: datetime) -> Act | Wait:
    """Return what there is to say, as if no try had ever failed."""
    shown = delivery.shown
    if shown is None:
        if delivery.attempt_kind is None and not wanted.open and not delivery.failures:
            return Wait(held=Held.RESOLVED_BEFORE)
        return Act(kind=NoticeKind.OPENED)
    editable = abilities.edits and bool(delivery.ref)
    if shown.open != wanted.open:
        return Act(kind=NoticeKind.REOPENED if wanted.open else NoticeKind.RESOLVED, edit=editable)
    aloud = wanted.fix_aloud and wanted.fix_state != shown.fix_state
    if wanted.fix and wanted.fix != shown.fix and (editable or aloud):
        return Act(kind=NoticeKind.FIX, edit=editable, aloud=aloud)
    if wanted.count <= shown.count and wanted.evidence == shown.evidence:
        return Wait(held=Held.SHOWN)
    if editable:
        at = shown.at + pacing.edit_every
        return Act(kind=NoticeKind.REPEATED, edit=True) if at <= now else Wait(held=Held.PACED, until=at)
    return _repetition(shown, wanted, pacing, now)


def _repetition(shown: Shown, wanted: Wanted, pacing: Pacing, now: datetime) -> Act | Wait:
    """Return when a place without edits hears of more runs: at certain counts, and then every so often."""
    if wanted.count <= shown.count:
        return Wait(held=Held.SHOWN)
    if any(shown.count < step <= wanted.count for step in pacing.repeat_at):
        return Act(kind=NoticeKind.REPEATED)
    at = shown.at + pacing.repeat_every
    return Act(kind=NoticeKind.REPEATED) if at <= now else Wait(held=Held.PACED, until=at)


def next_try(delivery: Delivery, act: Act, abilities: Abilities, pacing: Pacing, now: datetime) -> Due:
    """Return what ``act`` becomes by the tries before it that were cut off or failed."""
    if delivery.gave_up_at is not None:
        return Wait(held=Held.GIVEN_UP, why=delivery.error)
    if delivery.attempt and delivery.attempt_until is not None and delivery.attempt_until > now:
        return Wait(held=Held.UNDER_WAY, until=delivery.attempt_until)
    if delivery.failing_since is not None and now - delivery.failing_since > pacing.try_for:
        return GiveUp(why=f"it did not take the message for {_span(pacing.try_for)}; its last word: {delivery.error}")
    if delivery.next_at is not None and delivery.next_at > now:
        return Wait(held=Held.BACKING_OFF, until=delivery.next_at, why=delivery.error)
    return _by_lost_answers(delivery, act, abilities)


def _by_lost_answers(delivery: Delivery, act: Act, abilities: Abilities) -> Due:
    unknown = delivery.unknown + bool(delivery.attempt)
    if act.edit:
        return replace(act, possible_repeat=bool(delivery.attempt))
    if not unknown:
        return act
    if abilities.finds:
        return replace(act, look_first=True)
    if act.kind is NoticeKind.REPEATED:
        return Assume()
    if unknown >= _MOST_UNKNOWN:
        return GiveUp(why="its answer was lost twice, so nobody knows whether the message arrived")
    return replace(act, possible_repeat=True)


def _span(span: timedelta) -> str:
    return "a day" if span == timedelta(days=1) else f"{span.total_seconds() / 3600:.0f} hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A destination's own pace: when new messages were sent or allotted lately, and the digest that is being filled."""

    sent: tuple[datetime, ...] = ()
    digest: str = ""
    digest_until: datetime | None = None
    schema: int = field(default=1)
