"""The private way: endpoints that are not approved, names that do not lead to them, and what goes behind both."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
from diagnostic_samples import (
    AFTER,
    REGISTRY,
    SERVER,
    SUBSCRIPTION,
    compute,
    evidence,
    grants,
    judged,
    symptom,
    workspace,
)
from network_samples import (
    HUB,
    SUBNET,
    TRAIN,
    ZONE,
    by_service,
    denied,
    endpoint,
    layers,
    network,
    no_such_host,
    peer,
    refusal,
    timeout,
    world,
    zones,
)

from diagnostics.judging import judge
from diagnostics.model import Status, Symptom, Unknown
from diagnostics.network_facts import (
    NetworkRule,
    NetworkRules,
    OutboundAddresses,
    OutboundRule,
    OutboundRules,
    PrivateZones,
    Route,
    Routes,
)
from diagnostics.verdicts import Judgement, Proof

LOST = Unknown(reason="HTTP 403, AuthorizationFailed", missing_action="Microsoft.Network/x/read")
MANAGED = {"workspace": workspace(isolation_mode="AllowOnlyApprovedOutbound"), "compute": compute()}


def managed_rules(status: str = "Active", destination: str = REGISTRY) -> OutboundRules:
    """Return a managed network with one private endpoint rule."""
    rule = OutboundRule(name="pe", kind="PrivateEndpoint", destination=destination, status=status)
    return OutboundRules(mode="AllowOnlyApprovedOutbound", rules=(rule,))


# --- private-endpoint-not-approved --------------------------------------------------------------------------


def approval(shown: Symptom, *endpoints: Any, **facts: Any) -> Judgement:
    """Judge whether the endpoint that the cluster needs is approved."""
    return judged("private-endpoint-not-approved", shown, facts=world(*endpoints, **facts))


def public(*endpoints: Any, **facts: Any) -> Judgement:
    """Judge the public access, which is off."""
    return judged("public-access-disabled", denied(), facts=world(*endpoints, **facts))


@pytest.mark.parametrize("status", ["Pending", "Rejected", "Disconnected", ""])
@pytest.mark.parametrize("shown", [timeout("10.20.4.5"), timeout(), refusal(), denied(), no_such_host()])
def test_an_endpoint_that_lets_nothing_through_is_proven(status: str, shown: Symptom) -> None:
    """The connection's state decides, whatever the text makes of it."""
    said = approval(shown, endpoint(status))
    assert said.proof is Proof.PROVEN
    assert said.target == f"{REGISTRY}/privateEndpointConnections/pe-prosereg".lower()
    assert "pe-prosereg" in said.headline


def test_approving_is_told_with_the_connection_s_own_id() -> None:
    """A pending one can be approved, by hand and in code; a cut one has to be made anew."""
    remedy = approval(denied(), endpoint("Pending")).remedies[0]
    assert f"{REGISTRY}/privateEndpointConnections/pe-prosereg" in shlex.split(remedy.command)
    assert "status: 'Approved'" in remedy.bicep
    assert approval(denied(), endpoint("Disconnected")).remedies[0].command == ""


def test_a_peered_endpoint_counts_like_one_s_own() -> None:
    """An endpoint in a peered network is the compute's way as well, one behind a cut peering is not."""
    facts = {"compute_network": network(peerings=(peer(),))}
    assert approval(denied(), endpoint("Pending", HUB), **facts).proof is Proof.PROVEN
    cut = {"compute_network": network(peerings=(peer(open=False),))}
    assert approval(denied(), endpoint("Pending", HUB), **cut).proof is Proof.CONTRADICTED


def test_another_approved_endpoint_in_reach_contradicts() -> None:
    """One that is rejected beside one that works stops nobody."""
    said = approval(denied(), endpoint("Rejected"), endpoint(name="pe-two"))
    assert said.proof is Proof.CONTRADICTED
    assert "pe-two" in said.against[0]


@pytest.mark.parametrize("endpoints", [(), (endpoint(),)])
def test_without_a_broken_connection_it_is_not_this(endpoints: Any) -> None:
    """None at all, or all approved."""
    assert approval(denied(), *endpoints).proof is Proof.CONTRADICTED


