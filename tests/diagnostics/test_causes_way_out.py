"""The way out of the compute's network: managed networks, security rules, routes, firewalls; and the layers' host."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from diagnostic_samples import (
    REGISTRY,
    SERVER,
    WORKSPACE,
    compute,
    evidence,
    judged,
    symptom,
    workspace,
)
from network_samples import (
    NETWORKS,
    OPEN,
    TABLE_ID,
    TRAIN,
    denied,
    endpoint,
    layers,
    lets,
    network,
    no_such_host,
    peer,
    refusal,
    route,
    through,
    timeout,
    world,
    zones,
)

from diagnostics.judging import all_causes, judge
from diagnostics.model import Status, Symptom, Unknown
from diagnostics.network_facts import (
    FirewallRule,
    Firewalls,
    NetworkRule,
    NetworkRules,
    OutboundRule,
    OutboundRules,
    Route,
    Routes,
)
from diagnostics.verdicts import Judgement, Proof

LOST = Unknown(reason="HTTP 403, AuthorizationFailed", missing_action="Microsoft.Network/x/read")
GROUP_ID = f"{NETWORKS}/networkSecurityGroups/nsg-nodes"
DATA = "prosereg.northeurope.data.azurecr.io"
STORAGE = "neu7managed1.blob.core.windows.net"


def rule(name: str, *places: str, allow: bool = False, priority: int = 100, **changes: Any) -> NetworkRule:
    """Return an outbound rule, denying unless stated otherwise."""
    return NetworkRule(name=name, priority=priority, allow=allow, destinations=places or ("*",), **changes)


def group(*rules: NetworkRule) -> dict[str, Any]:
    """Return the facts of a security group with these rules."""
    return {
        "network_rules": NetworkRules(group=GROUP_ID, rules=rules),
        "compute_network": network(network_security_group=GROUP_ID),
    }


def managed(*rules: OutboundRule, mode: str = "AllowOnlyApprovedOutbound") -> dict[str, Any]:
    """Return the facts of a compute in a managed network with these rules."""
    return {
        "compute": compute(),
        "workspace": workspace(isolation_mode=mode),
        "outbound_rules": OutboundRules(mode=mode, rules=rules),
    }


def approved(destination: str, kind: str = "FQDN", status: str | None = "Active", **changes: Any) -> OutboundRule:
    """Return an outbound rule."""
    return OutboundRule(name="approved", kind=kind, destination=destination, status=status, **changes)


# --- egress-blocked -----------------------------------------------------------------------------------------


def out(shown: Symptom | None = None, *endpoints: Any, **facts: Any) -> Judgement:
    """Judge the way out of a registry that lets everybody in."""
    facts = {"settings": OPEN, **facts}
    return judged("egress-blocked", shown or timeout("203.0.113.9"), facts=world(*endpoints, **facts))


@pytest.mark.parametrize(
    ("rules", "proof"),
    [
        ((rule("no", "*"),), Proof.PROVEN),
        ((rule("no", "0.0.0.0/0"),), Proof.PROVEN),
        ((rule("no", "Internet"),), Proof.PROVEN),
        ((rule("no", "203.0.113.0/24"),), Proof.PROVEN),
        ((rule("no", "AzureContainerRegistry"),), Proof.PROVEN),
        ((rule("no", "AzureContainerRegistry.NorthEurope"),), Proof.PROVEN),
        ((rule("no", "AzureCloud"),), Proof.PROVEN),
        ((rule("no", ports=("80", "440-450")),), Proof.PROVEN),
        ((rule("no", protocol="Tcp"),), Proof.PROVEN),
        ((rule("no", "Storage", "Internet"),), Proof.PROVEN),
        ((rule("no", "AzureContainerRegistry.WestUS"),), Proof.UNREAD),
        ((rule("no", exact=False),), Proof.UNREAD),
        ((rule("no", "AzureContainerRegistry.WestUS", priority=90), rule("yes", allow=True)), Proof.UNREAD),
        ((rule("no", "Storage"),), Proof.CONTRADICTED),
        ((rule("no", "VirtualNetwork"),), Proof.CONTRADICTED),
        ((rule("no", "10.0.0.0/8"),), Proof.CONTRADICTED),
        ((rule("no", protocol="Udp"),), Proof.CONTRADICTED),
        ((rule("no", ports=("80", "8000-9000")),), Proof.CONTRADICTED),
        ((rule("yes", "AzureContainerRegistry", allow=True, priority=90), rule("no", "*")), Proof.CONTRADICTED),
        ((rule("no", "*", priority=90), rule("yes", "*", allow=True)), Proof.PROVEN),
        ((), Proof.CONTRADICTED),
    ],
)
def test_the_first_security_rule_that_holds_the_registry_decides(rules: tuple[NetworkRule, ...], proof: Proof) -> None:
    """By priority, port, protocol and destination; what cannot be told is not guessed."""
    assert out(**group(*rules)).proof is proof


def test_a_denying_rule_is_answered_with_one_before_it() -> None:
    """The remedy allows the service tag with a lower number, with the group's real names."""
    said = out(**group(rule("deny-out", "Internet", priority=200)))
    words = shlex.split(said.remedies[0].command)
    assert words[words.index("--priority") + 1] == "199"
    assert words[words.index("--nsg-name") + 1] == "nsg-nodes"
    assert "AzureContainerRegistry" in words
    assert "deny-out" in said.target
    assert "securityRules" in said.remedies[0].bicep


