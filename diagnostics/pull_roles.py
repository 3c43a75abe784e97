"""The two built-in roles that grant a pull and nothing else, one for each permission mode of a registry."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACR_PULL", "REPOSITORY_READER", "PullRole", "pull_role", "role_name"]


@dataclass(frozen=True, slots=True)
class PullRole:
    """A built-in role by name and id (*Azure built-in roles for Containers*); ``abac``: the mode that it counts in."""

    name: str
    id: str
    abac: bool


ACR_PULL = PullRole("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", abac=False)
REPOSITORY_READER = PullRole("Container Registry Repository Reader", "b93aa761-3e63-49ed-ac28-beffa264f7ac", abac=True)


def pull_role(*, abac: bool) -> PullRole:
    """Return the role that counts in a registry of that mode."""
    return REPOSITORY_READER if abac else ACR_PULL


def role_name(*, abac: bool) -> str:
    """Return that role's name, for people and for ``az``."""
    return pull_role(abac=abac).name
