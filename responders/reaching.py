"""The responder's one way to read Azure, made from the settings: for a worker and for a command alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

from diagnostics.azure.clouds import cloud_named
from diagnostics.azure.credentials import open_credential, own_tenant
from diagnostics.reach import Memory, Reach, utc_now
from responders.settings import Settings

__all__ = ["open_reach"]


def open_reach(settings: Settings, *, now: Callable[[], datetime] = utc_now, places: Memory | None = None) -> Reach:
    """Return clients under the reader's identity, which know ``places`` already.

    Raises ``NoCredential`` where there is no way to log in.
    """
    cloud = cloud_named(settings.cloud.value)
    return Reach(
        cloud=cloud,
        credential=open_credential(cloud, client_id=settings.client_id),
        tenant=own_tenant(os.environ),
        now=now,
        allowed_registries=frozenset(settings.registry_allowlist),
        places={} if places is None else places,
    )
