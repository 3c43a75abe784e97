"""What every command at a keyboard shares: exit codes, the error that ends one, arguments, and silent SDKs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

__all__ = ["CommandFailed", "CommandParser", "Exit", "quiet_sdks"]


class Exit(IntEnum):
    """What a shell sees; ``docs/command-line.md`` explains each.

    ``NO`` and ``CANNOT_TELL`` are ``preflight``'s alone, which therefore has another code for wrong arguments
    (``EX_USAGE`` of sysexits.h).
    """

    DONE = 0
    NO = 1
    USAGE = 2
    CANNOT_TELL = 2
    INPUT_UNREADABLE = 3
    NO_CREDENTIAL = 4
    NO_SUCH_RUN = 5
    AZURE_UNREADABLE = 6
    PREFLIGHT_USAGE = 64


class CommandFailed(Exception):
    """A command cannot go on: one clear line for the person, and the exit code for the shell."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class CommandParser(argparse.ArgumentParser):
    """A command's arguments; ``usage_exit`` is the code for wrong ones."""

    usage_exit = Exit.USAGE

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and end."""
        self.print_usage(sys.stderr)
        self.exit(int(self.usage_exit), f"{self.prog}: error: {message}\n")


@contextmanager
def quiet_sdks() -> Iterator[None]:
    """Keep the SDKs' own logs off the terminal for the time of a command; whoever imports this finds them as before."""
    loggers = [logging.getLogger(name) for name in ("azure", "msal", "urllib3")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
