"""The probes of networks against a simulated Azure: what they read, what they leave unasked, and what goes wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure_wire import (
    CUT,
    GARBAGE,
    MANAGER,
    REGISTRY,
    SUBSCRIPTION_ID,
    Begin,
    BentSandbox,
    Read,
    arm_error,
    json_answer,
)
from diagnostic_samples import GROUP, value

from diagnostics.model import Unknown
from diagnostics.network_facts import (
    ComputeNetwork,
    Firewalls,
    NetworkRules,
    OutboundAddresses,
    OutboundRules,
    PrivateEndpoints,
    PrivateZones,
    Routes,
)
from diagnostics.probing import all_probes
from sandbox.wire import Reply, Request

TRAIN = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-train"
HUB = f"{GROUP.replace('rg-train', 'rg-hub')}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
SUBNET = f"{TRAIN}/subnets/nodes"
RULES = [
    {"name": "hosts", "type": "FQDN", "destination": "*.conda.io", "category": "UserDefined", "status": "Active"},
    {"name": "tag", "type": "ServiceTag", "destination": "AzureActiveDirectory", "category": "Required"},
    {"name": "pe", "type": "PrivateEndpoint", "destination": REGISTRY, "category": "Required", "status": "Active"},
]
NETWORK = {
    "vnets": [
        {"id": TRAIN, "dns_servers": "168.63.129.16, 10.0.0.4", "peerings": [HUB], "nat_gateway_ip": "203.0.113.20"},
        {"id": HUB, "peerings": [TRAIN]},
    ],
    "route_tables": [
        {"subnet": SUBNET, "routes": [{"prefix": "0.0.0.0/0", "next_hop": "VirtualAppliance", "ip": "10.2.0.4"}]}
    ],
    "nsgs": [
        {
            "subnet": SUBNET,
            "rules": [
                {"name": "late", "direction": "Outbound", "destination": "*", "access": "Deny", "priority": 300},
                {"name": "in", "direction": "Inbound", "destination": "*", "access": "Deny", "priority": 100},
                {
                    "name": "early",
                    "direction": "Outbound",
                    "destination": "Storage",
                    "access": "Allow",
                    "priority": 200,
                },
            ],
        }
    ],
    "azure_firewalls": [
        {"ip": "10.9.9.9", "application_rules": ["other.example"]},
        {
            "ip": "10.2.0.4",
            "application_rules": ["*.azurecr.io"],
            "tls_inspection": True,
            "tls_certificate_authority": "proseware-ca",
        },
    ],
}
ZONE = {
    "zone": "privatelink.azurecr.io",
    "a_records": [{"name": "prosereg", "ip": "10.1.0.4"}, {"name": "other", "ip": "10.1.0.9"}],
    "vnet_links": [HUB, TRAIN],
    "resolution_policy": "NxDomainRedirect",
}


def story(**changes: Any) -> dict[str, Any]:
    """Return the changes that put the cluster and the registry's endpoint into a network with everything in it."""
    endpoints = [
        {"name": "pe-train", "status": "Approved", "privateEndpointVnet": TRAIN},
        {"name": "pe-lost", "status": "Disconnected", "privateEndpointVnet": None},
    ]
    world: dict[str, Any] = {
        "computes": [{"name": "cluster", "subnet": SUBNET}],
        "registries": [{"name": "prosereg", "sku": "Premium", "privateEndpointConnections": endpoints}],
        "workspaces": [
            {
                "name": "proseware-ml",
                "managed_network": {"isolation_mode": "AllowOnlyApprovedOutbound", "outbound_rules": RULES},
            }
        ],
        "network": NETWORK,
        "private_dns": [ZONE],
    }
    return {"world": world | changes}


# --- what they read -----------------------------------------------------------------------------------------


def test_an_endpoint_is_found_in_its_network(begin: Begin, read: Read) -> None:
    """Each connection keeps the registry's own word for its state; an endpoint that is gone has no place."""
    begin(**story())
    found = value(read("private-endpoints")["private-endpoints"], PrivateEndpoints)
    assert [(one.connection, one.approved, one.vnet) for one in found.endpoints] == [
        ("pe-train", True, TRAIN),
        ("pe-lost", False, None),
    ]
    assert "pe-train (Approved) in vnet-train" in str(found)