def test_an_approval_may_have_come_since() -> None:
    """A registry changed after the failure may have got it then."""
    assert approval(denied(), endpoint(), settings={"changed_at": AFTER}).proof is Proof.UNREAD


OPEN = {"public_access": True, "default_action": "Allow"}
SOME = {"public_access": True, "ip_rules": ("203.0.113.9",)}


@pytest.mark.parametrize("settings", [OPEN, SOME])
@pytest.mark.parametrize("shown", [timeout("203.0.113.9"), symptom("forbidden", "denied")])
def test_an_open_public_way_is_not_stopped_by_an_endpoint(shown: Symptom, settings: dict[str, Any]) -> None:
    """Who may have gone by the open public way was not held up by the state of an endpoint."""
    assert approval(shown, endpoint("Pending"), settings=settings).proof is Proof.COMPATIBLE


@pytest.mark.parametrize(
    ("shown", "facts", "proof"),
    [
        (timeout("10.20.4.5"), {}, Proof.PROVEN),
        (timeout(), {}, Proof.PROVEN),
        (timeout(), {"private_zones": zones(HUB)}, Proof.COMPATIBLE),
        (timeout(), {"private_zones": zones(TRAIN, records=())}, Proof.COMPATIBLE),
        (timeout(), {"private_zones": LOST}, Proof.UNREAD),
        (no_such_host(), {"private_zones": zones(TRAIN, records=())}, Proof.PROVEN),
        (no_such_host(), {}, Proof.COMPATIBLE),
    ],
)
def test_beside_an_open_public_way_the_zone_shows_who_was_led_to_the_endpoint(
    shown: Symptom, facts: dict[str, Any], proof: Proof
) -> None:
    """A name that leads to the public address passes an endpoint by that lets nothing through."""
    assert approval(shown, endpoint("Pending"), settings=OPEN, **facts).proof is proof


def test_an_endpoint_out_of_sight_is_the_only_way_left_where_public_access_is_off() -> None:
    """Wherever it stands: without an approved endpoint and without public access nobody gets in."""
    assert approval(denied(), endpoint("Disconnected", None)).proof is Proof.PROVEN
    open_ = approval(denied(), endpoint("Disconnected", None), settings={"public_access": True})
    assert open_.proof is Proof.UNREAD


def test_a_managed_network_s_endpoint_is_known_by_its_rule() -> None:
    """The endpoint itself stands out of sight; the workspace's rule says that the network has one for us."""
    facts = {**MANAGED, "outbound_rules": managed_rules()}
    assert approval(timeout(), endpoint("Pending", None), **facts).proof is Proof.PROVEN
    other = {**MANAGED, "outbound_rules": managed_rules(destination=f"{REGISTRY}2")}
    assert approval(timeout(), endpoint("Pending", None), **other).proof is Proof.CONTRADICTED
    unmade = {**MANAGED, "outbound_rules": managed_rules("Inactive")}
    said = approval(timeout(), endpoint("Pending", TRAIN), **unmade)
    assert said.proof is Proof.UNREAD
    assert "Inactive" in said.unchecked[0]


def test_another_s_approved_endpoint_is_not_the_managed_network_s() -> None:
    """Whose an endpoint out of sight is cannot be told, so one that is approved rules nothing out."""
    facts = {**MANAGED, "outbound_rules": managed_rules()}
    both = (endpoint("Approved", None, "pe-other"), endpoint("Pending", None, "pe-ours"))
    for said in (approval(denied(), *both, **facts), public(*both, **facts)):
        assert said.proof is Proof.UNREAD
        assert "pe-other (Approved), pe-ours (Pending)" in said.unchecked[0]
    unmade = {**MANAGED, "outbound_rules": managed_rules("Inactive")}
    for said in (approval(denied(), *both[:1], endpoint("Pending"), **unmade), public(*both[:1], **unmade)):
        assert said.proof is Proof.UNREAD
        assert "Inactive" in said.unchecked[0]
    assert public(*both[:1], **facts).proof is Proof.CONTRADICTED


