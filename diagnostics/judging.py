"""From evidence to a diagnosis: the mechanical confidence rule, and nothing else that sets a status.

========== =========================================================================================
confirmed  a symptom, and a fact that by itself explains it, and no fact against
likely     the deciding facts are unknown, and the text names the cause or facts rule out every other one
possible   compatible with the symptom, not singled out
ruled-out  a live fact contradicts it
========== =========================================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from diagnostics.case import Case
from diagnostics.catalogue import CATALOGUE, NOT_JUDGED, NamedOnly
from diagnostics.describing import chain_of, checks_of
from diagnostics.meant import put_right
from diagnostics.model import (
    INSUFFICIENT_EVIDENCE,
    NOT_REGISTRY,
    Diagnosis,
    Evidence,
    Finding,
    PullStep,
    Remedy,
    Status,
)
from diagnostics.noting import notes_of
from diagnostics.verdicts import Judgement, Proof

__all__ = ["Cause", "all_causes", "judge", "needed_facts"]

_STEPS = list(PullStep)
_RANK = {Status.CONFIRMED: 0, Status.LIKELY: 1, Status.POSSIBLE: 2, Status.RULED_OUT: 3}


class Cause(Protocol):
    """This is a protocol: one root cause, judged against evidence and never reading from outside.

    ``explains`` are the symptoms that it can produce, ``needs`` the facts that it is judged by, ``step`` where on its
    way a pull meets it, ``rank`` its place among those of one step (lower first). ``masked`` tells whether a live
    fact shows by itself that a pull would stop here next, without a symptom of its own.
    """

    id: str
    title: str
    step: PullStep
    rank: int
    masked: bool
    explains: frozenset[str]
    needs: tuple[str, ...]

    def judge(self, case: Case) -> Judgement | None:
        """Return how the evidence bears on this cause, or ``None`` where it has nothing to do with the case."""
        ...


@cache
def all_causes() -> tuple[Cause, ...]:
    """Return every cause: the judged ones, the rest of the published list and a team's own, which a text names."""
    from diagnostics import causes  # noqa: PLC0415 - the folder imports this module's neighbours
    from diagnostics.discovery import members  # noqa: PLC0415
    from diagnostics.own_signatures import installed  # noqa: PLC0415

    judged: tuple[Cause, ...] = members(causes, "CAUSE")
    have = {cause.id for cause in judged}
    named: tuple[Cause, ...] = tuple(NamedOnly(entry) for entry in CATALOGUE.values() if entry.id not in have)
    return (*judged, *named, *installed().causes)


def needed_facts(symptom: str, *, building: bool = True) -> tuple[str, ...]:
    """Return the names of the facts that decide what could be behind ``symptom``, and what may be masked by it.

    Where nothing was ``building`` an image the causes of builds ask for nothing.
    """
    causes = [cause for cause in all_causes() if building or cause.step is not PullStep.BUILD]
    wanted = {need for cause in causes for need in _needs(cause, symptom)}
    return tuple(sorted(wanted))


def _needs(cause: Cause, symptom: str) -> tuple[str, ...]:
    """Return what a cause is read for: as a masked fault it may state a smaller set, ``masked_needs``."""
    if symptom in cause.explains:
        return cause.needs
    masked: tuple[str, ...] = getattr(cause, "masked_needs", cause.needs)
    return masked if cause.masked else ()


@dataclass(frozen=True, slots=True)
class _Judged:
    cause: Cause
    said: Judgement
    explains: bool
    status: Status = field(default=Status.POSSIBLE)

    @property
    def place(self) -> tuple[int, int, int, str]:
        return _RANK[self.status], _STEPS.index(self.cause.step), self.cause.rank, self.cause.id


def judge(evidence: Evidence) -> Diagnosis:
    """Return the one diagnosis that ``evidence`` gives, the same every time, without any network."""
    case = Case(evidence)
    if case.primary is None:
        return _verdict(case, ())
    right = put_right(case)
    judged = [found for cause in all_causes() if (found := _either(cause, case, right)) is not None]
    return _verdict(case, _ordered(_singled_out(judged, case), case))


def _either(cause: Cause, case: Case, right: Case | None) -> _Judged | None:
    """Judge a cause as things are, and as masked by a wrong reference: by what the ``right`` one would meet."""
    if right is not None and cause.masked:
        said = cause.judge(right)
        if said is not None and said.proof is Proof.PROVEN and not said.against:
            return _Judged(cause, said, explains=False, status=Status.CONFIRMED)
    return _judged(cause, case)


def _judged(cause: Cause, case: Case) -> _Judged | None:
    said = cause.judge(case)
    if said is None:
        return None
    explains = case.symptom in cause.explains or cause.id in case.named
    if not explains and not (cause.masked and said.proof is Proof.PROVEN):
        return None
    return _Judged(cause, said, explains, _status(cause, said, case))


