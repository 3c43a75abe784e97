"""Reading facts under one deadline: each probe once, in the order of their needs, an overrun as words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from azure_wire import CLOUD
from diagnostic_samples import FAILED, details, run

from diagnostics import probing
from diagnostics.azure.errors import NotPermitted
from diagnostics.model import Fact, Known, Unknown, Vantage
from diagnostics.probing import FactReader, Subject, all_probes
from diagnostics.reach import Reach

SUBJECT = Subject(run=run(), details=details(), image=None)


class NoToken:
    """A credential that nobody asks."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Fail loudly."""
        raise AssertionError(scopes)


@dataclass
class FakeProbe:
    """A probe that counts how often it is asked, and does what it is told to."""

    name: str
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    error: Exception | None = None
    gate: Event | None = None
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    value_type: type = str

    @property
    def title(self) -> str:
        """What it reads, in words."""
        return f"the {self.name}"

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a value that is the probe's own name."""
        self.seen.append(dict(facts))
        if self.gate is not None:
            self.gate.wait()
        if self.error is not None:
            raise self.error
        return Known(value=self.name, source="", vantage=Vantage.CONTROL_PLANE, time=FAILED)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads have ended after the test."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        yield threads


class Desk:
    """A reader over probes of one's own, with a clock that stands still until it is moved."""

    def __init__(self, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, *probes: FakeProbe) -> None:
        self.left = 60.0
        monkeypatch.setattr(probing, "all_probes", lambda: {probe.name: probe for probe in probes})
        reach = Reach(cloud=CLOUD, credential=NoToken(), now=lambda: FAILED)
        self.reader = FactReader(pool, reach, lambda: self.left)

    def read(self, *names: str) -> dict[str, Fact]:
        """Start the named probes and return every fact."""
        self.reader.start(names, SUBJECT)
        return self.reader.facts()


def test_each_probe_is_read_once_however_often_it_is_wanted(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two causes and a second start that want one fact lead to one reading."""
    base = FakeProbe("base")
    desk = Desk(pool, monkeypatch, base, FakeProbe("a", needs=("base",)), FakeProbe("b", needs=("base", "a")))
    desk.read("a", "b", "a")
    assert sorted(desk.read("b", "base")) == ["a", "b", "base"]
    assert len(base.seen) == 1


def test_a_probe_is_given_the_values_that_it_needs_and_no_others(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needs are read first, and handed over as plain values."""
    last = FakeProbe("c", needs=("a", "b"))
    desk = Desk(pool, monkeypatch, FakeProbe("a"), FakeProbe("b", needs=("a",)), last, FakeProbe("d"))
    assert sorted(desk.read("c")) == ["a", "b", "c"]
    assert last.seen == [{"a": "a", "b": "b"}]


def test_what_is_known_is_not_read_again(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact that was read before is taken as it is."""
    base = FakeProbe("base")
    desk = Desk(pool, monkeypatch, base, FakeProbe("a", needs=("base",)))
    given = Known(value="given", source="", vantage=Vantage.CONTROL_PLANE, time=FAILED)
    desk.reader.know("base", given)
    assert desk.read("a")["base"] is given
    assert base.seen == []


def test_an_unknown_need_makes_what_hangs_on_it_unknown_with_the_cause(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason, and the missing action, are handed on along the needs."""
    refused = NotPermitted("HTTP 403, no", status=403, action="x/read")
    last = FakeProbe("c", needs=("b",))
    desk = Desk(pool, monkeypatch, FakeProbe("a", error=refused), FakeProbe("b", needs=("a",)), last)
    fact = desk.read("c")["c"]
    assert isinstance(fact, Unknown)
    assert fact.reason == "the b could not be read: the a could not be read: HTTP 403, no; it needs x/read"
    assert fact.missing_action == "x/read"
    assert last.seen == []


def test_one_failing_probe_never_hides_another(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any exception at all is that one fact's own."""
    errors = [ValueError("a"), RuntimeError("b"), KeyError("c"), OSError("d"), RecursionError("e"), AssertionError("f")]
    probes = [FakeProbe(f"p{number}", error=error) for number, error in enumerate(errors)]
    facts = Desk(pool, monkeypatch, *probes, FakeProbe("good")).read("good", *(probe.name for probe in probes))
    assert isinstance(facts.pop("good"), Known)
    assert all(isinstance(fact, Unknown) and fact.reason for fact in facts.values())


def test_a_missing_right_is_named_by_the_probe_where_azure_does_not(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first action that the probe declares stands in."""
    probe = FakeProbe("a", actions=("first/read", "second/read"), error=NotPermitted("HTTP 403"))
    fact = Desk(pool, monkeypatch, probe).read("a")["a"]
    assert isinstance(fact, Unknown)
    assert (fact.missing_action, fact.reason) == ("first/read", "HTTP 403; it needs first/read")


def test_an_overrun_is_unknown_and_leaves_what_was_read(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deadline what has not answered is unknown, and what has is kept."""
    gate = Event()
    desk = Desk(pool, monkeypatch, FakeProbe("fast"), FakeProbe("slow", gate=gate), FakeProbe("after", needs=("slow",)))
    desk.read("fast")
    desk.left = 0.0
    facts = desk.read("fast", "slow", "after")
    gate.set()
    assert isinstance(facts["fast"], Known)
    for name in ("slow", "after"):
        fact = facts[name]
        assert isinstance(fact, Unknown)
        assert "deadline" in fact.reason


def test_a_deadline_long_past_is_no_error(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again after the deadline, with probes that never began, every fact is still unknown."""
    gate = Event()
    blockers = [FakeProbe(f"b{number}", gate=gate) for number in range(4)]
    desk = Desk(pool, monkeypatch, *blockers, FakeProbe("late"), FakeProbe("later", needs=("late",)))
    desk.left = -5.0
    first = desk.read(*(blocker.name for blocker in blockers), "later")
    second = desk.reader.facts()
    gate.set()
    assert all(isinstance(fact, Unknown) for fact in (*first.values(), *second.values()))


@pytest.mark.parametrize("name", sorted(all_probes()))
def test_a_probe_declares_what_it_is(name: str) -> None:
    """Roles and documents are made from these declarations: each names actions in Azure's own form, none of which writes."""
    probe = all_probes()[name]
    assert probe.title
    assert set(probe.needs) <= set(all_probes()) - {name}
    for action in probe.actions:
        provider, _, rest = action.partition("/")
        assert provider.startswith("Microsoft.")
        assert rest.rpartition("/")[2] in {"read", "action"}
        assert "*" not in action


def test_needs_form_no_circle() -> None:
    """Every probe can be read after what it needs."""
    probes, done = all_probes(), set[str]()
    while ready := {name for name, probe in probes.items() if name not in done and set(probe.needs) <= done}:
        done |= ready
    assert done == set(probes)
