"""Stories of the sandbox, each played once in a test process, with all that was said while it was told."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.playing import APP, Outcome, play
from sandbox.scoring import Score, score
from sandbox.world import Scenario, load_scenario

FOLDER = APP.parent / "sandbox" / "scenarios"
OWN = tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.yaml")))
OWN_LOGGERS = ("pullmedic", "diagnostics", "responders")


@dataclass(frozen=True, kw_only=True)
class Played:
    """A story with its score; ``debug`` is what our own loggers said at DEBUG, ``printed`` all output."""

    outcome: Outcome
    score: Score
    debug: str
    printed: str

    @property
    def confirmed(self) -> list[str]:
        """The causes that were confirmed, headline first."""
        return [cause for cause, status in self.score.causes if status == "confirmed"]


@cache
def played(path: Path) -> Played:
    """Play the story of a file, or give back how it ended before."""
    return tell(load_scenario(path, complete=True))


def tell(scenario: Scenario, *, channels: tuple[str, ...] = ("slack", "teams")) -> Played:
    """Play a story, to both channels, and listen to all that our loggers and the streams say."""
    printed = io.StringIO()
    with overheard() as debug, redirect_stdout(printed), redirect_stderr(printed):
        outcome = play(scenario, channels=channels)
    return Played(outcome=outcome, score=score(outcome), debug="\n".join(debug), printed=printed.getvalue())


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Listen to our own loggers at DEBUG, in front of every filter that the app puts on the root's handlers."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    listener = Listener(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in OWN_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(listener)
        logger.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(listener)
            logger.setLevel(level)
