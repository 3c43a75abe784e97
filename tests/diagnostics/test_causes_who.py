"""The causes about credentials and rights beyond the plain role: proven, contradicted, and open where a fact is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    BEFORE,
    FAILED,
    PRINCIPAL,
    REGISTRY,
    SERVER,
    compute,
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
    symptom,
    visible,
    workspace,
)

from diagnostics.codec import evidence_from_json, to_json
from diagnostics.credential_facts import (
    ActivityEvent,
    ActivityLog,
    Connection,
    Connections,
    Denial,
    DenyAssignments,
    NamedIdentity,
    PullIdentities,
    Reaches,
    RegistryTenancy,
    RegistryToken,
)
from diagnostics.facts import Grant, GrantedPermissions
from diagnostics.judging import judge
from diagnostics.model import LogExcerpt, RunDetails, Status, Symptom, Unknown
from diagnostics.permissions import PULL
from diagnostics.probes.activity_log import REGENERATED, REMOVED, SYNCED
from diagnostics.probing import fact_types
from diagnostics.run_document import read_details
from diagnostics.verdicts import Judgement, Proof

LOST = "the lights went out"
READER = "Container Registry Repository Reader"
NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
ASSIGNED = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-train"
UAI = identity(kind="user-assigned", principal_id="p-2", client_id="c-2", resource_id=ASSIGNED)
EXCHANGE = symptom(
    text="err: POST https://prosereg.azurecr.io/oauth2/exchange: status 401",
    signature="exchange-refused-for-identity",
    captured={"identity": PRINCIPAL},
)
FRESH = FAILED - timedelta(minutes=4)


def world(**changes: Any) -> dict[str, Any]:
    """Return a healthy world with this family's facts."""
    values: dict[str, Any] = {
        "deny_assignments": DenyAssignments(principal_id=PRINCIPAL, scope=REGISTRY),
        "workspace_connections": Connections(),
        "pull_identities": PullIdentities(),
        "activity_log": ActivityLog(since=None),
        "registry_tenant": RegistryTenancy(registry_tenant=None, workspace_tenant=None, one_subscription=True),
    }
    return healthy(**values | changes)


def said(cause: str, shown: Symptom | None = None, **changes: Any) -> Judgement:
    """Judge one cause in a world that is healthy but for ``changes``."""
    told: RunDetails = changes.pop("details", details())
    image = changes.pop("image", f"{SERVER}/team/train:7")
    return judged(cause, shown or symptom(), facts=world(**changes), details=told, image=image)


def narrow(test: str = "StringStartsWith 'other/'", **changes: Any) -> Grant:
    """Return a repository role under a condition on the name."""
    return grant(READER, condition=f"{NAME} {test}", **changes)


def denial(**changes: Any) -> Denial:
    """Return a deny assignment that takes the pull from everybody."""
    values: dict[str, Any] = {
        "name": "stack",
        "scope": REGISTRY,
        "reaches": Reaches.EVERYBODY,
        "permissions": (GrantedPermissions(actions=("*",)),),
        "created_at": BEFORE,
    }
    return Denial(**values | changes)


def denied(*found: Denial) -> DenyAssignments:
    """Return the deny assignments of the compute's identity."""
    return DenyAssignments(principal_id=PRINCIPAL, scope=REGISTRY, denials=found)


def connection(**changes: Any) -> Connection:
    """Return a connection with a password for the registry."""
    values: dict[str, Any] = {
        "name": "partner",
        "host": SERVER,
        "category": "ContainerRegistry",
        "auth_type": "UsernamePassword",
    }
    return Connection(**values | changes)


def log(*events: tuple[str, datetime]) -> ActivityLog:
    """Return an activity log of the last three months."""
    done = tuple(ActivityEvent(operation=operation, time=time, resource=REGISTRY) for operation, time in events)
    return ActivityLog(since=FAILED - timedelta(days=89), events=done)


ADMIN = lookup(registry(admin_user_enabled=True))
ABAC = lookup(registry(abac=True))
PARTNER = lookup(registry(name="partner", admin_user_enabled=True), attached=False)
OFF = lookup(registry(arm_audience_tokens=False))
FAR = RegistryTenancy(registry_tenant="t-2", workspace_tenant="t-1")