def test_no_stranger_s_endpoint_is_to_be_approved() -> None:
    """Where none is approved the managed network's is not either; which one it is, no command can say."""
    both = (endpoint("Rejected", None, "pe-other"), endpoint("Pending", None, "pe-ours"))
    said = approval(denied(), *both, **MANAGED, outbound_rules=managed_rules())
    assert said.proof is Proof.PROVEN
    [remedy] = said.remedies
    assert (remedy.command, remedy.bicep) == ("", "")
    assert "pe-other (Rejected), pe-ours (Pending)" in remedy.detail
    assert "pe-" not in said.target
    assert public(*both, **MANAGED, outbound_rules=managed_rules()).proof is Proof.CONTRADICTED


def test_of_several_endpoints_out_of_sight_none_is_taken_for_the_compute_s() -> None:
    """In a network of one's own, too, each may be a stranger's."""
    assert approval(denied(), endpoint("Pending", None), endpoint("Rejected", None, "pe-two")).proof is Proof.UNREAD
    said = approval(denied(), endpoint("Pending", None), endpoint("Rejected", HUB, "pe-two"))
    assert said.proof is Proof.PROVEN
    assert said.target.endswith("/pe-prosereg")


def test_the_endpoint_that_takes_least_to_mend_is_told() -> None:
    """Of several in reach the one that only waits, and not the one that is cut off."""
    said = approval(denied(), endpoint("Disconnected"), endpoint("Pending", name="pe-two"))
    assert "pe-two" in said.remedies[0].command


@pytest.mark.parametrize(
    ("elsewhere", "facts", "proof"),
    [
        (endpoint(vnet=None, name="pe-two"), {}, Proof.UNREAD),
        (endpoint("Pending", None, "pe-two"), {}, Proof.PROVEN),
        (endpoint(vnet=HUB, name="pe-two"), {}, Proof.PROVEN),
        (
            endpoint(vnet=HUB, name="pe-two"),
            {"compute_network": network(peerings=(peer(f"{HUB}-2", gateway=True),))},
            Proof.UNREAD,
        ),
    ],
)
def test_an_approved_endpoint_that_may_be_in_reach_leaves_it_open(
    elsewhere: Any, facts: dict[str, Any], proof: Proof
) -> None:
    """One that waits in the compute's network stops nobody who is led to another, wherever that one stands."""
    assert approval(denied(), endpoint("Pending"), elsewhere, **facts).proof is proof


# --- private-name-unresolved --------------------------------------------------------------------------------


def name(shown: Symptom, *endpoints: Any, **facts: Any) -> Judgement:
    """Judge whether the registry's name leads to its endpoint; the zone is linked to the hub unless stated otherwise."""
    facts = {"private_zones": zones(HUB), **facts}
    return judged("private-name-unresolved", shown, facts=world(*(endpoints or (endpoint(),)), **facts))


@pytest.mark.parametrize(
    "shown", [refusal(), denied(), timeout("203.0.113.9"), timeout(), symptom("forbidden", "denied")]
)
def test_an_approved_endpoint_and_an_unlinked_zone_are_proven(shown: Symptom) -> None:
    """The name then gives the public address, and with public access off nobody gets in there."""
    said = name(shown)
    assert said.proof is Proof.PROVEN
    assert said.target == f"{SERVER} in {TRAIN.lower()}"
    assert "linked to vnet-hub only" in " ".join(said.reasons)
    words = shlex.split(said.remedies[0].command)
    assert words[words.index("--virtual-network") + 1] == TRAIN
    assert words[words.index("--zone-name") + 1] == "privatelink.azurecr.io"
    assert "virtualNetworkLinks" in said.remedies[0].bicep


def test_the_registry_s_own_refusal_shows_the_public_way_where_no_zone_is_seen() -> None:
    """Whoever is refused by address did not come by the endpoint; a silence alone would not show it."""
    none = PrivateZones(name="privatelink.azurecr.io", searched=("1", "2"))
    assert name(refusal(), private_zones=none).proof is Proof.PROVEN
    said = name(timeout(), private_zones=none)
    assert said.proof is Proof.UNREAD
    assert "2 subscription(s)" in said.unchecked[0]


