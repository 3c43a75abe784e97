"""What a process holds, sampled over time, and whether it stays flat."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SERIES", "Sample", "Series", "Verdict", "sample", "verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Seconds since the beginning; memory in MiB, open file handles and threads of a process."""

    at: float
    mebibytes: float
    handles: float
    threads: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that is sampled, and how much more its last third may have than the second: a share, or so many."""

    name: str
    of: str
    share: float
    more: float


SERIES = (
    Series(name="memory, MiB", of="mebibytes", share=0.05, more=3),
    Series(name="file handles", of="handles", share=0.05, more=4),
    Series(name="threads", of="threads", share=0.05, more=4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Medians of the thirds, the slope of the last two by the hour, and whether that is flat."""

    name: str
    thirds: tuple[float, float, float]
    slope: float
    flat: bool

    def __str__(self) -> str:
        first, second, third = self.thirds
        word = "flat" if self.flat else "NOT FLAT"
        return f"{self.name:<14}{first:>9.1f}{second:>9.1f}{third:>9.1f}{self.slope:>+12.1f} an hour  {word}"


def sample(pid: int, at: float) -> Sample:
    """Look at a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    said = dict(line.split(":", 1) for line in lines)
    return Sample(
        at=at,
        mebibytes=int(said["VmRSS"].split()[0]) / 1024,
        handles=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(said["Threads"]),
    )


def verdict(samples: Sequence[Sample], series: Series) -> Verdict:
    """Say whether a series is flat: its last third against the second; the first one is the warm-up."""
    values = [float(getattr(one, series.of)) for one in samples]
    third = max(1, len(values) // 3)
    parts = (values[:third], values[third : 2 * third] or values, values[2 * third :] or values)
    first, second, last = (statistics.median(part) for part in parts)
    times = [one.at / 3600 for one in samples[third:]]
    settled = values[third:]
    slope = statistics.linear_regression(times, settled).slope if len(set(times)) > 1 else 0.0
    flat = last - second <= max(second * series.share, series.more)
    return Verdict(name=series.name, thirds=(first, second, last), slope=slope, flat=flat)
