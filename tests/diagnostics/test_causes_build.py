"""The causes about building an image: what decides each, what speaks against it, what is said where nobody could look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    IMAGE,
    REGISTRY,
    SERVER,
    WORKSPACE,
    evidence,
    healthy,
    judged,
    lookup,
    manifest,
    no_registry,
    registry,
    symptom,
    workspace,
)

from diagnostics.build_facts import BuildCompute, Builder, BuildFault, BuildLog, SubscriptionOffer
from diagnostics.case import Case
from diagnostics.facts import ManifestOutcome, Registry
from diagnostics.judging import all_causes, judge, needed_facts
from diagnostics.model import Status, Symptom, Unknown
from diagnostics.verdicts import Judgement, Proof

FILE = "azureml-logs/20_image_build_log.txt"
LOST = Unknown(reason="HTTP 403, AuthorizationFailed")
SUBSCRIPTION_ID = "11111111-1111-4111-8111-111111111111"
CAUSES = (
    "build-base-image-failed",
    "build-blocked-by-firewall",
    "build-compute-missing",
    "build-definition-broken",
    "build-dependency-failed",
    "build-tasks-not-permitted",
)


def log(fault: str = "", **changes: Any) -> BuildLog:
    """Return what a build's log says."""
    values: dict[str, Any] = {"file": FILE, "builder": Builder.TASKS, "fault": fault}
    if fault:
        values |= {"said": "the error", "said_line": 9}
    if fault in (BuildFault.DEPENDENCY, BuildFault.DEFINITION, BuildFault.BASE_IMAGE):
        values |= {"step": "RUN it", "step_line": 4}
    return BuildLog(**values | changes)


def closed(**changes: Any) -> Registry:
    """Return a registry that lets one network in and no trusted task."""
    rules = {"default_action": "Deny", "ip_rules": ("198.51.100.0/24",), "trusted_services_for_tasks": False}
    return registry(**rules | changes)


def world(**changes: Any) -> dict[str, Any]:
    """Return the facts of a workspace that builds with ACR Tasks, and nothing wrong with it."""
    offer = SubscriptionOffer(id=SUBSCRIPTION_ID, quota_id="PayAsYouGo_2014-09-01")
    usual = {"build_log": BuildLog(), "build_compute": BuildCompute(name=None), "subscription_offer": offer}
    return healthy(**usual | changes)


def failed(**changes: Any) -> Symptom:
    """Return the wrapper: the build failed, and the text does not say why."""
    return symptom("image-build-failed", "Image build failed.", **changes)


def said_of(cause: str, shown: Symptom | None = None, **facts: Any) -> Judgement:
    """Judge one cause."""
    return judged(cause, shown or failed(), facts=world(**facts))


# --- what each is proven by ---------------------------------------------------------------------------------

PROVING: dict[str, dict[str, Any]] = {
    "build-dependency-failed": {"build_log": log(BuildFault.DEPENDENCY, subject="tailspin==3")},
    "build-definition-broken": {"build_log": log(BuildFault.DEFINITION, subject="RUUN")},
    "build-base-image-failed": {"build_log": log(BuildFault.BASE_IMAGE, subject="tailspin/base:2")},
    "build-blocked-by-firewall": {
        "build_log": log(BuildFault.LOGIN, address="203.0.113.8"),
        "registry": lookup(closed()),
    },
    "build-compute-missing": {"registry": lookup(closed(public_access=False))},
    "build-tasks-not-permitted": {
        "subscription_offer": SubscriptionOffer(id=SUBSCRIPTION_ID, quota_id="FreeTrial_2014-09-01")
    },
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_fact_by_itself_proves_each_cause_of_a_build(cause: str) -> None:
    """Under the bare wrapper the facts decide, and the message has a way out."""
    said = said_of(cause, **PROVING[cause])
    assert said.proof is Proof.PROVEN
    assert said.remedies
    assert said.target


@pytest.mark.parametrize("cause", CAUSES)
def test_a_healthy_world_proves_no_cause_of_a_build(cause: str) -> None:
    """The wrapper alone confirms nothing."""
    assert said_of(cause).proof is not Proof.PROVEN


@pytest.mark.parametrize("cause", CAUSES)
def test_a_pull_is_none_of_their_business(cause: str) -> None:
    """Where no image was being built they have nothing to say."""
    found = next(candidate for candidate in all_causes() if candidate.id == cause)
    assert found.judge(Case(evidence(symptom("network-firewall"), facts=healthy()))) is None


@pytest.mark.parametrize("cause", CAUSES)
def test_a_named_cause_is_likely_where_nothing_could_be_read(cause: str) -> None:
    """What the text names and nobody could check falls back."""
    diagnosis = judge(evidence(failed(names=(cause,))))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.LIKELY)
    assert diagnosis.headline is not None
    assert diagnosis.headline.unchecked


