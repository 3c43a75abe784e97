"""What reading a text costs, as a ratio of one text's cost to another's: no machine is too slow for it."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["assert_linear"]

_LEAST_S = 0.02
"""Below it a clock's step and the garbage of others count for more than the work."""

_TRIES = 3


def assert_linear(work: Callable[[int], object], size: int, *, times: int = 4) -> None:
    """Fail where ``times`` the ``size`` costs more than twice as many times as much: the square would be sixteen for four."""
    most = 2 * times * max(_cost(work, size), _LEAST_S)
    costs: list[float] = []
    while len(costs) < _TRIES:
        costs.append(_cost(work, times * size))
        if costs[-1] <= most:
            return
    raise AssertionError(f"{times} times as much took {min(costs):.2f} s, and at most {most:.2f} s would be linear")


def _cost(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
