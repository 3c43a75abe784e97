"""The causes about who may pull: the role, the mode that ignores it, the identity, the admin user."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    FAILED,
    PRINCIPAL,
    REGISTRY,
    compute,
    custom_grant,
    details,
    evidence,
    grant,
    grants,
    healthy,
    identity,
    judged,
    lookup,
    no_registry,
    registry,
    run,
    symptom,
    visible,
)

from diagnostics.credential_facts import Connections
from diagnostics.facts import Grant
from diagnostics.judging import judge
from diagnostics.model import Status, Unknown
from diagnostics.permissions import PULL
from diagnostics.verdicts import Judgement, Proof

ROLE, ABAC = "pull-role-missing", "pull-role-ignored-in-abac-mode"
READER = "Container Registry Repository Reader"


def role(*held: Grant, abac: bool = False, cause: str = ROLE, **changes: Any) -> Judgement:
    """Judge the role against what is held, in a world that is healthy otherwise."""
    world = healthy(role_grants=grants(*held), registry=lookup(registry(abac=abac)))
    return judged(cause, symptom(), facts=world, **changes)


# --- pull-role-missing --------------------------------------------------------------------------------------


def test_no_role_at_all_is_proven() -> None:
    """An empty list, where we may see it, is the fact that decides, and the words say who, where and which mode."""
    said = role()
    assert said.proof is Proof.PROVEN
    assert said.headline == "cluster may not pull from prosereg: its identity has no pull role"
    assert said.target == f"{PRINCIPAL} on {REGISTRY.lower()}"
    assert "none at all" in said.reasons[0]
    assert PRINCIPAL in said.remedies[0].command


def test_a_role_without_the_pull_is_proven_and_named() -> None:
    """A role that lacks the action does not help, whatever it is called."""
    said = role(grant("AcrDelete"), grant("AcrImageSigner"))
    assert said.proof is Proof.PROVEN
    assert "AcrDelete" in said.reasons[0]


@pytest.mark.parametrize(
    "scope", [REGISTRY, "/subscriptions/1/resourceGroups/rg-train", "/subscriptions/1", "/providers/mg/groups/root"]
)
def test_a_role_at_or_above_the_registry_contradicts(scope: str) -> None:
    """A role counts at the registry, its group, its subscription or above."""
    said = role(grant("Reader", scope=scope))
    assert said.proof is Proof.CONTRADICTED
    assert "Reader" in said.against[0]


def test_a_role_through_a_group_contradicts_and_names_the_group() -> None:
    """A group's role reaches its members."""
    said = role(grant(principal_id="outer-group", principal_type="Group"))
    assert said.proof is Proof.CONTRADICTED
    assert "outer-group" in said.against[0]


def test_a_role_granted_after_the_failure_is_fixed_since() -> None:
    """A right that came too late was missing when the run failed, and the time is told."""
    said = role(grant(created_at=AFTER))
    assert said.proof is Proof.PROVEN
    assert any("fixed since" in reason and "2026-10-05 09:50" in reason for reason in said.reasons)


def test_a_role_granted_the_second_of_the_failure_was_there() -> None:
    """Only what is later than the failure came too late."""
    assert role(grant(created_at=FAILED)).proof is Proof.CONTRADICTED


def test_the_end_that_run_history_tells_is_the_failure_s_time() -> None:
    """A late event does not make a late role an early one."""
    late = run(failed_at=AFTER + timedelta(hours=1))
    said = role(grant(created_at=AFTER), run=late, details=details(ended_at=FAILED))
    assert said.proof is Proof.PROVEN


def test_an_undated_role_proves_nothing() -> None:
    """A role without a time may have come after the failure."""
    said = role(grant(created_at=None))
    assert said.proof is Proof.UNREAD
    assert "no time" in said.unchecked[0]


def test_an_undated_role_beside_a_dated_one_does_not_matter() -> None:
    """One dated role is enough to contradict."""
    assert role(grant(created_at=None), grant()).proof is Proof.CONTRADICTED


def test_an_undated_role_without_the_pull_does_not_matter() -> None:
    """A role that grants nothing needs no date."""
    assert role(grant("AcrDelete", created_at=None)).proof is Proof.PROVEN