# --- the log decides ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "fault"),
    [
        ("build-dependency-failed", BuildFault.DEPENDENCY),
        ("build-definition-broken", BuildFault.DEFINITION),
        ("build-base-image-failed", BuildFault.BASE_IMAGE),
    ],
)
def test_the_step_and_the_line_that_explains_it_are_quoted(cause: str, fault: str) -> None:
    """The message shows the failing step, what stands above, and the error, each with its place."""
    said = said_of(cause, build_log=log(fault, above="connection broken by x", above_line=7))
    assert said.reasons[:3] == (
        f"the step that failed ({FILE}, line 4): RUN it",
        f"above it ({FILE}, line 7): connection broken by x",
        f"the error ({FILE}, line 9): the error",
    )


@pytest.mark.parametrize("cause", ["build-dependency-failed", "build-definition-broken", "build-base-image-failed"])
def test_a_build_that_stopped_at_something_else_contradicts(cause: str) -> None:
    """Of several faults one stopped the build."""
    assert said_of(cause, build_log=log(BuildFault.LOGIN)).proof is Proof.CONTRADICTED


@pytest.mark.parametrize("cause", ["build-dependency-failed", "build-definition-broken", "build-base-image-failed"])
@pytest.mark.parametrize("silent", [BuildLog(), log(), log(BuildFault.STEP)])
def test_a_log_that_does_not_say_why_decides_nothing(cause: str, silent: BuildLog) -> None:
    """No log, an unfinished one, or a step of the user's own that failed."""
    said = said_of(cause, build_log=silent)
    assert said.proof is Proof.UNREAD
    assert said.unchecked


@pytest.mark.parametrize("cause", ["build-dependency-failed", "build-definition-broken"])
def test_the_component_s_own_statement_is_enough(cause: str) -> None:
    """The installer and the builder know themselves, also where the rest of the log could not be read."""
    said = said_of(cause, failed(names=(cause,), decisive=True, file=FILE), build_log=LOST)
    assert said.proof is Proof.PROVEN
    assert f"({FILE}, line 12)" in said.reasons[0]


def test_a_package_s_source_that_did_not_answer_is_said_in_the_headline() -> None:
    """The package may be fine: what stands above the error is what has to be settled first."""
    said = said_of("build-dependency-failed", build_log=log(BuildFault.DEPENDENCY, subject="p", above="broken by E"))
    assert said.headline.endswith("the package p: broken by E")
    assert "settle that first" in said.remedies[0].detail


# --- build-base-image-failed --------------------------------------------------------------------------------


def base(shown: Symptom, image: str = IMAGE, **facts: Any) -> Judgement:
    """Judge a build that stopped at its FROM."""
    at_from = log(BuildFault.BASE_IMAGE, subject=IMAGE)
    return judged("build-base-image-failed", shown, facts=world(build_log=at_from, **facts), image=image)


@pytest.mark.parametrize(
    ("outcome", "inner"),
    [(ManifestOutcome.TAG_UNKNOWN, "tag-absent"), (ManifestOutcome.REPOSITORY_UNKNOWN, "repository-absent")],
)
def test_the_registry_s_answer_about_the_base_is_its_inner_cause(outcome: str, inner: str) -> None:
    """The base image's pull is judged in its own right, and named beside the build."""
    said = base(symptom("tag-not-found", file=FILE), manifest=manifest(outcome))
    assert said.headline.endswith(inner)
    assert "404" in said.reasons[-1]


