"""Who pulls: worked out from Azure's answers, and corrected by what the log names."""

from __future__ import annotations

import pytest
from diagnostic_samples import PRINCIPAL, compute, identity, lookup, no_registry, registry, symptom

from diagnostics.facts import Identity
from diagnostics.model import Symptom
from diagnostics.pullers import ENDPOINT_KIND, PullerKind, who_pulls

ASSIGNED = identity(kind="user-assigned", principal_id="P-2", client_id="C-2", resource_id="/id-train")


def naming(who: str) -> Symptom:
    """Return a symptom whose text names an identity."""
    return symptom(captured={"identity": who})


def test_the_default_identity_of_a_cluster_pulls() -> None:
    """With the admin user off, the first identity pulls, which is the system-assigned one where there is one."""
    found = who_pulls(compute(identities=(identity(), ASSIGNED)), lookup(), [symptom()])
    assert (found.kind, found.principal_id) == (PullerKind.IDENTITY, PRINCIPAL)
    assert "default identity" in found.reason
    assert str(found) == f"system-assigned identity {PRINCIPAL}"


@pytest.mark.parametrize("named", ["p-2", "P-2", "c-2", "C-2"])
def test_the_log_s_own_identity_goes_before_the_rules(named: str) -> None:
    """The identity that the log names, by principal or client id in any case, is the one that pulled."""
    found = who_pulls(compute(identities=(identity(), ASSIGNED)), lookup(), [symptom(), naming(named)])
    assert found.identity == ASSIGNED
    assert found.reason == "the log names it"


def test_the_log_s_identity_goes_before_the_admin_user() -> None:
    """The admin user is not taken for the puller where the log says that an identity tried."""
    own = lookup(registry(admin_user_enabled=True))
    assert who_pulls(compute(), own, [naming(PRINCIPAL)]).kind is PullerKind.IDENTITY


def test_an_identity_that_is_none_of_the_compute_s_is_not_replaced_by_another() -> None:
    """Where the log names a stranger, nobody else's roles are looked at in its place."""
    found = who_pulls(compute(), lookup(), [naming("somebody-else")])
    assert (found.kind, found.principal_id) == (PullerKind.UNKNOWN, None)
    assert "somebody-else" in found.reason
    assert "could not be worked out" in str(found)


def test_the_workspace_s_own_registry_with_its_admin_user_on_is_pulled_as_that() -> None:
    """The workspace keeps the admin user's keys of its own registry and pulls with them."""
    found = who_pulls(compute(), lookup(registry(admin_user_enabled=True)), [symptom()])
    assert found.kind is PullerKind.ADMIN_USER
    assert str(found) == "the registry's admin user"


def test_another_registry_s_admin_user_is_not_known_to_the_workspace() -> None:
    """An admin user that is on elsewhere helps nobody: the identity pulls."""
    other = lookup(registry(admin_user_enabled=True), attached=False)
    assert who_pulls(compute(), other, [symptom()]).kind is PullerKind.IDENTITY


@pytest.mark.parametrize("kind", ["AmlCompute", "ComputeInstance"])
def test_a_compute_without_identity_pulls_as_nobody(kind: str) -> None:
    """A cluster or an instance without identity has nothing to show to a registry."""
    found = who_pulls(compute(kind=kind, identities=()), lookup(), [symptom()])
    assert found.kind is PullerKind.NOBODY
    assert "nobody" in str(found)


@pytest.mark.parametrize("kind", ["Serverless", "Kubernetes", "VirtualMachine", ""])
def test_other_kinds_do_not_show_who_pulls(kind: str) -> None:
    """Serverless and Kubernetes pull with identities that their resource does not show."""
    found = who_pulls(compute(kind=kind, identities=()), lookup(), [symptom()])
    assert found.kind is PullerKind.UNKNOWN
    assert (kind or "unknown") in found.reason


def test_a_compute_that_is_gone_does_not_show_who_pulled() -> None:
    """A deleted compute's identity is not known any more."""
    found = who_pulls(compute(found=False, identities=()), lookup(), [symptom()])
    assert found.kind is PullerKind.UNKNOWN
    assert "cluster" in found.reason


def test_an_absent_registry_changes_nothing_about_who_would_pull() -> None:
    """Without a registry there is no admin user, and the identity stays the puller."""
    assert who_pulls(compute(), no_registry(), []).principal_id == PRINCIPAL


def test_an_identity_without_ids_matches_no_name() -> None:
    """Members that Azure left out never match a name in the log."""
    empty = Identity(kind="user-assigned", principal_id=None)
    assert who_pulls(compute(identities=(empty,)), lookup(), [naming("none")]).kind is PullerKind.UNKNOWN


def test_an_online_endpoint_pulls_with_its_own_identity() -> None:
    """Not as the admin user of the workspace's registry, and not with an identity that the log does not name."""
    own = compute(kind=ENDPOINT_KIND, identities=(identity(), ASSIGNED))
    admin = lookup(registry(admin_user_enabled=True))
    found = who_pulls(own, admin, [symptom()])
    assert (found.kind, found.principal_id) == (PullerKind.IDENTITY, PRINCIPAL)
    assert "own identity" in found.reason
    assert who_pulls(own, admin, [naming("c-2")]).identity == ASSIGNED
    assert who_pulls(own, admin, [naming("somebody-else")]).kind is PullerKind.UNKNOWN
    assert who_pulls(compute(kind=ENDPOINT_KIND, identities=()), admin, [symptom()]).kind is PullerKind.UNKNOWN
    assert who_pulls(compute(kind=ENDPOINT_KIND, found=False), admin, [symptom()]).kind is PullerKind.UNKNOWN
