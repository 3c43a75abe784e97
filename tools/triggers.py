"""The functions of the app, as ``function_app.py`` declares them."""

from __future__ import annotations

import logging
import runpy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Trigger", "triggers"]

APP = Path(__file__).resolve().parent.parent / "function_app.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts a function: ``kind`` is Azure's word, ``queue`` and ``schedule`` are empty where it has none."""

    function: str
    kind: str
    queue: str = ""
    schedule: str = ""


@cache
def triggers() -> tuple[Trigger, ...]:
    """Return the trigger of every function; the app is loaded anew, since it can be asked for its functions once."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # it warns that no channel is set, which is nothing to a document
    try:
        app = runpy.run_path(str(APP))["app"]
    finally:
        logging.disable(before)
    return tuple(
        Trigger(
            function=str(function.get_function_name()),
            kind=str(function.get_trigger().type),
            queue=str(getattr(function.get_trigger(), "queue_name", "") or ""),
            schedule=str(getattr(function.get_trigger(), "schedule", "") or ""),
        )
        for function in app.get_functions()
    )
