"""``python -m tests.chaos``: the matrix of parties and faults over the stories; a table, and 1 where something is wrong."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from tests.chaos.injecting import KINDS, PARTIES, Kind, Party, applies
from tests.chaos.judging import Ending, ending, impatient
from tests.stories import FOLDER

__all__ = ["cells", "main", "stories"]


def stories() -> list[Path]:
    """Return every story that can be played, but those of one gibibyte."""
    return [
        path for path in sorted(FOLDER.glob("*.yaml")) if not path.name.startswith("_") and "gibibyte" not in path.name
    ]


def cells(parties: list[str], kinds: list[str]) -> Iterator[tuple[Party, Kind]]:
    """Yield each party with each kind of fault that it can have, of those that are named."""
    for party in PARTIES:
        for kind in KINDS:
            wanted = party.name in (parties or [party.name]) and kind.name in (kinds or [kind.name])
            if wanted and applies(kind, party):
                yield party, kind


def main() -> int:
    """Play the matrix."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--stories", type=int, default=6, help="stories for each cell, in turn; 0 for all of them")
    parser.add_argument("--party", action="append", default=[], choices=[it.name for it in PARTIES])
    parser.add_argument("--kind", action="append", default=[], choices=[it.name for it in KINDS])
    arguments = parser.parse_args()
    known = stories()
    turn, wrong, number = cycle(known), [], 0
    print(
        f"{'party':<18}{'kind':<27}{'stories':>8}{'same':>6}{'weaker':>8}{'undiagnosed':>13}{'wrong':>7}{'longest':>9}"
    )
    for party, kind in cells(arguments.party, arguments.kind):
        chosen = known if arguments.stories == 0 else [next(turn) for _ in range(arguments.stories)]
        with impatient():
            ended = [ending(story, party, kind) for story in chosen]
        number += len(ended)
        wrong += [it for it in ended if it.wrong]
        print(_line(party, kind, ended), flush=True)
    for it in wrong:
        print(f"WRONG {it.story}, {it.party}, {it.kind}: {'; '.join(it.wrong)}")
    print(f"{number} stories, {len(wrong)} wrong")
    return 1 if wrong else 0


def _line(party: Party, kind: Kind, ended: list[Ending]) -> str:
    kept = Counter(it.kept for it in ended)
    bad = sum(bool(it.wrong) for it in ended)
    longest = max(it.seconds for it in ended)
    counts = f"{len(ended):>8}{kept['same']:>6}{kept['weaker']:>8}{kept['undiagnosed']:>13}{bad:>7}"
    return f"{party.name:<18}{kind.name:<27}{counts}{longest:>7.1f} s"


if __name__ == "__main__":
    sys.exit(main())
