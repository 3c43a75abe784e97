"""Exit codes of ``python -m responders``, and the one error that ends a command."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CommandFailed", "Exit"]


class Exit(IntEnum):
    """What a shell sees; ``docs/settings.md`` explains each. ``CANNOT_LOOK`` is ``doctor``'s alone."""

    DONE = 0
    NO = 1
    USAGE = 2
    CANNOT_LOOK = 2
    INPUT_UNREADABLE = 3
    STORE_UNREADABLE = 4
    NOT_THERE = 5
    CANNOT_TELL = 6


class CommandFailed(Exception):
    """A command cannot go on: one clear line for the person, and the exit code for the shell."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code