def test_a_conditional_role_is_not_judged() -> None:
    """What a condition covers is not guessed."""
    assert role(grant(READER, condition="@Resource ..."), abac=True).proof is Proof.UNREAD


def test_a_custom_role_s_wildcard_is_not_judged() -> None:
    """An unclear wildcard neither shows nor contradicts."""
    wild = custom_grant(actions=("Microsoft.ContainerRegistry/registries/*",))
    assert role(wild).proof is Proof.UNREAD
    assert role(custom_grant(actions=(PULL,))).proof is Proof.CONTRADICTED


def test_roles_that_we_may_not_see_show_nothing() -> None:
    """An empty list is no fact for somebody who sees only a part of it."""
    world = healthy(role_grants=grants(), role_visibility=visible(readable=False))
    said = judged(ROLE, symptom(), facts=world)
    assert said.proof is Proof.UNREAD
    assert any("may not read role assignments" in words for words in said.unchecked)
    assert "AcrPull" in said.remedies[0].title


def test_an_identity_that_could_not_be_worked_out_has_no_roles_to_judge() -> None:
    """Without a principal there is nothing to look up, and the reason is told."""
    world = healthy(compute=compute(kind="Kubernetes", identities=()))
    said = judged(ROLE, symptom(), facts=world)
    assert said.proof is Proof.UNREAD
    assert "Kubernetes" in said.unchecked[0]


@pytest.mark.parametrize("cause", [ROLE, ABAC])
@pytest.mark.parametrize("changes", [{"anonymous_pull": True}, {"admin_user_enabled": True}])
def test_a_pull_that_needs_no_role_contradicts(cause: str, changes: dict[str, Any]) -> None:
    """Where anybody may pull, or the admin user does, a missing role is not the cause."""
    world = healthy(role_grants=grants(), registry=lookup(registry(abac=True, **changes)))
    assert judged(cause, symptom(), facts=world).proof is Proof.CONTRADICTED


def test_another_registry_s_admin_user_does_not_stand_in_for_a_role() -> None:
    """An admin user that the workspace does not know leaves the role needed."""
    other = lookup(registry(admin_user_enabled=True), attached=False)
    world = healthy(role_grants=grants(), registry=other)
    assert judged(ROLE, symptom(), facts=world).proof is Proof.UNREAD  # a connection may log in there
    world = healthy(role_grants=grants(), registry=other, workspace_connections=Connections())
    assert judged(ROLE, symptom(), facts=world).proof is Proof.PROVEN


# --- pull-role-ignored-in-abac-mode -------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["AcrPull", "AcrPush", "Reader", "Contributor", "Owner"])
def test_roles_of_the_other_mode_are_ignored_and_named(held: str) -> None:
    """In the repositories' mode these give nothing: that, and not their absence, is the cause."""
    said = role(grant(held), abac=True, cause=ABAC)
    assert said.proof is Proof.PROVEN
    assert held in said.headline
    assert READER in said.remedies[0].command
    assert role(grant(held), abac=True).proof is Proof.CONTRADICTED


def test_the_registry_wide_mode_ignores_nothing() -> None:
    """The cause cannot be where the mode is the other one."""
    assert role(cause=ABAC).proof is Proof.CONTRADICTED


def test_without_any_role_it_is_missing_not_ignored() -> None:
    """Nothing held, nothing ignored: the two causes never hold together."""
    assert role(abac=True, cause=ABAC).proof is Proof.CONTRADICTED
    assert role(abac=True).proof is Proof.PROVEN


def test_a_repository_role_contradicts_both() -> None:
    """The role of the mode was there."""
    for cause in (ROLE, ABAC):
        assert role(grant(READER), grant(), abac=True, cause=cause).proof is Proof.CONTRADICTED


def test_a_repository_role_that_came_later_is_fixed_since() -> None:
    """The ignored role was the cause, and needs no repair any more."""
    said = role(grant(), grant(READER, created_at=AFTER), abac=True, cause=ABAC)
    assert said.proof is Proof.PROVEN
    assert any("fixed since" in reason for reason in said.reasons)
    assert said.remedies[0].title.startswith("Run again")


