"""Who pulls where the compute itself does not say it: serverless, Kubernetes, endpoints, and an identity by its resource."""

from __future__ import annotations

import pytest
from diagnostic_samples import compute, evidence, healthy, identity, lookup, registry, symptom, workspace

from diagnostics.judging import judge
from diagnostics.model import Status
from diagnostics.pullers import PullerKind, who_pulls

RESOURCE = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-train"
ASSIGNED = identity(kind="user-assigned", principal_id="p-2", client_id="c-2", resource_id=RESOURCE)
SERVERLESS = compute(kind="Serverless", name="serverless", identities=())
NOT_FOUND = symptom(
    "identity-misconfigured", "Note: Identity (MSI) not found on the compute", signature="compute-without-identity"
)


def test_serverless_pulls_with_the_workspace_s_one_user_assigned_identity() -> None:
    """A system-assigned identity cannot be used there, and is never taken for the puller."""
    own = workspace(identities=(identity(), ASSIGNED))
    assert who_pulls(SERVERLESS, lookup(), [symptom()], own).identity == ASSIGNED


def test_serverless_with_several_identities_shows_no_puller() -> None:
    """Which of them the job names is not known."""
    other = identity(kind="user-assigned", principal_id="p-3", client_id="c-3")
    found = who_pulls(SERVERLESS, lookup(), [symptom()], workspace(identities=(ASSIGNED, other)))
    assert found.kind is PullerKind.UNKNOWN


def test_serverless_without_identity_pulls_as_nobody_only_where_the_log_says_so() -> None:
    """The job may name an identity that the workspace does not show; a log that found none settles it."""
    own = workspace(identities=(identity(),))
    assert who_pulls(SERVERLESS, lookup(), [symptom()], own).kind is PullerKind.UNKNOWN
    assert who_pulls(SERVERLESS, lookup(), [NOT_FOUND], own).kind is PullerKind.NOBODY
    assert who_pulls(SERVERLESS, lookup(), [NOT_FOUND]).kind is PullerKind.UNKNOWN


def test_serverless_relies_on_the_admin_user_like_any_compute() -> None:
    """The workspace's keys serve serverless compute, too."""
    own = lookup(registry(admin_user_enabled=True))
    assert who_pulls(SERVERLESS, own, [symptom()], workspace()).kind is PullerKind.ADMIN_USER


def test_a_log_may_name_an_identity_by_its_resource() -> None:
    """Resource ids are compared in any casing."""
    shown = symptom(captured={"identity": RESOURCE.upper()})
    assert who_pulls(compute(identities=(identity(), ASSIGNED)), lookup(), [shown]).identity == ASSIGNED


def test_an_endpoint_s_identity_is_none_of_the_compute_s() -> None:
    """Where the text speaks of an endpoint's identity, no role of the compute's is judged in its place."""
    shown = symptom("forbidden", "BadArgument: Endpoint identity does not have pull permission on the registry.")
    found = who_pulls(compute(), lookup(), [shown])
    assert (found.kind, "endpoint" in found.reason) == (PullerKind.UNKNOWN, True)
    statuses = {it.status for it in judge(evidence(shown, facts=healthy(role_grants=None))).findings}
    assert Status.CONFIRMED not in statuses


@pytest.mark.parametrize("kind", ["Kubernetes", "AKS"])
def test_kubernetes_pulls_with_its_own_identity_or_the_kubelet_s(kind: str) -> None:
    """The attached compute's identity pulls where it has one; else the kubelet's may, which nothing shows."""
    assert who_pulls(compute(kind=kind), lookup(), [symptom()]).kind is PullerKind.IDENTITY
    found = who_pulls(compute(kind=kind, identities=()), lookup(), [symptom()])
    assert (found.kind, "kubelet" in found.reason) == (PullerKind.UNKNOWN, True)