def test_an_answer_about_another_image_is_no_inner_cause() -> None:
    """That the image to be built is not there yet says nothing of its base."""
    gone = manifest(ManifestOutcome.REPOSITORY_UNKNOWN)
    said = base(symptom("unauthorized", file=FILE), image=f"{SERVER}/azureml/azureml_1:1", manifest=gone)
    assert said.headline.endswith("unauthorized")


def test_what_the_text_names_is_the_inner_cause() -> None:
    """Docker Hub's own words name its limit; words about the build itself do not count."""
    shown = symptom("rate-limited", file=FILE, names=("build-base-image-failed", "docker-hub-limit"))
    assert base(shown).headline.endswith("docker-hub-limit")
    assert base(failed()).headline.endswith("the log does not say why")


def test_base_image_and_inner_cause_are_both_confirmed_in_that_order() -> None:
    """The build comes before the pull of what it builds on."""
    facts = world(build_log=log(BuildFault.BASE_IMAGE, subject=IMAGE), manifest=manifest(ManifestOutcome.TAG_UNKNOWN))
    diagnosis = judge(evidence(symptom("tag-not-found", file=FILE), facts=facts))
    assert diagnosis.verdict == "build-base-image-failed"
    assert [finding.cause for finding in diagnosis.also] == ["tag-absent"]


# --- build-blocked-by-firewall ------------------------------------------------------------------------------


def blocked(address: str = "203.0.113.8", **changes: Any) -> Judgement:
    """Judge ACR Tasks refused at the log-in of a registry with ``changes``."""
    at_login = log(BuildFault.LOGIN, address=address)
    return said_of("build-blocked-by-firewall", registry=lookup(closed(**changes)), build_log=at_login)


def test_an_agent_in_none_of_the_rules_is_refused_by_them() -> None:
    """The way out is a build compute, with the setting's own name, and not a rule for an address that changes."""
    said = blocked()
    assert said.target == f"builds on {REGISTRY.lower()}"
    assert any("203.0.113.8" in reason and "198.51.100.0/24" in reason for reason in said.reasons)
    assert "imageBuildCompute" in said.remedies[0].title
    assert said.remedies[0].command.startswith("az ml workspace update --name proseware-ml --resource-group rg-train")
    assert "imageBuildCompute: " in said.remedies[0].bicep


@pytest.mark.parametrize("changes", [{"public_access": False}, {"ip_rules": ()}])
def test_a_registry_that_lets_nobody_in_needs_no_address(changes: dict[str, Any]) -> None:
    """Without public access, or with no rule at all, whatever address it was is refused."""
    assert blocked(address="", **changes).proof is Proof.PROVEN


@pytest.mark.parametrize("address", ["", "nonsense"])
def test_without_the_agent_s_address_the_rules_decide_nothing(address: str) -> None:
    """It could be one that is listed."""
    said = blocked(address=address)
    assert said.proof is Proof.UNREAD
    assert "does not show" in said.unchecked[0]


def test_a_rule_that_covered_the_agent_contradicts() -> None:
    """It stood before the failure."""
    assert blocked(address="198.51.100.9").proof is Proof.CONTRADICTED


@pytest.mark.parametrize("changed", [AFTER, None])
def test_a_rule_that_may_be_newer_than_the_failure_decides_nothing(changed: Any) -> None:
    """Settings changed since, or at a time that is not told, may have been the repair."""
    assert blocked(address="198.51.100.9", changed_at=changed).proof is Proof.UNREAD


def test_an_open_registry_contradicts_unless_it_was_opened_since() -> None:
    """What is open now may have been opened after the failure."""
    assert blocked(default_action="Allow").proof is Proof.CONTRADICTED
    assert blocked(default_action="Allow", changed_at=AFTER).proof is Proof.UNREAD


@pytest.mark.parametrize(
    "seen",
    [log(BuildFault.DEPENDENCY), log(BuildFault.LOGIN, builder=Builder.COMPUTE), log(builder=Builder.SERVERLESS)],
)
def test_a_build_that_got_in_or_was_no_task_contradicts(seen: BuildLog) -> None:
    """Only ACR Tasks at its log-in is meant."""
    said = said_of("build-blocked-by-firewall", registry=lookup(closed()), build_log=seen)
    assert said.proof is Proof.CONTRADICTED


