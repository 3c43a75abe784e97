"""Opens the fixing for a worker or a command: with the fixer's own credential, made only when a step needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from diagnostics.azure.clouds import cloud_named
from diagnostics.azure.credentials import open_credential
from diagnostics.model import Evidence
from responders.fixes.assigning import Assigner
from responders.fixes.audit import Audit
from responders.fixes.fixing import Fixing
from responders.fixes.running_again import NotRunAgain, RunAgain, run_again
from responders.incidents import Incident, Incidents
from responders.settings import Settings
from responders.store import Store

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["open_fixing"]


def open_fixing(
    *,
    settings: Callable[[], Settings],
    store: Store,
    incidents: Incidents,
    read_again: Callable[[Evidence], Evidence],
    now: Callable[[], datetime],
) -> Fixing:
    """Return the fixing of one store. Nothing is asked of Azure before a step needs it.

    ``settings`` are asked at each step for the policy. The fixer's identity is that of the first call: another one
    needs a new worker. ``read_again`` reads with the responder's identity.
    """

    @cache
    def credential() -> TokenCredential:
        present = settings()
        return open_credential(cloud_named(present.cloud.value), client_id=present.fixer_client_id)

    @cache
    def assigner() -> Assigner:
        return Assigner(cloud=cloud_named(settings().cloud.value), credential=credential())

    def submit(incident: Incident) -> RunAgain | NotRunAgain:
        return run_again(
            incident.workspace_id,
            incident.root_run_id or incident.run_id,
            incident_id=incident.id,
            credential=credential(),
            cloud=cloud_named(settings().cloud.value),
        )

    return Fixing(
        store=store,
        incidents=incidents,
        audit=Audit(store, now),
        policy=lambda: settings().fixes,
        assigner=assigner,
        read_again=read_again,
        submit=submit,
        now=now,
    )