def no_pull_right() -> Symptom:
    """Return what the registry's token service says to an identity without the pull role."""
    text = f"server message: insufficient_scope: authorization failed for {SERVER}"
    return symptom("forbidden", text, signature="token-without-pull", emitter="a registry's token service")


NOWHERE = PrivateZones(name="privatelink.azurecr.io", searched=("1",))


@pytest.mark.parametrize("shown", [no_pull_right(), symptom("forbidden", "denied"), symptom("insufficient-evidence")])
def test_a_closed_public_access_shows_no_name_where_no_zone_is_seen(shown: Symptom) -> None:
    """The zone may lie in a subscription that we cannot list, and lead the name to the endpoint all along."""
    assert name(shown, private_zones=NOWHERE).proof is Proof.UNREAD


def test_a_right_that_is_missing_is_the_verdict_where_no_zone_is_seen() -> None:
    """The registry's token service was reached, and the pull role is not there."""
    diagnosis = judge(evidence(no_pull_right(), facts=world(endpoint(), private_zones=NOWHERE, role_grants=grants())))
    assert (diagnosis.verdict, diagnosis.status) == ("pull-role-missing", Status.CONFIRMED)
    assert diagnosis.also == ()


def test_who_refuses_a_right_was_reached() -> None:
    """Whatever network, endpoint and zone look like now, the question about the right had come through."""
    assert name(no_pull_right()).proof is Proof.COMPATIBLE
    assert approval(no_pull_right(), endpoint("Pending")).proof is Proof.COMPATIBLE
    assert approval(no_pull_right(), endpoint("Disconnected", None)).proof is Proof.COMPATIBLE
    assert judged("public-access-disabled", no_pull_right(), facts=world()).proof is Proof.COMPATIBLE


def test_a_public_access_that_may_be_off_only_since_shows_no_name() -> None:
    """Until then the public address let everybody in; the registry's own refusal speaks for itself."""
    changed = {"changed_at": AFTER}
    assert name(symptom("forbidden", "denied"), settings=changed).proof is Proof.UNREAD
    assert name(refusal(), settings=changed).proof is Proof.PROVEN


def test_a_linked_zone_without_the_record_hides_the_name() -> None:
    """No such host, from a zone that answers for every name below it."""
    said = name(no_such_host(), private_zones=zones(TRAIN, records=()))
    assert said.proof is Proof.PROVEN
    assert "dns-zone-group" in said.remedies[0].command
    assert ZONE in said.remedies[0].bicep


def test_the_record_is_kept_in_the_zone_that_is_linked() -> None:
    """Beside other zones of the name, and in the subscription of the endpoint, whoever runs the command."""
    [bare] = zones(TRAIN, records=()).zones
    other = replace(bare, id=ZONE.replace("rg-train", "rg-old"), links=())
    both = PrivateZones(name="privatelink.azurecr.io", zones=(other, bare), searched=("1",))
    words = shlex.split(name(no_such_host(), private_zones=both).remedies[0].command)
    assert words[words.index("--private-dns-zone") + 1] == ZONE
    assert words[words.index("--subscription") + 1] == SUBSCRIPTION.rpartition("/")[2]


@pytest.mark.parametrize("shown", [timeout(), symptom("forbidden", "denied")])
def test_a_zone_in_a_subscription_that_was_not_searched_may_be_the_linked_one(shown: Symptom) -> None:
    """One that is seen without a link proves nothing then; what the text itself shows still does."""
    cut = replace(zones(HUB), complete=False)
    assert name(shown, private_zones=cut).proof is Proof.UNREAD
    assert name(refusal(), private_zones=cut).proof is Proof.PROVEN


def test_an_empty_zone_that_is_linked_gets_its_record_as_well() -> None:
    """Linked without the record, it would hide the name."""
    link, record = name(refusal(), private_zones=zones(HUB, records=())).remedies
    assert "link vnet create" in link.command
    assert "dns-zone-group create" in record.command