def test_a_closed_registry_alone_does_not_show_that_tasks_was_refused() -> None:
    """No log shows that ACR Tasks was at it at all."""
    assert said_of("build-blocked-by-firewall", registry=lookup(closed())).proof is Proof.UNREAD


@pytest.mark.parametrize("cause", ["build-blocked-by-firewall", "build-compute-missing"])
def test_a_registry_that_nobody_lists_is_said_to_be_so(cause: str) -> None:
    """Its rules cannot be known."""
    said = said_of(cause, registry=no_registry())
    assert said.proof is Proof.UNREAD
    assert any(SERVER in words for words in said.unchecked)


def test_the_refused_build_goes_before_the_refused_address() -> None:
    """One situation, the id that names the thing to change, and nothing else confirmed."""
    shown = symptom(
        "network-firewall",
        "client with IP '203.0.113.8' is not allowed",
        file=FILE,
        names=("build-blocked-by-firewall",),
        captured={"address": "203.0.113.8"},
    )
    facts = world(registry=lookup(closed()), build_log=log(BuildFault.LOGIN))
    diagnosis = judge(evidence(shown, facts=facts))
    assert (diagnosis.verdict, diagnosis.status) == ("build-blocked-by-firewall", Status.CONFIRMED)
    assert diagnosis.also == ()


# --- build-compute-missing ----------------------------------------------------------------------------------


def build_compute(found: BuildCompute, shown: Symptom | None = None, **changes: Any) -> Judgement:
    """Judge the workspace's build compute beside a registry with ``changes``."""
    return said_of("build-compute-missing", shown, build_compute=found, registry=lookup(registry(**changes)))


UNSET = BuildCompute(name=None)
GONE = BuildCompute(name="builder")
USABLE = BuildCompute(name="builder", found=True, kind="AmlCompute", provisioning_state="Succeeded", created_at=BEFORE)
NAMED = ("build-compute-missing",)
CLOSED: dict[str, Any] = {"public_access": False}


def test_unset_alone_is_normal() -> None:
    """ACR Tasks builds then, and an open registry lets it."""
    said = build_compute(UNSET)
    assert said.proof is Proof.CONTRADICTED
    assert "none is needed" in said.against[0]


def test_unset_and_a_closed_registry_is_proven() -> None:
    """Nothing is left that could build."""
    said = build_compute(UNSET, **CLOSED)
    assert said.proof is Proof.PROVEN
    assert said.target == f"imageBuildCompute of {WORKSPACE.lower()}"


def test_a_registry_closed_since_the_failure_proves_nothing() -> None:
    """It may have been open when the build failed."""
    assert build_compute(UNSET, **CLOSED, changed_at=AFTER).proof is Proof.UNREAD


@pytest.mark.parametrize(
    ("shown", "changes"),
    [(failed(names=NAMED), {}), (failed(), {"default_action": "Deny"}), (failed(), {"changed_at": AFTER})],
)
def test_where_tasks_may_have_been_kept_out_nothing_is_ruled_out(shown: Symptom, changes: dict[str, Any]) -> None:
    """The text says so, rules may let tasks pass, or the settings are newer than the failure."""
    assert build_compute(UNSET, shown, **changes).proof is Proof.UNREAD


@pytest.mark.parametrize(
    "unusable",
    [
        GONE,
        BuildCompute(name="builder", found=True, kind="AmlCompute", provisioning_state="Failed"),
        BuildCompute(name="builder", found=True, kind="ComputeInstance", provisioning_state="Succeeded"),
    ],
)
def test_a_set_compute_that_cannot_build(unusable: BuildCompute) -> None:
    """Gone, failed or somebody's own: with a closed registry, or where the text says that it was wanted."""
    assert build_compute(unusable, **CLOSED).proof is Proof.PROVEN
    assert build_compute(unusable, failed(names=NAMED)).proof is Proof.PROVEN
    assert build_compute(unusable).proof is Proof.COMPATIBLE


def test_a_usable_compute_contradicts_unless_it_may_be_new() -> None:
    """One made since the failure, or a setting that the text complained of, may be the repair."""
    later = BuildCompute(name="builder", found=True, kind="AmlCompute", created_at=FAILED + timedelta(minutes=5))
    assert build_compute(USABLE, **CLOSED).proof is Proof.CONTRADICTED
    assert build_compute(later, **CLOSED).proof is Proof.UNREAD
    assert build_compute(USABLE, failed(names=NAMED), **CLOSED).proof is Proof.UNREAD