@pytest.mark.parametrize(
    ("rules", "priority"),
    [
        ((rule("no", "Internet", priority=100),), None),
        ((rule("dns", ports=("53",), priority=100), rule("no", "Internet", priority=101)), None),
        ((rule("dns", ports=("53",), priority=199), rule("no", "Internet", priority=200)), "198"),
    ],
)
def test_no_rule_is_proposed_where_another_stands(rules: tuple[NetworkRule, ...], priority: str | None) -> None:
    """Priorities are unique in a direction: where none is free before it, the denying rule has to be changed."""
    [remedy] = out(**group(*rules)).remedies
    words = shlex.split(remedy.command)
    assert (words[words.index("--priority") + 1] if words else None) == priority
    assert priority or (remedy.bicep == "" and "Change or move the rule no" in remedy.title)


@pytest.mark.parametrize(
    ("server", "storage", "login"),
    [
        (SERVER, "*.blob.core.windows.net", "login.microsoftonline.com"),
        ("prosereg.azurecr.us", "*.blob.core.usgovcloudapi.net", "login.microsoftonline.us"),
        ("prosereg.azurecr.cn", "*.blob.core.chinacloudapi.cn", "login.chinacloudapi.cn"),
    ],
)
def test_a_firewall_s_rule_names_the_hosts_of_the_registry_s_cloud(server: str, storage: str, login: str) -> None:
    """What else has to be let through has other names in other clouds."""
    [remedy] = out(timeout(host=server), settings=OPEN | {"login_server": server}, **through()).remedies
    assert storage in remedy.detail
    assert login in remedy.detail


@pytest.mark.parametrize("shown", [timeout(), timeout("203.0.113.9")])
@pytest.mark.parametrize(
    ("routes", "proof"),
    [
        ((route(hop="None"),), Proof.PROVEN),
        ((route("AzureContainerRegistry", "None"),), Proof.PROVEN),
        ((route(hop="None"), route("AzureContainerRegistry", "Internet")), Proof.CONTRADICTED),
        ((route(hop="Internet"),), Proof.CONTRADICTED),
        ((route("10.0.0.0/8", "None"),), Proof.CONTRADICTED),
        ((route(hop="VirtualNetworkGateway"),), Proof.UNREAD),
        ((), Proof.CONTRADICTED),
    ],
)
def test_the_most_specific_route_decides(shown: Symptom, routes: tuple[Route, ...], proof: Proof) -> None:
    """A route to nowhere drops what it holds; a gateway leads where nothing can be seen."""
    facts = {"routes": Routes(table=TABLE_ID, routes=routes), "compute_network": network(route_table=TABLE_ID)}
    assert out(shown, **facts).proof is proof


def test_a_range_that_may_hold_the_registry_leaves_it_open() -> None:
    """Without the address nobody can say whether a more specific route takes it."""
    facts = through(routes=(route(), route("203.0.113.0/24", "None")))
    assert out(timeout(), **facts).proof is Proof.UNREAD
    assert out(timeout("203.0.113.9"), **facts).proof is Proof.PROVEN


@pytest.mark.parametrize(("default", "other"), [("None", "Internet"), ("Internet", "None")])
def test_routes_without_a_next_address_differ_by_where_they_lead(default: str, other: str) -> None:
    """Neither *None* nor *Internet* has an address, and a range that may hold the registry tells them apart."""
    routes = Routes(table=TABLE_ID, routes=(route(hop=default), route("20.0.0.0/8", other)))
    facts = {"routes": routes, "compute_network": network(route_table=TABLE_ID)}
    assert out(timeout(), **facts).proof is Proof.UNREAD
    same = Routes(table=TABLE_ID, routes=(route(hop=default), route("20.0.0.0/8", default.upper())))
    assert out(timeout(), **facts | {"routes": same}).proof is not Proof.UNREAD


