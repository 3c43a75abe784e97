"""The newest tags of the repository, to show what is there instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostics.azure.errors import Nonsense
from diagnostics.facts import TagDetail, Tags
from diagnostics.model import Fact, Known, Vantage
from diagnostics.probes._shapes import member, text, when
from diagnostics.probes.manifest import registry_client
from diagnostics.probing import Subject
from diagnostics.reach import Reach

__all__ = ["PROBE"]


class TagsProbe:
    """Lists tags newest first (``/acr/v1/{repository}/_tags``, api 2021-07-01); further pages are not read.

    Other registries list bare names (OCI distribution specification, *Listing Tags*), without times.
    """

    name = "tags"
    title = "the repository's tags"
    value_type: type = Tags
    needs: tuple[str, ...] = ("registry",)
    actions: tuple[str, ...] = ("Microsoft.ContainerRegistry/registries/pull/read",)

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return :class:`Tags`, seen from the responder's network."""
        answer = registry_client(subject, facts["registry"], reach).tags()
        if answer.status != 200:
            raise answer.refusal()
        listed = member(answer.body, "tags")
        if not isinstance(listed, list):
            raise Nonsense("the registry's list of tags came without its tags")
        names = [TagDetail(name=entry) for entry in listed if isinstance(entry, str)]
        newest = tuple(names or (_detail(entry, name) for entry in listed if (name := text(entry, "name"))))
        value = Tags(newest=newest, complete=not answer.next_link, dated=not names)
        return Known(value=value, source="the registry", vantage=Vantage.RESPONDER_NETWORK, time=reach.now())


def _detail(entry: Any, name: str) -> TagDetail:
    return TagDetail(
        name=name,
        created_at=when(member(entry, "createdTime")),
        moved_at=when(member(entry, "lastUpdateTime")),
    )


PROBE = TagsProbe()
