"""The subscription may not run ACR Tasks."""

from __future__ import annotations

from diagnostics.build_facts import Builder, BuildLog, SubscriptionOffer
from diagnostics.case import Case
from diagnostics.causes._building import build_compute_remedy, build_log
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_NEEDS = ("workspace", "subscription-offer", "build-log")
_FREE = ("FreeTrial_", "AzureForStudents", "AzurePass_", "DreamSpark_")
"""Quota ids of offers that are free of charge (*Azure offers*, subscriptionPolicies.quotaId).

ACR Tasks runs are not permitted on free credits (*ACR Tasks overview*, note).
"""


class BuildTasksNotPermitted:
    """Decided by Azure's own ``TasksOperationsNotAllowed``, or by an offer that has no ACR Tasks where none ran."""

    id = "build-tasks-not-permitted"
    title = "The subscription may not run ACR Tasks"
    step = PullStep.BUILD
    rank = 5
    masked = False
    explains = frozenset({"image-build-failed"})
    needs = _NEEDS

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where Azure says so, or the offer does and no task ran."""
        offer, log = case.value("subscription-offer", SubscriptionOffer), build_log(case)
        if self.id in case.decisive and case.primary is not None:
            said = f"{case.primary.emitter} says so itself: {case.primary.text.strip()[:300]}"
            return _proven(case, offer, said)
        if not case.while_building:
            return None
        if log is not None and (log.step or log.builder):
            return contradicted(f"{log.builder or 'a builder'} did run the build ({log.file})")
        target = f"ACR Tasks in {offer.id if offer else 'the subscription'}"
        if offer is None or log is None or case.workspace is None:
            return unread(self.title, target, *case.unread(*_NEEDS))
        if case.workspace.image_build_compute:
            return contradicted(f"the workspace builds on {case.workspace.image_build_compute}, not with ACR Tasks")
        return _by_offer(case, offer, log)


def _by_offer(case: Case, offer: SubscriptionOffer, log: BuildLog) -> Judgement:
    title, target = BuildTasksNotPermitted.title, f"ACR Tasks in {offer.id}"
    if offer.quota_id is None:
        return unread(title, target, "the subscription's offer: Azure does not tell it")
    if not offer.quota_id.startswith(_FREE):
        return contradicted(f"the offer {offer.quota_id} has {Builder.TASKS}")
    if log.file:
        return compatible(title, f"the offer is {offer.quota_id}, but {log.file} does not show who built")
    return _proven(case, offer, "no build log was written, so no task ran")


def _proven(case: Case, offer: SubscriptionOffer | None, why: str) -> Judgement:
    known = offer is not None and offer.quota_id and offer.quota_id.startswith(_FREE)
    reasons = [why]
    if offer is not None and known:
        reasons.append(f"the subscription's offer is {offer.quota_id}, which has no ACR Tasks")
    registry = case.registry_words
    return proven(
        f"ACR Tasks may not run for {registry}: the subscription does not permit it",
        f"ACR Tasks in {offer.id if offer else registry}",
        *reasons,
        remedies=(
            build_compute_remedy(case, registry),
            Remedy(
                title="Or move the subscription to a paid offer, or ask Azure support to permit ACR Tasks",
                detail="Portal: Help + support > Create a support request > Container Registry > ACR Tasks.",
            ),
        ),
    )


CAUSE = BuildTasksNotPermitted()
