"""What the world's network is made of, as Resource Manager shows it: every resource by
its id.

A world states networks by what matters; names of route tables, security groups and the like follow from the
subnet that they belong to. Shapes of private DNS are recorded ones (api-version 2018-09-01), the others
those of the REST reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.access import stable_guid
from sandbox.azure import Azure, entries, table

__all__ = ["network_resources"]

Resource = dict[str, Any]
_NETWORK = "Microsoft.Network"
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def network_resources(azure: Azure) -> dict[str, Resource]:
    """Return every network resource of a world by its id in lower case."""
    builder = _Builder(azure)
    made = (
        *builder.vnets(),
        *builder.subnet_parts(),
        *builder.firewalls(),
        *builder.endpoints(),
        *builder.zones(),
    )
    return {it["id"].lower(): it for it in made}


def _resource(where: str, properties: Resource, location: str = "westeurope") -> Resource:
    provider, *segments = where.rpartition("/providers/")[2].split("/")
    kind = "/".join([provider, *segments[::2]])
    body = {"provisioningState": "Succeeded", **properties}
    return {"id": where, "name": segments[-1], "type": kind, "location": location, "properties": body}


def _group(resource_id: str) -> str:
    return resource_id.split("/providers/", maxsplit=1)[0]


def _sibling(subnet: str, kind: str, prefix: str) -> str:
    return f"{_group(subnet)}/providers/{_NETWORK}/{kind}/{prefix}-{subnet.rpartition('/')[2]}"


class _Builder:
    def __init__(self, azure: Azure) -> None:
        self._azure, self._network = azure, table(azure.world, "network")
        self._routes = {it["subnet"]: it for it in entries(self._network, "route_tables")}
        self._rules = {it["subnet"]: it for it in entries(self._network, "nsgs")}
        computes = (it["subnet"] for it in entries(azure.world, "computes") if it.get("subnet"))
        self._subnets = list(dict.fromkeys([*computes, *self._routes, *self._rules]))

    def _home(self) -> str:
        """Return the resource group of what states none: that of the first workspace."""
        workspace = self._azure.workspace_named(None)
        return _group(self._azure.workspace_id(workspace)) if workspace else "/subscriptions/none/resourceGroups/none"

    def vnets(self) -> Iterator[Resource]:
        stated = {it["id"]: it for it in entries(self._network, "vnets")}
        implied = (it.split("/subnets/")[0] for it in self._subnets)
        for where in dict.fromkeys([*stated, *implied]):
            it = stated.get(where) or {}
            yield _resource(where, self._vnet(where, it), it.get("region") or "westeurope")
            if address := it.get("nat_gateway_ip"):
                yield from _nat(where, address)

    def _vnet(self, where: str, it: Mapping[str, Any]) -> Resource:
        servers = _ADDRESS.findall(it.get("dns_servers") or "")
        mine = [one for one in self._subnets if one.lower().startswith(f"{where.lower()}/")]
        return {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
            **({"dhcpOptions": {"dnsServers": servers}} if servers else {}),
            "subnets": [self._subnet(one, it.get("nat_gateway_ip")) for one in mine],
            "virtualNetworkPeerings": [_peering(where, other) for other in entries(it, "peerings")],
        }

    def _subnet(self, where: str, nat: str | None) -> Resource:
        properties: Resource = {"addressPrefix": "10.0.0.0/16"}
        if where in self._rules:
            properties["networkSecurityGroup"] = {"id": _sibling(where, "networkSecurityGroups", "nsg")}
        if where in self._routes:
            properties["routeTable"] = {"id": _sibling(where, "routeTables", "rt")}
        if nat:
            properties["natGateway"] = {"id": _sibling(where.split("/subnets/", maxsplit=1)[0], "natGateways", "nat")}
        shown = _resource(where, properties)
        del shown["location"]
        return shown

    def subnet_parts(self) -> Iterator[Resource]:
        nats = {it["id"].lower(): it.get("nat_gateway_ip") for it in entries(self._network, "vnets")}
        for where in self._subnets:
            yield self._subnet(where, nats.get(where.split("/subnets/")[0].lower()))
        for subnet, it in self._routes.items():
            routes = [_route(index, one) for index, one in enumerate(entries(it, "routes"))]
            yield _resource(_sibling(subnet, "routeTables", "rt"), {"routes": routes, "subnets": [{"id": subnet}]})
        for subnet, it in self._rules.items():
            rules = [_rule(one) for one in entries(it, "rules")]
            where = _sibling(subnet, "networkSecurityGroups", "nsg")
            yield _resource(where, {"securityRules": rules, "subnets": [{"id": subnet}]})

    def firewalls(self) -> Iterator[Resource]:
        for index, it in enumerate(entries(self._network, "azure_firewalls")):
            prefix = f"{self._home()}/providers/{_NETWORK}"
            policy = f"{prefix}/firewallPolicies/policy-{index}"
            yield _resource(f"{prefix}/azureFirewalls/firewall-{index}", _firewall(it, policy, self._home_of(it)))
            authority = {"name": it.get("tls_certificate_authority") or "authority", "keyVaultSecretId": None}
            inspected = {"transportSecurity": {"certificateAuthority": authority}} if it.get("tls_inspection") else {}
            yield _resource(policy, {"sku": {"tier": "Premium"}, **inspected})
            yield _rule_group(f"{policy}/ruleCollectionGroups/allowed", it)

    def _home_of(self, firewall: Mapping[str, Any]) -> str:
        """Return the network that a firewall stands in: the stated one, else that of the first route table."""
        routed = next(iter(self._routes), f"{self._home()}/providers/{_NETWORK}/virtualNetworks/hub/subnets/none")
        return str(firewall.get("vnet") or routed.split("/subnets/", maxsplit=1)[0])

    def endpoints(self) -> Iterator[Resource]:
        for registry in self._azure.registries():
            for it in entries(registry, "privateEndpointConnections"):
                if vnet := it.get("privateEndpointVnet"):
                    yield self._endpoint(registry, it, vnet)

    def _endpoint(self, registry: Mapping[str, Any], it: Mapping[str, Any], vnet: str) -> Resource:
        where = f"{_group(vnet)}/providers/{_NETWORK}/privateEndpoints/{it['name']}"
        state = {"status": it.get("status") or "Approved", "description": it.get("description") or ""}
        link = {
            "name": it["name"],
            "id": f"{where}/privateLinkServiceConnections/{it['name']}",
            "properties": {
                "provisioningState": "Succeeded",
                "privateLinkServiceId": registry["id"],
                "groupIds": ["registry"],
                "privateLinkServiceConnectionState": {**state, "actionsRequired": "None"},
            },
        }
        return _resource(
            where,
            {
                "privateLinkServiceConnections": [link],
                "manualPrivateLinkServiceConnections": [],
                "subnet": {"id": f"{vnet}/subnets/private-endpoints"},
                "customDnsConfigs": self._addresses(registry),
            },
            registry.get("region") or "westeurope",
        )

    def _addresses(self, registry: Mapping[str, Any]) -> list[Resource]:
        label, _, suffix = registry["login_server"].partition(".")
        return [
            {"fqdn": f"{record['name']}.{suffix}", "ipAddresses": [record.get("ip")]}
            for zone in entries(self._azure.world, "private_dns")
            for record in entries(zone, "a_records")
            if record["name"] == label or record["name"].startswith(f"{label}.")
        ]

    def zones(self) -> Iterator[Resource]:
        for it in entries(self._azure.world, "private_dns"):
            links = entries(it, "vnet_links")
            group = _group(links[0]) if links else self._home()
            where = f"{group}/providers/{_NETWORK}/privateDnsZones/{it['zone']}"
            yield _zone(where, it)
            yield from (_record(where, it["zone"], one) for one in entries(it, "a_records"))
            yield from (_link(where, index, one, it.get("resolution_policy")) for index, one in enumerate(links))


def _nat(vnet: str, address: str) -> Iterator[Resource]:
    gateway, public = (_sibling(vnet, *it) for it in (("natGateways", "nat"), ("publicIPAddresses", "pip")))
    yield _resource(gateway, {"publicIpAddresses": [{"id": public}]})
    yield _resource(public, {"ipAddress": address, "publicIPAllocationMethod": "Static"})


def _peering(vnet: str, other: str) -> Resource:
    where = f"{vnet}/virtualNetworkPeerings/to-{other.rpartition('/')[2]}"
    state = {
        "remoteVirtualNetwork": {"id": other},
        "peeringState": "Connected",
        "allowVirtualNetworkAccess": True,
    }
    return _resource(where, state)


def _route(index: int, it: Mapping[str, Any]) -> Resource:
    shown = {"addressPrefix": it.get("prefix"), "nextHopType": it.get("next_hop")}
    return {
        "name": f"route-{index}",
        "properties": shown | ({"nextHopIpAddress": it["ip"]} if it.get("ip") else {}),
    }


def _rule(it: Mapping[str, Any]) -> Resource:
    properties = {
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": it.get("destination") or "*",
        "access": it.get("access") or "Allow",
        "priority": it.get("priority") or 100,
        "direction": it.get("direction") or "Outbound",
    }
    return {"name": it.get("name") or "rule", "properties": properties}


def _firewall(it: Mapping[str, Any], policy: str, vnet: str) -> Resource:
    """A firewall that has a policy has no rules of its own."""
    place = {"privateIPAddress": it.get("ip"), "subnet": {"id": f"{vnet}/subnets/AzureFirewallSubnet"}}
    return {
        "ipConfigurations": [{"name": "main", "properties": place}],
        "applicationRuleCollections": [],
        "networkRuleCollections": [],
        "firewallPolicy": {"id": policy},
    }


def _rule_group(where: str, it: Mapping[str, Any]) -> Resource:
    """What a policy lets through: the stated names, and everything where the default says so."""
    rule = {
        "ruleType": "ApplicationRule",
        "name": "allowed",
        "protocols": [{"protocolType": "Https", "port": 443}],
        "targetFqdns": entries(it, "application_rules"),
        "sourceAddresses": ["*"],
        "terminateTLS": bool(it.get("tls_inspection")),
    }
    everything = {
        "ruleType": "NetworkRule",
        "name": "everything",
        "ipProtocols": ["Any"],
        "sourceAddresses": ["*"],
        "destinationAddresses": ["*"],
        "destinationPorts": ["*"],
    }
    open_ = (it.get("default") or "Deny").lower() == "allow"
    collection = {
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": "main",
        "priority": 100,
        "action": {"type": "Allow"},
        "rules": [rule, everything] if open_ else [rule],
    }
    return _resource(where, {"priority": 200, "ruleCollections": [collection]})


def _global(where: str, properties: Resource, etag: str) -> Resource:
    head = _resource(where, properties, "global")
    order = ("id", "name", "type")
    return {
        **{key: head[key] for key in order},
        "etag": etag,
        "location": "global",
        "properties": head["properties"],
    }


def _zone(where: str, it: Mapping[str, Any]) -> Resource:
    counts = {
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": 1000,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        "numberOfRecordSets": len(entries(it, "a_records")) + 1,
        "numberOfVirtualNetworkLinks": len(entries(it, "vnet_links")),
        "numberOfVirtualNetworkLinksWithRegistration": 0,
    }
    return {**_global(where, counts, stable_guid(where)), "tags": {}}


def _record(zone_id: str, zone: str, it: Mapping[str, Any]) -> Resource:
    """Return an A record: names in lower case, the full name ends in a dot (recorded shape)."""
    name = it["name"].lower()
    address = [{"ipv4Address": it.get("ip")}]
    shown = {"fqdn": f"{name}.{zone}.", "ttl": 10, "aRecords": address, "isAutoRegistered": False}
    where, kind = f"{zone_id}/A/{name}", f"{_NETWORK}/privateDnsZones/A"
    return {"id": where, "name": name, "type": kind, "etag": stable_guid(where), "properties": shown}


def _link(zone_id: str, index: int, vnet: str, policy: str | None) -> Resource:
    """Return a link to a network; its etag is quoted inside the string (recorded shape)."""
    where = f"{zone_id}/virtualNetworkLinks/link-{index}-{vnet.rpartition('/')[2]}"
    shown = {
        "registrationEnabled": False,
        "virtualNetwork": {"id": vnet},
        "virtualNetworkLinkState": "Completed",
        **({"resolutionPolicy": policy} if policy else {}),
    }
    return _global(where, shown, f'"{stable_guid(where)}"')