def test_an_endpoint_in_another_s_subscription_has_no_place(begin: Begin, read: Read) -> None:
    """The endpoints of a managed network are Azure's own: not being let in there is no right that we lack."""
    azure = begin(**story())
    elsewhere = (
        f"/subscriptions/{SUBSCRIPTION_ID[:-1]}9/resourceGroups/r/providers/Microsoft.Network/privateEndpoints/pe"
    )
    registry = azure_registry(elsewhere)
    azure.bend(MANAGER, "/registries/prosereg$", json_answer(200, registry))
    found = value(read("private-endpoints")["private-endpoints"], PrivateEndpoints)
    assert [one.vnet for one in found.endpoints] == [None]


def azure_registry(endpoint: str) -> dict[str, Any]:
    """Return a registry with one connection, whose endpoint stands under ``endpoint`` (recorded shape)."""
    connection = {
        "name": "pe",
        "id": f"{REGISTRY}/privateEndpointConnections/pe",
        "properties": {
            "privateEndpoint": {"id": endpoint},
            "privateLinkServiceConnectionState": {"status": "Pending"},
            "provisioningState": "Succeeded",
        },
    }
    properties = {"loginServer": "prosereg.azurecr.io", "privateEndpointConnections": [connection]}
    return {
        "id": REGISTRY,
        "name": "prosereg",
        "location": "northeurope",
        "sku": {"name": "Premium"},
        "properties": properties,
    }


def test_the_compute_s_network_is_read_in_one_call(begin: Begin, read: Read) -> None:
    """DNS servers without Azure's own, peerings, and what hangs on the subnet."""
    azure = begin(**story())
    network = value(read("compute-network")["compute-network"], ComputeNetwork)
    assert (network.vnet, network.subnet) == (TRAIN, SUBNET)
    assert network.dns_servers == ("10.0.0.4",)
    assert [(peer.vnet, peer.open, peer.gateway) for peer in network.peerings] == [(HUB, True, False)]
    assert network.network_security_group is not None
    assert network.route_table is not None
    assert network.nat_gateway is not None
    assert azure.asked("/Microsoft.Network/") == 1
    assert "peered with vnet-hub" in str(network)


def test_security_rules_come_by_priority(begin: Begin, read: Read) -> None:
    """What holds for incoming traffic is left out."""
    begin(**story())
    rules = value(read("network-rules")["network-rules"], NetworkRules)
    assert [(rule.name, rule.allow, rule.destinations) for rule in rules.rules] == [
        ("early", True, ("Storage",)),
        ("late", False, ("*",)),
    ]
    assert all(rule.exact for rule in rules.rules)
    assert "late (*)" in str(rules)


def test_a_rule_for_chosen_sources_or_groups_is_not_exact(begin: Begin, read: Read) -> None:
    """Whether it holds for the nodes cannot be told, and is not guessed; plural members count."""
    azure = begin(**story())
    properties = {
        "direction": "Outbound",
        "access": "Deny",
        "priority": 100,
        "protocol": "Tcp",
        "destinationAddressPrefixes": ["203.0.113.0/24", "198.51.100.0/24"],
        "destinationPortRanges": ["80", "443"],
    }
    limited = {"name": "a", "properties": properties | {"sourceAddressPrefix": "10.7.0.0/24"}}
    grouped = {"name": "b", "properties": properties | {"sourceApplicationSecurityGroups": [{"id": "/x"}]}}
    azure.bend(
        MANAGER, "/networkSecurityGroups/", json_answer(200, {"properties": {"securityRules": [limited, grouped]}})
    )
    rules = value(read("network-rules")["network-rules"], NetworkRules).rules
    assert [rule.exact for rule in rules] == [False, False]
    assert rules[0].destinations == ("203.0.113.0/24", "198.51.100.0/24")
    assert rules[0].ports == ("80", "443")


def test_routes_lead_to_the_firewall_with_its_policy_s_rules(begin: Begin, read: Read) -> None:
    """The firewall is found by its address; its policy holds its rules, and says who signs what it opens."""
    begin(**story())
    facts = read("routes", "firewalls")
    [route] = value(facts["routes"], Routes).routes
    assert (route.prefix, route.next_hop, route.address) == ("0.0.0.0/0", "VirtualAppliance", "10.2.0.4")
    [firewall] = value(facts["firewalls"], Firewalls).firewalls
    assert (firewall.address, firewall.authority) == ("10.2.0.4", "proseware-ca")
    [rule] = firewall.rules
    assert (rule.allow, rule.hosts, rule.ports, rule.opens_tls) == (True, ("*.azurecr.io",), ("443",), True)
    assert not rule.limited
    assert not rule.vague
    assert "signed by proseware-ca" in str(facts["firewalls"].value)  # type: ignore[union-attr]