PROVEN: dict[str, tuple[Symptom, dict[str, Any]]] = {
    "repository-condition-excludes-image": (symptom(), {"registry": ABAC, "role_grants": grants(narrow())}),
    "deny-assignment": (symptom(), {"deny_assignments": denied(denial())}),
    "role-propagating": (symptom(), {"role_grants": grants(grant(created_at=FRESH))}),
    "pull-identity-unusable": (
        symptom(captured={"identity": "c-9"}),
        {"compute": compute(identities=(UAI,)), "pull_identities": PullIdentities()},
    ),
    "credentials-stale": (symptom(), {"registry": ADMIN, "activity_log": log((REGENERATED, BEFORE))}),
    "connection-credential-wrong": (
        symptom(),
        {"workspace_connections": Connections(connections=(connection(expires_at=BEFORE),))},
    ),
    "no-credential-sent": (symptom(), {"registry": PARTNER, "compute": compute(identities=())}),
    "registry-in-other-tenant": (symptom(), {"registry_tenant": FAR}),
    "aad-token-audience-disabled": (EXCHANGE, {"registry": OFF}),
}


@pytest.mark.parametrize("cause", sorted(PROVEN))
def test_the_world_of_a_cause_proves_it(cause: str) -> None:
    """A fact by itself shows each of them, with a headline, a target and a way out."""
    shown, changes = PROVEN[cause]
    found = said(cause, shown, **changes)
    assert found.proof is Proof.PROVEN
    assert found.headline
    assert found.target
    assert found.reasons
    assert found.remedies


@pytest.mark.parametrize("cause", sorted(PROVEN))
def test_a_healthy_world_contradicts(cause: str) -> None:
    """Where nothing of the kind is wrong, each of them is ruled out."""
    assert said(cause).proof is Proof.CONTRADICTED


# --- conditions, denials, time ------------------------------------------------------------------------------


def test_a_condition_that_is_met_contradicts() -> None:
    """A role whose condition covers the repository grants the pull."""
    held: dict[str, Any] = {"registry": ABAC, "role_grants": grants(narrow("StringStartsWith 'team/'"))}
    assert said("repository-condition-excludes-image", **held).proof is Proof.CONTRADICTED
    assert said("pull-role-missing", **held).proof is Proof.CONTRADICTED


def test_a_condition_that_is_not_met_is_no_missing_role() -> None:
    """The role is there, and so is one that the mode ignores: the condition is what has to change."""
    held: dict[str, Any] = {"registry": ABAC, "role_grants": grants(narrow(), grant())}
    assert said("repository-condition-excludes-image", **held).proof is Proof.PROVEN
    assert said("pull-role-missing", **held).proof is Proof.CONTRADICTED
    assert said("pull-role-ignored-in-abac-mode", **held).proof is Proof.CONTRADICTED


def test_a_condition_that_is_not_understood_is_quoted_and_left_open() -> None:
    """What is not understood is shown to people, who may."""
    held: dict[str, Any] = {"registry": ABAC, "role_grants": grants(narrow("StringMatches 'x'"))}
    found = said("repository-condition-excludes-image", **held)
    assert found.proof is Proof.UNREAD
    assert "StringMatches" in found.unchecked[0]


def test_the_way_out_keeps_the_condition_and_adds_the_repository() -> None:
    """Infrastructure code gets the widened condition, which then covers the image."""
    held: dict[str, Any] = {"registry": ABAC, "role_grants": grants(narrow())}
    found = said("repository-condition-excludes-image", **held)
    assert "StringEqualsIgnoreCase \\'team/train\\'" in found.remedies[0].bicep
    assert "closing slash" in found.remedies[0].detail


def test_a_condition_widened_since_is_fixed_since() -> None:
    """A role that came after the failure changes what is left to do, not what was wrong."""
    later = grant(READER, created_at=AFTER)
    found = said("repository-condition-excludes-image", registry=ABAC, role_grants=grants(narrow(), later))
    assert any("fixed since" in reason for reason in found.reasons)
    assert found.remedies[0].title.startswith("Run again")


RIGHTS = ("pull-role-missing", "pull-role-ignored-in-abac-mode", "repository-condition-excludes-image")


@pytest.mark.parametrize(
    ("held", "proven"),
    [
        ([narrow(created_at=AFTER)], "pull-role-missing"),
        ([grant(created_at=AFTER)], "pull-role-missing"),
        ([narrow(created_at=AFTER), grant()], "pull-role-ignored-in-abac-mode"),
        ([grant(created_at=AFTER), narrow()], "repository-condition-excludes-image"),
    ],
)
def test_a_role_that_came_after_the_failure_explains_nothing_before_it(held: list[Grant], proven: str) -> None:
    """Whatever somebody granted since, narrow or of the wrong mode: what was held when the run failed decides."""
    facts: dict[str, Any] = {"registry": ABAC, "role_grants": grants(*held)}
    assert [cause for cause in RIGHTS if said(cause, **facts).proof is Proof.PROVEN] == [proven]


