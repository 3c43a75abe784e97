"""The identity that pulls and the registry belong to different tenants."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import foreign_host, workspace_words
from diagnostics.causes._pulling import right_needless
from diagnostics.credential_facts import RegistryTenancy
from diagnostics.model import PullStep, Remedy
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "registry-tenant")


class RegistryInOtherTenant:
    """Source: *Authenticate with managed identity* (container registry): an identity logs in within its own tenant."""

    id = "registry-in-other-tenant"
    title = "The compute's identity and the registry belong to different tenants"
    step = PullStep.IDENTITY
    rank = 4
    masked = False
    explains = frozenset({"unauthorized", "forbidden", "identity-misconfigured"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the registry's subscription is of another tenant than the identity that pulls."""
        if foreign_host(case):
            return contradicted(f"{foreign_host(case)} is no Azure registry")
        if (needless := right_needless(case, self.title)) is not None:
            return needless
        tenancy, registry, puller = case.value("registry-tenant", RegistryTenancy), case.registry, case.puller
        if tenancy is None or registry is None or puller is None:
            return unread(self.title, case.registry_words, *case.unread(*_NEEDS), remedies=_remedies(case))
        if tenancy.one_subscription:
            return contradicted(f"{registry.name} and the workspace are in one subscription, so in one tenant")
        own = (puller.identity.tenant_id if puller.identity else None) or tenancy.workspace_tenant
        theirs = tenancy.registry_tenant
        if not own or not theirs:
            return unread(
                self.title, case.registry_words, "the tenant of the registry's or of the workspace's subscription"
            )
        if own.lower() == theirs.lower():
            return contradicted(f"the identity and {registry.name} are of one tenant")
        if puller.kind is not PullerKind.IDENTITY:
            return compatible(self.title, f"{registry.name} is of another tenant, but no identity is known to pull")
        return proven(
            f"{case.compute_words} pulls as an identity of another tenant than {registry.name}'s",
            f"{registry.id.lower()} from tenant {own.lower()}",
            f"the {puller} is of the tenant {own}",
            f"{registry.name} is of the tenant {theirs}; a managed identity gets no token of another tenant",
            remedies=_remedies(case),
        )


def _remedies(case: Case) -> tuple[Remedy, ...]:
    workspace, group = workspace_words(case)
    return (
        Remedy(
            title=f"Pull from {case.registry_words} through a workspace connection with a token of that registry",
            detail=(
                f"On {case.registry_words}: Repository permissions > Tokens > Add, for this repository, to pull only. "
                "Then Studio: Settings > Connections > Add > Container registry with the token's name and password."
            ),
            command=az(
                "ml", "connection", "create", "--file", "connection.yml", "--workspace-name", workspace,
                "--resource-group", group,
            ),
        ),
        Remedy(
            title="Or import the image into a registry of the workspace's own tenant",
            detail="A role cannot be granted to a managed identity of another tenant.",
        ),
    )  # fmt: skip


CAUSE = RegistryInOtherTenant()