def test_classic_rules_and_those_of_parent_policies_are_read_too(begin: Begin, read: Read) -> None:
    """A firewall without a policy has rules of its own; a policy inherits from its base."""
    azure = begin(**story())
    policies = f"{GROUP}/providers/Microsoft.Network/firewallPolicies"
    classic = {"name": "c", "targetFqdns": ["classic.example"], "sourceAddresses": ["10.7.0.0/24"]}
    network_rule = {"name": "n", "destinationAddresses": ["Storage"], "destinationPorts": ["443"]}
    firewall = {
        "id": f"{GROUP}/providers/Microsoft.Network/azureFirewalls/f",
        "properties": {
            "ipConfigurations": [{"properties": {"privateIPAddress": "10.2.0.4", "subnet": {"id": SUBNET}}}],
            "applicationRuleCollections": [{"properties": {"action": {"type": "Allow"}, "rules": [classic]}}],
            "networkRuleCollections": [{"properties": {"action": {"type": "Deny"}, "rules": [network_rule]}}],
            "firewallPolicy": {"id": f"{policies}/child"},
        },
    }
    tagged = {"name": "t", "fqdnTags": ["AzureKubernetesService"]}
    collection = {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "action": {"type": "Allow"},
        "rules": [tagged],
    }
    translated = {"ruleCollectionType": "FirewallPolicyNatRuleCollection", "rules": [{"name": "nat"}]}
    group = {"properties": {"ruleCollections": [translated, collection]}}
    azure.bend(MANAGER, "/azureFirewalls$", json_answer(200, {"value": [firewall]}))
    azure.bend(MANAGER, "/firewallPolicies/", json_answer(200, {"properties": {}}))
    azure.bend(MANAGER, "/child$", json_answer(200, {"properties": {"basePolicy": {"id": f"{policies}/parent"}}}))
    azure.bend(MANAGER, "/child/ruleCollectionGroups", json_answer(200, {"value": []}))
    azure.bend(MANAGER, "/parent/ruleCollectionGroups", json_answer(200, {"value": [group]}))
    [found] = value(read("firewalls")["firewalls"], Firewalls).firewalls
    assert [(rule.name, rule.allow, rule.limited, rule.vague) for rule in found.rules] == [
        ("c", True, True, False),
        ("n", False, False, False),
        ("t", True, False, True),
    ]
    assert found.authority is None


def test_an_appliance_that_is_no_azure_firewall_stays_a_stranger(begin: Begin, read: Read) -> None:
    """Its rules are not to be read, and it is named."""
    begin(**story(network={**NETWORK, "azure_firewalls": []}))
    found = value(read("firewalls")["firewalls"], Firewalls)
    assert (found.firewalls, found.strangers) == ((), ("10.2.0.4",))


DEV = {"ip": "10.2.0.4", "application_rules": [], "vnet": HUB.replace("vnet-hub", "vnet-hub-dev")}
PROD = {"ip": "10.2.0.4", "application_rules": ["*.azurecr.io"], "vnet": HUB}


@pytest.mark.parametrize(
    ("firewalls", "rules"),
    [
        ([DEV, PROD], [("*.azurecr.io",)]),
        ([PROD, {**DEV, "vnet": TRAIN.upper()}], []),
        ([DEV], []),
    ],
)
def test_a_firewall_counts_where_the_compute_s_network_leads(
    begin: Begin, read: Read, firewalls: list[dict[str, Any]], rules: list[tuple[str, ...]]
) -> None:
    """An address of ten is found in many networks: one in a strange network, or in two near ones, decides nothing."""
    begin(**story(network={**NETWORK, "azure_firewalls": firewalls}))
    found = value(read("firewalls")["firewalls"], Firewalls)
    assert [rule.hosts for firewall in found.firewalls for rule in firewall.rules] == rules
    assert found.strangers == (() if rules else ("10.2.0.4",))