def test_a_build_that_was_at_its_steps_had_a_compute() -> None:
    """Whatever the settings say, it was built somewhere."""
    said = said_of("build-compute-missing", registry=lookup(closed()), build_log=log(BuildFault.DEPENDENCY))
    assert said.proof is Proof.CONTRADICTED


# --- build-tasks-not-permitted ------------------------------------------------------------------------------


def tasks(quota: str | None, shown: Symptom | None = None, **facts: Any) -> Judgement:
    """Judge whether the subscription may run ACR Tasks."""
    offer = SubscriptionOffer(id=SUBSCRIPTION_ID, quota_id=quota)
    return said_of("build-tasks-not-permitted", shown, subscription_offer=offer, **facts)


REFUSED = failed(names=("build-tasks-not-permitted",), decisive=True)


@pytest.mark.parametrize("quota", ["PayAsYouGo_2014-09-01", "FreeTrial_2014-09-01", None])
def test_azure_s_own_refusal_is_enough(quota: str | None) -> None:
    """Support may have blocked a paid subscription too; a free offer is said as a second reason."""
    said = tasks(quota, REFUSED)
    assert said.proof is Proof.PROVEN
    assert len(said.reasons) == (2 if quota == "FreeTrial_2014-09-01" else 1)


def test_azure_s_own_refusal_needs_no_other_fact() -> None:
    """It is decisive with nothing else read."""
    shown = judge(evidence(REFUSED))
    assert (shown.verdict, shown.status) == ("build-tasks-not-permitted", Status.CONFIRMED)


@pytest.mark.parametrize("quota", ["AzureForStudents_2018-01-01", "AzurePass_2014-09-01"])
def test_a_free_offer_with_no_build_begun_is_proven(quota: str) -> None:
    """No log was written, nothing else builds, and the offer has no ACR Tasks."""
    assert tasks(quota).proof is Proof.PROVEN


@pytest.mark.parametrize("seen", [log(BuildFault.DEPENDENCY), log(), log(builder=Builder.COMPUTE)])
def test_a_build_that_ran_contradicts(seen: BuildLog) -> None:
    """Whoever ran it, it was permitted to."""
    assert tasks("FreeTrial_2014-09-01", build_log=seen).proof is Proof.CONTRADICTED


def test_a_paid_offer_or_a_build_compute_contradicts() -> None:
    """Without Azure's own refusal a paid offer builds, and a build compute needs no ACR Tasks."""
    assert tasks("EnterpriseAgreement_2014-09-01").proof is Proof.CONTRADICTED
    own = workspace(image_build_compute="builder")
    assert tasks("FreeTrial_2014-09-01", workspace=own).proof is Proof.CONTRADICTED


def test_an_offer_that_is_not_told_decides_nothing() -> None:
    """And neither does a log that does not show who built."""
    assert tasks(None).proof is Proof.UNREAD
    assert tasks("FreeTrial_2014-09-01", build_log=log(builder="")).proof is Proof.COMPATIBLE


# --- what is asked for --------------------------------------------------------------------------------------


def test_only_a_failed_build_asks_for_the_facts_of_builds() -> None:
    """A pull that a firewall refuses costs no call about build computes or offers."""
    of_builds = {"build-log", "build-compute", "subscription-offer"}
    assert of_builds & set(needed_facts("network-firewall", building=False)) == set()
    assert of_builds <= set(needed_facts("image-build-failed"))


def test_the_facts_of_builds_have_words() -> None:
    """Each is said in one sentence in the checks."""
    diagnosis = judge(evidence(failed(), facts=world(build_compute=USABLE, build_log=log(BuildFault.LOGIN))))
    shown = "\n".join(diagnosis.checks)
    assert "builder, AmlCompute, Succeeded" in shown
    assert f"{SUBSCRIPTION_ID}: PayAsYouGo_2014-09-01" in shown
    assert f"{FILE}, built by ACR Tasks; it stopped at: log-in to the registry" in shown
    assert str(GONE) == "builder is set and is not among the workspace's computes"
