"""The shapes of facts about images and their registries: attributes, layers, load, health, usage, keys, disks.

Plain immutable values that serialise; each says itself in words for people. ``None`` means that the answer had no such
member.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "Artifact",
    "EncryptionKey",
    "Layers",
    "NodeDisk",
    "Quarantine",
    "RegistryHealth",
    "RegistryLoad",
    "Usage",
    "Usages",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What an Azure registry keeps about one tag or digest besides its manifest (``/acr/v1``).

    ``locked`` names what has its reading disabled: ``tag``, ``manifest``, ``repository``, or is empty. ``platform`` is
    ``os/architecture`` of an image, ``None`` for an index.
    """

    found: bool
    reference: str
    digest: str | None = None
    locked: str = ""
    quarantine: str | None = None
    platform: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def quarantined(self) -> bool:
        """Whether a state is kept that hides the image from who may not see quarantined ones."""
        return holds_back(self.quarantine)

    def __str__(self) -> str:
        """The attributes in one sentence."""
        if not self.found:
            return f"the registry keeps none of {self.reference}"
        said = [f"reading of the {self.locked} is disabled" if self.locked else "reading is enabled"]
        said += [f"quarantine {self.quarantine}"] if self.quarantine else []
        said += [self.platform] if self.platform else []
        said += [f"made {self.created_at:%Y-%m-%d %H:%M} UTC"] if self.created_at else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The quarantine state of an image that reads as not found, ``None`` where none is known to hide it."""

    state: str | None = None

    @property
    def holds_back(self) -> bool:
        """Whether the image is hidden from who may not see quarantined ones."""
        return holds_back(self.state)

    def __str__(self) -> str:
        """Say the fact in one sentence."""
        return f"it holds the image back ({self.state})" if self.holds_back else "nothing is seen to be held back"


def holds_back(state: str | None) -> bool:
    """Tell whether a quarantine state hides an image (*Quarantine pattern*, Azure Container Registry's documents)."""
    return (state or "Passed").lower() not in {"passed", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """Whether the blobs that a manifest names are there: ``missing`` ones, and ``wrong_size`` ones, by digest."""

    checked: int
    missing: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The outcome in one sentence."""
        said = [f"{len(self.missing)} missing"] if self.missing else []
        said += [f"{len(self.wrong_size)} of another size than the manifest says"] if self.wrong_size else []
        return f"{self.checked} blob(s) asked for: {', '.join(said) or 'all there, of the right size'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLoad:
    """How the registry answered us just now: the HTTP ``status``, its words, how many seconds it asks to wait."""

    host: str
    status: int
    said: str
    retry_after: int | None = None

    @property
    def throttled(self) -> bool:
        """Whether it answered that it is asked too often."""
        return self.status == 429

    @property
    def failing(self) -> bool:
        """Whether it failed on its own side."""
        return self.status >= 500

    def __str__(self) -> str:
        """The answer in one sentence."""
        if not (self.throttled or self.failing):
            return f"{self.host} answers (HTTP {self.status})"
        wait = f", asks to wait {self.retry_after} s" if self.retry_after is not None else ""
        return f"{self.host} answers {self.said}{wait}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryHealth:
    """The registry's resource health (``availabilityStatuses/current``): ``state`` is Available, Unavailable, Degraded
    or Unknown, since ``since``.
    """

    state: str
    summary: str = ""
    since: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether Azure says that it is available."""
        return self.state.lower() == "available"

    def __str__(self) -> str:
        """The state in one sentence."""
        since = f" since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return f"{self.state}{since}" + (f": {self.summary}" if self.summary else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One counter of a registry; a negative ``limit`` means none."""

    name: str
    used: int
    limit: int
    unit: str = ""

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return 0 <= self.limit <= self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class Usages:
    """A registry's counters (``listUsages``)."""

    usages: tuple[Usage, ...]

    def named(self, name: str) -> Usage | None:
        """Return the counter of that name (case does not count)."""
        return next((usage for usage in self.usages if usage.name.lower() == name.lower()), None)

    def __str__(self) -> str:
        """The counters that have a limit, in one sentence."""
        limited = [f"{usage.name} {usage.used} of {usage.limit}" for usage in self.usages if usage.limit > 0]
        return ", ".join(limited) or "no counter has a limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """A registry's customer-managed key and the identity that uses it.

    ``key_id`` is empty where the registry uses Microsoft's own key. ``key`` and ``identity`` are one of the words
    ``usable``, ``gone``, ``disabled``, ``expired``, ``not-yet-valid``; ``None`` where it could not be told.
    """

    key_id: str
    key: str | None = None
    identity: str | None = None
    identity_name: str = ""
    vault_gone: bool = False
    changed_at: datetime | None = None

    @property
    def broken(self) -> tuple[str, ...]:
        """What is wrong, in words; empty where nothing is known to be."""
        said = []
        if self.vault_gone:
            said.append("the key vault is deleted")
        elif self.key not in (None, "usable"):
            said.append(f"the key is {(self.key or '').replace('-', ' ')}")
        if self.identity not in (None, "usable"):
            said.append(f"the identity {self.identity_name or 'that uses it'} is {self.identity}")
        return tuple(said)

    def __str__(self) -> str:
        """The key's state in one sentence."""
        if not self.key_id:
            return "Microsoft's own key"
        return f"{self.key_id}: {', '.join(self.broken) or 'there and enabled'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDisk:
    """The disks of a VM size as Azure Machine Learning lists them, in bytes."""

    vm_size: str
    os_disk: int | None = None
    resource_disk: int | None = None

    @property
    def largest(self) -> int | None:
        """The larger of the disks: where a node keeps its images is not documented."""
        known = [size for size in (self.os_disk, self.resource_disk) if size]
        return max(known, default=None)

    def __str__(self) -> str:
        """The disks in one sentence."""
        parts = {"operating system disk": self.os_disk, "resource disk": self.resource_disk}
        shown = ", ".join(f"{name} {size / 1024**3:.0f} GiB" for name, size in parts.items() if size)
        return f"{self.vm_size}: {shown or 'no disk is stated'}"