@pytest.mark.parametrize(
    ("rules", "proof"),
    [
        ((), Proof.PROVEN),
        ((lets("*.ubuntu.com"),), Proof.PROVEN),
        ((lets("*.azurecr.io", ports=("80",)),), Proof.PROVEN),
        ((lets("*.azurecr.io"),), Proof.CONTRADICTED),
        ((lets("*"),), Proof.CONTRADICTED),
        ((lets(SERVER.upper(), ports=("443",)),), Proof.CONTRADICTED),
        ((lets(addresses=("AzureContainerRegistry",)),), Proof.CONTRADICTED),
        ((lets(addresses=("*",)),), Proof.CONTRADICTED),
        ((lets(SERVER, limited=True),), Proof.UNREAD),
        ((lets(vague=True),), Proof.UNREAD),
        ((lets(SERVER), FirewallRule(name="no", allow=False, hosts=("*.azurecr.io",))), Proof.UNREAD),
    ],
)
def test_a_firewall_without_a_rule_for_the_host_blocks(rules: tuple[FirewallRule, ...], proof: Proof) -> None:
    """Azure Firewall denies what no rule lets through."""
    assert out(**through(*rules)).proof is proof


def test_an_appliance_that_nobody_can_look_into_leaves_it_open() -> None:
    """Another vendor's firewall has rules that Azure does not show."""
    facts = through() | {"firewalls": Firewalls(strangers=("10.9.0.4",))}
    said = out(**facts)
    assert said.proof is Proof.UNREAD
    assert "10.9.0.4" in said.unchecked[0]


@pytest.mark.parametrize(
    ("rules", "proof"),
    [
        ((), Proof.PROVEN),
        ((approved("*.conda.io"),), Proof.PROVEN),
        ((approved("Storage", "ServiceTag"),), Proof.PROVEN),
        ((approved("*.azurecr.io"),), Proof.CONTRADICTED),
        ((approved(SERVER, status=None),), Proof.CONTRADICTED),
        ((approved("AzureContainerRegistry", "ServiceTag"),), Proof.CONTRADICTED),
        ((approved("AzureContainerRegistry", "ServiceTag", ports=("80",)),), Proof.PROVEN),
        ((approved("AzureContainerRegistry.WestUS", "ServiceTag"),), Proof.UNREAD),
        ((approved("20.0.0.0/8", "ServiceTag"),), Proof.UNREAD),
        ((approved("20.0.0.0/8", "ServiceTag"), approved("*.azurecr.io")), Proof.CONTRADICTED),
        ((approved(REGISTRY.upper(), "PrivateEndpoint"),), Proof.CONTRADICTED),
        ((approved(SERVER, status="Inactive"),), Proof.UNREAD),
    ],
)
def test_a_managed_network_lets_out_what_its_rules_approve(rules: tuple[OutboundRule, ...], proof: Proof) -> None:
    """In the mode that approves each way out, a host without a rule is dropped."""
    assert out(timeout(), **managed(*rules)).proof is proof


def test_a_managed_network_s_remedy_is_a_rule_of_its_own() -> None:
    """By name, or privately where it is a registry of Azure's."""
    said = out(timeout(), **managed())
    by_name, private = said.remedies
    assert shlex.split(by_name.command)[-1] == SERVER
    assert REGISTRY in shlex.split(private.command)
    assert WORKSPACE.lower() in said.target


def test_a_private_endpoint_rule_approves_the_registry_s_own_hosts_only() -> None:
    """The registry's data endpoint comes by it, another registry does not."""
    private = managed(approved(REGISTRY, "PrivateEndpoint"))
    assert out(timeout(host="docker.io"), **private).proof is Proof.PROVEN
    assert layer(layers(DATA), **private).proof is Proof.UNREAD
    assert layer(layers(STORAGE), **private).proof is Proof.PROVEN


@pytest.mark.parametrize(
    ("host", "proof"),
    [
        ("login.microsoftonline.com", Proof.UNREAD),
        ("mcr.microsoft.com", Proof.UNREAD),
        ("docker.io", Proof.PROVEN),
        (SERVER, Proof.PROVEN),
    ],
)
def test_a_tag_that_may_hold_the_host_leaves_it_open(host: str, proof: Proof) -> None:
    """Which of Azure's own hosts stand behind which tag is known for registries and storage only."""
    rules = group(rule("yes", "AzureActiveDirectory", allow=True, priority=90), rule("no", "Internet"))
    assert out(timeout(host=host), **rules).proof is proof


