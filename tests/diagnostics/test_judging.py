"""The mechanical rule: nothing but it sets a status, an order or a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from diagnostic_samples import (
    FAILED,
    SERVER,
    details,
    evidence,
    healthy,
    no_registry,
    registry,
    replicas,
    run,
    symptom,
)

from diagnostics import judging
from diagnostics.case import Case
from diagnostics.catalogue import CATALOGUE, NOT_JUDGED
from diagnostics.codec import to_json
from diagnostics.judging import judge, needed_facts
from diagnostics.model import (
    INSUFFICIENT_EVIDENCE,
    NOT_REGISTRY,
    Diagnosis,
    Finding,
    LogExcerpt,
    PullStep,
    Remedy,
    Status,
    UnreadLog,
)
from diagnostics.verdicts import Judgement, Proof, compatible, contradicted, proven, unread

WAY_OUT = Remedy(title="Do this")
PROVEN = proven("It is so", "the target", "a fact shows it", remedies=(WAY_OUT,))
UNREAD = unread("It may be so", "the target", "the fact: refused")
COMPATIBLE = compatible("It could be so", "a fact says nothing of it")
CONTRADICTED = contradicted("a fact speaks against it")


@dataclass
class FakeCause:
    """A cause that says what it is told to."""

    id: str
    said: Judgement | None
    step: PullStep = PullStep.PERMISSION
    rank: int = 10
    masked: bool = False
    everywhere: bool = False
    explains: frozenset[str] = frozenset({"unauthorized"})
    needs: tuple[str, ...] = ()
    title: str = "A cause"

    def judge(self, case: Case) -> Judgement | None:
        """Return what it was told."""
        return self.said


Rule = Callable[..., Diagnosis]


@pytest.fixture
def ruled(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """Give a function that judges a bare 401 by causes of one's own."""

    def decide(*causes: FakeCause, **changes: Any) -> Diagnosis:
        monkeypatch.setattr(judging, "all_causes", lambda: causes)
        shown = changes.pop("shown", symptom(names=changes.pop("names", ())))
        return judge(evidence(shown, **changes))

    return decide


def statuses(diagnosis: Diagnosis) -> dict[str, Status]:
    """Return each finding's status by its cause."""
    return {finding.cause: finding.status for finding in diagnosis.findings}


# --- the table ----------------------------------------------------------------------------------------------

OTHER = FakeCause("other", COMPATIBLE)


@pytest.mark.parametrize(
    ("said", "names", "status"),
    [
        (PROVEN, (), Status.CONFIRMED),
        (PROVEN, ("it",), Status.CONFIRMED),
        (UNREAD, ("it",), Status.LIKELY),
        (UNREAD, (), Status.POSSIBLE),
        (COMPATIBLE, (), Status.POSSIBLE),
        (COMPATIBLE, ("it",), Status.POSSIBLE),
        (CONTRADICTED, (), Status.RULED_OUT),
        (CONTRADICTED, ("it",), Status.RULED_OUT),
    ],
)
def test_the_table(ruled: Rule, said: Judgement, names: tuple[str, ...], status: Status) -> None:
    """Each way in which facts bear on a cause has one status, the text's naming it counted in."""
    assert statuses(ruled(FakeCause("it", said), OTHER, names=names))["it"] is status


def test_a_proof_with_a_fact_against_it_is_ruled_out(ruled: Rule) -> None:
    """Confirmed asks for a fact that shows it and none against it."""
    torn = Judgement(proof=Proof.PROVEN, against=("and yet",))
    assert statuses(ruled(FakeCause("it", torn), OTHER))["it"] is Status.RULED_OUT


def test_a_cause_that_has_nothing_to_do_with_it_is_not_listed(ruled: Rule) -> None:
    """A cause that says nothing, or explains another symptom, is no finding."""
    silent, foreign = FakeCause("silent", None), FakeCause("foreign", PROVEN, explains=frozenset({"dns"}))
    assert ruled(silent, foreign, OTHER).findings[0].cause == "other"
    assert set(statuses(ruled(silent, foreign, OTHER))) == {"other"}