def test_a_conditional_repository_role_leaves_it_open() -> None:
    """A repository role with a condition may cover the image."""
    held = (grant(), grant(READER, condition="@Resource ..."))
    assert role(*held, abac=True, cause=ABAC).proof is Proof.UNREAD


def test_the_wish_to_grant_acrpull_again_is_answered() -> None:
    """Both modes' diagnoses name the mode, since granting the obvious role changes nothing here."""
    said = role(grant(), abac=True, cause=ABAC)
    assert any("ABAC Repository Permissions" in reason for reason in said.reasons)
    assert "changes nothing" in said.remedies[0].detail


# --- pull-identity-absent -----------------------------------------------------------------------------------


def absent(**changes: Any) -> Judgement:
    """Judge the identity's absence."""
    shown = changes.pop("shown", symptom())
    told = changes.pop("details", details())
    return judged("pull-identity-absent", shown, facts=healthy(**changes), details=told)


def test_a_compute_without_identity_beside_an_admin_user_that_is_off_is_proven() -> None:
    """Nothing could have logged in."""
    said = absent(compute=compute(identities=()))
    assert said.proof is Proof.PROVEN
    assert "cluster" in said.headline
    assert "admin user of prosereg is off" in said.reasons[1]


@pytest.mark.parametrize("changes", [{"admin_user_enabled": True}, {"anonymous_pull": True}])
def test_a_registry_that_lets_in_without_identity_contradicts(changes: dict[str, Any]) -> None:
    """An admin user that is on, or anonymous pull, makes an identity needless."""
    assert absent(compute=compute(identities=()), registry=lookup(registry(**changes))).proof is Proof.CONTRADICTED


def test_an_identity_contradicts() -> None:
    """The compute has one."""
    assert "system-assigned" in absent().against[0]


def test_the_admin_user_of_another_registry_proves_nothing() -> None:
    """It is never said to be off where it is on: a connection may use it."""
    other = lookup(registry(admin_user_enabled=True), attached=False)
    said = absent(compute=compute(identities=()), registry=other)
    assert said.proof is Proof.UNREAD
    assert "connection" in said.unchecked[0]


def test_a_definition_that_asks_for_the_admin_user_is_not_about_an_identity() -> None:
    """Where the setting says admin, the admin user is the cause."""
    asked = details(registry_username="PROSEREG")
    assert absent(compute=compute(identities=()), details=asked).proof is Proof.COMPATIBLE


def test_a_kind_that_does_not_show_who_pulls_leaves_it_open() -> None:
    """Serverless has no resource whose identity could be absent."""
    said = absent(compute=compute(kind="Serverless", identities=()))
    assert (said.proof, "Serverless" in said.unchecked[0]) == (Proof.UNREAD, True)


def test_serverless_compute_is_given_an_identity_by_its_workspace_or_job() -> None:
    """There is no compute of that name whose identity a command could set."""
    shown = symptom("identity-misconfigured", signature="compute-without-identity")
    said = absent(shown=shown, compute=compute(kind="Serverless", name="serverless", identities=()))
    assert said.proof is Proof.PROVEN
    assert "the workspace proseware-ml or the job a user-assigned identity" in said.remedies[0].title
    assert "AcrPull" in said.remedies[0].detail
    assert said.remedies[0].command == ""


def test_it_goes_before_the_admin_user_where_both_could_be_used() -> None:
    """One fix that needs no password is the headline."""
    told = evidence(symptom("admin-user-disabled"), facts=healthy(compute=compute(identities=())))
    assert judge(told).verdict == "pull-identity-absent"


# --- admin-user-disabled ------------------------------------------------------------------------------------


def admin(shown: str = "unauthorized", **changes: Any) -> Judgement:
    """Judge the admin user."""
    told = changes.pop("details", details())
    return judged("admin-user-disabled", symptom(shown), facts=healthy(**changes), details=told)


def test_a_definition_that_logs_in_as_the_admin_user_relies_on_it() -> None:
    """The run's own definition names the registry's admin user, which is off."""
    said = admin(details=details(registry_username="prosereg"))
    assert said.proof is Proof.PROVEN
    assert said.remedies[0].title == "Pull with a managed identity instead of the admin user"