def test_a_firewall_behind_a_cut_peering_is_a_stranger(begin: Begin, read: Read) -> None:
    """The network's traffic does not get there, so the next hop is another one."""
    azure = begin(**story(network={**NETWORK, "azure_firewalls": [PROD]}))
    peering = {"remoteVirtualNetwork": {"id": HUB}, "peeringState": "Disconnected"}
    table = f"{GROUP}/providers/Microsoft.Network/routeTables/rt-nodes"
    properties = {
        "subnets": [{"name": "nodes", "properties": {"routeTable": {"id": table}}}],
        "virtualNetworkPeerings": [{"properties": peering}],
    }
    azure.bend(MANAGER, PLACES["compute-network"], json_answer(200, {"properties": properties}))
    found = value(read("firewalls")["firewalls"], Firewalls)
    assert (found.firewalls, found.strangers) == ((), ("10.2.0.4",))


def test_a_chain_of_policies_that_is_not_read_to_its_end_is_unknown(begin: Begin, read: Read) -> None:
    """The rule that lets the registry through may stand in the policy that was not read."""
    azure = begin(**story())
    again = {"properties": {"basePolicy": {"id": f"{GROUP}/providers/Microsoft.Network/firewallPolicies/again"}}}
    azure.bend(MANAGER, "/firewallPolicies/[^/]+$", json_answer(200, again))
    azure.bend(MANAGER, "/ruleCollectionGroups", json_answer(200, {"value": []}))
    fact = read("firewalls")["firewalls"]
    assert isinstance(fact, Unknown), fact
    assert "inherits" in fact.reason


def test_outbound_rules_of_every_kind(begin: Begin, read: Read) -> None:
    """A host is text, a tag and an endpoint's resource are objects on the wire."""
    begin(**story())
    rules = value(read("outbound-rules")["outbound-rules"], OutboundRules)
    assert rules.mode == "AllowOnlyApprovedOutbound"
    assert [(rule.kind, rule.destination) for rule in rules.rules] == [
        ("FQDN", "*.conda.io"),
        ("ServiceTag", "AzureActiveDirectory"),
        ("PrivateEndpoint", REGISTRY),
    ]


def test_a_service_tag_s_rule_may_go_by_addresses_and_ports(begin: Begin, read: Read) -> None:
    """Where ranges are given the tag is ignored, and what denies approves nothing."""
    azure = begin(**story())
    tag = {"serviceTag": "AzureMonitor", "protocol": "TCP", "portRanges": "80, 440-450"}

    def rule(name: str, **changes: Any) -> dict[str, Any]:
        return {"name": name, "properties": {"type": "ServiceTag", "status": "Active", "destination": tag | changes}}

    listed = [
        rule("tag"),
        rule("ranges", addressPrefixes=["20.0.0.0/8", "40.0.0.0/8"]),
        rule("no", action="Deny"),
    ]
    azure.bend(MANAGER, "/outboundRules", json_answer(200, {"value": listed}))
    rules = value(read("outbound-rules")["outbound-rules"], OutboundRules).rules
    assert [(rule.name, rule.destination) for rule in rules] == [
        ("tag", "AzureMonitor"),
        ("ranges", "20.0.0.0/8"),
        ("ranges", "40.0.0.0/8"),
    ]
    assert {rule.ports for rule in rules} == {("80", "440-450")}


def test_the_gateway_s_addresses_are_read(begin: Begin, read: Read) -> None:
    """They are what the registry sees of the compute's subnet."""
    begin(**story())
    assert value(read("outbound-addresses")["outbound-addresses"], OutboundAddresses).addresses == ("203.0.113.20",)


def test_the_zone_is_found_with_links_and_the_registry_s_records(begin: Begin, read: Read) -> None:
    """Other registries' records are left out; the link carries its policy."""
    begin(**story())
    found = value(read("private-zones")["private-zones"], PrivateZones)
    [zone] = found.zones
    link = zone.link_to(TRAIN.upper())
    assert link is not None
    assert link.policy == "NxDomainRedirect"
    assert zone.has("prosereg")
    assert not zone.has("other")
    assert not zone.has("prosereg.northeurope.data")
    assert found.searched == (SUBSCRIPTION_ID,)


def test_a_network_team_s_subscription_is_searched_as_well(begin: Begin, read: Read) -> None:
    """Where no zone near is linked, the other subscriptions are looked through until the linked one is found."""
    other = "22222222-2222-4222-8222-222222222222"
    hub = HUB.replace(SUBSCRIPTION_ID, other)
    near = {**ZONE, "vnet_links": []}
    far = {**ZONE, "vnet_links": [hub, TRAIN]}
    begin(**story(subscriptions=[{"id": other}], private_dns=[near, far]))
    found = value(read("private-zones")["private-zones"], PrivateZones)
    assert found.searched == (SUBSCRIPTION_ID, other)
    assert [bool(zone.link_to(TRAIN)) for zone in found.zones] == [False, True]