def test_a_cause_that_the_text_names_is_judged_whatever_it_explains(ruled: Rule) -> None:
    """What the text itself names is considered, even where the cause's own list lacks the symptom."""
    foreign = FakeCause("foreign", UNREAD, explains=frozenset({"dns"}))
    diagnosis = ruled(foreign, OTHER, names=("foreign",))
    assert (diagnosis.verdict, diagnosis.status) == ("foreign", Status.LIKELY)


def test_each_part_of_a_judgement_stands_in_its_place() -> None:
    """Headline, target and remedies as said; reasons, and what speaks against or is unread, in the order given."""
    ways = (WAY_OUT,)
    assert proven("It is", "a thing", "one", "two", remedies=ways) == Judgement(
        proof=Proof.PROVEN, headline="It is", target="a thing", reasons=("one", "two"), remedies=ways
    )
    assert contradicted("one", "two") == Judgement(proof=Proof.CONTRADICTED, against=("one", "two"))
    assert unread("It may be", "a thing", "one", "two", remedies=ways, reasons=("three",)) == Judgement(
        proof=Proof.UNREAD,
        headline="It may be",
        target="a thing",
        reasons=("three",),
        unchecked=("one", "two"),
        remedies=ways,
    )
    assert unread("It may be", "") == Judgement(proof=Proof.UNREAD, headline="It may be")
    assert compatible("It could be", "one", "two", remedies=ways) == Judgement(
        proof=Proof.COMPATIBLE, headline="It could be", reasons=("one", "two"), remedies=ways
    )
    assert compatible("It could be") == Judgement(proof=Proof.COMPATIBLE, headline="It could be")


@pytest.mark.parametrize("proof", list(Proof))
def test_what_a_cause_says_is_in_its_finding(ruled: Rule, proof: Proof) -> None:
    """Every part of it, with the cause's own step, whatever the status."""
    said = Judgement(
        proof=proof,
        headline="It is",
        target="a thing",
        reasons=("one", "two"),
        against=("three",),
        unchecked=("four", "five"),
        remedies=(WAY_OUT,),
    )
    (found,) = (it for it in ruled(FakeCause("it", said, step=PullStep.TAG), OTHER).findings if it.cause == "it")
    assert found == Finding(
        cause="it",
        status=found.status,
        headline="It is",
        target="a thing",
        step=PullStep.TAG,
        reasons=("one", "two"),
        against=("three",),
        unchecked=("four", "five"),
        remedies=(WAY_OUT,),
    )


OUTAGE = CATALOGUE["registry-outage"]


@pytest.mark.parametrize(
    ("cause", "said", "names", "remedies"),
    [
        (OUTAGE.id, UNREAD, (OUTAGE.id,), (Remedy(title=OUTAGE.way_out),)),
        (OUTAGE.id, replace(UNREAD, remedies=(WAY_OUT,)), (OUTAGE.id,), (WAY_OUT,)),
        (OUTAGE.id, UNREAD, (), ()),
        (OUTAGE.id, COMPATIBLE, (OUTAGE.id,), ()),
        (OUTAGE.id, CONTRADICTED, (OUTAGE.id,), ()),
        ("a-team-s-own", UNREAD, ("a-team-s-own",), ()),
    ],
)
def test_a_likely_cause_has_a_way_out(
    ruled: Rule, cause: str, said: Judgement, names: tuple[str, ...], remedies: tuple[Remedy, ...]
) -> None:
    """The one that facts gave, else the published list's; what is not likely is not put right on suspicion."""
    findings = ruled(FakeCause(cause, said), OTHER, names=names).findings
    assert next(found.remedies for found in findings if found.cause == cause) == remedies


# --- elimination --------------------------------------------------------------------------------------------


def test_what_is_left_when_facts_rule_out_the_rest_is_likely(ruled: Rule) -> None:
    """Elimination singles out the one cause that could not be checked."""
    diagnosis = ruled(FakeCause("it", UNREAD), FakeCause("a", CONTRADICTED), FakeCause("b", CONTRADICTED))
    assert (diagnosis.verdict, diagnosis.status) == ("it", Status.LIKELY)


