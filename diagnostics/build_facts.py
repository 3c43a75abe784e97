"""The shapes of facts about building an image: the build's own log, who builds, and what the subscription may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["BuildCompute", "BuildFault", "BuildLog", "Builder", "SubscriptionOffer"]


class Builder:
    """The words for who ran a build, as its log shows it."""

    TASKS = "ACR Tasks"
    COMPUTE = "an image build compute"
    SERVERLESS = "serverless compute"


class BuildFault:
    """The words for what stopped a build, as its log shows it."""

    DEPENDENCY = "package"
    BASE_IMAGE = "base image"
    DEFINITION = "definition"
    LOGIN = "log-in to the registry"
    STEP = "a step that fails for a reason of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLog:
    """What the log of an image build says; ``file`` is empty where the run names no such log.

    ``builder`` is a word of :class:`Builder` and ``fault`` one of :class:`BuildFault`, empty where the log does not
    show it. ``step`` is the step that failed, ``said`` the line that says why, ``above`` an earlier line of the same
    step that explains it; each with its line number, by the numbering of the log. ``subject`` is the package, the base
    image or the file that it is about, ``address`` the builder's address where the registry named it.
    """

    file: str = ""
    builder: str = ""
    fault: str = ""
    step: str = ""
    step_line: int = 0
    said: str = ""
    said_line: int = 0
    above: str = ""
    above_line: int = 0
    subject: str = ""
    address: str = ""

    def __str__(self) -> str:
        """Say the fact in one sentence."""
        if not self.file:
            return "the run names none"
        by = f", built by {self.builder}" if self.builder else ""
        what = f"; it stopped at: {self.fault}" if self.fault else "; it shows no error"
        return f"{self.file}{by}{what}{f' ({self.subject})' if self.subject else ''}"

    @property
    def quotes(self) -> tuple[str, ...]:
        """The failing step, what stands above and the line that says why, each with its place."""
        parts = (
            ("the step that failed", self.step, self.step_line),
            ("above it", self.above, self.above_line),
            ("the error", self.said, self.said_line),
        )
        return tuple(f"{what} ({self.file}, line {line}): {text}" for what, text, line in parts if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCompute:
    """The compute that the workspace builds images on (``imageBuildCompute``); ``name`` is ``None`` where none is set.

    ``found`` is false where the workspace has no compute of that name (any more).
    """

    name: str | None
    found: bool = False
    kind: str = ""
    provisioning_state: str | None = None
    created_at: datetime | None = None

    def __str__(self) -> str:
        """Say the fact in one sentence."""
        if self.name is None:
            return "none is set, so ACR Tasks builds"
        if not self.found:
            return f"{self.name} is set and is not among the workspace's computes"
        return f"{self.name}, {self.kind or 'unknown kind'}, {self.provisioning_state or 'state unknown'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionOffer:
    """A subscription's offer (``subscriptionPolicies.quotaId``, Microsoft.Resources api-version 2022-12-01)."""

    id: str
    quota_id: str | None

    def __str__(self) -> str:
        """Say the fact in one sentence."""
        return f"{self.id}: {self.quota_id or 'not told'}"