@pytest.mark.parametrize("condition", [f"{NAME} StringStartsWith 'team/'", f"{NAME} StringStartsWith 'other/'", None])
@pytest.mark.parametrize("beside", [[], [grant()]])
def test_a_condition_edited_since_says_nothing_of_the_one_before(condition: str | None, beside: list[Grant]) -> None:
    """An edited assignment keeps its creation: widened, narrowed or freed, what it was when the run failed is open."""
    edited = grant(READER, condition=condition, updated_at=AFTER)
    facts: dict[str, Any] = {"registry": ABAC, "role_grants": grants(edited, *beside)}
    found = said("repository-condition-excludes-image", **facts)
    assert found.proof is Proof.UNREAD
    assert "changed on 2026-10-05 09:50 UTC, after the failure" in found.unchecked[0]
    assert Proof.PROVEN not in {said(cause, **facts).proof for cause in RIGHTS}


def test_a_condition_widened_since_leaves_only_another_run() -> None:
    """Whoever followed the advice and edited the condition is not told to do it again."""
    wide = narrow("StringStartsWith 'team/'", updated_at=AFTER)
    diagnosis = judge(evidence(symptom(), facts=world(registry=ABAC, role_grants=grants(wide))))
    assert "repository-condition-excludes-image" not in {
        it.cause for it in diagnosis.findings if it.status in (Status.CONFIRMED, Status.RULED_OUT)
    }
    found = said("repository-condition-excludes-image", registry=ABAC, role_grants=grants(wide))
    assert found.remedies[0].title.startswith("Run again")


@pytest.mark.parametrize(
    ("held", "proof"),
    [
        ([narrow(updated_at=BEFORE)], Proof.PROVEN),
        ([narrow(updated_at=FAILED)], Proof.PROVEN),
        ([narrow("StringStartsWith 'team/'", updated_at=AFTER), grant(READER)], Proof.CONTRADICTED),
        ([narrow(), grant("AcrDelete", updated_at=AFTER)], Proof.PROVEN),
    ],
)
def test_an_edit_before_the_failure_or_of_no_weight_decides_as_ever(held: list[Grant], proof: Proof) -> None:
    """Only an edit after the failure, of a role that the pull could hang on, opens the question."""
    found = said("repository-condition-excludes-image", registry=ABAC, role_grants=grants(*held))
    assert found.proof is proof


def test_an_edited_description_is_no_edited_role_where_no_condition_counts() -> None:
    """In the registry-wide mode a role without condition grants what it grants, whenever it was last touched."""
    assert said("pull-role-missing", role_grants=grants(grant(updated_at=AFTER))).proof is Proof.CONTRADICTED


def test_evidence_that_knows_no_edits_is_replayed_to_the_same_diagnosis() -> None:
    """What an older version stored has no time of an edit, and is judged as if nobody had edited anything."""
    told = evidence(symptom(), facts=world(registry=ABAC, role_grants=grants(narrow())))
    stored = to_json(told)
    older = stored.replace(',"updated_at":null', "")
    assert older != stored
    assert judge(evidence_from_json(older, fact_types())) == judge(told)


@pytest.mark.parametrize("cause", RIGHTS)
def test_an_undated_role_settles_none_of_the_three(cause: str) -> None:
    """A role without a time may have come after the failure, whichever of the three causes it would speak for."""
    held = grants(narrow(created_at=None), grant(created_at=None))
    assert said(cause, registry=ABAC, role_grants=held).proof is Proof.UNREAD


@pytest.mark.parametrize(
    ("changes", "proof"),
    [
        ({"permissions": (GrantedPermissions(actions=("*",), not_actions=("*/read",)),)}, Proof.CONTRADICTED),
        ({"permissions": (GrantedPermissions(data_actions=("*",)),)}, Proof.CONTRADICTED),
        ({"created_at": AFTER}, Proof.CONTRADICTED),
        ({"created_at": None}, Proof.UNREAD),
        ({"conditional": True}, Proof.UNREAD),
        ({"reaches": Reaches.UNCLEAR}, Proof.UNREAD),
        ({"reaches": Reaches.BY_GROUP, "permissions": (GrantedPermissions(actions=(PULL,)),)}, Proof.PROVEN),
    ],
)
def test_what_a_deny_assignment_takes(changes: dict[str, Any], proof: Proof) -> None:
    """Its not-actions, its lists, its time, its condition and whom it reaches decide."""
    assert said("deny-assignment", deny_assignments=denied(denial(**changes))).proof is proof


