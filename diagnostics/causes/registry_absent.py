"""There is no registry of that login server."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.facts import NameAvailability
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("registry", "registry-name")


class RegistryAbsent:
    """Absent from every list is not enough: the registry may be another tenant's. The name must be free as well."""

    id = "registry-absent"
    title = "There is no registry of that login server"
    step = PullStep.NAME
    rank = 20
    masked = False
    explains = frozenset({"registry-not-found", "dns", "network-timeout", "invalid-reference", "insufficient-evidence"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where no list has the registry and Azure says that its name is free."""
        if case.registry is not None:
            return contradicted(f"{case.registry.login_server} exists")
        name = case.value("registry-name", NameAvailability)
        if case.lookup is None or name is None:
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS))
        if not name.available:
            return compatible(
                self.title, f"the name {name.name} is taken: the registry may be in a subscription that we cannot see"
            )
        reasons = [
            f"no registry with the login server {case.lookup.host} in {len(case.lookup.searched)} subscription(s)",
            f"the name {name.name} is free in Azure, so no registry answers to it",
        ]
        if case.lookup.attached_missing:
            reasons.append(f"the workspace still points to {case.lookup.attached_missing}, which no longer exists")
        return proven(
            f"The registry {case.lookup.host} does not exist",
            case.lookup.host,
            *reasons,
            remedies=_remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    lookup = case.lookup
    likely = lookup.resembling if lookup else ()
    remedies = [Remedy(title=f"Check the spelling: {name} exists") for name in likely]
    if lookup and lookup.attached_missing:
        remedies.append(
            Remedy(
                title="Attach an existing registry to the workspace, or create it again under its name",
                detail="The images of the workspace's environments have to be built again.",
            )
        )
    if not remedies:
        remedies.append(Remedy(title="Name an existing registry in the environment's image"))
    return tuple(remedies)


CAUSE = RegistryAbsent()
