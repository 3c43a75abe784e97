"""Messages about a fix, to be looked at: what the product says of a record, for the story of the missing role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from diagnostics.codec import to_json
from diagnostics.judging import judge
from diagnostics.model import Evidence
from diagnostics.pull_roles import ACR_PULL
from responders.deliveries import Delivery, Shown
from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.seen import FixSeen, see
from responders.fixes.values import Approvers, FixMode, NotFixed, Plan
from responders.incidents import Incident, IncidentState
from responders.notices import FixSummary, Notice, NoticeKind
from responders.preview import Sample
from responders.telling import Story, Wording

__all__ = ["samples"]

_INCIDENT = "7f3a91c0d2b45e68-1"
_PAGE = "https://pullmedic.azurewebsites.net/api/incidents/"
_REGISTRY = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-images"
    "/providers/Microsoft.ContainerRegistry/registries/halvorsenimages"
)
_APPROVERS = Approvers(slack=frozenset({"U0000000123"}))
_NO_RIGHT = (
    "the fixer (5e5e0000-0000-0000-0000-000000000005) lacks Role Based Access Control Administrator at "
    "halvorsenimages. Add it: az role assignment create --assignee-object-id 5e5e0000-0000-0000-0000-000000000005 "
    f"--role 'Role Based Access Control Administrator' --scope {_REGISTRY}"
)


def samples(evidence: Evidence) -> Iterator[Sample]:
    """Yield a message for each stage that people see: as the first one, edited, and as one of its own."""
    at = evidence.run.failed_at
    fixes = _fixes(evidence)
    yield _sample("fix-waiting", "A fix waits for approval", evidence, fixes[FixState.WAITING])
    yield _sample("fix-declined", "No fix: the right is missing", evidence, fixes[FixState.DECLINED])
    yield _sample("fix-verified-edited", "Fixed, in the edited message", evidence, fixes[FixState.VERIFIED], edit=True)
    delivery = Delivery(destination="x", shown=Shown(count=1, open=True, at=at), first_at=at)
    for state in (FixState.VERIFIED, FixState.NOT_EFFECTIVE, FixState.UNDONE):
        title = f"Fix {state.value}, as a message of its own"
        name = f"fix-{state.value.replace(' ', '-')}"
        yield _sample(name, title, evidence, fixes[state], delivery, kind=NoticeKind.FIX)


def _sample(
    name: str,
    title: str,
    evidence: Evidence,
    fix: Fix,
    delivery: Delivery | None = None,
    *,
    kind: NoticeKind = NoticeKind.OPENED,
    edit: bool = False,
) -> Sample:
    page = f"{_PAGE}{_INCIDENT}"
    seen = see(fix, approvers=_APPROVERS, page_url=page)
    incident = _incident(evidence)
    wording = Wording(document=lambda _key: to_json(evidence), page=lambda _id: page)
    story = Story(incident=incident, runs=(evidence.run.run_id,), fix=seen)
    report = wording.report(story, kind, delivery or Delivery(destination="x"), edit=edit)
    summary = replace(incident.summary(1), fix=_facts(seen))
    actions = seen.actions if seen is not None else ()
    return Sample(name, title, Notice(kind=kind, key=name, report=report, incident=summary, actions=actions))


def _facts(seen: FixSeen | None) -> FixSummary | None:
    return seen.facts if seen is not None else None


def _fixes(evidence: Evidence) -> dict[FixState, Fix]:
    """Return the fix as its record reads in the stages of its life."""
    at = evidence.run.failed_at
    waiting = Fix(
        incident_id=_INCIDENT,
        mode=FixMode.APPROVE,
        state=FixState.WAITING,
        planned_at=at,
        changed_at=at,
        plan=_plan(evidence),
        expires_at=at + timedelta(hours=24),
    )
    dana = Decision(by_id="U0000000123", by="dana.weber", via=Via.SLACK, at=at + timedelta(minutes=3))
    applied = replace(
        waiting,
        state=FixState.APPLIED,
        decision=dana,
        created=True,
        assignment_id=_plan(evidence).assignment_id,
        applied_at=at + timedelta(minutes=3),
    )
    why = "the right is there, and a run failed again after it: the role was not the cause, or not the only one"
    undone = replace(applied, undo=replace(dana, via=Via.PAGE), undone_at=at + timedelta(minutes=30))
    return {
        FixState.WAITING: waiting,
        FixState.DECLINED: replace(
            waiting, state=FixState.DECLINED, reason=NotFixed.NO_RIGHT.value, why=_NO_RIGHT, expires_at=None
        ),
        FixState.VERIFIED: replace(applied, state=FixState.VERIFIED, verified_at=at + timedelta(minutes=7)),
        FixState.NOT_EFFECTIVE: replace(applied, state=FixState.NOT_EFFECTIVE, why=why),
        FixState.UNDONE: replace(undone, state=FixState.UNDONE),
    }


def _plan(evidence: Evidence) -> Plan:
    run = evidence.run
    compute = evidence.details.compute if evidence.details is not None else None
    return Plan(
        incident_id=_INCIDENT,
        cause=judge(evidence).verdict,
        workspace_id=run.workspace_id,
        run_id=run.run_id,
        registry_id=_REGISTRY,
        registry_name="halvorsenimages",
        principal_id="0f1e2d3c-0000-0000-0000-000000000007",
        principal_words=f"the identity of {compute or 'the compute'}",
        role_name=ACR_PULL.name,
        role_id=ACR_PULL.id,
    )


def _incident(evidence: Evidence) -> Incident:
    run, diagnosis = evidence.run, judge(evidence)
    finding = diagnosis.headline
    return Incident(
        id=_INCIDENT,
        fingerprint=_INCIDENT.partition("-")[0],
        serial=1,
        state=IncidentState.OPEN,
        verdict=diagnosis.verdict,
        status=diagnosis.status or "",
        symptom=diagnosis.symptom or "",
        target=finding.target if finding is not None else "",
        headline=finding.headline if finding is not None else diagnosis.verdict,
        workspace_id=run.workspace_id,
        workspaces=(run.workspace_id,),
        run_id=run.run_id,
        root_run_id=run.run_id,
        evidence_key=f"evidence/{run.run_id}.json",
        opened_at=run.failed_at,
        failed_at=run.failed_at,
        last_at=run.failed_at,
    )