def test_what_a_managed_network_always_lets_out_is_not_blocked() -> None:
    """Microsoft's own registry needs no rule; with the internet allowed nothing does."""
    assert out(timeout(host="mcr.microsoft.com"), **managed()).proof is Proof.CONTRADICTED
    assert out(timeout(), **managed(mode="AllowInternetOutbound")).proof is Proof.CONTRADICTED
    assert out(timeout(host="docker.io"), **managed()).proof is Proof.PROVEN


def test_azure_s_own_network_limits_nothing() -> None:
    """A cluster in no network goes out freely; another kind of compute has a network that is not known."""
    assert out(compute=compute()).proof is Proof.CONTRADICTED
    assert out(compute=compute(kind="Kubernetes")).proof is Proof.UNREAD


@pytest.mark.parametrize("shown", [refusal(), denied(), layers(DATA)])
def test_an_answer_shows_an_open_way_out(shown: Symptom) -> None:
    """The registry refused, or let the log-in pass: the call had come through."""
    assert out(shown, **group(rule("no"))).proof is Proof.CONTRADICTED


def test_a_private_way_is_looked_at_before_the_way_out() -> None:
    """With an approved endpoint in reach nobody has to be let out to the public address."""
    assert out(None, endpoint(), **group(rule("no"))).proof is Proof.COMPATIBLE
    within = out(timeout("10.20.4.5"), endpoint(), **group(rule("no", "VirtualNetwork", priority=200)))
    assert within.proof is Proof.PROVEN
    assert "VirtualNetwork" in within.remedies[0].command


def test_an_endpoint_that_may_serve_the_compute_leaves_the_way_out_open() -> None:
    """A closed public way stops nobody who goes by a private one; an address in the text shows which it was."""
    lost = endpoint(vnet=None)
    blocked = group(rule("no", "Internet"))
    assert out(timeout(), lost, **blocked).proof is Proof.UNREAD
    assert out(timeout("203.0.113.9"), lost, **blocked).proof is Proof.PROVEN
    assert out(timeout(), endpoint("Pending", None), **blocked).proof is Proof.PROVEN
    assert out(timeout(), lost).proof is Proof.CONTRADICTED


def test_a_gateway_of_a_peer_may_have_given_a_route_of_its_own() -> None:
    """Learned routes stand in no table; one of one's own for everything goes before them."""
    behind: dict[str, Any] = {"compute_network": network(route_table=TABLE_ID, peerings=(peer(gateway=True),))}
    assert out(**behind).proof is Proof.UNREAD
    own = Routes(table=TABLE_ID, routes=(route(hop="Internet"),))
    assert out(**behind, routes=own).proof is Proof.CONTRADICTED


def test_what_the_text_names_is_not_ruled_out_by_rules_of_today() -> None:
    """A proxy's own page shows a block; rules carry no date."""
    page = symptom("network-firewall", "proxyconnect tcp: Forbidden", signature="proxy-page", names=("egress-blocked",))
    assert out(page).proof is Proof.UNREAD


# --- data-endpoint-blocked ----------------------------------------------------------------------------------


def layer(shown: Symptom, *endpoints: Any, **facts: Any) -> Judgement:
    """Judge the layers' host."""
    return judged("data-endpoint-blocked", shown, facts=world(*endpoints, **facts))


def test_a_missing_private_record_of_the_data_endpoint_is_proven() -> None:
    """The zone holds the login server and hides the data endpoint's public name."""
    said = layer(no_such_host(DATA), endpoint(), private_zones=zones(TRAIN))
    assert said.proof is Proof.PROVEN
    assert "prosereg.northeurope.data" in said.target
    assert "prosereg.northeurope.data" in shlex.split(said.remedies[0].command)
    assert "privateDnsZones/A" in said.remedies[0].bicep


def test_a_name_that_was_found_is_not_hidden_by_a_zone() -> None:
    """Only *no such host* is what a zone without the record gives, and not where its link falls back."""
    for shown in (layers(DATA), layers(DATA, "net/http: request canceled while waiting")):
        assert layer(shown, endpoint(), private_zones=zones(TRAIN)).proof is Proof.UNREAD
    redirecting = zones(TRAIN, policy="NxDomainRedirect")
    assert layer(no_such_host(DATA), endpoint(), private_zones=redirecting).proof is Proof.UNREAD