def test_a_zone_that_nobody_saw_is_not_spelled_in_a_command() -> None:
    """It may stand in another team's subscription, and a second one of its name would hide it."""
    [remedy] = name(refusal(), private_zones=NOWHERE).remedies
    assert (remedy.command, remedy.bicep) == ("", "")
    assert "1 subscription(s)" in remedy.detail


def test_the_private_zone_is_the_registry_s_own_cloud_s() -> None:
    """Other clouds have other suffixes, and so have their private zones."""
    government = {"login_server": "prosereg.azurecr.us"}
    facts = {"settings": government, "private_zones": LOST}
    assert "privatelink.azurecr.us" in name(refusal(), **facts).remedies[0].title
    closed = judged("public-access-disabled", denied(), facts=world(settings=government))
    assert "privatelink.azurecr.us" in closed.remedies[0].detail


def test_a_link_may_fall_back_to_the_public_answer() -> None:
    """With NxDomainRedirect the missing record gives the public address instead."""
    redirecting = zones(TRAIN, records=(), policy="NxDomainRedirect")
    assert name(refusal(), private_zones=redirecting).proof is Proof.PROVEN
    assert name(no_such_host(), private_zones=redirecting).proof is Proof.UNREAD
    assert name(refusal(), private_zones=zones(TRAIN, records=())).proof is Proof.UNREAD


def test_an_unlinked_zone_hides_no_name() -> None:
    """The public name exists, so *no such host* has another reason that was not seen."""
    assert name(no_such_host()).proof is Proof.UNREAD


def test_a_zone_that_is_right_now_may_not_have_been_then() -> None:
    """Azure dates no link; a silence without any sign of the public way is contradicted, a missing right as well."""
    for shown in (refusal(), no_such_host(), symptom("forbidden", "denied")):
        for settings in ({}, {"changed_at": AFTER}):
            said = name(shown, private_zones=zones(TRAIN), settings=settings)
            assert said.proof is Proof.UNREAD
            assert "since when" in said.unchecked[0]
    for shown in (timeout(), no_pull_right()):
        assert name(shown, private_zones=zones(TRAIN)).proof is Proof.CONTRADICTED


def test_a_private_address_in_the_text_contradicts() -> None:
    """The name led to the endpoint, or at least not to the public address."""
    assert name(timeout("10.20.4.5")).proof is Proof.CONTRADICTED


def test_own_dns_servers_leave_it_open_unless_the_text_shows_it() -> None:
    """What they answer is not to be seen; an address that the registry refused shows that it was the public one."""
    facts = {"compute_network": network(dns_servers=("10.20.0.4",))}
    assert name(no_such_host(resolver="10.20.0.4"), **facts).proof is Proof.UNREAD
    assert name(timeout(), **facts).proof is Proof.UNREAD
    for shown in (refusal(), timeout("203.0.113.9")):
        said = name(shown, **facts, private_zones=zones(TRAIN))
        assert said.proof is Proof.PROVEN
        assert "10.20.0.4" in said.remedies[0].title


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("lookup prosereg.azurecr.io: read udp 10.20.0.9:50->168.63.129.16:53: i/o timeout", Proof.COMPATIBLE),
        ("prosereg.azurecr.io resolved to a public address", Proof.PROVEN),
        ("Unable to resolve Container Registry: prosereg.azurecr.io. If private link is enabled", Proof.UNREAD),
    ],
)
def test_other_failures_of_a_name_count_for_what_they_say(text: str, proof: Proof) -> None:
    """No answer of a resolver is no answer of a zone; a public answer is."""
    assert name(symptom("dns", text)).proof is proof


def test_a_registry_that_cannot_be_resolved_by_azure_ml_lacks_its_record() -> None:
    """The control plane's own wording counts like the runtime's."""
    text = "Unable to resolve Container Registry: prosereg.azurecr.io. If private link is enabled in workspace"
    shown = symptom("dns", text, emitter="Azure ML control plane, az acr, curl")
    assert name(shown, private_zones=zones(TRAIN, records=())).proof is Proof.PROVEN


