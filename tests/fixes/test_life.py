"""The whole life of a fix, driven at random through crashes, duplicates and a world that others change.

Whatever happens: nothing is written outside the policy, nothing twice, nothing that is not recorded before.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_world import POLICY, FixWorld, Write, incident_in, passing_trouble
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from responders.fixes.audit import Audit
from responders.fixes.fixing import Fixing
from responders.fixes.record import Decision, Fix, FixState, Via
from responders.fixes.steps import PROPAGATION
from responders.fixes.values import FixMode, Policy
from responders.incidents import Incidents
from responders.settings import SqliteStore
from responders.store import Store, open_store
from tests.responders.crashing_worker import Killed, Reaper

pytestmark = pytest.mark.slow

_WRITES = ("claim", "release", "insert", "replace")
_CALLS = ("right", "find", "assign", "remove")
_AGREED = replace(POLICY, run_again=True)


class LifeOfAFix(RuleBasedStateMachine):
    """One incident, its fix, two workers that may die, people that decide, and others that change the world."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pullmedic-"))
        self.store: Store = open_store(SqliteStore(self.folder / "store.sqlite"))
        self.world = FixWorld(store=self.store)
        self.incident = ""
        self.decided: set[str] = set()

    def teardown(self) -> None:
        """Leave nothing behind."""
        fix = self.fix if self.incident else None
        event(f"ended as {fix.state.value if fix is not None else 'nothing'}")
        event(f"writes: {min(len(self.world.writes), 3)}")
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def fix(self) -> Fix | None:
        """The record as it stands."""
        return self.world.fixing().of(self.incident)

    @initialize(
        mode=st.sampled_from([FixMode.APPROVE, FixMode.AUTO, *FixMode]),
        first=st.integers(0, 3),
        hindered=st.sampled_from(["", "principal", "later"]),
        then=st.sampled_from([None, *FixMode]),
    )
    def fail(self, mode: FixMode, first: int, hindered: str, then: FixMode | None) -> None:
        """A run fails for want of the role, and some of what follows may have happened already, or be under way."""
        self.world.policy = replace(_AGREED, mode=mode) if mode is not FixMode.OFF else Policy()
        self.incident = incident_in(self.world)
        self.world.trouble = [passing_trouble(hindered)] * first if hindered else []
        for _ in range(first):
            self.go_on(minutes=1)
        self.world.trouble.clear()
        if then is not None:
            self.change_mode(then)
            self.go_on(minutes=4)

    @rule(kill=st.integers(0, 40), times=st.integers(1, 2))
    def advance(self, kill: int, times: int) -> None:
        """The queue delivers the fix, perhaps twice, and the worker may die at any boundary."""
        for _ in range(times):
            self._worker(kill, lambda fixing: fixing.advance(self.incident))

    @rule(minutes=st.integers(0, 3), kill=st.integers(0, 40))
    def deliver(self, minutes: int, kill: int) -> None:
        """The queue delivers the fix a little later."""
        self.world.clock += timedelta(minutes=minutes)
        self._worker(kill, lambda fixing: fixing.advance(self.incident))

    @rule(minutes=st.integers(0, 3))
    def go_on(self, minutes: int) -> None:
        """A healthy worker takes it up, and somebody approves what is offered."""
        self.world.clock += timedelta(minutes=minutes)
        self._worker(0, lambda fixing: fixing.advance(self.incident))
        self.approve(0, stale=False, twice=False)
        self._worker(0, lambda fixing: fixing.advance(self.incident))

    @rule(kill=st.integers(0, 12), stale=st.booleans(), twice=st.booleans())
    def approve(self, kill: int, *, stale: bool, twice: bool) -> None:
        """Somebody approves what is shown, or what was shown long ago; perhaps two at once."""
        fix = self.fix
        digest = "0" * 16 if stale or fix is None or fix.plan is None else fix.plan.digest
        for name in ("Kim", "Lee") if twice else ("Kim",):
            waiting = (found := self.fix) is not None and found.state is FixState.WAITING
            self._worker(kill, lambda fixing, name=name: fixing.approve(self.incident, digest, self._by(name)))
            if waiting and (found := self.fix) is not None and found.state is FixState.APPROVED:
                self.decided.add(digest)

    @rule(kill=st.integers(0, 12))
    def reject(self, kill: int) -> None:
        """Somebody wants no fix."""
        fix = self.fix
        digest = fix.plan.digest if fix is not None and fix.plan is not None else ""
        self._worker(kill, lambda fixing: fixing.reject(self.incident, digest, self._by("Kim")))

    @rule(kill=st.integers(0, 12))
    def undo(self, kill: int) -> None:
        """Somebody takes it back."""
        self._worker(kill, lambda fixing: fixing.ask_undo(self.incident, self._by("Kim")))

    @rule(minutes=st.sampled_from([1, 3, 10, 16, 40, 1500]))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.world.clock += timedelta(minutes=minutes)
        self._worker(0, lambda fixing: fixing.advance(self.incident))

    @rule(kill=st.integers(0, 40))
    def fail_again(self, kill: int) -> None:
        """Another run fails for the same cause, though others may have granted it by now."""
        incident_in(self.world, failed_at=self.world.clock)
        self._worker(kill, lambda fixing: fixing.advance(self.incident))

    @rule()
    def complete(self) -> None:
        """A run completes and proves that it is over."""
        Incidents(self.store, now=self.world.now).resolve(
            self.incident, "a run completed", at=self.world.clock, by="ok"
        )

    @rule(mode=st.sampled_from(FixMode))
    def change_mode(self, mode: FixMode) -> None:
        """The team changes its mind about the mode."""
        self.world.policy = replace(self.world.policy, mode=mode)

    @rule(mode=st.sampled_from([FixMode.APPROVE, FixMode.AUTO]))
    def heal(self, mode: FixMode) -> None:
        """Everything is as it should be."""
        self.world.policy = replace(_AGREED, mode=mode)
        self.world.foreign = self.world.unreadable = self.world.renamed = False
        self.world.may_write = True
        self.world.trouble.clear()

    @rule(wrong=st.sampled_from(["registries", "workspaces", "expires", "per_day", "per_registry", "run_again"]))
    def narrow(self, wrong: str) -> None:
        """The team changes what is pre-approved."""
        narrower: dict[str, Any] = {
            "registries": frozenset(),
            "workspaces": frozenset(),
            "expires": self.world.clock - timedelta(days=1),
            "per_day": 0,
            "per_registry": 0,
            "run_again": False,
        }
        self.world.policy = replace(self.world.policy, **{wrong: narrower[wrong]})

    @rule()
    def take_back(self) -> None:
        """Infrastructure code removes what it does not know."""
        self.world.take_back()

    @rule(there=st.booleans())
    def grant_elsewhere(self, *, there: bool) -> None:
        """Somebody grants the role by hand, or removes theirs."""
        self.world.foreign = there

    @rule(may=st.booleans())
    def change_right(self, *, may: bool) -> None:
        """The fixer's own right comes and goes."""
        self.world.may_write = may

    @rule(what=st.sampled_from(["unreadable", "renamed", "nothing"]))
    def change_facts(self, what: str) -> None:
        """Azure stops answering, or the compute gets another identity."""
        self.world.unreadable, self.world.renamed = what == "unreadable", what == "renamed"

    @rule(kinds=st.lists(st.sampled_from(["principal", "later"]), max_size=3))
    def trouble(self, kinds: list[str]) -> None:
        """The next calls to Azure fail in passing."""
        self.world.trouble = [passing_trouble(kind) for kind in kinds]

    @rule()
    def fall_silent(self) -> None:
        """Azure answers nothing for so long that no try is left."""
        for _ in range(10):
            self.world.trouble = [passing_trouble("later")]
            self.world.clock += timedelta(minutes=6)
            self._worker(0, lambda fixing: fixing.advance(self.incident))

    @precondition(lambda self: self.world.writes)
    @rule()
    def settle(self) -> None:
        """All is well for a while: what was begun comes to its end."""
        self.world.trouble.clear()
        self.world.unreadable = False
        for _ in range(12):
            self.world.clock += timedelta(minutes=3)
            if (fix := self.fix) is not None and fix.next_at is not None and fix.state is FixState.IN_DOUBT:
                self.world.clock = max(self.world.clock, fix.next_at)
            self._worker(0, lambda fixing: fixing.advance(self.incident))
        fix = self.fix
        begun = {FixState.APPROVED, FixState.IN_DOUBT, FixState.APPLIED, FixState.UNDOING}
        assert fix is None or fix.state not in begun

    # --- what holds always --------------------------------------------------------------------------------

    @invariant()
    def never_outside_the_policy(self) -> None:
        """Each write was within the policy that was in force at that moment."""
        for write in self._puts():
            policy, plan = write.policy, write.plan
            assert policy.mode is FixMode.AUTO or (policy.mode is FixMode.APPROVE and self._decided_by_somebody(write))
            assert plan.registry_id.lower() in policy.registries
            assert plan.workspace_id.lower() in policy.workspaces
            assert plan.role_name in {role.name for role in policy.roles}
            assert policy.expires is not None
            assert policy.expires > write.at
            assert min(policy.per_day, policy.per_registry) > 0

    @invariant()
    def never_run_again_outside_the_policy(self) -> None:
        """Each job that was submitted again was wanted at that moment, and for a role that was granted just then."""
        for job in self.world.submitted:
            policy, fix = job.policy, job.fix
            assert job.recorded
            assert policy.run_again
            assert policy.writes
            assert policy.expires is not None
            assert policy.expires > job.at
            assert fix.created
            assert not fix.proven_by_run
            assert fix.applied_at is not None
            assert PROPAGATION <= job.at - fix.applied_at < timedelta(hours=1)

    @invariant()
    def never_twice(self) -> None:
        """What was made is made again only where somebody else took it away."""
        made = [write for write in self._puts() if write.made]
        assert len(made) <= 1 + self.world.taken_back

    @invariant()
    def never_unrecorded(self) -> None:
        """Each write was asked for in the audit before, and nobody could change the audit."""
        assert all(write.recorded for write in self.world.writes)
        assert Audit(self.store, self.world.now).verify().whole

    @invariant()
    def only_ours_is_removed(self) -> None:
        """Nothing is removed that was not added."""
        added = {write.plan.assignment_id for write in self._puts()}
        assert all(write.plan.assignment_id in added for write in self.world.writes if write.kind == "delete")

    def _puts(self) -> list[Write]:
        return [write for write in self.world.writes if write.kind == "put"]

    def _decided_by_somebody(self, write: Write) -> bool:
        """Tell whether a person approved what was written, and that approval stood in the record at the write."""
        by = write.decision
        return write.plan.digest in self.decided and by is not None and by.via is not Via.POLICY

    def _by(self, name: str) -> Decision:
        return Decision(by_id="U1", by=name, via=Via.SLACK, at=self.world.clock)

    def _worker(self, kill: int, work: Any) -> None:
        reaper = Reaper(at=kill)
        watched = reaper.around(self.store, _WRITES)
        fixing: Fixing = self.world.fixing(watched, reaper.around(self.world, _CALLS))
        with contextlib.suppress(Killed):
            work(fixing)


LifeOfAFix.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLifeOfAFix = LifeOfAFix.TestCase
