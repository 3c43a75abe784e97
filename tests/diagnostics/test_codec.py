"""Evidence, runs and diagnoses as JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.codec import (
    EvidenceUnreadable,
    diagnosis_from_json,
    evidence_from_json,
    failed_run_from_json,
    to_json,
)
from diagnostics.model import (
    EVIDENCE_SCHEMA,
    Diagnosis,
    Evidence,
    Fact,
    FailedRun,
    Finding,
    ImageReference,
    Known,
    LogExcerpt,
    PullStep,
    Remedy,
    RunDetails,
    Status,
    Symptom,
    Unknown,
    UnreadLog,
    Vantage,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A fact's value, as a probe would define it."""

    login_server: str
    admin: bool | None = None
    replicas: tuple[str, ...] = ()
    created: datetime | None = None


FACT_TYPES: dict[str, type] = {"registry": Registry, "tags": tuple[str, ...], "count": int}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.datetimes(timezones=st.just(UTC))
RUNS = st.builds(FailedRun, failed_at=TIMES, event_id=TEXT, workspace_id=TEXT, run_id=TEXT,
                 experiment=st.none() | TEXT, tags=st.dictionaries(TEXT, TEXT, max_size=3))  # fmt: skip
EXCERPTS = st.builds(LogExcerpt, file=TEXT, first_line=st.integers(-99, 99),
                     lines=st.lists(TEXT, max_size=3).map(tuple), cut=st.none() | TEXT)  # fmt: skip
SYMPTOMS = st.builds(Symptom, id=TEXT, signature=TEXT, emitter=TEXT, excerpt=EXCERPTS, line=st.integers(1, 9),
                     captured=st.dictionaries(TEXT, TEXT, max_size=3), names=st.lists(TEXT, max_size=2).map(tuple),
                     decisive=st.booleans())  # fmt: skip
REGISTRIES = st.builds(Registry, login_server=TEXT, admin=st.none() | st.booleans(),
                       replicas=st.lists(TEXT, max_size=2).map(tuple), created=st.none() | TIMES)  # fmt: skip
UNKNOWNS = st.builds(Unknown, reason=TEXT, source=TEXT, missing_action=st.none() | TEXT)