@pytest.mark.parametrize("other", [COMPATIBLE, UNREAD])
def test_nothing_is_singled_out_while_another_is_open(ruled: Rule, other: Judgement) -> None:
    """One other cause that is not ruled out keeps the verdict open."""
    diagnosis = ruled(FakeCause("it", UNREAD), FakeCause("a", other), FakeCause("b", CONTRADICTED))
    assert diagnosis.verdict == INSUFFICIENT_EVIDENCE
    assert diagnosis.status is None


def test_what_facts_leave_open_is_not_singled_out(ruled: Rule) -> None:
    """A cause whose facts are known and show nothing does not become likely by elimination."""
    assert ruled(FakeCause("it", COMPATIBLE), FakeCause("a", CONTRADICTED)).verdict == INSUFFICIENT_EVIDENCE


def test_a_text_that_says_nothing_is_no_ground_for_elimination(ruled: Rule) -> None:
    """Where not even the symptom is clear, nobody is singled out."""
    explains = frozenset({INSUFFICIENT_EVIDENCE})
    causes = (FakeCause("it", UNREAD, explains=explains), FakeCause("a", CONTRADICTED, explains=explains))
    assert ruled(*causes, shown=symptom(INSUFFICIENT_EVIDENCE)).verdict == INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("changes", [{}, {"details": details(run_id="imgbldrun_1")}])
def test_a_build_is_singled_out_only_where_an_image_was_built(ruled: Rule, changes: dict[str, Any]) -> None:
    """Where nothing was building one, that all else is ruled out makes no build's fault likely."""
    causes = FakeCause("it", UNREAD, step=PullStep.BUILD), FakeCause("a", CONTRADICTED)
    assert statuses(ruled(*causes, **changes))["it"] is (Status.LIKELY if changes else Status.POSSIBLE)


def test_what_is_singled_out_leads_what_is_ruled_out(ruled: Rule) -> None:
    """The rest is told in the order of a pull, each with its own status, after what was left."""
    causes = (FakeCause("a", CONTRADICTED, step=PullStep.REFERENCE), FakeCause("it", UNREAD, step=PullStep.TAG))
    assert list(statuses(ruled(*causes)).items()) == [("it", Status.LIKELY), ("a", Status.RULED_OUT)]


# --- order --------------------------------------------------------------------------------------------------


def test_the_headline_is_what_a_pull_meets_first(ruled: Rule) -> None:
    """Of two confirmed causes the earlier step leads, and the other is confirmed also."""
    late, early = FakeCause("late", PROVEN, step=PullStep.TAG), FakeCause("early", PROVEN, step=PullStep.IDENTITY)
    for order in permutations((late, early, OTHER)):
        diagnosis = ruled(*order)
        assert diagnosis.verdict == "early"
        assert [finding.cause for finding in diagnosis.also] == ["late"]


def test_within_a_step_the_rank_decides_and_then_the_name(ruled: Rule) -> None:
    """Order never depends on the order in which causes are listed."""
    causes = [FakeCause("c", PROVEN), FakeCause("b", PROVEN), FakeCause("z", PROVEN, rank=1)]
    for order in permutations(causes):
        assert [finding.cause for finding in ruled(*order).findings] == ["z", "b", "c"]


def test_a_confirmed_cause_leads_a_likely_one_of_an_earlier_step(ruled: Rule) -> None:
    """Certainty goes before the order of a pull."""
    sure, likely = FakeCause("sure", PROVEN, step=PullStep.TAG), FakeCause("named", UNREAD, step=PullStep.REFERENCE)
    diagnosis = ruled(likely, sure, names=("named",))
    assert list(statuses(diagnosis).values()) == [Status.CONFIRMED, Status.LIKELY]


def test_among_likely_causes_the_text_s_own_order_decides(ruled: Rule) -> None:
    """A text that names two causes means the first one first."""
    first = FakeCause("first", UNREAD, step=PullStep.TAG)
    second = FakeCause("second", UNREAD, step=PullStep.REFERENCE)
    assert ruled(second, first, names=("first", "second")).verdict == "first"
    assert ruled(second, first, names=("second", "first")).verdict == "second"


