"""How the registry answers just now: too many requests, a failure of its own, or as it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.registry_data import RegistryAnswer
from diagnostics.image_facts import RegistryLoad
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes.manifest import registry_client
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class RegistryLoadProbe:
    """Asks what a pull asks first; here a 429 or a 5xx is the answer and no failure to get one.

    A registry's limits count for all of its callers together (*Container registry service tiers*), so what it
    answers us it answers the compute.
    """

    name = "registry-load"
    title = "how the registry answers now"
    value_type: type = RegistryLoad
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`RegistryLoad`; a refusal of us (401, 403) says nothing of its load and is ``Unknown``."""
        client = registry_client(subject, facts["registry"], reach)
        assert subject.image is not None  # noqa: S101 - registry_client has made sure
        answer = client.manifest(subject.image.reference)
        if answer.status in {401, 403} or not (answer.status == 200 or answer.status >= 400):
            raise answer.refusal()
        value = _load(facts["registry"].host, answer)
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def _load(host: str, answer: RegistryAnswer) -> RegistryLoad:
    return RegistryLoad(host=host, status=answer.status, said=answer.said, retry_after=answer.retry_after)


PROBE = RegistryLoadProbe()
