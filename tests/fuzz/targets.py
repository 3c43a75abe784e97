"""Finds the targets: every ``target_NAME.py`` beside this file. One new file adds one.

A target has ``fuzz(data: bytes) -> None``, which raises for a fault and for nothing else, ``SEEDS`` to begin with, and
may have ``TOKENS`` that mean something to what it drives. Findings are kept in ``corpus/NAME/``, one file each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

__all__ = ["FOLDER", "Target", "target", "targets"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """One target as its file declares it, with what was found before."""

    name: str
    fuzz: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    corpus: tuple[Path, ...]


def target(name: str) -> Target:
    """Return the target of ``target_NAME.py``."""
    logging.disable(logging.CRITICAL)  # what is refused is logged, a million times here
    try:
        module = import_module(f"target_{name}")
    finally:
        logging.disable(logging.NOTSET)
    corpus = tuple(sorted(path for path in (FOLDER / "corpus" / name).glob("*") if path.is_file()))
    return Target(name, module.fuzz, tuple(module.SEEDS), tuple(getattr(module, "TOKENS", ())), corpus)


def targets() -> tuple[str, ...]:
    """Return the names of all targets."""
    return tuple(sorted(path.stem.removeprefix("target_") for path in FOLDER.glob("target_*.py")))
