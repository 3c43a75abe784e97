"""The pull relies on the registry's admin user, which is off."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_user
from diagnostics.causes._commands import az
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight, pull_right
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "role-grants", "role-visibility")


class AdminUserDisabled:
    """*Admin user is disabled* alone proves nothing: it is often the fallback after something else was refused."""

    id = "admin-user-disabled"
    title = "The pull relies on the registry's admin user, which is off"
    step = PullStep.IDENTITY
    rank = 20
    masked = False
    explains = frozenset({"admin-user-disabled", "unauthorized", "identity-misconfigured"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the pull can only have used the admin user and it is off."""
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if registry.admin_user_enabled and case.registry_changed:
            return unread(self.title, case.registry_words, f"the admin user is on now, but {case.registry_changed}")
        if registry.admin_user_enabled:
            return contradicted(f"the admin user of {registry.name} is on")
        why = relies_on_admin_user(case)
        if why is None:
            return self._without_reliance(case)
        if case.registry_changed and case.symptom != "admin-user-disabled":
            return unread(self.title, case.registry_words, f"the admin user is off now, but {case.registry_changed}")
        right = pull_right(case)
        if right is not None and right.then is Right.GRANTED and case.symptom == "admin-user-disabled":
            return compatible(
                self.title, "the compute's identity has the right to pull, so the admin user is not needed"
            )
        if case.symptom == "admin-user-disabled" and (unseen := _right_unseen(case, right)):
            return unread(self.title, case.registry_words, *unseen)
        return _proven(registry, why)

    def _without_reliance(self, case: Case) -> Judgement:
        if case.compute is not None and case.compute.identities:
            return contradicted("the compute has an identity to pull with, so the admin user is not needed")
        return compatible(self.title, "nothing says that the pull relies on the admin user")


def _right_unseen(case: Case, right: PullRight | None) -> tuple[str, ...]:
    """Say what was not seen of an identity whose right would make the admin user needless."""
    if right is not None or (case.puller is not None and case.puller.principal_id is None):
        return ()
    hidden = "the identity's roles on the registry, which we may not read"
    return case.unread(*_NEEDS) or (hidden,)


def _proven(registry: Registry, why: str) -> Judgement:
    return proven(
        f"The admin user of {registry.name} is off, and the pull relies on it",
        f"admin user of {registry.id.lower()}",
        why,
        f"the admin user of {registry.name} is off",
        remedies=(
            Remedy(
                title="Pull with a managed identity instead of the admin user",
                detail=(
                    "Give the compute a managed identity with the pull role on the registry and remove user name and "
                    "password from the environment: that way no shared password is needed."
                ),
            ),
            Remedy(
                title=f"Or switch the admin user of {registry.name} on",
                detail=f"Portal: {registry.name} > Access keys > Admin user. Whoever has the password can then push.",
                command=az("acr", "update", "--name", registry.name, "--admin-enabled", "true"),
            ),
        ),
    )


CAUSE = AdminUserDisabled()
