"""A cost that is not linear is told from one that is."""

from __future__ import annotations

import pytest
from costs import assert_linear


def test_the_square_of_a_size_is_not_linear() -> None:
    """Work that goes over a text once for each of its characters is found out; work that goes over it once is not."""

    def squared(size: int) -> int:
        return sum(1 for _ in range(size) for _ in range(size))

    assert_linear(lambda size: sum(1 for _ in range(size)), 500_000)
    with pytest.raises(AssertionError, match="4 times as much took"):
        assert_linear(squared, 800)
