"""Facts of one moment are read once for all that failed before it, and never serve a failure that came after them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest

from diagnostics.fact_cache import LIFETIME, FactCache
from diagnostics.model import Fact, Known, Unknown, Vantage

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def known(value: str) -> Fact:
    """Return a fact."""
    return Known(value=value, source="s", vantage=Vantage.CONTROL_PLANE, time=NOW)


class Azure:
    """Counts how often it is asked; the clock is set by hand."""

    def __init__(self) -> None:
        self.asked = 0
        self.at = NOW
        self.answer: Fact | Exception = known("a")

    def read(self) -> Fact:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def now(self) -> datetime:
        return self.at


def ask(cache: FactCache, azure: Azure, *, failed: timedelta = timedelta(minutes=-1), key: str = "k") -> Fact:
    """Ask for the fact about a run that failed that long from the beginning."""
    return cache.fact(key, since=NOW + failed, now=azure.now, wait=5, read=azure.read)


def test_runs_that_failed_before_the_read_share_it() -> None:
    """A thousand of them cost one."""
    cache, azure = FactCache(), Azure()
    assert {ask(cache, azure) for _ in range(1000)} == {known("a")}
    assert azure.asked == 1


def test_a_run_that_failed_after_the_read_has_its_own() -> None:
    """What was true before a failure says nothing about it: somebody may have changed it in between."""
    cache, azure = FactCache(), Azure()
    ask(cache, azure)
    azure.at = NOW + timedelta(seconds=10)
    azure.answer = known("b")
    assert ask(cache, azure, failed=timedelta(seconds=5)) == known("b")
    assert ask(cache, azure) == known("b")


def test_a_fact_grows_old_within_a_minute() -> None:
    """Later runs are judged by what is true then."""
    cache, azure = FactCache(), Azure()
    ask(cache, azure)
    azure.at = NOW + timedelta(seconds=60)
    ask(cache, azure)
    assert azure.asked == 2


def test_what_is_asked_of_other_things_is_asked() -> None:
    """The key is all that a probe is told."""
    cache, azure = FactCache(), Azure()
    ask(cache, azure, key="one")
    ask(cache, azure, key="other")
    assert azure.asked == 2


@pytest.mark.parametrize("answer", [Unknown(reason="no"), ValueError("no")])
def test_what_could_not_be_read_is_not_kept(answer: Fact | Exception) -> None:
    """The next one may have more luck."""
    cache, azure = FactCache(), Azure()
    azure.answer = answer
    for _ in range(2):
        if isinstance(answer, Exception):
            with pytest.raises(ValueError, match="no"):
                ask(cache, azure)
        else:
            assert ask(cache, azure) == answer
    assert azure.asked == 2


def test_who_comes_while_it_is_read_waits_for_the_answer() -> None:
    """Single flight, over threads."""
    cache, azure = FactCache(), Azure()
    begun, go = Event(), Event()

    def slow() -> Fact:
        azure.asked += 1
        begun.set()
        assert go.wait(5)
        return known("a")

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(cache.fact, "k", since=NOW, now=azure.now, wait=5, read=slow)
        assert begun.wait(5)
        others = [pool.submit(ask, cache, azure) for _ in range(7)]
        go.set()
        assert {future.result() for future in (first, *others)} == {known("a")}
    assert azure.asked == 1


def test_who_waits_in_vain_reads_for_itself() -> None:
    """One that breaks off takes nobody with it."""
    cache, azure = FactCache(), Azure()
    together = Barrier(2)

    def broken() -> Fact:
        together.wait(5)
        raise ValueError

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.fact, "k", since=NOW, now=azure.now, wait=5, read=broken)
        second = pool.submit(ask, cache, azure) if together.wait(5) is not None else None
        assert second is not None
        assert second.result() == known("a")
        with pytest.raises(ValueError):
            first.result()


def test_what_serves_nobody_any_more_is_not_kept() -> None:
    """Memory is bounded by what was read lately, not by what was ever read."""
    cache, azure = FactCache(), Azure()
    for number in range(100):
        ask(cache, azure, key=f"k{number}")
    azure.at = NOW + timedelta(seconds=59)
    ask(cache, azure, key="young")
    assert len(cache._entries) == 101
    azure.at = NOW + LIFETIME
    ask(cache, azure, key="fresh")
    assert list(cache._entries) == ["young", "fresh"]
