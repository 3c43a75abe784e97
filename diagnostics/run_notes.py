"""Notes on a run's own document that never are the headline: a credential in plain text, a retired SDK.

The value of what looks like a credential is never read out, only the name of its field is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from diagnostics.probes._shapes import member, text

__all__ = ["notes_of"]

_DEEPEST = 8
_MOST_FIELDS = 2_000
_MOST_NAMED = 3

_SECRET = re.compile(
    r"(?i)(?:\w*client_?secret|\w*service_?principal_?(?:password|secret|key)|\w*sp_(?:password|secret)"
    r"|\w*(?:acr|docker|registry)\w*_?(?:password|passwd|pwd))"
)
"""Fields that hold a service principal's secret or a registry's password, whatever their level."""

_PASSWORD = re.compile(r"(?i)password|identity_?token")
_REGISTRY = re.compile(r"(?i)\w*imageRegistry|containerRegistry|registryCredentials?")
_ELSEWHERE = re.compile(
    r"(?i)[*<.x]+|@Microsoft\.KeyVault\(.*|\$?\{.*|azureml://.*|https://[\w-]+\.vault\.azure\.net/.*"
)
"""Values that are masked, or say where the secret is kept."""


def notes_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the notes on run history's ``details`` document, each a sentence that starts with its published id."""
    fields = list(_credentials(member(document, "runDefinition")))
    notes = []
    if fields:
        named = ", ".join(sorted(fields)[:_MOST_NAMED])
        more = f" and {len(fields) - _MOST_NAMED} more" if len(fields) > _MOST_NAMED else ""
        notes.append(
            f"credential-in-definition: the run's definition holds a secret in plain text in {named}{more}, for "
            "everybody who may read the run: change it, and use a workspace connection, Key Vault or a managed identity"
        )
    if _by_retired_sdk(document):
        notes.append(
            "retired-sdk: the run was submitted by the v1 SDK (azureml-core), whose support ended on 2026-06-30: "
            "move to azure-ai-ml"
        )
    return tuple(notes)


def _by_retired_sdk(document: Mapping[str, Any]) -> bool:
    """Runs of the v1 SDK state ``runSource: SDK``; those of v2 ``MFE``, with ``azureml.DevPlatv2`` (public runs)."""
    source = text(document, "properties", "runSource") or ""
    second = text(document, "properties", "azureml.DevPlatv2") or ""
    return source.lower() == "sdk" and second.lower() != "true"


def _credentials(definition: Any) -> Iterator[str]:
    """Yield the paths of fields that hold a secret; a bounded walk, since anybody may write a definition."""
    waiting: list[tuple[str, str, Any, int]] = [("", "runDefinition", definition, 0)]
    seen = 0
    while waiting and seen < _MOST_FIELDS:
        seen += 1
        parent, path, value, depth = waiting.pop()
        if isinstance(value, Mapping) and depth < _DEEPEST:
            waiting += [(_last(path), f"{path}.{_name(key)}", inner, depth + 1) for key, inner in value.items()]
        elif isinstance(value, list) and depth < _DEEPEST:
            waiting += [(parent, path, inner, depth + 1) for inner in value]
        elif isinstance(value, str) and _is_secret(parent, _last(path)) and _in_plain_text(value):
            yield path


def _in_plain_text(value: str) -> bool:
    return bool(value.strip()) and not _ELSEWHERE.fullmatch(value.strip()[:2_000])


def _is_secret(parent: str, name: str) -> bool:
    inside = bool(_REGISTRY.fullmatch(parent) and _PASSWORD.fullmatch(name))
    return inside or _SECRET.fullmatch(name) is not None


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1]


def _name(key: Any) -> str:
    """Names are chosen by whoever wrote the definition: short, and nothing that a channel could read as markup."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", str(key))[:60]