def test_a_deny_assignment_goes_with_a_role_that_is_there() -> None:
    """It is the headline, and nobody is told to grant a role."""
    diagnosis = judge(evidence(symptom(), facts=world(deny_assignments=denied(denial()))))
    assert (diagnosis.verdict, diagnosis.status) == ("deny-assignment", Status.CONFIRMED)
    assert diagnosis.also == ()


@pytest.mark.parametrize(
    ("age", "proof"),
    [(0, Proof.PROVEN), (9, Proof.PROVEN), (10, Proof.CONTRADICTED), (11, Proof.CONTRADICTED)],
)
def test_ten_minutes_are_the_limit(age: int, proof: Proof) -> None:
    """An assignment less than ten minutes old may not have been known yet; an older one was."""
    held = grants(grant(created_at=FAILED - timedelta(minutes=age)))
    assert said("role-propagating", role_grants=held).proof is proof


def test_an_older_role_beside_a_fresh_one_contradicts() -> None:
    """Only the right as a whole has to be fresh."""
    held = grants(grant(created_at=FRESH), grant("Reader"))
    assert said("role-propagating", role_grants=held).proof is Proof.CONTRADICTED


def test_an_undated_role_proves_no_haste() -> None:
    """A role without a time may be old."""
    held = grants(grant(created_at=FRESH), grant("Reader", created_at=None))
    assert said("role-propagating", role_grants=held).proof is not Proof.PROVEN


def test_a_role_by_a_group_leaves_the_membership_open() -> None:
    """Since when the identity is in the group is shown nowhere: open, and likely where nothing else is left."""
    found = said("role-propagating", role_grants=grants(grant(principal_id="g-1", principal_type="Group")))
    assert found.proof is Proof.UNREAD
    assert "g-1" in found.unchecked[0]


def test_a_fresh_role_by_a_group_is_proven() -> None:
    """An assignment to a group is as young as any other."""
    held = grants(grant(principal_id="g-1", principal_type="Group", created_at=FRESH))
    assert said("role-propagating", role_grants=held).proof is Proof.PROVEN


def test_no_right_at_all_is_not_on_its_way() -> None:
    """A role granted after the failure was missing, not spreading."""
    assert said("role-propagating", role_grants=grants(grant(created_at=AFTER))).proof is Proof.CONTRADICTED


# --- identities ---------------------------------------------------------------------------------------------


def test_a_deleted_identity_is_named_and_no_role_is_missed() -> None:
    """No role could help an identity that is gone."""
    gone = PullIdentities(identities=(NamedIdentity(resource_id=ASSIGNED, found=False, of="cluster"),))
    facts: dict[str, Any] = {"compute": compute(identities=(UAI,)), "pull_identities": gone, "role_grants": grants()}
    found = said("pull-identity-unusable", **facts)
    assert found.proof is Proof.PROVEN
    assert "id-train" in found.headline
    assert said("pull-role-missing", **facts).proof is Proof.CONTRADICTED


@pytest.mark.parametrize(
    ("kind", "words", "command"),
    [
        ("AmlCompute", "Studio: Compute > cluster", "az ml compute update --name cluster"),
        ("Serverless", "Portal: proseware-ml > Identity", ""),
        ("OnlineEndpoint", "cannot be changed once it is made", ""),
        ("Kubernetes", "attach it again", ""),
    ],
)
def test_a_deleted_identity_is_replaced_where_its_kind_of_compute_has_it(kind: str, words: str, command: str) -> None:
    """Only a cluster or an instance is a compute whose identity a command can change; nobody is given one that fails."""
    gone = PullIdentities(identities=(NamedIdentity(resource_id=ASSIGNED, found=False, of="cluster"),))
    own: dict[str, Any] = {"workspace": workspace(identities=(UAI,))} if kind == "Serverless" else {}
    held = () if kind == "Serverless" else (UAI,)
    found = said(
        "pull-identity-unusable",
        compute=compute(kind=kind, identities=held),
        pull_identities=gone,
        role_grants=grants(),
        **own,
    )
    assert found.proof is Proof.PROVEN
    assert words in found.remedies[0].detail
    assert found.remedies[0].command.startswith(command)
    assert bool(found.remedies[0].command) is bool(command)