# --- masked second faults -----------------------------------------------------------------------------------

MASKED = FakeCause("masked", PROVEN, step=PullStep.TAG, masked=True, explains=frozenset({"tag-not-found"}))


def test_a_fault_behind_the_fault_is_confirmed_also(ruled: Rule) -> None:
    """A fact that shows where the same pull would stop next is told with the headline."""
    diagnosis = ruled(FakeCause("first", PROVEN), MASKED)
    assert diagnosis.verdict == "first"
    assert [finding.cause for finding in diagnosis.also] == ["masked"]


def test_a_masked_fault_alone_is_no_verdict(ruled: Rule) -> None:
    """What the text does not show is never the headline, and without one it is not even listed."""
    diagnosis = ruled(OTHER, MASKED)
    assert diagnosis.verdict == INSUFFICIENT_EVIDENCE
    assert "masked" not in statuses(diagnosis)


def test_a_masked_fault_is_met_after_the_headline_s_step(ruled: Rule) -> None:
    """A pull that came as far as the headline has passed every earlier step."""
    for step in (PullStep.REFERENCE, PullStep.PERMISSION):
        other = replace(MASKED, step=step)
        assert "masked" not in statuses(ruled(FakeCause("first", PROVEN), other))


@pytest.mark.parametrize("said", [UNREAD, COMPATIBLE, CONTRADICTED])
def test_a_masked_fault_wants_proof(ruled: Rule, said: Judgement) -> None:
    """A second fault that no fact shows is not mentioned."""
    assert "masked" not in statuses(ruled(FakeCause("first", PROVEN), replace(MASKED, said=said)))


def test_a_cause_that_is_not_masked_never_comes_second(ruled: Rule) -> None:
    """Only causes that show themselves without a symptom may stand beside the headline."""
    assert "masked" not in statuses(ruled(FakeCause("first", PROVEN), replace(MASKED, masked=False)))


# --- behind a wrong reference -------------------------------------------------------------------------------


@dataclass
class Behind(FakeCause):
    """A cause that says something else of the registry that was meant, once that is the one asked about."""

    right: Judgement | None = None

    def judge(self, case: Case) -> Judgement | None:
        """Return what it was told, of the registry where the case has one."""
        return self.right if case.registry is not None else self.said


WRONG = FakeCause("wrong-host", PROVEN, step=PullStep.REFERENCE)
MEANT: dict[str, Any] = {
    "facts": {"registry": no_registry(meant=registry())},
    "image": "prosereg.azurecr.cn/team/train:7",
}


def test_what_the_right_registry_would_meet_is_confirmed_also(ruled: Rule) -> None:
    """Whoever mends the name of a wrong host hears at once where the same pull would stop next."""
    diagnosis = ruled(Behind("behind", COMPATIBLE, masked=True, right=PROVEN), WRONG, **MEANT)
    assert diagnosis.verdict == "wrong-host"
    assert [(found.cause, found.headline) for found in diagnosis.also] == [("behind", "It is so")]


def test_what_the_right_registry_would_meet_is_no_verdict(ruled: Rule) -> None:
    """It did not stop this pull, which never came to that registry: without a headline it is not even listed."""
    suspected = replace(WRONG, said=COMPATIBLE)
    diagnosis = ruled(Behind("behind", COMPATIBLE, masked=True, right=PROVEN), suspected, **MEANT)
    assert diagnosis.verdict == INSUFFICIENT_EVIDENCE
    assert set(statuses(diagnosis)) == {"wrong-host"}


@pytest.mark.parametrize(
    ("masked", "right"),
    [
        (False, PROVEN),
        (True, None),
        (True, UNREAD),
        (True, COMPATIBLE),
        (True, CONTRADICTED),
        (True, Judgement(proof=Proof.PROVEN, against=("and yet",))),
    ],
)
def test_without_proof_about_the_right_registry_a_cause_is_judged_as_things_are(
    ruled: Rule, *, masked: bool, right: Judgement | None
) -> None:
    """Only what shows itself without a symptom, proven with nothing against it, is told of a pull that never was."""
    behind = Behind("behind", replace(COMPATIBLE, headline="As it is"), masked=masked, right=right)
    found = ruled(behind, WRONG, **MEANT).findings[-1]
    assert (found.cause, found.status, found.headline) == ("behind", Status.POSSIBLE, "As it is")


