"""A small Azure for the life of a fix: assignments at one registry, which others change, too, and a journal of writes.

The facts are those of a diagnosis that went the whole way against the sandbox; what is granted is laid over them. The
real writing is tested on the wire, in ``test_assigning`` and in the stories.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

from fix_story import REGISTRY, WORKSPACE

from diagnostics.codec import evidence_from_json, to_json
from diagnostics.facts import Grant, GrantedPermissions, RoleGrants
from diagnostics.judging import judge
from diagnostics.model import Evidence, Known, Unknown
from diagnostics.probing import fact_types
from diagnostics.pull_roles import ACR_PULL
from responders.fixes.assigning import (
    Assigned,
    Assigner,
    ChangedSince,
    FixerRight,
    NotNow,
    PrincipalUnknown,
    Removed,
    WriteRefused,
)
from responders.fixes.audit import Audit, AuditEntry, AuditKind
from responders.fixes.fixing import Fixing
from responders.fixes.record import Decision, Fix
from responders.fixes.running_again import NotRunAgain, RunAgain
from responders.fixes.values import Approvers, FixMode, Plan, Policy
from responders.incidents import Incident, Incidents
from responders.store import Store
from tests.stories import FOLDER, played

__all__ = ["FAILED_AT", "POLICY", "FixWorld", "Submission", "Write", "incident_in", "missing_role"]

FAILED_AT = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)


@cache
def missing_role(story: str = "missing-pull-role") -> Evidence:
    """Return the evidence of a diagnosis that went the whole way against the sandbox."""
    stored = next(iter(played(FOLDER / f"{story}.yaml").outcome.evidence.values()))
    return evidence_from_json(stored, fact_types())


POLICY = Policy(
    mode=FixMode.APPROVE,
    registries=frozenset({REGISTRY.lower()}),
    workspaces=frozenset({WORKSPACE.lower()}),
    approvers=Approvers(slack=frozenset({"U1"})),
    per_day=3,
    per_registry=3,
    expires=datetime(2027, 6, 1, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write that reached Azure; ``made`` tells whether something is there now that was not."""

    kind: str
    plan: Plan
    at: datetime
    made: bool
    policy: Policy
    recorded: bool
    decision: Decision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that was submitted again, for the fix as its record stood then."""

    name: str
    at: datetime
    policy: Policy
    recorded: bool
    fix: Fix


@dataclass
class FixWorld:
    """Azure as a fix meets it. ``trouble`` are the errors that the next calls answer with."""

    store: Store
    clock: datetime = FAILED_AT + timedelta(minutes=1)
    policy: Policy = POLICY
    present: dict[str, Plan] = field(default_factory=dict)
    foreign: bool = False
    may_write: bool = True
    unreadable: bool = False
    renamed: bool = False
    trouble: list[Exception] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    taken_back: int = 0
    submitted: list[Submission] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the time."""
        return self.clock

    def fixing(self, store: Any = None, assigner: Any = None) -> Fixing:
        """Return the fixing of a worker, on ``store`` and ``assigner`` where these are watched."""
        used = store or self.store
        return Fixing(
            store=used,
            incidents=Incidents(used, now=self.now),
            audit=Audit(used, self.now),
            policy=lambda: self.policy,
            assigner=lambda: cast("Assigner", assigner or self),
            read_again=self.read_again,
            submit=self.submit,
            now=self.now,
        )

    # --- what a worker reads ------------------------------------------------------------------------------

    def read_again(self, evidence: Evidence) -> Evidence:
        """Return the evidence as Azure would have it now."""
        facts = dict(evidence.facts)
        known = facts["role-grants"]
        assert isinstance(known, Known)
        held: RoleGrants = known.value
        if self.renamed:
            held = replace(held, principal_id="99999999-0000-4000-8000-000000000009")
        granted = [_grant(held, plan) for plan in self.present.values() if plan.principal_id == held.principal_id]
        granted += [_grant_of(held)] if self.foreign else []
        facts["role-grants"] = replace(known, value=replace(held, grants=(*held.grants, *granted)))
        if self.unreadable:
            facts["role-grants"] = Unknown(reason="Azure did not answer")
        details = evidence.details
        return replace(
            evidence,
            run=replace(evidence.run, failed_at=self.clock),
            details=replace(details, ended_at=self.clock) if details is not None else None,
            taken_at=self.clock,
            facts=facts,
        )

    # --- the fixer's hands --------------------------------------------------------------------------------

    def right(self, plan: Plan) -> FixerRight:
        """See :class:`responders.fixes.assigning.Assigner`."""
        del plan
        self._meet_trouble()
        return FixerRight(self.may_write, "" if self.may_write else "the fixer lacks roleAssignments/write")

    def find(self, plan: Plan) -> Assigned | None:
        """See :class:`responders.fixes.assigning.Assigner`."""
        self._meet_trouble()
        return Assigned(plan.assignment_id, True, "") if plan.assignment_id in self.present else None

    def assign(self, plan: Plan) -> Assigned:
        """See :class:`responders.fixes.assigning.Assigner`."""
        self._meet_trouble(writing=True)
        if not self.may_write:
            raise WriteRefused("the fixer lacks roleAssignments/write")
        if self.foreign:
            return Assigned(f"{plan.registry_id}/somebody-elses", False, "")
        made = plan.assignment_id not in self.present
        recorded = any(entry.details.get("digest") == plan.digest for entry in self._audited(AuditKind.REQUEST))
        self._note("put", plan, made=made, recorded=recorded)
        self.present[plan.assignment_id] = plan
        return Assigned(plan.assignment_id, True, "correlation-1")

    def remove(self, plan: Plan, assignment_id: str) -> Removed:
        """See :class:`responders.fixes.assigning.Assigner`."""
        self._meet_trouble()
        there = self.present.get(assignment_id)
        if there is not None and there != plan:
            raise ChangedSince("it is another one now")
        if there is not None:
            self._note("delete", plan, made=False, recorded=True)
            del self.present[assignment_id]
        return Removed(there is not None, "correlation-2")

    def submit(self, incident: Incident) -> RunAgain | NotRunAgain:
        """Submit the failed job again; the same name makes the same job."""
        name = f"{incident.run_id}-again"
        fix = self.fixing().of(incident.id)
        assert fix is not None
        if name not in {one.name for one in self.submitted}:
            recorded = any(entry.incident_id == incident.id for entry in self._audited(AuditKind.RUN_AGAIN))
            self.submitted.append(Submission(name=name, at=self.clock, policy=self.policy, recorded=recorded, fix=fix))
        return RunAgain(name, f"https://ml.azure.com/runs/{name}")

    # --- what others do -----------------------------------------------------------------------------------

    def take_back(self) -> None:
        """Let infrastructure code remove what it does not know."""
        self.taken_back += len(self.present)
        self.present.clear()

    def _note(self, kind: str, plan: Plan, *, made: bool, recorded: bool) -> None:
        fix = self.fixing().of(plan.incident_id)
        self.writes.append(
            Write(
                kind=kind,
                plan=plan,
                at=self.clock,
                made=made,
                policy=self.policy,
                recorded=recorded,
                decision=fix.decision if fix is not None else None,
            )
        )

    def _audited(self, kind: AuditKind) -> list[AuditEntry]:
        return [entry for entry in Audit(self.store, self.now).entries() if entry.kind == kind]

    def _meet_trouble(self, *, writing: bool = False) -> None:
        """Fail in passing, if it is time; only a write meets a directory that does not know the identity."""
        if self.trouble and (writing or isinstance(self.trouble[-1], NotNow)):
            raise self.trouble.pop()