def _known(values: st.SearchStrategy[object]) -> st.SearchStrategy[Known[object]]:
    return st.builds(Known, value=values, source=TEXT, vantage=st.sampled_from(Vantage), time=TIMES)


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "registry": UNKNOWNS | _known(REGISTRIES),
        "tags": UNKNOWNS | _known(st.lists(TEXT, max_size=3).map(tuple)),
        "count": UNKNOWNS | _known(st.integers(-(2**53), 2**53)),
    },
)
EVIDENCE = st.builds(
    Evidence,
    schema=st.just(EVIDENCE_SCHEMA),
    run=RUNS,
    taken_at=TIMES,
    details=st.none() | st.builds(RunDetails, run_id=TEXT, root_run_id=TEXT, started_at=st.none() | TIMES),
    image=st.none() | st.builds(ImageReference, registry=TEXT, repository=TEXT, tag_implied=st.booleans()),
    image_text=st.none() | TEXT,
    symptoms=st.lists(SYMPTOMS, max_size=2).map(tuple),
    unread_logs=st.lists(st.builds(UnreadLog, file=TEXT, reason=TEXT), max_size=2).map(tuple),
    facts=FACTS,
    gaps=st.lists(TEXT, max_size=2).map(tuple),
)
RUN = FailedRun(event_id="e", workspace_id="w", run_id="r", failed_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
PLAIN = Evidence(schema=EVIDENCE_SCHEMA, run=RUN, taken_at=RUN.failed_at)


@given(EVIDENCE)
def test_evidence_comes_back_as_it_was(evidence: Evidence) -> None:
    """Evidence that was stored is equal to what it was, and is stored the same way again."""
    text = to_json(evidence)
    again = evidence_from_json(text, FACT_TYPES)
    assert again == evidence
    assert to_json(again) == text


@given(RUNS)
def test_failed_run_comes_back_as_it_was(run: FailedRun) -> None:
    """A queued run is read back unchanged."""
    assert failed_run_from_json(to_json(run)) == run


def test_diagnosis_comes_back_as_it_was() -> None:
    """A stored diagnosis is read back with its findings, enumerations and remedies."""
    finding = Finding(
        cause="tag-absent", status=Status.CONFIRMED, headline="h", target="t", step=PullStep.TAG,
        reasons=("a",), remedies=(Remedy(title="push", command="az acr"),),
    )  # fmt: skip
    diagnosis = Diagnosis(
        run=RUN,
        verdict="tag-absent",
        status=Status.CONFIRMED,
        symptom="s",
        fingerprint="f",
        findings=(finding,),
    )
    assert diagnosis_from_json(to_json(diagnosis)) == diagnosis


def test_text_does_not_depend_on_order_or_zone() -> None:
    """Equal values give the same text, whatever the order of their tags and the zone of their times."""
    west = replace(RUN, failed_at=RUN.failed_at.astimezone(timezone(timedelta(hours=-7))))
    assert to_json(west) == to_json(RUN)
    assert '"failed_at":"2026-11-20T12:00:00Z"' in to_json(RUN)
    assert to_json(replace(RUN, tags={"a": "1", "b": "2"})) == to_json(replace(RUN, tags={"b": "2", "a": "1"}))


def test_time_without_a_zone_is_utc() -> None:
    """A time that carries no zone is stored as UTC rather than refused."""
    assert to_json(replace(RUN, failed_at=datetime(2026, 11, 20, 12))) == to_json(RUN)  # noqa: DTZ001


def test_lone_surrogates_can_be_stored() -> None:
    """A hostile tag that no UTF-8 text can hold does not stop the storing."""
    assert failed_run_from_json(to_json(replace(RUN, tags={"a\ud800": "\udfff"}))).tags == {"a?": "?"}


def test_facts_are_tagged() -> None:
    """A fact says in the text whether it is known."""
    facts: dict[str, Fact] = {
        "count": Known(value=3, source="s", vantage=Vantage.LOG, time=RUN.failed_at),
        "tags": Unknown(reason="403", missing_action="a/read"),
    }
    stored = json.loads(to_json(replace(PLAIN, facts=facts)))["facts"]
    assert stored["count"]["known"]["value"] == 3
    assert stored["tags"] == {"unknown": {"reason": "403", "source": "", "missing_action": "a/read"}}


def _changed(**members: object) -> str:
    return json.dumps({**json.loads(to_json(PLAIN)), **members})


KNOWN = {"value": 3, "source": "s", "vantage": "the log", "time": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "not an object"),
        (_changed(schema=EVIDENCE_SCHEMA + 1), "newer version"),
        (_changed(schema="x"), "at $.schema"),
        (_changed(run=3), "at $.run"),
        (_changed(run={**json.loads(to_json(RUN)), "failed_at": "soon"}), "at $.run.failed_at"),
        (_changed(symptoms=[{}]), "at $.symptoms[0]"),
        (_changed(facts=[]), "at $.facts"),
        (_changed(facts={"count": 3}), "at $.facts.count"),
        (_changed(facts={"count": {"known": KNOWN, "unknown": {}}}), "at $.facts.count"),
        (_changed(facts={"count": {"known": {**KNOWN, "value": "x"}}}), "at $.facts.count.known.value"),
        (_changed(facts={"count": {"known": {**KNOWN, "vantage": "x"}}}), "at $.facts.count.known.vantage"),
        (_changed(facts={"count": {"unknown": {}}}), "at $.facts.count.unknown"),
        (_changed(facts={"moon": {"known": KNOWN}}), "'moon'"),
        ('{"schema": 1}', "lacks 'run'"),
    ],
)
def test_unreadable_evidence_is_explained(text: str, words: str) -> None:
    """What cannot be read is refused in one sentence that says where and why."""
    with pytest.raises(EvidenceUnreadable) as caught:
        evidence_from_json(text, FACT_TYPES)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": 1}'])
def test_unreadable_run_or_diagnosis_is_explained(text: str) -> None:
    """Runs and diagnoses are refused in the same way."""
    with pytest.raises(EvidenceUnreadable):
        failed_run_from_json(text)
    with pytest.raises(EvidenceUnreadable):
        diagnosis_from_json(text)


def test_unknown_fact_of_an_unknown_kind_is_read() -> None:
    """A fact that nobody could read needs no type."""
    evidence = evidence_from_json(_changed(facts={"moon": {"unknown": {"reason": "far"}}}), FACT_TYPES)
    assert evidence.facts["moon"] == Unknown(reason="far")