def test_without_a_registry_that_was_meant_a_cause_is_judged_as_things_are(ruled: Rule) -> None:
    """A host that resembles no registry of the workspace's leads nowhere else."""
    behind = Behind("behind", COMPATIBLE, masked=True, right=PROVEN)
    assert statuses(ruled(behind, WRONG, facts={"registry": no_registry()}))["behind"] is Status.POSSIBLE


# --- verdicts -----------------------------------------------------------------------------------------------


def test_no_symptom_is_not_registry() -> None:
    """A run whose texts speak of no registry is nobody's business here, and nothing is said of facts."""
    diagnosis = judge(evidence(facts=healthy()))
    assert (diagnosis.verdict, diagnosis.status, diagnosis.findings) == (NOT_REGISTRY, None, ())
    assert diagnosis.checks == ()
    assert diagnosis.headline is None


def test_no_symptom_with_a_gap_is_insufficient() -> None:
    """Where something could not be read at all, silence is no proof that the registry is innocent."""
    diagnosis = judge(evidence(gaps=("run history: refused",)))
    assert diagnosis.verdict == INSUFFICIENT_EVIDENCE
    assert diagnosis.settle == ("run history: refused",)


def test_a_diagnosis_is_of_its_run_and_its_symptom(ruled: Rule) -> None:
    """It names both, whatever the verdict; without a symptom the verdict stands for it."""
    failed = run(run_id="calm_net_2")
    for said in (PROVEN, COMPATIBLE):
        diagnosis = ruled(FakeCause("it", said), run=failed)
        assert (diagnosis.run, diagnosis.symptom) == (failed, "unauthorized")
    nothing = judge(evidence(run=failed))
    assert (nothing.run, nothing.symptom) == (failed, NOT_REGISTRY)


def test_a_diagnosis_tells_who_pulls_by_what_right(ruled: Rule) -> None:
    """Compute, role and registry as far as facts give them, and nothing where no pull is spoken of."""
    who, right, where = ruled(OTHER, facts=healthy()).chain
    assert ("cluster" in who, "AcrPull" in right, SERVER in where) == (True, True, True)
    assert ruled(OTHER).chain == ()
    assert judge(evidence(facts=healthy())).chain == ()


def test_a_far_region_is_noted_beside_any_verdict_but_itself(ruled: Rule) -> None:
    """What is the verdict is not told twice."""
    far = healthy(replicas=replicas("westeurope"))
    (note,) = ruled(FakeCause("it", PROVEN), facts=far).notes
    assert note.startswith("region-differs")
    assert ruled(FakeCause("region-mismatch", PROVEN), facts=far).notes == ()


def test_an_open_verdict_names_what_nobody_checks_live(ruled: Rule) -> None:
    """In one line after what could not be read, so that a reader knows where to look for themselves."""
    by_text = [FakeCause(name, unread("It may be so", "", NOT_JUDGED)) for name in ("this", "that")]
    *known, last = ruled(*by_text, FakeCause("a", UNREAD), gaps=("a gap",)).settle
    assert known == ["a gap", "the fact: refused"]
    assert last.endswith(": that, this")
    assert len(ruled(FakeCause("a", UNREAD), FakeCause("b", UNREAD)).settle) == 1


def test_an_open_verdict_says_what_would_settle_it_each_once(ruled: Rule) -> None:
    """Logs, gaps and facts that could not be read are named, without repetition, ruled-out causes left aside."""
    gone = UnreadLog(file="a.log", reason="HTTP 404")
    against = replace(CONTRADICTED, unchecked=("irrelevant",))
    causes = (FakeCause("a", UNREAD), FakeCause("b", UNREAD), FakeCause("c", against))
    diagnosis = ruled(*causes, unread_logs=(gone,), gaps=("a gap",))
    assert diagnosis.settle == ("a gap", "a.log could not be read: HTTP 404", "the fact: refused")


