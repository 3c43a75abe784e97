"""What the triggers of ``function_app`` call: everything that they need, made once per worker, on first use.

Nothing here is imported at start-up: cloud SDKs and HTTP libraries load with the first failed run.
"""

from __future__ import annotations

import json
import logging
import os
from functools import cache
from typing import TYPE_CHECKING

from diagnostics.codec import EvidenceUnreadable, failed_run_from_json
from diagnostics.model import Evidence, FailedRun
from diagnostics.redaction import RedactingFilter, redact
from responders.settings import Settings, declared_settings, load_settings, misspelt_settings

if TYPE_CHECKING:
    from diagnostics.reach import Reach
    from responders.handling import Handler

__all__ = ["diagnose", "in_scope", "tell_undeliverable"]

_LOG = logging.getLogger(__name__)


def in_scope(workspace_id: str) -> bool:
    """Return whether runs of this workspace are ours, by the settings."""
    return _settings().in_scope(workspace_id)


def diagnose(message: str) -> str:
    """Handle the failed run that a queue message carries; return what became of it."""
    run = failed_run_from_json(message)
    said = _handler().handle(run)
    _LOG.info("run %s: %s", run.run_id, said)
    return said


def tell_undeliverable(message: str) -> None:
    """Say visibly that the run of a poison message could not be diagnosed, and why."""
    handler = _handler()
    try:
        run = failed_run_from_json(message)
    except EvidenceUnreadable:
        handler.tell_undeliverable(None, _why(message))
        return
    handler.tell_undeliverable(run, handler.reason_of(run))


@cache
def _settings() -> Settings:
    """Read the settings once per worker, and say loudly what is wrong with them."""
    settings = load_settings(os.environ)
    for problem in (*settings.problems, *misspelt_settings(os.environ, declared_settings())):
        _LOG.error("setting: %s", problem)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(found, RedactingFilter) for found in handler.filters):
            handler.addFilter(RedactingFilter())
    logging.getLogger("azure").setLevel(logging.WARNING)  # it logs every request at INFO
    return settings


@cache
def _handler() -> Handler:
    from diagnostics.reach import utc_now  # noqa: PLC0415 - with the first failed run, not with the first event
    from responders.handling import Handler  # noqa: PLC0415
    from responders.store import open_store  # noqa: PLC0415

    settings = _settings()
    _use_own_signatures(settings)
    return Handler(settings=settings, store=open_store(settings.store), investigate=_investigate, now=utc_now)


def _use_own_signatures(settings: Settings) -> None:
    """Add a team's own texts and causes; a wrong file is said loudly and left out, and the app goes on without."""
    if settings.signatures is None:
        return
    from diagnostics.own_signatures import WrongSignatures, install, load_own_signatures  # noqa: PLC0415

    try:
        install(load_own_signatures(settings.signatures))
    except WrongSignatures as error:
        for problem in error.problems:
            _LOG.error("own signatures, left out: %s", redact(problem))


def _investigate(run: FailedRun) -> Evidence:
    from diagnostics.investigating import investigate  # noqa: PLC0415

    return investigate(run, _reach(), deadline=_settings().deadline)


@cache
def _reach() -> Reach:
    """Return the worker's one way to Azure; a failed log-in raises and is not remembered."""
    from diagnostics.azure.clouds import cloud_named  # noqa: PLC0415
    from diagnostics.azure.credentials import open_credential  # noqa: PLC0415
    from diagnostics.reach import Reach  # noqa: PLC0415

    settings = _settings()
    cloud = cloud_named(settings.cloud.value)
    return Reach(
        cloud=cloud,
        credential=open_credential(cloud, client_id=settings.client_id),
        allowed_registries=frozenset(settings.registry_allowlist),
    )


def _why(message: str) -> str:
    """Return the reason that a rejected event carries, else that the message cannot be read."""
    try:
        said = json.loads(message)
        return redact(str(said["undeliverable"]))[:500]
    except (ValueError, TypeError, KeyError):
        return "its message in the queue could not be read"
