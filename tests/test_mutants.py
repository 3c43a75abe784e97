"""The count of mutants: what became of each, and that only messages' words are left out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutants.counting import Fate, read, shares

SOURCE = """
def x_short__mutmut_orig(text):
    return "is too long" if len(text) > 3 else ""

def x_short__mutmut_1(text):
    return "XXis too longXX" if len(text) > 3 else ""

def x_short__mutmut_2(text):
    return "is too long" if len(text) >= 3 else ""

def x_short__mutmut_3(text):
    return "IS TOO LONG" if len(text) > 4 else ""

class Case:
    def xǁCaseǁname__mutmut_orig(self):
        return {
            "tag": self.tag,
        }

    def xǁCaseǁname__mutmut_1(self):
        return {
            "XXtagXX": self.tag,
        }
"""
RESULTS = {"x_short__mutmut_1": 0, "x_short__mutmut_2": 1, "x_short__mutmut_3": 0, "xǁCaseǁname__mutmut_1": 33}


def left(folder: Path, results: dict[str, int | None]) -> Path:
    """Write what mutmut would leave."""
    (folder / "core").mkdir()
    (folder / "core" / "names.py").write_text(SOURCE, encoding="utf-8")
    codes = {f"core.names.{name}": code for name, code in results.items()}
    (folder / "core" / "names.py.meta").write_text(json.dumps({"exit_code_by_key": codes}), encoding="utf-8")
    return folder


def test_only_a_change_of_a_message_s_words_is_prose(tmp_path: Path) -> None:
    """A text of one word may be a key, and a change of anything else beside the words is no prose."""
    found = {mutant.name: mutant for mutant in read(left(tmp_path, {**RESULTS}))}
    assert [name for name, mutant in found.items() if mutant.prose] == ["x_short__mutmut_1"]
    assert found["xǁCaseǁname__mutmut_1"].change == ('- "tag": self.tag,', '+ "XXtagXX": self.tag,')


def test_a_share_counts_what_tests_notice_and_leaves_prose_out(tmp_path: Path) -> None:
    """Alive and unreached mutants are both unnoticed."""
    (share,) = shares(read(left(tmp_path, {**RESULTS})))
    assert (share.module, share.mutants, share.noticed, share.prose) == ("core.names", 3, 1, 1)
    assert round(share.percent, 1) == 33.3


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (0, Fate.ALIVE),
        (1, Fate.KILLED),
        (3, Fate.KILLED),
        (33, Fate.UNREACHED),
        (-24, Fate.STOPPED),
        (None, Fate.UNTRIED),
        (35, Fate.ALIVE),
    ],
)
def test_what_became_of_a_mutant_is_read_from_how_its_tests_ended(tmp_path: Path, code: int | None, fate: Fate) -> None:
    """What is not known to be noticed is not."""
    (mutant,) = read(left(tmp_path, {"x_short__mutmut_2": code}))
    assert mutant.fate is fate
    assert mutant.fate.noticed is (fate in (Fate.KILLED, Fate.STOPPED))


def test_names_that_mutmut_does_not_give_any_more_are_an_error(tmp_path: Path) -> None:
    """A newer mutmut with other names must not end in a count of nothing."""
    with pytest.raises(ValueError, match="mutmut has changed"):
        read(left(tmp_path, {"short": 0}))