def test_a_record_that_is_there_now_may_be_new() -> None:
    """Azure does not say since when."""
    there = zones(TRAIN, records=("prosereg", "prosereg.northeurope.data"))
    assert layer(no_such_host(DATA), endpoint(), private_zones=there).proof is Proof.UNREAD


@pytest.mark.parametrize("host", [STORAGE, DATA, "weu.cdn.mscr.io"])
def test_a_firewall_that_knows_the_login_server_only_is_proven(host: str) -> None:
    """The way out is judged for the layers' host, wherever it stands."""
    said = layer(layers(host), **through(lets(SERVER)))
    assert said.proof is Proof.PROVEN
    assert host in said.headline


def test_a_policy_on_the_subnet_names_storage_that_is_not_the_registry_s() -> None:
    """A service endpoint policy cannot name the storage behind a registry."""
    facts = {"compute_network": network(endpoint_policies=("/policies/only-ours",))}
    assert layer(layers(STORAGE, "403 This request is not authorized"), **facts).proof is Proof.PROVEN
    assert layer(layers(DATA), **facts).proof is not Proof.PROVEN


@pytest.mark.parametrize(
    ("shown", "proof"),
    [
        (timeout("203.0.113.9"), Proof.CONTRADICTED),
        (refusal(), Proof.CONTRADICTED),
        (symptom("network-timeout", "i/o timeout"), Proof.COMPATIBLE),
        (symptom("network-timeout", f"https://{STORAGE}/train: i/o timeout"), Proof.COMPATIBLE),
        (symptom("network-firewall", "not authorized", names=("data-endpoint-blocked",)), Proof.UNREAD),
    ],
)
def test_only_a_layer_s_host_in_the_text_can_prove_it(shown: Symptom, proof: Proof) -> None:
    """A log-in that failed contradicts; storage without a layer is the run's own."""
    assert layer(shown, **group(rule("no"))).proof is proof


# --- what was not seen --------------------------------------------------------------------------------------

BLOCKED = group(rule("no", "Internet"))
CASES: dict[str, tuple[Symptom, dict[str, Any]]] = {
    "egress-blocked": (
        timeout("203.0.113.9"),
        world(settings=OPEN, **BLOCKED),
    ),
    "data-endpoint-blocked": (
        no_such_host(DATA),
        world(endpoint(), private_zones=zones(TRAIN)),
    ),
}
"""For each cause a world that proves it."""


@pytest.mark.parametrize("cause", sorted(CASES))
def test_these_worlds_prove_their_cause(cause: str) -> None:
    """And it is the verdict, with nothing confirmed beside it."""
    shown, facts = CASES[cause]
    assert judged(cause, shown, facts=facts).proof is Proof.PROVEN
    diagnosis = judge(evidence(shown, facts=facts))
    assert (diagnosis.verdict, diagnosis.status) == (cause, Status.CONFIRMED)
    assert diagnosis.also == ()


@pytest.mark.parametrize("lost", ["routes", "firewalls"])
def test_a_lost_route_or_firewall_leaves_the_way_out_open(lost: str) -> None:
    """The rules further on are as good as unread."""
    facts = world(settings=OPEN, **through())
    assert judged("egress-blocked", timeout(), facts={**facts, lost: LOST}).proof is Proof.UNREAD
    assert judged("data-endpoint-blocked", layers(STORAGE), facts={**facts, lost: LOST}).proof is Proof.UNREAD


@pytest.mark.parametrize("lost", ["outbound-rules", "workspace"])
def test_a_lost_rule_of_a_managed_network_leaves_the_way_out_open(lost: str) -> None:
    """Whether the host is approved cannot be told."""
    facts = world(settings=OPEN, **managed())
    assert judged("egress-blocked", timeout(), facts={**facts, lost: LOST}).proof is Proof.UNREAD


def test_a_build_s_way_is_another() -> None:
    """What stopped an image build is not judged as a compute's pull."""
    shown = symptom("network-firewall", "denied", file="azureml-logs/20_image_build_log.txt")
    assert judged("egress-blocked", shown, facts=CASES["egress-blocked"][1]).proof is Proof.UNREAD


def test_no_way_is_judged_from_our_own_network() -> None:
    """None of these causes needs a fact that was seen from where the responder stands."""
    ours = {"manifest", "tags"}
    family = {*CASES, "private-endpoint-not-approved", "private-name-unresolved", "address-not-allowed"}
    family |= {"public-access-disabled"}
    assert all(not ours & set(cause.needs) for cause in all_causes() if cause.id in family)
