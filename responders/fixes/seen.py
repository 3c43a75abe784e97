"""What a message shows of a fix: its sentences, made safe, and the buttons that work now. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.redaction import redact
from responders.blocks import Code, Line, Text
from responders.fixes.record import Fix, FixState
from responders.fixes.values import Approvers, NotFixed, Plan
from responders.fixes.words import Ways, Words, gives, named_by_condition, say
from responders.notices import Action, ActionKind, FixSummary
from responders.wording import clean, one_line

__all__ = ["FixSeen", "Pending", "see"]

_ALOUD = frozenset(
    {
        FixState.WAITING,
        FixState.VERIFIED,
        FixState.NOT_EFFECTIVE,
        FixState.IN_DOUBT,
        FixState.REJECTED,
        FixState.STALE,
        FixState.FAILED,
        FixState.UNDONE,
        FixState.UNDO_FAILED,
    }
)
"""What people are told of in a message of its own, where an edit would notify nobody. What lies between (approved,
made, being taken back) ends in one of these within a stated time; that an offer expires was said with it.
"""

_NEVER_OFFERED = frozenset({NotFixed.OFF, NotFixed.NOT_FIXABLE, NotFixed.NOT_CONFIRMED})
"""Reasons that are no news as long as nothing was offered."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Whether there is a fix to offer is being worked out right now; it is worth a moment's wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixSeen:
    """What a message shows of a fix; every text is redacted and cleaned.

    ``headline`` stands alone, ``news`` is headline and stage in one. One of the ``lines`` is ``plan``, which the
    headline says as well. ``next_step`` takes the place of the diagnosis' own, which stays where it is empty and moves
    among the other ways out where ``by_hand``. ``serial`` rises with each change; ``aloud``: this state is told in a
    message of its own.
    """

    serial: int
    state: FixState
    headline: str
    news: str
    lines: tuple[Line, ...]
    plan: str = ""
    next_step: str = ""
    by_hand: bool = False
    aloud: bool = False
    actions: tuple[Action, ...] = ()
    facts: FixSummary


def see(fix: Fix | None, *, approvers: Approvers, page_url: str) -> FixSeen | None:
    """Return what is shown of ``fix``, ``None`` where there is none, and where none was ever thinkable.

    A button is there only while it does something and somebody may press it. ``page_url`` is the incident's page, empty
    where there is none.
    """
    if fix is None or (fix.plan is None and fix.reason in _NEVER_OFFERED):
        return None
    words = say(fix, Ways(slack=bool(approvers.slack), page=bool(page_url)))
    return FixSeen(
        serial=fix.serial,
        state=fix.state,
        headline=_safe(words.title),
        news=_safe(f"{words.title} {words.stage}" if words.title != words.stage else f"{words.title} {words.then}"),
        lines=_lines(words),
        plan=_safe(words.plan),
        next_step=_safe(words.step),
        by_hand=fix.state is FixState.WAITING,
        aloud=fix.state in _ALOUD,
        actions=_actions(fix, fix.plan) if approvers.slack and fix.plan is not None else (),
        facts=_facts(fix, fix.plan),
    )


def _lines(words: Words) -> tuple[Line, ...]:
    texts = (Text(_safe(said)) for said in (words.stage, words.plan, words.then) if said)
    return (*texts, *([Code(clean(redact(words.command)))] if words.command else []))


def _actions(fix: Fix, plan: Plan) -> tuple[Action, ...]:
    what = _safe(f"{gives(plan)}. Object id: {plan.principal_id}.")
    if fix.may_be_decided:
        return (
            Action(ActionKind.APPROVE, "Approve the fix", offer=plan.digest, question=f"Write this now? {what}"),
            Action(ActionKind.REJECT, "Reject", offer=plan.digest, question=f"Nothing is written then: {what}"),
        )
    if fix.may_be_undone:
        return (Action(ActionKind.UNDO, "Undo the fix", offer=plan.digest, question=f"Remove this again? {what}"),)
    return ()


def _facts(fix: Fix, plan: Plan | None) -> FixSummary:
    return FixSummary(
        serial=fix.serial,
        state=fix.state.value,
        changed_at=fix.changed_at,
        reason=fix.reason,
        registry=plan.registry_id if plan else "",
        principal=plan.principal_id if plan else "",
        role=plan.role_name if plan else "",
        repository=named_by_condition(plan)[0] if plan else "",
        assignment=fix.assignment_id,
    )


def _safe(text: str) -> str:
    return one_line(redact(text))
