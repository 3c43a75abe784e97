"""Reading of run history's ``details`` document, in which any member may be missing or nonsense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.logs import excerpts_of_text
from diagnostics.model import LogExcerpt, RunDetails
from diagnostics.probes._shapes import member, text, when
from diagnostics.redaction import redact
from diagnostics.run_notes import notes_of

__all__ = ["ERROR", "WARNINGS", "error_excerpts", "log_links", "read_details"]

ERROR = "error (run history)"
"""The name under which the error object's own text is quoted."""

WARNINGS = "warnings (run history)"
"""The name under which the run's warnings are quoted: they may be of what stopped nothing."""

_DEEPEST = 5


def read_details(run_id: str, document: Mapping[str, Any]) -> RunDetails:
    """Return what the document says of the run; :class:`Nonsense` where it is about no run at all."""
    if not text(document, "runId") and not text(document, "status"):
        raise Nonsense("run history's answer has neither a run id nor a status")
    definition = _definition(document)
    docker = member(definition, "environment", "docker")
    return RunDetails(
        run_id=text(document, "runId") or run_id,
        root_run_id=text(document, "rootRunId") or text(document, "parentRunId") or run_id,
        status=text(document, "status"),
        parent_run_id=text(document, "parentRunId"),
        run_type=text(document, "runType") or text(document, "runTypeV2", "orchestrator"),
        experiment=text(document, "experimentName"),
        submitted_by=text(document, "createdBy", "userName") or text(document, "submittedBy"),
        compute=text(document, "target") or text(document, "compute", "target") or text(definition, "target"),
        compute_kind=text(document, "compute", "targetType"),
        image=_shown(text(docker, "baseImage")),
        started_at=when(member(document, "startTimeUtc")),
        ended_at=when(member(document, "endTimeUtc")),
        error_code=_error_code(document),
        component=text(document, "error", "componentName"),
        registry_username=_shown(text(docker, "baseImageRegistry", "username")),
        notes=notes_of(document),
    )


def error_excerpts(document: Mapping[str, Any]) -> tuple[LogExcerpt, ...]:
    """Return the texts of the error object and its details as quotable lines, then apart from them the warnings'."""
    error = member(document, "error", "error") or member(document, "error")
    told = dict.fromkeys(_messages(error, 0))
    warnings = member(document, "warnings")
    messages = (text(warning, "message") for warning in (warnings if isinstance(warnings, list) else ()))
    more = dict.fromkeys(message for message in messages if message and message not in told)
    return (*_quotable(ERROR, told), *_quotable(WARNINGS, more))


def log_links(document: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the logs by name with their links, which are secrets."""
    links = member(document, "logFiles")
    if not isinstance(links, Mapping):
        return {}
    return {str(name): link for name, link in links.items() if isinstance(link, str)}


def _messages(error: Any, depth: int) -> Iterator[str]:
    if not isinstance(error, Mapping) or depth > _DEEPEST:
        return
    message, code = text(error, "message"), text(error, "code")
    if message:
        yield message if depth or not code or code in {"UserError", "ServiceError"} else f"{code}: {message}"
    details = member(error, "details")
    for detail in details if isinstance(details, list) else ():
        yield from _messages(detail, depth + 1)
    yield from _messages(member(error, "innerError"), depth + 1)


def _quotable(file: str, texts: Iterable[str]) -> tuple[LogExcerpt, ...]:
    joined = "\n".join(texts)
    return excerpts_of_text(file, joined) if joined else ()


def _error_code(document: Mapping[str, Any]) -> str | None:
    return text(document, "error", "error", "code") or text(document, "error", "code")


def _definition(document: Mapping[str, Any]) -> Any:
    return member(document, "runDefinition")


def _shown(value: str | None) -> str | None:
    return redact(value)[:512] if value else None
