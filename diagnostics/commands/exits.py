"""Exit codes of ``python -m diagnostics``, and the one error that ends a command."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CommandFailed", "Exit"]


class Exit(IntEnum):
    """What a shell sees; ``docs/command-line.md`` explains each."""

    DONE = 0
    USAGE = 2
    INPUT_UNREADABLE = 3
    NO_CREDENTIAL = 4
    NO_SUCH_RUN = 5
    AZURE_UNREADABLE = 6


class CommandFailed(Exception):
    """A command cannot go on: one clear line for the person, and the exit code for the shell."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code
