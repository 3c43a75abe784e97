"""Asking the registry two things at once, where the log says already that the second will be wanted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from diagnostics.probing import Subject
from diagnostics.work import carried

__all__ = ["said_absent"]

T = TypeVar("T")


def said_absent(subject: Subject, ask: Callable[[], T]) -> Callable[[], T]:
    """Return what gives the answer of ``ask``: asked now if the log says that the tag is not there, else when wanted.

    What an absent image makes us ask next would otherwise wait for the registry to say so once more.
    """
    if not any(symptom.id == "tag-not-found" for symptom in subject.symptoms):
        return ask
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pullmedic-asking")
    answer = pool.submit(carried(ask))
    pool.shutdown(wait=False)
    return answer.result
