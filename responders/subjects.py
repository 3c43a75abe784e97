"""What may have news, as it travels through queues: small, and without any state of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["FIXES", "NOTICES", "Subject", "wish_of"]

NOTICES = "notices"
"""The queue that carries what may have news."""

FIXES = "fixes"
"""The queue that carries the incidents whose fix may have a step due."""

_KINDS = ("incident", "digest", "pipeline", "fix", "drill")


@dataclass(frozen=True, slots=True)
class Subject:
    """What may have news: an incident, a destination's digest, a pipeline's follow-up, an incident's fix, a self-test.

    Travels through a queue.
    """

    kind: str
    id: str

    def to_json(self, *, wish: datetime | None = None) -> str:
        """Return the message that a queue carries; ``wish`` is the time for which it was asked."""
        asked = {} if wish is None else {"wish": wish.isoformat()}
        return json.dumps({"kind": self.kind, "id": self.id, **asked})

    @staticmethod
    def from_json(text: str) -> Subject:
        """Return the subject of a queue's message. Raises ``ValueError``."""
        data = _read(text)
        kind, name = (data.get("kind"), data.get("id")) if isinstance(data, dict) else (None, None)
        if kind not in _KINDS or not isinstance(name, str) or not name:
            raise ValueError("the message names nothing that can be told of")
        return Subject(kind, name)

    @property
    def place(self) -> tuple[str, str]:
        """Workspace and root run of a pipeline. Raises ``ValueError`` where the id is none of a pipeline."""
        named = _read(self.id)
        if not isinstance(named, list) or len(named) != 2:
            raise ValueError("the message names no pipeline")
        workspace, root = named
        return str(workspace), str(root)

    @staticmethod
    def pipeline(workspace_id: str, root_run_id: str) -> Subject:
        """Return the follow-up of a pipeline."""
        return Subject("pipeline", json.dumps([workspace_id.lower(), root_run_id]))


def wish_of(text: str) -> datetime | None:
    """Return the time for which a queue's message was asked; ``None`` for news. Raises ``ValueError``."""
    data = _read(text)
    wish = data.get("wish") if isinstance(data, dict) else None
    return datetime.fromisoformat(wish) if isinstance(wish, str) else None


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the message is nested too deeply") from None