def test_a_settled_verdict_asks_for_nothing(ruled: Rule) -> None:
    """Beside a cause nothing more is asked for."""
    assert ruled(FakeCause("it", PROVEN), FakeCause("a", UNREAD)).settle == ()


def test_a_finding_without_words_bears_its_title(ruled: Rule) -> None:
    """Every finding has a headline, if only the cause's own title."""
    assert ruled(FakeCause("it", PROVEN), FakeCause("a", CONTRADICTED)).findings[-1].headline == "A cause"


def test_notes_of_the_run_are_handed_on(ruled: Rule) -> None:
    """What run history made a note of is part of the diagnosis."""
    assert ruled(OTHER, details=details(notes=("retired-sdk",))).notes == ("retired-sdk",)


def test_facts_that_no_probe_of_this_version_reads_are_shown_by_name() -> None:
    """Evidence of another version may hold a fact that nobody knows here, and is judged all the same."""
    told = judge(evidence(symptom(), facts={**healthy(), "weather": "fine"}))
    assert any(line.startswith("weather: ") for line in told.checks)


# --- the same evidence, the same diagnosis ------------------------------------------------------------------


def test_the_same_evidence_gives_the_same_diagnosis_byte_for_byte() -> None:
    """Neither repetition nor the order of facts changes a letter."""
    shown, facts = symptom(), healthy()
    first = to_json(judge(evidence(shown, facts=facts)))
    names = list(facts)
    for shift in range(1, len(names)):
        names = names[shift:] + names[:shift]
        assert to_json(judge(evidence(shown, facts={name: facts[name] for name in names}))) == first


def test_what_a_symptom_asks_for_is_what_its_causes_need() -> None:
    """Only facts that some cause of the symptom, or a masked one, is judged by are read; each is a probe's."""
    asked = needed_facts("unauthorized")
    assert asked == tuple(sorted(set(asked)))
    assert {"compute", "registry", "role-grants", "role-visibility", "manifest", "tags"} <= set(asked)
    assert "replicas" not in needed_facts("unauthorized")
    assert "replicas" in needed_facts("pull-too-slow")


@dataclass
class Sparing(FakeCause):
    """A cause that asks for less where it is not what the symptom speaks of."""

    masked_needs: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("symptom_id", "building", "facts"),
    [
        ("unauthorized", True, ("asked", "built", "less", "masked")),
        ("unauthorized", False, ("asked", "less", "masked")),
        ("dns", True, ("less", "masked", "more")),
        ("tls", True, ("less", "masked")),
    ],
)
def test_a_fact_is_read_for_a_symptom_s_causes_and_for_what_may_be_masked(
    monkeypatch: pytest.MonkeyPatch, symptom_id: str, *, building: bool, facts: tuple[str, ...]
) -> None:
    """A masked cause may do with less; a build's causes ask for nothing where no image was built."""
    causes = (
        FakeCause("a", None, needs=("asked",)),
        FakeCause("b", None, needs=("built", "asked"), step=PullStep.BUILD),
        FakeCause("m", None, needs=("masked",), masked=True, explains=frozenset()),
        Sparing("s", None, needs=("less", "more"), masked=True, explains=frozenset({"dns"}), masked_needs=("less",)),
        Sparing("t", None, needs=("never",), explains=frozenset(), masked_needs=("never",)),
    )
    monkeypatch.setattr(judging, "all_causes", lambda: causes)
    assert needed_facts(symptom_id, building=building) == facts
    if building:
        assert needed_facts(symptom_id) == facts


# --- fingerprints -------------------------------------------------------------------------------------------


def fingerprint(ruled: Rule, said: Judgement = PROVEN, **changes: Any) -> str:
    """Return the fingerprint of one confirmed cause."""
    return ruled(FakeCause("it", said), **changes).fingerprint