@pytest.mark.parametrize(
    ("facts", "proof"),
    [
        ({"pull_identities": PullIdentities(system_client_id="c-9")}, Proof.CONTRADICTED),
        ({"pull_identities": PullIdentities(unread=("the client id: no",))}, Proof.UNREAD),
        ({"compute": compute(kind="Kubernetes")}, Proof.UNREAD),
        ({"compute": compute(found=False, identities=())}, Proof.UNREAD),
        ({"compute": compute(identities=(identity(kind="user-assigned"),))}, Proof.UNREAD),
        ({"compute": compute(identities=())}, Proof.PROVEN),
    ],
)
def test_who_counts_as_a_stranger(facts: dict[str, Any], proof: Proof) -> None:
    """Only an id that is neither principal nor client id of any identity, on a compute that uses no others."""
    assert said("pull-identity-unusable", symptom(captured={"identity": "c-9"}), **facts).proof is proof


def test_an_image_build_has_identities_of_its_own() -> None:
    """What builds an image is not the compute's identity."""
    found = judge(
        evidence(symptom(captured={"identity": "c-9"}, file="azureml-logs/20_image_build_log.txt"), facts=world())
    )
    assert "pull-identity-unusable" not in {finding.cause for finding in found.findings}


# --- keys, connections, principals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "proof"),
    [
        (log((REMOVED, BEFORE)), Proof.PROVEN),
        (log((REGENERATED, BEFORE), (SYNCED, BEFORE + timedelta(hours=1))), Proof.CONTRADICTED),
        (log((SYNCED, BEFORE), (REGENERATED, BEFORE + timedelta(hours=1))), Proof.PROVEN),
        (log((REGENERATED, AFTER)), Proof.UNREAD),
        (log(), Proof.UNREAD),
    ],
)
def test_the_log_decides_about_stored_keys(events: ActivityLog, proof: Proof) -> None:
    """New keys without a sync are stale; what came later, or before the log begins, shows nothing."""
    assert said("credentials-stale", registry=ADMIN, activity_log=events).proof is proof


def test_a_sync_since_is_fixed_since() -> None:
    """Whoever synced the keys after the failure has only to run again."""
    found = said("credentials-stale", registry=ADMIN, activity_log=log((REGENERATED, BEFORE), (SYNCED, AFTER)))
    assert found.proof is Proof.PROVEN
    assert any("fixed since" in reason for reason in found.reasons)
    assert found.remedies[0].title.startswith("Run again")


@pytest.mark.parametrize("on", [False, True])
def test_an_admin_user_switched_since_leaves_open_whether_its_keys_were_in_use(*, on: bool) -> None:
    """Off now it may have been on, and on now it may have been off, when the pull failed."""
    switched = lookup(registry(admin_user_enabled=on, changed_at=AFTER))
    found = said("credentials-stale", registry=switched, activity_log=log((REGENERATED, BEFORE)))
    assert found.proof is Proof.UNREAD
    assert "now, but prosereg was changed on 2026-10-05 09:50 UTC, after the failure" in found.unchecked[0]


def test_an_identity_in_the_log_relies_on_no_key() -> None:
    """Where the log names the identity that pulled, the admin user's keys were not in use."""
    shown = symptom(captured={"identity": PRINCIPAL})
    found = said("credentials-stale", shown, registry=ADMIN, activity_log=log((REGENERATED, BEFORE)))
    assert found.proof is Proof.CONTRADICTED


@pytest.mark.parametrize(
    ("shown", "held", "proof"),
    [
        (symptom(signature="wrong-password"), connection(), Proof.PROVEN),
        (symptom(), connection(), Proof.UNREAD),
        (symptom(), connection(expires_at=AFTER), Proof.UNREAD),
        (symptom(), connection(auth_type="ManagedIdentity"), Proof.CONTRADICTED),
        (symptom(), connection(host="other.azurecr.io"), Proof.CONTRADICTED),
        (symptom(captured={"identity": PRINCIPAL}), connection(expires_at=BEFORE), Proof.CONTRADICTED),
    ],
)
def test_what_is_known_of_a_connection(shown: Symptom, held: Connection, proof: Proof) -> None:
    """Its expiry, its kind, its host, and the registry's own words about a password decide; its secret is never read."""
    found = said("connection-credential-wrong", shown, workspace_connections=Connections(connections=(held,)))
    assert found.proof is proof


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("registry.example.com:5000/a/b:1", "registry.example.com:5000"),
        ("registry.example.com:443/a/b:1", "registry.example.com"),
        ("contoso/train:1", "index.docker.io"),
        ("contoso/train:1", "registry-1.docker.io"),
        ("registry-1.docker.io/contoso/train:1", "docker.io"),
    ],
)
def test_a_connection_is_found_by_the_host_that_it_is_written_with(image: str, host: str) -> None:
    """A port belongs to the host, and Docker Hub has three of them: the connection's refusal is its own, nobody else's."""
    held = Connections(connections=(connection(host=host),))
    facts: dict[str, Any] = {"registry": no_registry(host=image.partition("/")[0]), "workspace_connections": held}
    shown = symptom(signature="wrong-password", text="unauthorized: incorrect username or password")
    assert said("connection-credential-wrong", shown, image=image, **facts).proof is Proof.PROVEN
    assert said("no-credential-sent", image=image, **facts).proof is Proof.CONTRADICTED


