"""The values that a diagnosis is made of: immutable, storable, free of I/O.

They are handed on in one direction::

    FailedRun -> Evidence -> Diagnosis -> Report -> Receipt

``FailedRun``, ``Evidence`` and ``Diagnosis`` live here; reports and receipts belong to ``responders``.
:mod:`diagnostics.codec` turns any of them into JSON and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

__all__ = [
    "EVIDENCE_SCHEMA",
    "INSUFFICIENT_EVIDENCE",
    "NOT_REGISTRY",
    "CompletedRun",
    "Diagnosis",
    "Evidence",
    "Fact",
    "FailedRun",
    "Finding",
    "ImageReference",
    "Known",
    "LogExcerpt",
    "PullStep",
    "Remedy",
    "RunDetails",
    "Status",
    "Symptom",
    "Unknown",
    "UnreadLog",
    "Vantage",
]

T = TypeVar("T")

EVIDENCE_SCHEMA = 1
"""Version of the stored shape of :class:`Evidence`; a reader refuses a newer one."""

INSUFFICIENT_EVIDENCE = "insufficient-evidence"
"""Symptom and verdict: an image failed to come, and what we have does not say why."""

NOT_REGISTRY = "not-registry"
"""Symptom and verdict: the run failed on something else, or did not fail."""


class Status(StrEnum):
    """How sure a finding is. Set by :mod:`diagnostics.judging` alone, by a mechanical rule."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"
    RULED_OUT = "ruled-out"


class Vantage(StrEnum):
    """From where a fact was seen; a fact is worth what its vantage is worth."""

    CONTROL_PLANE = "Azure's control plane"
    RESPONDER_NETWORK = "the responder's network"
    LOG = "the log"


class PullStep(StrEnum):
    """The order in which a pull meets faults; a build comes before the pull of what it builds."""

    BUILD = "build"
    REFERENCE = "reference"
    NAME = "name resolution"
    NETWORK = "way to the login server"
    IDENTITY = "identity and credential"
    PERMISSION = "permission"
    REPOSITORY = "repository"
    TAG = "tag"
    PLATFORM = "platform"
    LAYERS = "layers"
    TIME = "disk and time"
    DISTANCE = "distance"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """A failed run as the event told of it: small, it is all that a queue carries.

    ``failed_at`` is the event's time (UTC). Names and tags are hostile input: whoever submits a run chooses them.

    Two further things are told of in the same form, since no event tells of them. A run that has *not* failed, and
    waits for its image: ``waiting_since`` says since when, ``failed_at`` is when we looked. And a failed deployment of
    an online endpoint: ``deployment`` is its resource id, and ``run_id`` names one attempt at it.
    """

    event_id: str
    workspace_id: str
    run_id: str
    failed_at: datetime
    experiment: str | None = None
    run_type: str | None = None
    submitted_by: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    waiting_since: datetime | None = None
    deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedRun:
    """A run that ended well, as the event told of it: what failed before on its image and compute may be over."""

    workspace_id: str
    run_id: str
    completed_at: datetime
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image reference by the OCI distribution grammar (distribution/reference, "Grammar").

    ``registry`` is the host (with port) as a client would contact it, ``docker.io`` where none was written.
    ``tag_implied`` is true where neither tag nor digest was written, so that ``latest`` is meant.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    tag_implied: bool = False

    @property
    def reference(self) -> str:
        """Tag or digest, whichever a client asks the registry for."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        """``registry/repository:tag@digest``, with an implied tag written out."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogExcerpt:
    """Consecutive, redacted lines of one log.

    ``first_line`` counts from 1; where only the end of a long log was read it is negative and counts from the
    end, -1 being the last line. ``cut`` says in words what was left out and why.
    """

    file: str
    first_line: int
    lines: tuple[str, ...]
    cut: str | None = None

    def number(self, index: int) -> int:
        """Return the line number of ``lines[index]``, in the numbering of ``first_line``."""
        return self.first_line + index


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadLog:
    """A log that exists by name and could not be read; itself a fact."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """What the text says: one id of the published list, with the line that proves it.

    ``line`` is the number of the proving line within ``excerpt``, ``captured`` what the pattern's groups held
    (``image``, ``registry``, ``repository``, ``tag``, ``address``, ``identity`` ...), ``names`` the causes that
    the text itself names, often none. ``decisive`` marks a component's own statement that only it can make.
    """

    id: str
    signature: str
    emitter: str
    excerpt: LogExcerpt
    line: int
    captured: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    decisive: bool = False

    @property
    def text(self) -> str:
        """The proving line; empty where stored evidence was spoilt, so that the excerpt does not hold it."""
        index = self.line - self.excerpt.first_line
        return self.excerpt.lines[index] if 0 <= index < len(self.excerpt.lines) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[T]):
    """A fact that was read: its value, where from (``source``), seen from where, and when (UTC)."""

    value: T
    source: str
    vantage: Vantage
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A fact that could not be read, and why. ``missing_action`` is the Azure action that was refused, if one was."""

    reason: str
    source: str = ""
    missing_action: str | None = None


Fact = Known[Any] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """What run history says of a run (``history/v1.0 .../runs/{id}/details``); absent members are ``None``.

    ``image`` is the reference as written in the run's definition or error. ``children`` are the ids of failed child
    runs, ``root_run_id`` is the pipeline's own run id, or the run's. ``registry_username`` is the user name (never the
    password) that the definition logs in to the image's registry with.
    """

    run_id: str
    root_run_id: str
    status: str | None = None
    parent_run_id: str | None = None
    run_type: str | None = None
    experiment: str | None = None
    submitted_by: str | None = None
    compute: str | None = None
    compute_kind: str | None = None
    image: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error_code: str | None = None
    component: str | None = None
    registry_username: str | None = None
    children: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a verdict rests on, complete: the same evidence always gives the same diagnosis.

    ``symptoms`` stand best first, ``facts`` by name (a name is that of a probe), ``taken_at`` is the "now" of
    every judgement. ``gaps`` says in words what could not be read at all before any probe ran.
    """

    schema: int
    run: FailedRun
    taken_at: datetime
    details: RunDetails | None = None
    image: ImageReference | None = None
    image_text: str | None = None
    symptoms: tuple[Symptom, ...] = ()
    unread_logs: tuple[UnreadLog, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    pipeline_runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way out: ``title`` in the imperative, ``detail`` in portal words, ``command`` and ``bicep`` to paste."""

    title: str
    detail: str = ""
    command: str = ""
    bicep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause judged against the evidence.

    ``headline`` names cause and thing in one sentence; ``target`` is the fix target that separates two incidents of
    one cause. ``unchecked`` names, in words, the facts that could not be read.
    """

    cause: str
    status: Status
    headline: str
    target: str
    step: PullStep
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The findings in order, and what follows from them.

    ``verdict`` is a cause id, ``insufficient-evidence`` or ``not-registry``; ``status`` is ``None`` for the latter
    two. ``findings`` stand best first (the headline, then what is confirmed *also*, then the rest). ``chain`` is
    identity, role and registry in words. ``settle`` says what would settle an open verdict.
    """

    run: FailedRun
    verdict: str
    status: Status | None
    symptom: str
    fingerprint: str
    findings: tuple[Finding, ...] = ()
    chain: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> Finding | None:
        """The finding that the verdict names, or ``None`` where the verdict is not a cause."""
        return next((f for f in self.findings if f.cause == self.verdict), None)

    @property
    def also(self) -> tuple[Finding, ...]:
        """Further confirmed findings, in the order in which a pull meets them."""
        return tuple(f for f in self.findings if f.status is Status.CONFIRMED and f.cause != self.verdict)
