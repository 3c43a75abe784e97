"""The pull relies on stored keys of the registry's admin user, which have changed since."""

from __future__ import annotations

from diagnostics.case import Case
from diagnostics.causes._admin import relies_on_admin_setting
from diagnostics.causes._commands import az
from diagnostics.causes._credentials import connections_to, workspace_words
from diagnostics.credential_facts import ActivityEvent, ActivityLog
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.probes.activity_log import REGENERATED, REMOVED, SYNCED
from diagnostics.pullers import PullerKind
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("compute", "registry", "activity-log")


class CredentialsStale:
    """Source: *Regenerate storage and registry keys* (azure-ai-docs): a workspace keeps the keys until it is synced."""

    id = "credentials-stale"
    title = "The stored keys of the registry's admin user are no longer valid"
    step = PullStep.IDENTITY
    rank = 30
    masked = False
    explains = frozenset({"unauthorized"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the activity log shows new keys, or a new registry, and no sync after it."""
        registry = case.registry
        if registry is None or case.puller is None:
            return unread(self.title, case.registry_words, *case.unread("compute", "registry"), remedies=_sync(case))
        if not registry.admin_user_enabled and case.registry_changed:
            since = f"the admin user is off now, but {case.registry_changed}"
            return unread(self.title, _target(registry), since, remedies=_sync(case))
        if not registry.admin_user_enabled:
            return contradicted(f"the admin user of {registry.name} is off, so nothing relies on its keys")
        why = _reliance(case)
        if why is None:
            return self._unrelied(case, registry)
        log = case.value("activity-log", ActivityLog)
        if log is None or log.since is None:
            return unread(
                self.title, _target(registry), *case.unread("activity-log"), reasons=(why,), remedies=_sync(case)
            )
        return self._by_log(case, registry, log, why)

    def _unrelied(self, case: Case, registry: Registry) -> Judgement:
        """A connection may hold the admin user's keys: Azure shows no connection's user name."""
        connections = [it for it in connections_to(case) or () if it.has_secret]
        if not connections or (case.puller and case.puller.kind is PullerKind.IDENTITY and case.captured("identity")):
            return contradicted(f"nothing says that the pull relies on the keys of {registry.name}")
        unseen = f"whether the connection {connections[0].name} holds a key of the admin user"
        return unread(self.title, _target(registry), unseen)

    def _by_log(self, case: Case, registry: Registry, log: ActivityLog, why: str) -> Judgement:
        before = [it for it in log.events if it.time <= case.failed_at]
        changed = [it for it in before if it.operation.lower() in {REGENERATED, REMOVED}]
        if not changed:
            since = f"whether the keys were changed before {log.since:%Y-%m-%d}, where the activity log begins"
            return unread(self.title, _target(registry), since, reasons=(why,), remedies=_sync(case))
        last = changed[-1]
        if any(it.operation.lower() == SYNCED and it.time >= last.time for it in before):
            return contradicted(f"the workspace's keys were synced after the change of {last.time:%Y-%m-%d %H:%M} UTC")
        if case.registry_changed:
            since = f"the admin user is on now, but {case.registry_changed}"
            return unread(self.title, _target(registry), since, remedies=_sync(case))
        return _proven(case, registry, last, why, [it for it in log.events if it.time > case.failed_at])


def _reliance(case: Case) -> str | None:
    if relies_on_admin_setting(case):
        return "the run's definition logs in as the admin user"
    if case.evidence.details is not None and case.evidence.details.registry_username:
        return None  # it logs in as somebody else
    if case.puller is not None and case.puller.kind is PullerKind.ADMIN_USER:
        return case.puller.reason
    return None


def _target(registry: Registry) -> str:
    return f"keys of {registry.id.lower()}"


def _proven(case: Case, registry: Registry, last: ActivityEvent, why: str, later: list[ActivityEvent]) -> Judgement:
    removed = last.operation.lower() == REMOVED
    done = "deleted and made again" if removed else "given new keys"
    when = f"{last.time:%Y-%m-%d %H:%M} UTC"
    reasons = [why, f"{registry.name} was {done} on {when}", "since then the workspace's copy had not been synced"]
    synced = next((it for it in later if it.operation.lower() == SYNCED), None)
    remedies = _sync(case)
    if synced is not None:
        reasons.append(f"fixed since: the keys were synced on {synced.time:%Y-%m-%d %H:%M} UTC")
        remedies = (Remedy(title="Run again: the workspace's keys have been synced since"),)
    headline = f"The stored keys of {registry.name} are stale: the registry was {done} on {when}"
    return proven(headline, _target(registry), *reasons, remedies=remedies)


def _sync(case: Case) -> tuple[Remedy, ...]:
    workspace, group = workspace_words(case)
    where = ("--name", workspace, "--resource-group", group)
    sync = Remedy(
        title=f"Sync the keys that {workspace} keeps",
        detail=f"It takes the registry's current keys into the key vault. Portal: {workspace} > Resync keys.",
        command=az("ml", "workspace", "sync-keys", *where),
    )
    better = Remedy(
        title="Or pull with a managed identity, which has no key that could become stale",
        detail="Give the compute an identity with the pull role, and switch the registry's admin user off.",
    )
    if relies_on_admin_setting(case):
        own = "The run's definition holds its own copy of the password: put the new one there, or remove it."
        return (Remedy(title="Renew the password in the run's definition", detail=own), better)
    return (sync, better)


CAUSE = CredentialsStale()