def test_a_connection_to_another_port_is_to_another_registry() -> None:
    """Two registries can live on one machine."""
    held = Connections(connections=(connection(host="registry.example.com:5001"),))
    facts: dict[str, Any] = {"registry": no_registry(host="registry.example.com:5000"), "workspace_connections": held}
    found = said("connection-credential-wrong", image="registry.example.com:5000/a/b:1", **facts)
    assert found.proof is Proof.CONTRADICTED


def test_a_connection_makes_an_identity_and_a_role_needless() -> None:
    """Where something stored logs in, neither is missed."""
    facts: dict[str, Any] = {
        "workspace_connections": Connections(connections=(connection(),)),
        "role_grants": grants(),
        "compute": compute(identities=()),
    }
    for cause in ("pull-role-missing", "pull-identity-absent", "no-credential-sent"):
        assert said(cause, **facts).proof is Proof.CONTRADICTED


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ({"enabled": False}, ["acr token update"]),
        ({"enabled": False, "expiries": (BEFORE,)}, ["acr token update", "acr token credential generate"]),
        ({"expiries": (BEFORE,)}, ["acr token credential generate"]),
    ],
)
def test_a_token_is_repaired_in_what_is_wrong_with_it(state: dict[str, Any], verbs: list[str]) -> None:
    """A new password is no use to a token that is disabled, and one that is enabled again keeps the passwords it has."""
    token = RegistryToken(name="runs", found=True, **state)
    found = said("connection-credential-wrong", details=details(registry_username="runs"), registry_token=token)
    assert found.proof is Proof.PROVEN
    commands = [remedy.command for remedy in found.remedies]
    assert [next(verb for verb in verbs if verb in command) for command in commands] == verbs
    assert ("--status enabled" in commands[0]) is ("enabled" in state)


@pytest.mark.parametrize(
    ("code", "words"),
    [("AADSTS7000215", "secret is wrong"), ("AADSTS7000222", "expired"), ("AADSTS700016", "does not exist")],
)
def test_entra_s_own_code_decides(code: str, words: str) -> None:
    """Only Microsoft Entra can know it, and its code says which part is wrong."""
    app = "6f0c1d2e-0b3a-4c5d-8e9f-102132435465"
    shown = symptom(text=f"unauthorized: {code}: application '{app}'", captured={"code": code})
    found = said("service-principal-refused", shown)
    assert found.proof is Proof.PROVEN
    assert words in found.headline
    assert app in found.remedies[0].command


def test_another_code_is_none_of_a_service_principal() -> None:
    """A person's own account that is refused is another matter."""
    shown = symptom(text="AADSTS50034: the user account does not exist", captured={"code": "AADSTS50034"})
    assert said("service-principal-refused", shown).proof is Proof.CONTRADICTED


FOREIGN: dict[str, Any] = {"registry": no_registry(host="images.example.com"), "image": "images.example.com/a/b:1"}


def test_a_foreign_registry_without_connection_is_proven() -> None:
    """No identity counts there, and nothing else is stored."""
    found = said("no-credential-sent", symptom(captured={"mode": "public"}), **FOREIGN)
    assert found.proof is Proof.PROVEN
    assert any("without a credential" in reason for reason in found.reasons)
    assert said("pull-role-missing", **FOREIGN).proof is Proof.CONTRADICTED


@pytest.mark.parametrize(
    "host",
    [
        *("docker.io", "registry-1.docker.io", "quay.io", "ghcr.io", "registry.gitlab.com", "nvcr.io", "gcr.io"),
        *("eu.gcr.io", "europe-docker.pkg.dev"),
    ],
)
def test_a_registry_that_hides_what_it_lacks_proves_nothing(host: str) -> None:
    """Some registries answer the same for a private repository as for none: a misspelt name is no missing credential."""
    shown = symptom(captured={"mode": "public"})
    found = said("no-credential-sent", shown, registry=no_registry(host=host), image=f"{host}/a/b:1")
    assert found.proof is Proof.UNREAD
    assert "whether the repository exists" in found.unchecked[0]


OAUTH = "failed to fetch oauth token: unexpected status from GET request to https://images.example.com/t: 401"
ANONYMOUS = "failed to fetch anonymous token: unexpected status from GET request to https://images.example.com/t: 401"


