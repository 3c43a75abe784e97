"""Rows of Azure's tables: found, deleted and dated in one way."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableErrorCode

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse
    from azure.data.tables import TableEntity

__all__ = ["delete_row", "find_row", "is_version", "raise_unless_absent", "version_of", "written_text"]

# W/"datetime'2026-11-23T12%3A00%3A00.1234567Z'": the row's Timestamp, in steps of 100 ns.
_ETAG = re.compile(r"""W/"datetime'[0-9A-Za-z%:.+-]+'"\Z""")


def is_version(version: str) -> bool:
    """Return whether ``version`` has the form of a row's ETag: a ``*`` would mean any version."""
    return _ETAG.match(version) is not None


def version_of(row: TableEntity) -> str:
    """Return the ETag of a row that was read."""
    return str(row.metadata["etag"])


def written_text(when: datetime) -> str:
    """Return ``when``, which knows its zone, in UTC and always the same length: the order of text is that of time."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def find_row(table: TableClient, partition: str, row: str) -> TableEntity | None:
    """Return a row, or ``None`` where the table has none such. Raises where there is no table."""
    try:
        return table.get_entity(partition, row)
    except ResourceNotFoundError as error:
        raise_unless_absent(error)
        return None


def raise_unless_absent(error: ResourceNotFoundError) -> None:
    """Return where ``error`` says that a row is not there; raise it again where the table itself is missing."""
    if getattr(error, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND:
        raise error


def delete_row(table: TableClient, partition: str, row: str, *, version: str | None) -> bool:
    """Delete a row, with ``version`` only where it is unchanged; return whether this call did.

    The client passes over a 404 in silence (azure-data-tables, ``delete_entity``), so its answer is looked at.
    """
    answers: list[int] = []

    def heard(answer: PipelineResponse[Any, Any]) -> None:
        answers.append(answer.http_response.status_code)

    condition: dict[str, Any] = {}
    if version is not None:
        condition = {"etag": version, "match_condition": MatchConditions.IfNotModified}
    try:
        table.delete_entity(partition, row, raw_response_hook=heard, **condition)
    except ResourceModifiedError:
        return False
    return answers[-1] == 204