def test_an_open_registry_can_be_reached_by_any_name() -> None:
    """An unlinked zone stops nobody whom the public way lets in, unless the network lets nothing out that way."""
    assert name(timeout("203.0.113.9"), settings=OPEN).proof is Proof.COMPATIBLE
    assert name(timeout("203.0.113.9"), settings=SOME).proof is Proof.COMPATIBLE
    assert name(symptom("forbidden", "denied"), settings=OPEN).proof is Proof.COMPATIBLE
    deny = NetworkRule(name="no-internet", priority=100, allow=False, destinations=("Internet",))
    blocked = NetworkRules(group="/g/nsg", rules=(deny,))
    assert name(timeout("203.0.113.9"), settings=OPEN, network_rules=blocked).proof is Proof.PROVEN


@pytest.mark.parametrize(
    ("shown", "endpoints", "facts"),
    [
        (denied(), (endpoint("Pending"),), {}),
        (denied(), (endpoint(vnet=HUB),), {}),
        (denied(), (endpoint(),), {"compute": compute()}),
        (timeout(), (endpoint(vnet=None),), {**MANAGED, "outbound_rules": managed_rules()}),
        (layers("prosereg.northeurope.data.azurecr.io"), (endpoint(),), {}),
    ],
)
def test_without_an_approved_endpoint_in_reach_no_name_is_wrong(shown: Symptom, endpoints: Any, facts: Any) -> None:
    """Pending, in another network, no network at all, a managed one, or a login that passed."""
    assert name(shown, *endpoints, **facts).proof is Proof.CONTRADICTED


def test_a_service_s_call_says_nothing_of_the_compute_s_network() -> None:
    """Azure ML's own service asks from elsewhere."""
    assert name(by_service()).proof is Proof.COMPATIBLE
    assert approval(by_service(), endpoint("Pending")).proof is Proof.COMPATIBLE


# --- what goes behind both ----------------------------------------------------------------------------------


def test_an_endpoint_in_reach_goes_before_the_public_access() -> None:
    """Of whatever state it is, it is the thing to mend."""
    for status in ("Approved", "Pending"):
        said = public(endpoint(status))
        assert said.proof is Proof.CONTRADICTED
        assert status in said.against[0]


def test_an_endpoint_in_a_network_that_is_not_peered_is_no_way() -> None:
    """Peerings are not transitive."""
    said = public(endpoint(vnet=HUB), compute_network=network(peerings=(peer(f"{HUB}-2"),)))
    assert said.proof is Proof.PROVEN
    assert "not peered" in said.reasons[1]


@pytest.mark.parametrize(
    "facts",
    [
        {"compute_network": network(peerings=(peer(f"{HUB}-2", gateway=True),))},
        {
            "compute_network": network(peerings=(peer(f"{HUB}-2"),), route_table="/rt"),
            "routes": Routes(
                table="/rt",
                routes=(Route(name="r", prefix="0.0.0.0/0", next_hop="VirtualAppliance", address="10.9.0.4"),),
            ),
        },
        {"compute_network": network(peerings=(peer(f"{HUB}-2"),), route_table="/rt"), "routes": LOST},
    ],
)
def test_gateways_and_appliances_may_lead_further(facts: dict[str, Any]) -> None:
    """What they connect to was not seen, so nothing is claimed."""
    assert public(endpoint(vnet=HUB), **facts).proof is Proof.UNREAD


def test_a_managed_network_without_an_endpoint_for_the_registry_has_no_private_way() -> None:
    """Its rules say so."""
    rules = OutboundRules(mode="AllowInternetOutbound")
    assert public(endpoint(vnet=HUB), **MANAGED, outbound_rules=rules).proof is Proof.PROVEN


def address(shown: Symptom, *endpoints: Any, **facts: Any) -> Judgement:
    """Judge an address against a registry that denies by default."""
    settings = {"public_access": True, "default_action": "Deny", **facts.pop("settings", {})}
    return judged("address-not-allowed", shown, facts=world(*endpoints, settings=settings, **facts))