def test_another_user_name_is_not_the_admin_user() -> None:
    """A token's or a service principal's name has nothing to do with it."""
    assert admin(details=details(registry_username="someone")).proof is Proof.CONTRADICTED


def test_container_instances_can_do_nothing_else() -> None:
    """A kind of compute that pulls with the admin user alone relies on it."""
    assert admin(compute=compute(kind="ContainerInstance", identities=())).proof is Proof.PROVEN


def test_the_log_s_own_words_rely_on_it() -> None:
    """Where the log wanted the admin user and no right is there, it is the cause."""
    assert admin("admin-user-disabled", role_grants=grants()).proof is Proof.PROVEN


def test_the_fallback_s_complaint_proves_nothing_beside_a_right() -> None:
    """The admin line is often only the last try after something else was refused."""
    assert admin("admin-user-disabled").proof is Proof.COMPATIBLE


def test_an_identity_makes_the_admin_user_needless() -> None:
    """Nothing relies on it where the compute has an identity."""
    assert admin().proof is Proof.CONTRADICTED


def test_without_identity_nothing_says_that_it_is_relied_on() -> None:
    """No identity alone does not mean that the admin user was used."""
    assert admin(compute=compute(identities=())).proof is Proof.COMPATIBLE


def test_an_admin_user_that_is_on_contradicts() -> None:
    """It is on, and has been since before the failure."""
    on = lookup(registry(admin_user_enabled=True))
    assert admin("admin-user-disabled", registry=on).proof is Proof.CONTRADICTED


def test_an_admin_user_switched_on_since_does_not_contradict() -> None:
    """Settings that are newer than the failure say nothing of how it was then."""
    on = lookup(registry(admin_user_enabled=True, changed_at=AFTER))
    said = admin("admin-user-disabled", registry=on)
    assert said.proof is Proof.UNREAD
    assert "after the failure" in said.unchecked[0]


def test_without_the_registry_it_is_open() -> None:
    """Whether it is off cannot be told without the registry's settings."""
    assert admin("admin-user-disabled", registry=Unknown(reason="refused")).proof is Proof.UNREAD
    assert admin("admin-user-disabled", registry=no_registry()).proof is Proof.UNREAD


# --- a registry that was changed after the failure ------------------------------------------------------------


def since(cause: str, *held: Grant, kind: str = "unauthorized", named: str = "", **changes: Any) -> Judgement:
    """Judge a cause where somebody changed the registry after the failure; it is now as ``changes`` say.

    It is the workspace's own, but for the cause that only another one can have.
    """
    who: dict[str, Any] = {name: changes.pop(name) for name in ("compute", "workspace_connections") if name in changes}
    told = changes.pop("details", details())
    settings = lookup(registry(changed_at=AFTER, **changes), attached=cause != "no-credential-sent")
    shown = symptom(kind, captured={"identity": named} if named else {})
    return judged(cause, shown, facts=healthy(role_grants=grants(*held), registry=settings, **who), details=told)


NARROW = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWith 'other/'"
CONDITION = "repository-condition-excludes-image"


@pytest.mark.parametrize("abac", [False, True])
@pytest.mark.parametrize(
    ("cause", "held"), [(ABAC, [grant()]), (CONDITION, [grant(READER, condition=NARROW)]), (ROLE, [grant(READER)])]
)
def test_a_mode_that_was_switched_since_decides_in_neither_direction(
    cause: str, held: list[Grant], *, abac: bool
) -> None:
    """Switched to ABAC or back: the mode that the registry has now need not be the one that the pull met."""
    said = since(cause, *held, named=PRINCIPAL, abac=abac)
    assert said.proof is Proof.UNREAD
    assert "now, but prosereg was changed on 2026-10-05 09:50 UTC, after the failure" in said.unchecked[0]
    assert abac or all(READER not in remedy.title for remedy in said.remedies)  # of no use in the mode of now


