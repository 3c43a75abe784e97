"""Cutting and fitting: nothing is lost without being told."""

from __future__ import annotations

import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from responders.blocks import Block, Code, Kind, Pair, Report, Text
from responders.fitting import LineLimits, announcement, fit, shorten
from responders.wording import clean, cut, utf16_units

LIMITS = LineLimits(text=20, label=5, value=20, code=20, caption=10, code_lines=2)


@given(samples.TEXTS, st.integers(0, 300))
def test_a_cut_text_keeps_its_limit_and_says_that_it_was_cut(text: str, limit: int) -> None:
    """A text within the limit is untouched; any other is within it, a beginning of the whole, and flagged."""
    result = cut(text, limit)
    assert sum(map(utf16_units, result.text)) <= limit
    assert result.was_cut == (sum(map(utf16_units, text)) > limit)
    assert text.startswith(result.text.rstrip("…")) if result.was_cut else result.text == text


@given(samples.TEXTS)
def test_clean_text_can_be_encoded_and_is_clean_already(text: str) -> None:
    """Cleaning takes away what cannot be encoded, and doing it twice changes nothing."""
    once = clean(text)
    once.encode()
    assert clean(once) == once


def test_blocks_of_less_weight_go_first_and_the_order_stays() -> None:
    """Where room is short notes go before facts, and what is kept stays in the reader's order."""
    blocks = [
        Block(Kind.NOTES, (Text("n"),)),
        Block(Kind.RUN, (Pair("Run", "r"),)),
        Block(Kind.CHECKS, (Text("c"),)),
    ]
    fitted = fit(blocks, LIMITS, utf16_units, lambda kept: len(kept) <= 2)
    assert [block.kind for block in fitted.blocks] == [Kind.RUN, Kind.CHECKS]
    assert fitted.losses == ("“Notes” is left out",)


def test_what_fits_whole_is_asked_about_once() -> None:
    """Nearly every report does: it is composed once, not once for each block."""
    blocks = [Block(Kind.CHAIN, (Text(f"line {number}"),)) for number in range(20)]
    asked: list[int] = []

    def fits(kept: tuple[Block, ...]) -> bool:
        asked.append(len(kept))
        return True

    fitted = fit(blocks, LIMITS, utf16_units, fits)
    assert (fitted.blocks, fitted.losses, asked) == (tuple(blocks), (), [20])


def test_a_block_gives_up_lines_from_its_end_before_it_is_left_out() -> None:
    """A block that does not fit whole shows as many of its lines as fit, and says how many."""
    many = Block(Kind.CHECKS, tuple(Text(str(number)) for number in range(50)))
    fitted = fit([many], LIMITS, utf16_units, lambda kept: sum(len(block.lines) for block in kept) <= 7)
    assert len(fitted.blocks[0].lines) == 7
    assert fitted.losses == ("“Checked” shows 7 of 50 lines",)


def test_a_long_line_is_cut_and_counted() -> None:
    """A line over its limit is cut, whether it is prose, a value or code with too many lines."""
    lines = (Text("x" * 21), Pair("label1", "v"), Code("a\nb\nc\nd"), Text("short"))
    shortened = shorten(Block(Kind.RUN, lines), LIMITS, utf16_units)
    assert shortened.lines_cut == 3
    assert shortened.block.lines[2] == Code("a\nb\n(2 more lines)")


def test_the_announcement_says_where_the_whole_is() -> None:
    """A reader of a cut message learns where to see the rest: the stored evidence and the run."""
    report = Report(headline="h", next_step=Block(Kind.NEXT_STEP, ()), verdict="v", run_url="https://x/", stored_as="k")
    assert announcement(["“Notes” is left out"], report) == (
        "Cut for length: “Notes” is left out. The whole is in the evidence stored as k and the run (link)."
    )
    assert announcement([], report) == ""
