"""A diagnosis as a message: channel-neutral, immutable, in the order in which a person reads.

A reader understands the message in five seconds: the headline names cause and thing, then comes what to do,
then how we know, then the rest. Each block has a priority of its own for the case that room is short; the
headline and the next step have none, since they are never left out. :mod:`responders.report` builds reports,
the channels render them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Block", "Code", "Kind", "Line", "Pair", "Report", "Text"]


class Kind(StrEnum):
    """What a block is for. The value is its title; the order here is the reader's order."""

    NEXT_STEP = "Next step"
    STATE = "Incident"
    FIX = "Fix"
    ALSO = "Also wrong"
    SETTLE = "What would settle it"
    RUN = "Run"
    EVIDENCE = "Why"
    CHAIN = "Identity, role, registry"
    CHECKS = "Checked"
    REMEDIES = "Other ways out"
    NOTES = "Notes"
    AS_CODE = "As infrastructure code"


_KEPT_LONGEST = (
    Kind.NEXT_STEP,
    Kind.STATE,
    Kind.FIX,
    Kind.RUN,
    Kind.EVIDENCE,
    Kind.ALSO,
    Kind.SETTLE,
    Kind.REMEDIES,
    Kind.CHECKS,
    Kind.CHAIN,
    Kind.NOTES,
    Kind.AS_CODE,
)


@dataclass(frozen=True, slots=True)
class Text:
    """One statement in prose."""

    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A label of ours and a value, often somebody else's."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be shown as it stands: log lines or a command. ``caption`` says where it comes from or what it does."""

    text: str
    caption: str = ""


Line = Text | Pair | Code


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together and are cut from their end where room is short."""

    kind: Kind
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """Heading for the reader."""
        return self.kind.value

    @property
    def priority(self) -> int:
        """Rank in which blocks are kept, 0 longest."""
        return _KEPT_LONGEST.index(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a channel renders.

    ``headline`` is one sentence that starts with the status; ``status`` is ``confirmed``, ``likely``,
    ``possible`` or ``None`` where there is no cause. ``run_url`` and ``page_url``, the incident's own page, are
    ``https`` addresses or empty. ``stored_as`` is the key of the stored evidence or empty. ``blocks`` stand in the
    reader's order, without the next step.
    """

    headline: str
    next_step: Block
    verdict: str
    status: str | None = None
    blocks: tuple[Block, ...] = ()
    run_url: str = ""
    stored_as: str = ""
    page_url: str = ""

    @property
    def preview(self) -> str:
        """Headline and next step in one line, for a notification."""
        first = next((line.text for line in self.next_step.lines if isinstance(line, Text)), "")
        return f"{self.headline} Next: {first}" if first else self.headline