def _status(cause: Cause, said: Judgement, case: Case) -> Status:
    if said.proof is Proof.CONTRADICTED:
        return Status.RULED_OUT
    if said.proof is Proof.PROVEN:
        return Status.RULED_OUT if said.against else Status.CONFIRMED
    if said.proof is Proof.UNREAD and cause.id in case.named:
        return Status.LIKELY
    return Status.POSSIBLE


def _singled_out(judged: list[_Judged], case: Case) -> list[_Judged]:
    """Raise the one cause to *likely* that is left when facts rule out every other that explains the symptom."""
    open_ = [j for j in judged if j.explains and j.status is not Status.RULED_OUT]
    if len(open_) != 1 or open_[0].said.proof is not Proof.UNREAD or case.symptom == INSUFFICIENT_EVIDENCE:
        return judged
    left = open_[0]
    if left.cause.step is PullStep.BUILD and not case.while_building:
        return judged  # nothing in the text was building an image
    return [_Judged(j.cause, j.said, j.explains, Status.LIKELY) if j is left else j for j in judged]


def _ordered(judged: list[_Judged], case: Case) -> tuple[Finding, ...]:
    """Put the headline first, then what is confirmed also in the order in which a pull meets it, then the rest."""
    explaining = sorted((j for j in judged if j.explains), key=lambda j: _by_text(j, case))
    head = explaining[0] if explaining and explaining[0].status in (Status.CONFIRMED, Status.LIKELY) else None
    rest = sorted((j for j in judged if j is not head and _may_stand(j, head)), key=lambda j: j.place)
    return tuple(_finding(j) for j in ([head] if head else []) + rest)


def _by_text(judged: _Judged, case: Case) -> tuple[int, int, int, int, str]:
    """Among likely causes the text's own order decides; among confirmed ones the order of a pull."""
    rank, step, within, cause = judged.place
    named = case.named.index(cause) if judged.status is Status.LIKELY and cause in case.named else 0
    return rank, named, step, within, cause


def _may_stand(judged: _Judged, head: _Judged | None) -> bool:
    """A masked fault counts only where the pull would meet it after what stopped it."""
    if judged.explains:
        return True
    return head is not None and _STEPS.index(judged.cause.step) > _STEPS.index(head.cause.step)


def _finding(judged: _Judged) -> Finding:
    said = judged.said
    return Finding(
        cause=judged.cause.id,
        status=judged.status,
        headline=said.headline or judged.cause.title,
        target=said.target,
        step=judged.cause.step,
        reasons=said.reasons,
        against=said.against,
        unchecked=said.unchecked,
        remedies=said.remedies or _way_out(judged),
    )


def _way_out(judged: _Judged) -> tuple[Remedy, ...]:
    """A likely cause, too, needs a way out: the published list's general one, where the facts gave none."""
    entry = CATALOGUE.get(judged.cause.id)
    return (Remedy(title=entry.way_out),) if entry is not None and judged.status is Status.LIKELY else ()


def _verdict(case: Case, findings: tuple[Finding, ...]) -> Diagnosis:
    evidence = case.evidence
    head = findings[0] if findings and findings[0].status in (Status.CONFIRMED, Status.LIKELY) else None
    if case.primary is None:
        verdict = NOT_REGISTRY if not evidence.gaps else INSUFFICIENT_EVIDENCE
    else:
        verdict = head.cause if head else INSUFFICIENT_EVIDENCE
    return Diagnosis(
        run=evidence.run,
        verdict=verdict,
        status=head.status if head else None,
        symptom=case.symptom or verdict,
        fingerprint=_fingerprint(evidence, verdict, head.target if head else str(case.image or case.symptom)),
        findings=findings,
        chain=chain_of(case) if case.primary else (),
        checks=checks_of(case) if case.primary else (),
        settle=_settle(evidence, findings) if verdict == INSUFFICIENT_EVIDENCE else (),
        notes=notes_of(case, verdict),
    )


def _settle(evidence: Evidence, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Say what would settle an open verdict: what could not be read, each once, then what nobody judged."""
    open_ = [finding for finding in findings if finding.status is Status.POSSIBLE]
    said = [f"{log.file} could not be read: {log.reason}" for log in evidence.unread_logs]
    said += [why for finding in open_ for why in finding.unchecked if why != NOT_JUDGED]
    unjudged = ", ".join(finding.cause for finding in open_ if NOT_JUDGED in finding.unchecked)
    said += [f"what this version does not check live: {unjudged}"] if unjudged else []
    return tuple(dict.fromkeys((*evidence.gaps, *said)))


def _fingerprint(evidence: Evidence, verdict: str, target: str) -> str:
    """Typed facts only: the workspace, the cause and its fix target; prose takes no part.

    What a cause declares to be the same ``everywhere`` (a registry's outage) is one incident under all workspaces.
    """
    cause = next((cause for cause in all_causes() if cause.id == verdict), None)
    everywhere = getattr(cause, "everywhere", False) and bool(target)
    parts = ("" if everywhere else evidence.run.workspace_id.lower(), verdict, target.lower())
    return hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]
