"""Every fuzz target, for a bounded number of examples; `make fuzz TARGET=name SECONDS=600` runs one for longer."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from targets import FOLDER, Target, target, targets

EXAMPLES = 120


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Nothing that a target refuses is logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def mutated(it: Target) -> st.SearchStrategy[bytes]:
    """Return a strategy for a seed with some places cut out, doubled or written over, and for bytes of any kind."""
    seeds = st.sampled_from(it.seeds)
    inserted = st.binary(max_size=8) | st.sampled_from(it.tokens or (b"",))
    edits = st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 16), inserted), max_size=4)

    def edit(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for place, cut, put in edits:
            at = place % (len(seed) + 1)
            seed = seed[:at] + put + seed[at + cut :]
        return seed

    spliced = st.tuples(seeds, seeds, st.integers(0, 4096)).map(lambda it: it[0][: it[2] % (len(it[0]) + 1)] + it[1])
    return st.builds(edit, seeds | spliced, edits) | st.binary(max_size=400)


@pytest.mark.slow
@pytest.mark.parametrize("name", targets())
def test_no_input_whatever_breaks_what_is_promised(name: str) -> None:
    """What the target's own document string promises holds for seeds and for what comes near them."""
    it = target(name)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(data=mutated(it))
    def holds(data: bytes) -> None:
        it.fuzz(data)

    for seed in it.seeds:
        it.fuzz(seed)
    holds()


FOUND = [pytest.param(name, path, id=f"{name}-{path.name}") for name in targets() for path in target(name).corpus]


@pytest.mark.parametrize(("name", "path"), FOUND)
def test_what_was_found_once_stays_mended(name: str, path: object) -> None:
    """Each file of the corpus is an input that broke something."""
    (found,) = [one for one in target(name).corpus if one == path]
    target(name).fuzz(found.read_bytes())


def test_every_folder_of_findings_has_its_target() -> None:
    """A target that is renamed takes its findings along."""
    assert {path.name for path in (FOLDER / "corpus").iterdir() if path.is_dir()} <= set(targets())