@pytest.mark.parametrize("closed", [403, 401])
def test_a_closed_subscription_of_others_is_not_named_as_searched(begin: Begin, read: Read, closed: int) -> None:
    """What we may not look into is no place that was searched; our own being closed makes the fact unknown."""
    other = "22222222-2222-4222-8222-222222222222"
    azure = begin(**story(subscriptions=[{"id": other}], private_dns=[{**ZONE, "vnet_links": [HUB]}]))
    azure.bend(MANAGER, f"/{other}/.*/privateDnsZones", arm_error(closed, "AuthorizationFailed", "No."))
    found = value(read("private-zones")["private-zones"], PrivateZones)
    assert found.searched == (SUBSCRIPTION_ID,)
    assert not found.complete


@pytest.mark.parametrize(("others", "complete"), [(12, True), (13, False)])
def test_a_search_that_is_cut_short_says_so(begin: Begin, read: Read, others: int, complete: bool) -> None:  # noqa: FBT001
    """The zone that is linked may stand in a subscription that was left out."""
    more = [{"id": f"33333333-3333-4333-8333-3333333333{number:02}"} for number in range(others)]
    begin(**story(subscriptions=more, private_dns=[{**ZONE, "vnet_links": [HUB]}]))
    found = value(read("private-zones")["private-zones"], PrivateZones)
    assert len(found.searched) == 13
    assert found.complete is complete


# --- what they leave unasked --------------------------------------------------------------------------------


def test_a_world_without_networks_costs_no_call(azure: BentSandbox, read: Read) -> None:
    """A compute in no network and a registry without endpoints are answers of their own."""
    facts = read(*PLACES)
    for name in PLACES:
        assert isinstance(value(facts[name], all_probes()[name].value_type), all_probes()[name].value_type)
    assert azure.asked("/Microsoft.Network/") == 0
    assert azure.asked("/outboundRules") == 0
    assert "no virtual network" in str(value(facts["compute-network"], ComputeNetwork))


def test_every_network_fact_says_itself_in_one_sentence(begin: Begin, read: Read) -> None:
    """What was checked stands in the message in words, not as a value's own code."""
    begin(**story())
    for name, fact in read(*PLACES).items():
        if name in PLACES:
            said = str(value(fact, all_probes()[name].value_type))
            assert not said.startswith(all_probes()[name].value_type.__name__)
            assert "\n" not in said


# --- what goes wrong ----------------------------------------------------------------------------------------

PLACES: dict[str, str] = {
    "private-endpoints": "/privateEndpoints/",
    "compute-network": "/virtualNetworks/vnet-train$",
    "network-rules": "/networkSecurityGroups/",
    "routes": "/routeTables/",
    "firewalls": "/azureFirewalls$",
    "outbound-rules": "/outboundRules",
    "outbound-addresses": "/natGateways/",
    "private-zones": "/privateDnsZones",
}
"""Where each probe looks."""

DEEPER = {
    "private-zones": ("/virtualNetworkLinks", "/A$"),
    "firewalls": ("/firewallPolicies/[^/]+$", "/ruleCollectionGroups"),
    "outbound-addresses": ("/publicIPAddresses/",),
}
"""Further calls, of which each makes the fact unknown too."""

WRONG: dict[str, tuple[Reply, str]] = {
    "401": (arm_error(401, "InvalidAuthenticationToken", "The token is not valid."), "401"),
    "403": (arm_error(403, "AuthorizationFailed", "The client may not."), "403"),
    "429": (arm_error(429, "TooManyRequests", "Slow down.").retry_after(3600), "429"),
    "500": (arm_error(500, "InternalServerError", "Sorry."), "500"),
    "503": (arm_error(503, "ServiceUnavailable", "Sorry."), "503"),
    "garbage": (GARBAGE, ""),
    "a list": (json_answer(200, ["nonsense"]), ""),
    "null": (json_answer(200, None), ""),
    "a cut": (CUT, "no answer|did not answer"),
}

CALLS = [(name, where) for name in PLACES for where in (PLACES[name], *DEEPER.get(name, ()))]


