"""The measures that the text layer is held to, over a folder of labelled failure texts outside the project."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from tests.corpus_table import Case, load, measure

BESIDE = Path(__file__).parents[3] / "shared" / "corpus"
FOLDER = Path(os.environ.get("PULLMEDIC_CORPUS", BESIDE))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of labelled texts: name one in PULLMEDIC_CORPUS")


@cache
def cases() -> tuple[Case, ...]:
    """Return the folder's cases, classified once."""
    return load(FOLDER)


def test_the_folder_holds_texts() -> None:
    """The measures are taken over something."""
    assert cases()


def test_texts_that_hold_their_cause_are_understood() -> None:
    """At least 97 % of the texts that hold their cause are read as a careful reader would."""
    assert measure(cases()).share_agreed >= 0.97


def test_no_other_failure_is_taken_for_a_registry_s() -> None:
    """Not one text about something else is taken for a registry failure."""
    assert measure(cases()).registry_by_mistake == ()


def test_nothing_is_guessed_where_the_text_is_silent() -> None:
    """A text without the cause gets an acceptable symptom or none, never a guess."""
    assert measure(cases()).guessed == ()
