"""What reading a text costs, as a ratio of one text's cost to another's: no machine is too slow for it."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["assert_linear"]

_LEAST_S = 0.02
"""Below it a clock's step and the garbage of others count for more than the work."""

_TIMES, _TRIES = 4, 3


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail where four times the ``size`` costs more than eight times as much: the square would be sixteen."""
    most = 2 * _TIMES * max(_cost(work, size), _LEAST_S)
    for _ in range(_TRIES):
        took = _cost(work, _TIMES * size)
        if took <= most:
            return
    raise AssertionError(f"{_TIMES} times as much took {took:.2f} s, and at most {most:.2f} s would be linear")


def _cost(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