@pytest.mark.parametrize(
    ("shown", "proof"),
    [
        (symptom(captured={"mode": "anonymous"}), Proof.PROVEN),
        (symptom(signature="no-credential", text="no basic auth credentials"), Proof.PROVEN),
        (symptom(signature="token-refused", text=ANONYMOUS), Proof.PROVEN),
        (symptom(), Proof.UNREAD),
        (symptom(signature="token-refused", text=OAUTH), Proof.CONTRADICTED),
        (symptom(signature="token-refused", text=f"[{OAUTH}, {ANONYMOUS}]"), Proof.CONTRADICTED),
        (symptom(signature="wrong-password", text="unauthorized: incorrect username or password"), Proof.CONTRADICTED),
        (symptom(signature="password-words", text="invalid username/password"), Proof.CONTRADICTED),
        (symptom(signature="credential-expired", text="the token has expired"), Proof.CONTRADICTED),
        (symptom(signature="no-credential", text="denied: Your authorization token has expired."), Proof.CONTRADICTED),
    ],
)
def test_only_words_of_nothing_sent_prove_that_nothing_was(shown: Symptom, proof: Proof) -> None:
    """A bare 401 leaves open whether a credential was refused or missing; whoever was refused one had sent it."""
    assert said("no-credential-sent", shown, **FOREIGN).proof is proof


@pytest.mark.parametrize("shown", [symptom(), symptom(signature="token-refused", text=ANONYMOUS)])
def test_a_cluster_may_have_pull_secrets_that_azure_does_not_show(shown: Symptom) -> None:
    """On Kubernetes a credential can come from the cluster itself, and the last try of several is made without one."""
    found = said("no-credential-sent", shown, compute=compute(kind="Kubernetes"), **FOREIGN)
    assert found.proof is Proof.UNREAD
    assert "image pull secret" in found.unchecked[0]


def test_a_compute_that_nobody_could_read_may_be_a_cluster() -> None:
    """Without the kind of compute only the node agent's own word for a pull without credential is enough."""
    lost = Unknown(reason=LOST)
    shown = symptom(signature="token-refused", text=ANONYMOUS)
    assert said("no-credential-sent", shown, compute=lost, **FOREIGN).proof is Proof.UNREAD
    assert (
        said("no-credential-sent", symptom(captured={"mode": "public"}), compute=lost, **FOREIGN).proof is Proof.PROVEN
    )


def test_a_refused_password_of_a_far_azure_registry_was_sent() -> None:
    """Where nothing that Azure shows could log in and yet a password was refused, it came from somewhere else."""
    shown = symptom(signature="wrong-password", text="unauthorized: incorrect username or password")
    held: dict[str, Any] = {"registry": PARTNER, "compute": compute(identities=())}
    assert said("no-credential-sent", shown, **held).proof is Proof.CONTRADICTED


def test_a_refused_pull_secret_ends_in_no_confirmed_cause() -> None:
    """From text and facts to the verdict: what the cluster sent is unknown to Azure, so nothing is confirmed."""
    shown = symptom(signature="token-refused", text=OAUTH.replace("images.example.com", "registry.gitlab.com"))
    facts = world(registry=no_registry(host="registry.gitlab.com"), compute=compute(kind="Kubernetes"))
    diagnosis = judge(evidence(shown, facts=facts, image="registry.gitlab.com/a/b:1"))
    assert Status.CONFIRMED not in {finding.status for finding in diagnosis.findings}


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "mcr.microsoft.com/a:1", "registry": no_registry(host="mcr.microsoft.com")},
        {"details": details(registry_username="somebody"), **FOREIGN},
        {"registry": lookup(registry(anonymous_pull=True), attached=False)},
    ],
)
def test_what_needs_or_has_a_credential_contradicts(changes: dict[str, Any]) -> None:
    """An open registry needs none, and a definition with a user name has one."""
    assert said("no-credential-sent", **changes).proof is Proof.CONTRADICTED


# --- tenants and tokens -------------------------------------------------------------------------------------


def test_another_tenant_goes_before_the_missing_role() -> None:
    """The role could not even be granted: the tenant is the headline."""
    diagnosis = judge(evidence(symptom(), facts=world(registry_tenant=FAR, role_grants=grants())))
    assert diagnosis.verdict == "registry-in-other-tenant"


