"""A fix in words: what is given to whom, where it stands, who decided, what comes next. Pure.

Names and reasons are Azure's or somebody else's; :mod:`responders.fixes.seen` makes them safe for a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.values import FixMode, NotFixed, Plan

__all__ = ["Ways", "Words", "gives", "named_by_condition", "say"]

_TEST = re.compile(r"String(?P<how>StartsWith|Equals)(?:IgnoreCase)? '(?P<name>[^']{1,256})'")
_LATER = "Azure may need ten minutes until it counts: checked again within ten minutes, told here within fifteen."

_REASONS = {
    NotFixed.OFF: "fixes are off",
    NotFixed.NOT_FIXABLE: "no role repairs this cause",
    NotFixed.NOT_CONFIRMED: "the diagnosis is not confirmed",
    NotFixed.NO_ANSWER: "Azure did not say enough",
    NotFixed.NOT_IN_POLICY: "this is not pre-approved",
    NotFixed.EXPIRED: "the pre-approval has expired",
    NotFixed.EXCLUDED: "infrastructure code keeps this registry",
    NotFixed.CEILING: "the ceiling is reached",
    NotFixed.NO_RIGHT: "the fixer lacks the right",
    NotFixed.GRANTED_SINCE: "the right is there meanwhile",
    NotFixed.CHANGED: "something changed since the plan",
}


@dataclass(frozen=True, slots=True)
class Ways:
    """How people can decide: by buttons in Slack, on the incident's page."""

    slack: bool
    page: bool

    def words(self, command: str) -> str:
        """Name the ways in a sentence's middle; where there is neither, the command."""
        ways = [
            *(["by a button in Slack"] if self.slack else []),
            *(["on the incident's page"] if self.page else []),
        ]
        return " or ".join(ways) or f"by {command}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of a fix: a ``title`` that stands alone, the ``stage`` it is in, ``then`` what follows from it.

    ``plan`` says what it is about, empty where a next step does. ``step`` is what the reader is to do, empty where the
    diagnosis' own next step stands. ``command`` is ready to be pasted.
    """

    title: str
    stage: str
    plan: str = ""
    then: str = ""
    step: str = ""
    command: str = ""


def gives(plan: Plan) -> str:
    """Say who gets which role on which registry, with which condition."""
    return f"{plan.role_name} on {plan.registry_name} ({_reach(plan)}) for {plan.principal_words}"


def named_by_condition(plan: Plan) -> tuple[str, bool]:
    """Return the repository that the plan's condition names, and whether it is only the beginning of names.

    Read from what would be written itself; empty where there is no condition, or none of that form.
    """
    found = _TEST.search(plan.condition)
    return (found["name"], found["how"] == "StartsWith") if found is not None else ("", False)


def _reach(plan: Plan) -> str:
    name, by_prefix = named_by_condition(plan)
    if name:
        return f"repositories under {name}" if by_prefix else f"repository {name}"
    return "under a condition" if plan.condition else "the whole registry"


def say(fix: Fix, ways: Ways) -> Words:
    """Return the words for where ``fix`` stands."""
    verb = _VERBS.get(fix.state, "")
    plan = f"It {verb} {gives(fix.plan)}." if fix.plan is not None and verb else ""
    return replace(_SAYINGS[fix.state](fix, ways), plan=plan)


_VERBS: Mapping[FixState, str] = {
    FixState.PROPOSED: "would give",
    **dict.fromkeys((FixState.REJECTED, FixState.EXPIRED, FixState.STALE, FixState.FAILED), "would have given"),
    **dict.fromkeys((FixState.APPROVED, FixState.APPLIED, FixState.VERIFIED, FixState.NOT_EFFECTIVE), "gives"),
    FixState.IN_DOUBT: "may give",
    **dict.fromkeys((FixState.UNDOING, FixState.UNDO_FAILED), "gives"),
    FixState.UNDONE: "gave",
}


def _declined(fix: Fix, _: Ways) -> Words:
    why, command = _apart(fix.why)
    known = next((words for reason, words in _REASONS.items() if reason.value == fix.reason), fix.reason)
    stage = f"No fix is offered: {known}." if known else "No fix is offered."
    return Words(title=stage, stage=stage, then=_sentence(why), command=command)


def _proposed(fix: Fix, _: Ways) -> Words:
    if fix.mode is FixMode.AUTO:
        return Words(title=_title("Fix planned", fix), stage="Planned; it is made by the policy in force.")
    return Words(
        title=_title("Fix proposed", fix),
        stage="Proposed only: nothing is written in this mode.",
        command=f"python -m responders fix {fix.incident_id} --dry-run",
    )


def _waiting(fix: Fix, ways: Ways) -> Words:
    until = f" until {_utc(fix.expires_at)}" if fix.expires_at else ""
    how = ways.words(f"python -m responders fix {fix.incident_id}")
    what = f": {gives(fix.plan)}" if fix.plan is not None else ""
    return Words(
        title=_title("Fix waiting for approval", fix),
        stage=f"Waiting for approval{until}; nothing is written before.",
        step=f"Approve or reject the fix, {how}{what}.",
    )


def _approved(fix: Fix, _: Ways) -> Words:
    follows = "The result follows here within fifteen minutes."
    return Words(
        title=_title("Fix approved", fix),
        stage=f"Approved by {_who(fix.decision)}{_at(fix.decision)}; it is being made.",
        then=follows,
        step=f"Nothing yet: the fix is being made. {follows}",
    )


def _applied(fix: Fix, _: Ways) -> Words:
    return Words(
        title=_title("Fix made", fix),
        stage=_made(fix),
        then=_LATER,
        step="Nothing yet: whether the fix counts is told here within fifteen minutes of it.",
    )


def _verified(fix: Fix, _: Ways) -> Words:
    seen = f" (read again from Azure at {_utc(fix.verified_at)})" if fix.verified_at else ""
    step = "Run the job again: the right is there."
    then = "The next run will prove it."
    if fix.run_again_job:
        step = then = f"The failed job was submitted again as {fix.run_again_job}."
    elif fix.run_again:
        then = f"The job was not submitted again: {_apart(fix.run_again)[0]}."
    if fix.proven_by_run:
        then = f"Proven: run {fix.proven_by_run} completed since."
        step = f"Nothing: run {fix.proven_by_run} completed since."
    return Words(
        title=_title("Fix verified", fix),
        stage=f"Verified: the right counts{seen}. {_made(fix)}",
        then=then,
        step=step,
    )


def _not_effective(fix: Fix, ways: Ways) -> Words:
    why, command = _apart(fix.why)
    back = ways.words(f"python -m responders undo {fix.incident_id}")
    undo = f" Undo takes back this one assignment, {back}." if fix.may_be_undone else ""
    return Words(
        title=_title("Fix did not help", fix),
        stage=f"It did not help: {why}. {_made(fix)}",
        step=f"Look for what else keeps the run from its image.{undo}",
        command=command,
    )


def _in_doubt(fix: Fix, ways: Ways) -> Words:
    why, command = _apart(fix.why)
    back = ways.words(f"python -m responders undo {fix.incident_id}")
    return Words(
        title=_title("Fix may have been made", fix),
        stage=f"Approved by {_who(fix.decision)}{_at(fix.decision)}; Azure does not say whether it was made: {why}.",
        then="It is asked again, ever more rarely, and the answer follows here; nothing is written any more.",
        step=f"Wait for Azure's answer. Undo removes the assignment if it is there, {back}.",
        command=command,
    )


def _rejected(fix: Fix, _: Ways) -> Words:
    stage = f"Rejected by {_who(fix.decision)}{_at(fix.decision)}: nothing was written."
    # A command among a person's words stays words: nobody is invited to paste it.
    return Words(title=_title("Fix rejected", fix), stage=stage, then=f"They said: {fix.why}" if fix.why else "")


def _expired(fix: Fix, _: Ways) -> Words:
    by = f" by {_utc(fix.expires_at)}" if fix.expires_at else ""
    stage = f"Nobody decided{by}: nothing was written."
    return Words(title=_title("Fix expired", fix), stage=stage, then="The next run that fails brings the offer back.")


def _stale(fix: Fix, _: Ways) -> Words:
    why, command = _apart(fix.why)
    return Words(
        title=_title("Fix not made", fix),
        stage=f"Not made, since something changed after the plan: {why}. Nothing was written.",
        then="Where a fix is still possible, a new offer follows.",
        command=command,
    )


def _failed(fix: Fix, _: Ways) -> Words:
    why, command = _apart(fix.why)
    stage = f"It could not be made: {why}."
    return Words(title=_title("Fix failed", fix), stage=stage, command=command)


def _undoing(fix: Fix, _: Ways) -> Words:
    stage = f"Being taken back, as {_who(fix.undo)} asked{_at(fix.undo)}."
    return Words(title=_title("Fix being taken back", fix), stage=stage)


def _undone(fix: Fix, _: Ways) -> Words:
    at = f" at {_utc(fix.undone_at)}" if fix.undone_at else ""
    stage = f"Taken back{at}, as {_who(fix.undo)} asked: the role assignment is gone."
    return Words(title=_title("Fix taken back", fix), stage=stage)


def _undo_failed(fix: Fix, _: Ways) -> Words:
    why, command = _apart(fix.why)
    return Words(
        title=_title("Fix could not be taken back", fix),
        stage=f"It could not be taken back: {why}.",
        then=f"The assignment that was made: {fix.assignment_id}" if fix.assignment_id else "",
        command=command,
    )


_SAYINGS: Mapping[FixState, Callable[[Fix, Ways], Words]] = {
    FixState.DECLINED: _declined,
    FixState.PROPOSED: _proposed,
    FixState.WAITING: _waiting,
    FixState.APPROVED: _approved,
    FixState.APPLIED: _applied,
    FixState.VERIFIED: _verified,
    FixState.NOT_EFFECTIVE: _not_effective,
    FixState.IN_DOUBT: _in_doubt,
    FixState.REJECTED: _rejected,
    FixState.EXPIRED: _expired,
    FixState.STALE: _stale,
    FixState.FAILED: _failed,
    FixState.UNDOING: _undoing,
    FixState.UNDONE: _undone,
    FixState.UNDO_FAILED: _undo_failed,
}


def _title(lead: str, fix: Fix) -> str:
    return f"{lead}: {gives(fix.plan)}." if fix.plan is not None else f"{lead}."


def _made(fix: Fix) -> str:
    at = f" at {_utc(fix.applied_at)}" if fix.applied_at else ""
    if not fix.created:
        return f"It was there{at} already: nothing was written."
    return f"Made{at}, approved by {_who(fix.decision)}."


def _who(decision: Decision | None) -> str:
    if decision is None:
        return "somebody who is not recorded"
    return "the policy" if decision.via is Via.POLICY else f"{decision.by or decision.by_id} ({decision.via.value})"


def _at(decision: Decision | None) -> str:
    return f" at {_utc(decision.at)}" if decision is not None else ""


def _apart(why: str) -> tuple[str, str]:
    """Part a reason from the command that its last line ends with, if any; the reason loses its full stop."""
    found = _COMMAND.search(why.rstrip())
    words = why[: found.start()] if found is not None else why
    return words.strip().rstrip(".: "), found.group() if found is not None else ""


_COMMAND = re.compile(r"(?:(?<=\A)|(?<=: )|(?<=\n))(?:az|python -m) [^\n]+\Z")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
