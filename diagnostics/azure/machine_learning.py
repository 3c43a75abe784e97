"""What azure-ai-ml does better than a plain read: the workspace's own diagnose operation, and a job's environment.

Importing it costs most of a second and 80 MiB, so nothing on the way to the first message comes through here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import ReadFailed, from_azure_core
from diagnostics.redaction import redact

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

    from diagnostics.reach import Reach

__all__ = ["environment_image", "workspace_findings"]

_PATIENCE = 60.0


def workspace_findings(reach: Reach, workspace_id: str) -> tuple[str, ...]:
    """Return what the workspace finds wrong with itself (``POST .../diagnose``), one line each; empty for nothing.

    A long-running operation of seconds to a minute; :class:`ReadFailed` where it may not be run or does not end.
    """
    client = _client(reach, workspace_id)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # the SDK announces the operation
        result = _asked(lambda: client.workspaces.begin_diagnose(client.workspace_name).result(timeout=_PATIENCE))
    return tuple(dict.fromkeys(_lines(result)))


def environment_image(reach: Reach, workspace_id: str, job_name: str) -> str | None:
    """Return the image of a job's environment, or ``None`` where it is built from a definition or not told."""
    client = _client(reach, workspace_id)
    environment = getattr(_asked(lambda: client.jobs.get(job_name)), "environment", None)
    if isinstance(environment, str):
        name, _, version = environment.removeprefix("azureml:").partition(":")
        environment = _asked(lambda: client.environments.get(name, version=version)) if version else None
    image = getattr(environment, "image", None)
    return redact(image) if isinstance(image, str) and image else None


def _client(reach: Reach, workspace_id: str) -> MLClient:
    from azure.ai.ml import MLClient  # noqa: PLC0415 - see above

    return MLClient(
        reach.credential,
        resource_part(workspace_id, "subscriptions"),
        resource_part(workspace_id, "resourceGroups"),
        workspace_id.rsplit("/", 1)[-1],
        cloud=reach.cloud.name,
    )


def _asked(call: Any) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - sorted, never swallowed
        failed = from_azure_core(error)
        raise failed if isinstance(failed, ReadFailed) else ReadFailed(str(failed)) from None


def _lines(result: Any) -> Iterator[str]:
    """Yield every finding of every category (``containerRegistryResults``, ``dnsResolutionResults`` ...)."""
    for category in vars(result).values() if result is not None else ():
        for found in category if isinstance(category, list) else ():
            said = f"{getattr(found, 'level', '')} {getattr(found, 'code', '')}: {getattr(found, 'message', '')}"
            yield redact(said.strip())