@pytest.mark.parametrize(
    ("tenancy", "proof"),
    [
        (RegistryTenancy(registry_tenant="T-1", workspace_tenant="t-1"), Proof.CONTRADICTED),
        (RegistryTenancy(registry_tenant=None, workspace_tenant="t-1"), Proof.UNREAD),
    ],
)
def test_tenants_are_compared_and_never_assumed(tenancy: RegistryTenancy, proof: Proof) -> None:
    """Equal ones contradict in any casing; an unknown one leaves it open."""
    assert said("registry-in-other-tenant", registry_tenant=tenancy).proof is proof


@pytest.mark.parametrize(
    ("shown", "facts", "proof"),
    [
        (symptom(), {}, Proof.COMPATIBLE),
        (EXCHANGE, {"role_grants": grants()}, Proof.COMPATIBLE),
        (EXCHANGE, {"role_grants": grants(grant(created_at=FRESH))}, Proof.COMPATIBLE),
        (EXCHANGE, {"deny_assignments": denied(denial())}, Proof.COMPATIBLE),
        (EXCHANGE, {"role_visibility": visible(readable=False)}, Proof.UNREAD),
        (EXCHANGE, {"registry": lookup(registry(arm_audience_tokens=False, changed_at=AFTER))}, Proof.UNREAD),
        (EXCHANGE, {"registry": lookup(registry(changed_at=AFTER))}, Proof.UNREAD),
        (symptom(names=("aad-token-audience-disabled",)), {"role_grants": grants()}, Proof.PROVEN),
    ],
)
def test_a_policy_alone_refuses_nobody(shown: Symptom, facts: dict[str, Any], proof: Proof) -> None:
    """It is proven where the registry says so, or where the exchange refused an identity whose right stood."""
    assert said("aad-token-audience-disabled", shown, **{"registry": OFF, **facts}).proof is proof


# --- notes --------------------------------------------------------------------------------------------------


def notes(**definition: Any) -> tuple[str, ...]:
    """Return the notes on a run with such a definition."""
    return read_details("r", {"runId": "r", "runDefinition": definition, "properties": {}}).notes


def test_a_password_in_the_definition_is_named_by_its_field_alone() -> None:
    """The note names where the secret stands, and never says it."""
    docker = {"baseImageRegistry": {"username": "u", "password": "hunter2hunter2"}}
    (note,) = notes(environment={"docker": docker})
    assert note.startswith("credential-in-definition:")
    assert "environment.docker.baseImageRegistry.password" in note
    assert "hunter2" not in note


def test_a_service_principal_s_secret_among_the_variables_is_named() -> None:
    """A variable that holds a client secret counts; any other variable is the user's own affair."""
    assert "AZURE_CLIENT_SECRET" in notes(environmentVariables={"AZURE_CLIENT_SECRET": "s", "API_KEY": "k"})[0]
    assert notes(environmentVariables={"API_KEY": "k"}) == ()


@pytest.mark.parametrize("value", ["", "***", "${{secrets.x}}", "@Microsoft.KeyVault(SecretUri=x)", None])
def test_what_is_masked_or_kept_elsewhere_is_no_secret(value: str | None) -> None:
    """A reference to Key Vault is the way out, not the fault."""
    assert notes(environment={"docker": {"baseImageRegistry": {"password": value}}}) == ()


def test_a_hostile_definition_is_walked_within_bounds() -> None:
    """Neither depth nor breadth nor a name with markup makes trouble."""
    deep: Any = {"password": "x"}
    for _ in range(3_000):
        deep = {"baseImageRegistry": deep}
    assert notes(deep=deep, wide=[{"x": 1}] * 10_000) == ()
    (note,) = notes(**{"<@U1> CLIENT_SECRET": "hunter2"})
    assert "<@U1>" not in note


def test_a_run_of_the_retired_sdk_is_noted() -> None:
    """Pipelines of the first SDK tell their source; those of the second do not."""
    for properties, noted in (
        ({"runSource": "SDK"}, True),
        ({"runSource": "SDK", "azureml.DevPlatv2": "true"}, False),
        ({"runSource": "MFE"}, False),
        ({}, False),
    ):
        found = read_details("r", {"runId": "r", "properties": properties}).notes
        assert any(note.startswith("retired-sdk:") for note in found) is noted


def test_the_excerpt_around_the_refusal_counts_for_the_exchange() -> None:
    """The words of the exchange may stand on the line above the proving one."""
    lines = ("POST https://prosereg.azurecr.io/oauth2/exchange", "status 401")
    shown = symptom(excerpt=LogExcerpt(file="l", first_line=11, lines=lines), captured={"identity": PRINCIPAL})
    assert said("aad-token-audience-disabled", shown, registry=OFF).proof is Proof.PROVEN