def test_prose_takes_no_part_in_the_fingerprint(ruled: Rule) -> None:
    """Other words, lines, times, runs and people are the same incident."""
    first = fingerprint(ruled)
    reworded = proven("Said otherwise", "the target", "for another reason", remedies=())
    excerpt = LogExcerpt(file="other.log", first_line=99, lines=("401, said in other words",))
    assert fingerprint(ruled, reworded) == first
    assert fingerprint(ruled, shown=symptom(excerpt=excerpt, line=99, emitter="another", signature="other")) == first
    other_run = run(run_id="calm_net", event_id="e9", experiment="x", submitted_by="y", tags={"a": "b"})
    assert fingerprint(ruled, run=other_run, taken_at=FAILED + timedelta(days=9)) == first
    assert fingerprint(ruled, details=details(compute="other"), image="other.azurecr.io/a:1") == first
    assert fingerprint(ruled, facts=healthy()) == first


def test_the_fingerprint_tells_workspaces_causes_and_targets_apart(ruled: Rule) -> None:
    """Another workspace, another cause or another thing to change is another incident; casing is not."""
    first = fingerprint(ruled)
    elsewhere = run(workspace_id=run().workspace_id + "2")
    assert fingerprint(ruled, run=elsewhere) != first
    assert fingerprint(ruled, replace(PROVEN, target="another")) != first
    assert ruled(FakeCause("it2", PROVEN)).fingerprint != first
    assert fingerprint(ruled, replace(PROVEN, target="THE TARGET")) == first
    assert fingerprint(ruled, run=run(workspace_id=run().workspace_id.upper())) == first


def test_a_cause_that_is_the_same_everywhere_is_one_under_all_workspaces(ruled: Rule) -> None:
    """Where it names what is out of order; without a target every workspace stands for itself."""
    elsewhere = run(workspace_id=run().workspace_id + "2")
    outage = FakeCause("it", PROVEN, everywhere=True)
    assert ruled(outage).fingerprint == ruled(outage, run=elsewhere).fingerprint != fingerprint(ruled)
    nameless = FakeCause("it", replace(PROVEN, target=""), everywhere=True)
    assert ruled(nameless).fingerprint != ruled(nameless, run=elsewhere).fingerprint


def test_an_open_incident_is_known_by_the_image_else_by_the_symptom(ruled: Rule) -> None:
    """Where no cause names what to change, runs of one workspace that ask for other images are told of apart."""

    def left_open(**changes: Any) -> str:
        """Return the fingerprint of an open verdict."""
        return ruled(OTHER, **changes).fingerprint

    other = FakeCause("other", COMPATIBLE, explains=frozenset({"dns"}))
    by_dns = {"shown": symptom("dns")}
    assert left_open() == ruled(other, **by_dns).fingerprint
    assert left_open() != left_open(image="prosereg.azurecr.io/team/train:8")
    assert left_open(image="") == left_open(image="not a reference")
    assert len({left_open(), left_open(image=""), ruled(other, image="", **by_dns).fingerprint}) == 3
    assert left_open() != left_open(run=run(workspace_id=run().workspace_id + "2"))


@pytest.mark.parametrize(
    ("everywhere", "target", "parts"),
    [
        (False, "The Target", (run().workspace_id.lower(), "it", "the target")),
        (False, "", (run().workspace_id.lower(), "it", "")),
        (False, "tr\u00e4in:\ud800", (run().workspace_id.lower(), "it", "tr\u00e4in:\ud800")),
        (True, "The Target", ("", "it", "the target")),
        (True, "", (run().workspace_id.lower(), "it", "")),
    ],
)
def test_a_fingerprint_s_recipe(ruled: Rule, target: str, parts: tuple[str, ...], *, everywhere: bool) -> None:
    """The same from version to version, of whatever a text held, half a character pair included."""
    cause = FakeCause("it", replace(PROVEN, target=target), everywhere=everywhere)
    expected = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    assert ruled(cause).fingerprint == expected


def test_a_fingerprint_never_changes_from_version_to_version(ruled: Rule) -> None:
    """Incidents are kept by it: with another recipe each would be opened and told of once more."""
    said = "\n".join((run().workspace_id.lower(), "it", "the target"))
    assert fingerprint(ruled) == hashlib.sha256(said.encode()).hexdigest()[:16]