def incident_in(world: FixWorld, *, failed_at: datetime = FAILED_AT, story: str = "missing-pull-role") -> str:
    """Count the failed run to its incident and return the incident's id."""
    evidence = missing_role(story)
    evidence = replace(
        evidence,
        run=replace(evidence.run, failed_at=failed_at, run_id=f"{evidence.run.run_id}_{failed_at:%H%M%S}"),
        details=replace(evidence.details, ended_at=failed_at) if evidence.details is not None else None,
    )
    key = world.store.put_document(evidence.run.workspace_id, evidence.run.run_id, "evidence", to_json(evidence))
    counted = Incidents(world.store, now=world.now).count(judge(evidence), evidence, evidence_key=key)
    return counted.incident.id


def passing_trouble(kind: str) -> Exception:
    """Return an error that a later try may not meet."""
    return (
        PrincipalUnknown("not found in the directory") if kind == "principal" else NotNow("429", timedelta(seconds=9))
    )


def _grant(held: RoleGrants, plan: Plan) -> Grant:
    return replace(_grant_of(held), role=plan.role_name, role_id=plan.role_id, condition=plan.condition or None)


def _grant_of(held: RoleGrants) -> Grant:
    return Grant(
        role=ACR_PULL.name,
        role_id=ACR_PULL.id,
        scope=held.scope,
        principal_id=held.principal_id,
        principal_type="ServicePrincipal",
        permissions=(GrantedPermissions(actions=("Microsoft.ContainerRegistry/registries/pull/read",)),),
        created_at=FAILED_AT + timedelta(minutes=2),
    )