@pytest.mark.parametrize(("name", "where"), CALLS)
@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_whatever_goes_wrong_becomes_an_unknown_with_its_reason(
    begin: Begin, read: Read, name: str, where: str, wrong: str
) -> None:
    """No probe raises and none invents, at whichever call it happens; a refusal names the right that is missing."""
    azure = begin(**story())
    reply, said = WRONG[wrong]
    azure.bend(MANAGER, where, reply)
    fact = read(name)[name]
    assert isinstance(fact, Unknown), fact
    assert re.search(said, fact.reason)
    assert "\n" not in fact.reason
    assert azure.sentinel not in fact.reason
    if wrong in {"401", "403"}:
        assert fact.missing_action in all_probes()[name].actions


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("outbound-rules", "/outboundRules"),
        ("private-zones", "/privateDnsZones"),
        ("firewalls", "/azureFirewalls$"),
        ("firewalls", "/ruleCollectionGroups"),
    ],
)
def test_a_list_that_never_ends_makes_the_fact_unknown(begin: Begin, read: Read, name: str, where: str) -> None:
    """What stands behind the last page that was read is not taken for absent."""
    azure = begin(**story())

    def on(asked: Request) -> Reply:
        return json_answer(200, {"value": [], "nextLink": f"https://{MANAGER}{asked.path}"})

    azure.bend(MANAGER, where, on)
    fact = read(name)[name]
    assert isinstance(fact, Unknown), fact
    assert "more than 50 pages" in fact.reason


EMPTY = {"name": "prosereg", "properties": None}


@pytest.mark.parametrize(
    ("name", "where", "body"),
    [
        ("private-endpoints", "/privateEndpoints/", {"properties": {}}),
        ("compute-network", "/vnet-train$", {"properties": {"subnets": [{"name": "nodes"}]}}),
        ("network-rules", "/networkSecurityGroups/", {"properties": {"securityRules": [EMPTY]}}),
        ("routes", "/routeTables/", {"properties": {"routes": [EMPTY]}}),
        ("firewalls", "/azureFirewalls$", {"value": [EMPTY]}),
        ("firewalls", "/ruleCollectionGroups", {"value": [EMPTY]}),
        ("outbound-rules", "/outboundRules", {"value": [EMPTY]}),
        ("outbound-addresses", "/publicIPAddresses/", EMPTY),
        ("private-zones", "/privateDnsZones$", {"value": [{"name": "privatelink.azurecr.io"}]}),
        ("private-zones", "/A$", {"value": [EMPTY]}),
        ("private-zones", "/virtualNetworkLinks", {"value": [EMPTY]}),
    ],
)
def test_a_part_without_its_properties_makes_the_whole_unknown(
    begin: Begin, read: Read, name: str, where: str, body: dict[str, Any]
) -> None:
    """Half a rule set would look like one that denies nothing."""
    azure = begin(**story())
    azure.bend(MANAGER, where, json_answer(200, body))
    fact = read(name)[name]
    assert isinstance(fact, Unknown), fact
    assert "came without" in fact.reason


@pytest.mark.parametrize("name", sorted(set(PLACES) - {"private-endpoints"}))
def test_what_is_not_found_is_unknown(begin: Begin, read: Read, name: str) -> None:
    """A rule set that the subnet names and Azure does not find decides nothing."""
    azure = begin(**story())
    azure.bend(MANAGER, PLACES[name], arm_error(404, "ResourceNotFound", "It was not found."))
    fact = read(name)[name]
    assert isinstance(fact, Unknown)
    assert "404" in fact.reason


@pytest.mark.parametrize("name", ["private-endpoints", "private-zones"])
def test_without_a_registry_there_is_nothing_to_look_for(azure: BentSandbox, read: Read, name: str) -> None:
    """A registry that nobody has is no registry without endpoints."""
    azure.bend(MANAGER, "/registries", arm_error(404, "ResourceNotFound", "It was not found."))
    assert isinstance(read(name)[name], Unknown)


def test_a_compute_that_is_gone_has_no_network(azure: BentSandbox, read: Read) -> None:
    """It is not taken for a compute outside of every network."""
    azure.bend(MANAGER, "/computes/", arm_error(404, "ResourceNotFound", "It was not found."))
    assert isinstance(read("compute-network")["compute-network"], Unknown)


def test_a_subnet_that_its_network_does_not_list_is_nonsense(begin: Begin, read: Read) -> None:
    """Then nothing is known of its rules."""
    azure = begin(**story())
    azure.bend(MANAGER, PLACES["compute-network"], json_answer(200, {"properties": {"subnets": [{"name": "x"}]}}))
    fact = read("compute-network")["compute-network"]
    assert isinstance(fact, Unknown)
    assert "subnet" in fact.reason