def test_an_endpoint_in_reach_goes_before_an_address_rule() -> None:
    """A rule for the address would let the pull take a way that nobody meant."""
    assert address(refusal(), endpoint()).proof is Proof.CONTRADICTED
    assert address(refusal(), endpoint(vnet=HUB)).proof is Proof.PROVEN


def test_with_the_bypass_off_a_node_s_own_address_settles_who_asked() -> None:
    """The NAT gateway's address is a node's, which no bypass helps; without knowing it the client stays open."""
    off = {"trusted_services": False}
    own = OutboundAddresses(addresses=("203.0.113.9",))
    assert address(refusal(), settings=off, outbound_addresses=own).proof is Proof.PROVEN
    pool = OutboundAddresses(ranges=("203.0.113.0/28", "nonsense"))
    assert address(refusal(), settings=off, outbound_addresses=pool).proof is Proof.PROVEN
    assert address(refusal(), settings=off, outbound_addresses=LOST).proof is Proof.UNREAD
    assert address(refusal(), settings=off, compute=compute()).proof is Proof.UNREAD
    assert address(by_service(), settings=off).proof is Proof.CONTRADICTED


def test_the_far_side_s_address_is_none_that_the_registry_saw() -> None:
    """What a timeout beside the refusal shows is not held against the rules."""
    facts = world(settings={"public_access": True})
    shown = symptom("network-firewall", "denied", signature="acr-403")
    told = judge(evidence(shown, timeout("203.0.113.99"), facts=facts))
    [found] = [finding for finding in told.findings if finding.cause == "address-not-allowed"]
    assert found.status is not Status.CONFIRMED
    assert "does not show the address" in found.unchecked[0]


# --- what was not seen --------------------------------------------------------------------------------------

CASES: dict[str, tuple[Symptom, dict[str, Any]]] = {
    "private-endpoint-not-approved": (denied(), world(endpoint("Pending"))),
    "private-name-unresolved": (denied(), world(endpoint(), private_zones=zones(HUB))),
    "public-access-disabled": (denied(), world(endpoint(vnet=HUB))),
    "address-not-allowed": (refusal(), world(endpoint(vnet=HUB), settings={"public_access": True})),
}


@pytest.mark.parametrize("cause", sorted(CASES))
def test_these_worlds_prove_their_cause(cause: str) -> None:
    """And it is the verdict, with nothing confirmed beside it."""
    shown, facts = CASES[cause]
    assert judged(cause, shown, facts=facts).proof is Proof.PROVEN
    diagnosis = judge(evidence(shown, facts=facts))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.CONFIRMED)
    assert diagnosis.also == ()


@pytest.mark.parametrize("cause", sorted(set(CASES) - {"address-not-allowed"}))
@pytest.mark.parametrize("lost", ["outbound-rules", "private-endpoints", "workspace", "compute"])
def test_a_managed_network_s_lost_facts_leave_it_open(cause: str, lost: str) -> None:
    """Whether the network has an endpoint for the registry cannot be told then."""
    facts = world(
        endpoint("Pending", None), workspace=MANAGED["workspace"], compute=compute(), outbound_rules=managed_rules()
    )
    said = judged(cause, timeout(), facts={**facts, lost: LOST})
    assert said.proof is Proof.UNREAD


@pytest.mark.parametrize("cause", sorted(CASES))
def test_a_build_s_way_is_another(cause: str) -> None:
    """What stopped an image build is not judged as a compute's pull."""
    shown = symptom("network-firewall", "denied", file="azureml-logs/20_image_build_log.txt")
    assert judged(cause, shown, facts=CASES[cause][1]).proof is Proof.UNREAD


def test_a_subnet_s_network_is_compared_without_regard_to_case() -> None:
    """Azure writes ids in any casing."""
    said = name(denied(), endpoint(vnet=TRAIN.upper()), compute=compute(subnet=SUBNET.lower()))
    assert said.proof is Proof.PROVEN
