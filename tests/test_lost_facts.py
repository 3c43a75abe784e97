"""Every cause against the loss of each fact that it needs: the verdict falls back, and says what was not seen.

The worlds are the stories themselves: each is played once, and what was stored of it is judged again with facts taken
away. A cause that comes new is covered by the story that confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.case import Case
from diagnostics.codec import evidence_from_json
from diagnostics.judging import all_causes, judge
from diagnostics.model import Diagnosis, Evidence, Finding, Known, Status, Unknown
from diagnostics.probing import all_probes, fact_types
from sandbox.world import load_scenario
from tests.stories import FOLDER, OWN, played

pytestmark = pytest.mark.slow

LOST = "HTTP 403, AuthorizationFailed: taken away by this test"
CAUSES = {cause.id: cause for cause in all_causes()}
NEEDED = [(cause.id, need) for cause in CAUSES.values() for need in cause.needs]
OPEN = (Status.LIKELY, Status.POSSIBLE)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a story told of one run: its evidence, its diagnosis, and the causes that are true in its world."""

    story: str
    evidence: Evidence
    diagnosis: Diagnosis
    true: frozenset[str]

    @property
    def known(self) -> tuple[str, ...]:
        """The names of the facts that were read."""
        return tuple(name for name, fact in sorted(self.evidence.facts.items()) if isinstance(fact, Known))

    def without(self, *lost: str) -> Diagnosis:
        """Judge again as if the facts of ``lost`` could not be read."""
        gone = {name: Unknown(reason=LOST, source=name) for name in lost}
        return judge(replace(self.evidence, facts={**self.evidence.facts, **gone}))


@cache
def told() -> tuple[Told, ...]:
    """Play every story once in a test process."""
    return tuple(one for name in OWN for one in told_by(name))


@cache
def told_by(name: str) -> tuple[Told, ...]:
    """Return what one story told of its runs."""
    expected = load_scenario(FOLDER / f"{name}.yaml").expected
    also = [one for entry in expected["also"] for one in (entry if isinstance(entry, list) else [entry])]
    true = frozenset({expected["headline"], *also, *expected.get("may_also", ())})
    kept = played(FOLDER / f"{name}.yaml").outcome.evidence.values()
    read = [evidence_from_json(text, fact_types()) for text in kept]
    return tuple(Told(story=name, evidence=one, diagnosis=judge(one), true=true) for one in read)


def confirmed(diagnosis: Diagnosis) -> set[str]:
    """Return the causes that a diagnosis confirms."""
    return {finding.cause for finding in diagnosis.findings if finding.status is Status.CONFIRMED}


def finding_of(cause: str, diagnosis: Diagnosis) -> Finding | None:
    """Return what a diagnosis says of a cause."""
    return next((finding for finding in diagnosis.findings if finding.cause == cause), None)


def names(lost: str, words: tuple[str, ...]) -> bool:
    """Tell whether ``words`` name the lost fact, and why it could not be read."""
    return any(all_probes()[lost].title in said and LOST in said for said in words)


def by_itself(cause: str, one: Told) -> bool:
    """Tell whether no fact is needed: a component states the cause, or the reference as written breaks the grammar."""
    return cause in Case(one.evidence).decisive or (cause == "reference-malformed" and one.evidence.image is None)


@pytest.mark.parametrize(("cause", "lost"), NEEDED)
def test_a_lost_fact_is_missed_and_named(cause: str, lost: str) -> None:
    """Without a fact that decides, the cause is open, not ruled out, and the words say which fact was not seen and why.

    Where it stays confirmed other facts still explain it: see what follows when all of them are gone.
    """
    met = 0
    for one in told():
        if cause not in confirmed(one.diagnosis) or lost not in one.known:
            continue
        met += 1
        after = one.without(lost)
        found = finding_of(cause, after)
        if found is None:
            assert one.evidence.symptoms[0].id not in CAUSES[cause].explains, one.story
            assert cause != one.diagnosis.verdict, one.story
            assert names(lost, after.checks), one.story
        elif found.status is not Status.CONFIRMED:
            assert found.status in OPEN, one.story
            assert names(lost, (*found.unchecked, *after.settle)), one.story
    assert met, f"no story confirms {cause} with {lost} read: write one, or take the fact from its needs"


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_nothing_confirms_a_cause_when_all_that_it_needs_is_lost(cause: str) -> None:
    """What is confirmed by facts is not without them: only a component's own statement stands by itself."""
    stories = [one for one in told() if cause in confirmed(one.diagnosis)]
    for one in stories:
        after = one.without(*CAUSES[cause].needs)
        assert cause not in confirmed(after) or by_itself(cause, one), one.story
        assert after.status is not Status.CONFIRMED or after.verdict in one.true, one.story
    assert stories, f"no story confirms {cause}"


@pytest.mark.parametrize("name", OWN)
def test_less_knowledge_confirms_nothing_wrong(name: str) -> None:
    """Whatever one or two facts are lost, alone or with all that is read by their help: no wrong cause is confirmed."""
    for one in told_by(name):
        losses: list[tuple[str, ...]] = [(lost,) for lost in one.known]
        losses += [tuple(following(lost) & set(one.known)) for lost in one.known]
        for lost in (*losses, *combinations(one.known, 2)):
            after = one.without(*lost)
            assert confirmed(after) <= confirmed(one.diagnosis) | one.true, (name, lost)
            if after.status is Status.CONFIRMED:
                assert after.verdict in confirmed(after), (name, lost)


@settings(max_examples=100)
@given(data=st.data())
def test_whatever_is_lost_nothing_wrong_is_confirmed(data: st.DataObject) -> None:
    """Any facts of any story may be lost: what is confirmed then is true, and every open verdict says what is missing."""
    one = data.draw(st.sampled_from(told()))
    lost = data.draw(st.sets(st.sampled_from(one.known))) if one.known else set()
    after = one.without(*lost)
    assert confirmed(after) <= confirmed(one.diagnosis) | one.true
    if after.status is Status.LIKELY:
        assert after.headline is not None
        assert after.headline.unchecked


@cache
def following(lost: str) -> frozenset[str]:
    """Return a fact with all that cannot be read without it, as the reader leaves them unknown in consequence."""
    direct = {name for name, probe in all_probes().items() if lost in probe.needs}
    return frozenset({lost}).union(*(following(name) for name in direct))