@pytest.mark.parametrize("abac", [False, True])
@pytest.mark.parametrize(
    ("cause", "held", "proof"),
    [
        (ROLE, [], Proof.PROVEN),
        (ROLE, [grant()], Proof.CONTRADICTED),
        (ABAC, [], Proof.CONTRADICTED),
        (ABAC, [grant(), grant(READER)], Proof.CONTRADICTED),
        (CONDITION, [grant()], Proof.CONTRADICTED),
    ],
)
def test_what_holds_in_either_mode_is_decided_whatever_was_switched(
    cause: str, held: list[Grant], proof: Proof, *, abac: bool
) -> None:
    """An identity without any role has none in both modes, and one that AcrPull was given lacks no role in either."""
    assert since(cause, *held, named=PRINCIPAL, abac=abac).proof is proof


@pytest.mark.parametrize("cause", [ROLE, "pull-identity-absent", "admin-user-disabled"])
@pytest.mark.parametrize("on", [False, True])
def test_an_admin_user_that_was_switched_since_leaves_open_who_pulled(cause: str, *, on: bool) -> None:
    """Switched off, or on as a quick fix: neither shows what the pull could log in with when it failed."""
    who = compute() if cause == ROLE else compute(identities=())
    asked = details(registry_username="prosereg" if cause == "admin-user-disabled" else None)
    said = since(cause, compute=who, admin_user_enabled=on, details=asked)
    assert said.proof is Proof.UNREAD
    assert any("after the failure" in why for why in said.unchecked)


def test_a_quick_fix_by_the_admin_user_rules_nothing_out_that_was_wrong() -> None:
    """From text and facts to the verdict: no identity, and an admin user that somebody switched on to get on."""
    world = healthy(
        compute=compute(identities=()), registry=lookup(registry(admin_user_enabled=True, changed_at=AFTER))
    )
    statuses = {it.cause: it.status for it in judge(evidence(symptom(), facts=world)).findings}
    assert statuses["pull-identity-absent"] is Status.POSSIBLE
    assert statuses[ROLE] is Status.POSSIBLE


@pytest.mark.parametrize("cause", ["admin-user-disabled", "pull-identity-absent"])
def test_a_text_that_calls_the_admin_user_off_dates_it(cause: str) -> None:
    """Where the log itself says that the admin user was off, no later change makes that doubtful."""
    said = since(cause, kind="admin-user-disabled", compute=compute(identities=()))
    assert said.proof is Proof.PROVEN


@pytest.mark.parametrize("cause", [ROLE, ABAC, "pull-identity-absent", "no-credential-sent"])
def test_anonymous_pull_switched_on_since_does_not_contradict(cause: str) -> None:
    """Whoever opened the registry as a quick fix has not shown that a credential was needless before."""
    who = compute(identities=()) if cause in ("pull-identity-absent", "no-credential-sent") else compute()
    said = since(cause, compute=who, anonymous_pull=True, workspace_connections=Connections())
    assert said.proof is Proof.UNREAD
    assert "without a credential now, but" in said.unchecked[0]


def test_an_identity_that_the_log_names_needs_no_admin_user() -> None:
    """Where the log says who pulled, the admin user's state is of no weight, and the missing role stays confirmed."""
    assert since(ROLE, named=PRINCIPAL).proof is Proof.PROVEN
    assert since(ROLE, named=PRINCIPAL, admin_user_enabled=True).proof is Proof.PROVEN


# --- together -----------------------------------------------------------------------------------------------


def test_a_named_identity_s_roles_are_judged_not_the_default_s() -> None:
    """The identity that the log names is the one whose right is shown in the chain."""
    second = identity(kind="user-assigned", principal_id="p-2", client_id="c-2")
    world = healthy(compute=compute(identities=(identity(), second)), role_grants=grants())
    shown = symptom(captured={"identity": "c-2"})
    chain = judge(evidence(shown, facts=world)).chain
    assert "user-assigned identity p-2" in chain[0]


def test_a_bare_401_and_a_missing_role_are_confirmed() -> None:
    """The commonest case, from text and facts to the verdict with its chain."""
    diagnosis = judge(evidence(symptom(), facts=healthy(role_grants=grants())))
    assert (diagnosis.verdict, diagnosis.status) == (ROLE, Status.CONFIRMED)
    assert any("no role that grants the pull" in line for line in diagnosis.chain)
    assert any("holds no role" in line for line in diagnosis.checks)
