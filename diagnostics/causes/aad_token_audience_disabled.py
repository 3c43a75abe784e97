"""The registry refuses tokens made for Azure Resource Manager, and the puller sends one."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._commands import az, of_registry
from diagnostics.causes._pulling import RIGHT_FACTS, right_needless
from diagnostics.causes.role_propagating import fresh_grants
from diagnostics.credential_facts import DenyAssignments
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import Right, denies_pull
from diagnostics.pull_right import pull_right, right_unread
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = (*RIGHT_FACTS, "deny-assignments")
_EXCHANGE = ("oauth2/exchange", "exchange request", "refresh token")


class AadTokenAudienceDisabled:
    """Source: *Disable authentication-as-arm* (container registry, 2026-02-06): *some Azure services and integrations
    might not work*. Which ones send such a token is not documented, so the policy alone proves nothing.
    """

    id = "aad-token-audience-disabled"
    title = "The registry refuses tokens made for Azure Resource Manager"
    step = PullStep.IDENTITY
    rank = 40
    masked = False
    explains = frozenset({"unauthorized", "forbidden", "identity-misconfigured"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the policy is off, the exchange refused the identity, and its right was there."""
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if registry.arm_audience_tokens and case.registry_changed:
            return unread(self.title, _target(registry), f"such tokens are taken now, but {case.registry_changed}")
        if registry.arm_audience_tokens:
            return contradicted(f"{registry.name} takes tokens made for Azure Resource Manager")
        if (needless := right_needless(case, self.title)) is not None:
            return needless
        if case.registry_changed and self.id not in case.named:
            return unread(self.title, _target(registry), f"such tokens are refused now, but {case.registry_changed}")
        if self.id in case.named:
            return _proven(registry, "the registry's answer in the log names the token's audience")
        if not _at_the_exchange(case):
            return compatible(
                self.title, f"{registry.name} refuses such tokens; the log does not show which one was sent"
            )
        return self._by_elimination(case, registry)

    def _by_elimination(self, case: Case, registry: Registry) -> Judgement:
        """An exchange refuses an identity without a right as well: where the right stood, it was the token."""
        right, denied = pull_right(case), case.value("deny-assignments", DenyAssignments)
        if right is None or denied is None:
            missing = (*right_unread(case), *case.unread("deny-assignments"))
            return unread(self.title, _target(registry), *missing, remedies=_remedies(registry))
        taken = any(denies_pull(it.permissions, abac=registry.abac) for it in denied.denials)
        if right.then is not Right.GRANTED or taken or fresh_grants(right, case.failed_at):
            return compatible(self.title, "the identity's right to pull was not there, which explains the refusal, too")
        if right.unseen:
            return unread(self.title, _target(registry), *right.unseen, remedies=_remedies(registry))
        return _proven(
            registry,
            "the exchange of the identity's token was refused",
            "the identity's right to pull was there, so it was the token that was refused",
        )


def _at_the_exchange(case: Case) -> bool:
    if case.primary is None or not case.captured("identity"):
        return False
    said = " ".join(case.primary.excerpt.lines).lower()
    return "401" in said and any(mark in said for mark in _EXCHANGE)


def _target(registry: Registry) -> str:
    return f"audience policy of {registry.id.lower()}"


def _proven(registry: Registry, *why: str) -> Judgement:
    return proven(
        f"{registry.name} refuses the token that the compute sends: it is made for Azure Resource Manager",
        _target(registry),
        f"the policy azureADAuthenticationAsArmPolicy of {registry.name} is disabled",
        *why,
        remedies=_remedies(registry),
    )


def _remedies(registry: Registry) -> tuple[Remedy, ...]:
    return (
        Remedy(
            title=f"Let {registry.name} take tokens made for Azure Resource Manager again",
            detail=(
                "Azure Policy may have switched it off ('Container registries should have ARM audience token "
                "authentication disabled'): exempt the registry there first, or it comes back."
            ),
            command=az(
                "acr", "config", "authentication-as-arm", "update", "--registry", registry.name, "--status", "enabled"
            ),
            bicep=of_registry(registry) + "properties: {\n  policies: {\n    azureADAuthenticationAsArmPolicy: "
            "{ status: 'enabled' }\n  }\n}",
        ),
    )


CAUSE = AadTokenAudienceDisabled()
