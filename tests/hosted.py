"""The app hosted in front of a sandbox, for the tests that let one story go on step by step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sandbox.playing import environment, fresh_host, variables
from sandbox.server import Sandbox
from sandbox.world import Scenario

__all__ = ["Hosted"]


class Hosted:
    """A sandbox with a hosted app in front of it, for one test; a setting that is empty is not set."""

    def __init__(self, scenario: Scenario, folder: Path, channels: Sequence[str] = ("slack",), **settings: str) -> None:
        self._stack = ExitStack()
        self.scenario = scenario
        self.sandbox = self._stack.enter_context(Sandbox(scenario))
        wanted = {**environment(self.sandbox, folder / "store.sqlite", channels), **settings}
        self._stack.enter_context(variables({name: value for name, value in wanted.items() if value}))
        self.host = self._stack.enter_context(fresh_host())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
