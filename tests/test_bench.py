"""The bench in small: what it measures is really done, and what it counts is exact. Nothing here is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.figures import Figure, as_markdown, as_text, at_most
from tests.bench.latency import CHAINS
from tests.bench.load import scale, workers
from tests.bench.storms import storm
from tests.bench.working import stage
from tests.responders.azurite_server import azurite

__all__ = ["azurite"]


@pytest.mark.slow
def test_a_small_storm_is_counted_exactly() -> None:
    """Every run is counted, each cause is one message, and a registry is read once for each of its causes."""
    figures = [it for it in scale(60, causes=6, registries=3) if "memory" not in it.name and it.aim]
    assert [it.met for it in figures] == [True] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("azurite")
def test_workers_that_share_a_store_lose_and_repeat_nothing() -> None:
    """Each run is counted once, each cause is told of once; `make bench` has more workers."""
    assert [it.met for it in workers(24, causes=6, numbers=[2])] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("missing", CHAINS)
def test_a_fresh_worker_knows_where_run_history_is(missing: str) -> None:
    """What an earlier worker found out is asked no more; a warm worker waits for as many calls as is said."""
    with stage(storm(3, causes=3, registries=1, missing=[missing])) as it:
        with it.worker() as earlier:
            earlier.ask("deliver", events=[it.events[0]])
        asked = {call.path.partition("?")[0] for call in it.sandbox.calls}
        assert "/discovery" in asked
        it.sandbox.reset()
        with it.worker() as later:
            later.ask("warm_up")
            tokens = [call.host for call in it.sandbox.calls]
            assert set(tokens) == {"127.0.0.1"}
            later.ask("let_pass", minutes=2)
            it.sandbox.reset()
            later.ask("deliver", events=[it.events[1]])
        assert not any(call.path.startswith("/discovery") for call in it.sandbox.calls)
        assert len(it.sandbox.messages) == 1


def test_a_figure_is_shown_beside_its_aim(tmp_path: Path) -> None:
    """In a terminal and in a document, of which only the measured part is replaced."""
    figures = [at_most("quick", 1.5, 1.2), at_most("small", 3.0, 10, "MiB"), Figure(name="seen", measured="5")]
    assert [it.met for it in figures] == [False, True, None]
    assert as_text(figures[0]).endswith("1.50 times   <= 1.20 times      NOT MET")
    assert "| small | 3.00 MiB | <= 10 MiB | met |" in as_markdown(figures)
    document = tmp_path / "figures.md"
    document.write_text("# Before\n\n<!-- measured -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    bench._write(document, {"Part": figures})
    text = document.read_text(encoding="utf-8")
    assert text.startswith("# Before\n\n<!-- measured -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "### Part" in text
