"""What the log of the image's build says, where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.build_facts import BuildLog
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class BuildLogProbe:
    """The investigation reads logs itself and hands this fact over; asked for without one, the run names none."""

    name = "build-log"
    title = "the log of the image's build"
    value_type: type = BuildLog
    needs: tuple[str, ...] = ()
    actions: tuple[str, ...] = (
        "Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action",
        "Microsoft.MachineLearningServices/workspaces/experiments/runs/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:  # noqa: ARG002
        """Return a :class:`BuildLog` that names no file."""
        return Known(value=BuildLog(), source="run history", vantage=Vantage.LOG, time=reach.now())


PROBE = BuildLogProbe()
