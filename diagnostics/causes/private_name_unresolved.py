"""The registry's private name does not lead to its private endpoint from the compute's network."""

from __future__ import annotations

from diagnostics.azure.arm import resource_part
from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, bicep_text
from diagnostics.causes._destinations import Destination
from diagnostics.causes._egress import egress_to
from diagnostics.causes._said import (
    RIGHT_REFUSED,
    Address,
    far_address,
    is_private,
    layer_host,
    name_unknown,
    names_wrong_side,
    refused_by_registry,
    refused_for_right,
    said_by_service,
)
from diagnostics.causes._ways import WAY_FACTS, Place, PrivateWay, private_way, private_zone, public_way_open
from diagnostics.facts import Registry
from diagnostics.model import PullStep, Remedy
from diagnostics.network_facts import ComputeNetwork, PrivateEndpoint, PrivateZone, PrivateZones, ZoneLink, last
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Link the registry's private DNS zone to the compute's network and check its records"

_SAY_NO_WAY = frozenset({"forbidden", "insufficient-evidence"})
"""Symptoms whose text does not show by which way the registry was asked."""


class PrivateNameUnresolved:
    """Source: *Connect privately to a registry*, "Troubleshoot DNS", and *Azure Private DNS, fallback to internet*.

    A zone that is not linked gives the public address; a linked zone without the record gives *no such host*, or the
    public address where the link's policy is ``NxDomainRedirect``. We resolve no names: text and zones decide.
    """

    id = "private-name-unresolved"
    title = "The registry's private name does not lead to its private endpoint from the compute's network"
    step = PullStep.NAME
    rank = 20
    masked = False
    explains = frozenset({"dns", "network-firewall", "network-timeout", "forbidden", "insufficient-evidence"})
    needs = (*WAY_FACTS, "private-zones")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where an approved endpoint stands in reach and the name does not lead to it."""
        zone = f": {private_zone(case.registry)}" if case.registry else ""
        return advised(self._judged(case), f"{_WAY_OUT}{zone}")

    def _judged(self, case: Case) -> Judgement:
        registry = case.registry
        if registry is None:
            return unread(self.title, case.registry_words, *case.unread("registry"))
        if case.while_building:
            return unread(self.title, registry.id.lower(), "the build's way to the registry was not checked")
        if (host := layer_host(case)) is not None:
            return contradicted(f"the log-in passed; it is {host}, the layers' host, that was not reached")
        way = private_way(case, registry)
        if way.none:
            return contradicted(way.none)
        if way.endpoints and not way.approved:
            return contradicted(f"no approved endpoint that a name could lead to: {way.words}")
        if way.unknown:
            return unread(self.title, registry.id.lower(), *way.unknown)
        if way.place is Place.MANAGED:
            return contradicted("the workspace's managed network resolves the names of its own endpoints")
        return _Resolution(case, registry, way).judged()


class _Resolution:
    """How the registry's name resolves in the compute's network, held against what the text shows."""

    def __init__(self, case: Case, registry: Registry, way: PrivateWay) -> None:
        network = case.value("compute-network", ComputeNetwork)
        assert network is not None  # noqa: S101 - an approved endpoint in reach was found by it
        self._case, self._registry, self._network = case, registry, network
        self._endpoint: PrivateEndpoint = way.approved[0]
        self._vnet = network.vnet or ""
        self._label, _, self._suffix = registry.login_server.partition(".")

    def judged(self) -> Judgement:
        if (off := self._off_the_way()) is not None:
            return off
        zones = self._case.value("private-zones", PrivateZones)
        if zones is None:
            return unread(PrivateNameUnresolved.title, self._target(), *self._case.unread("private-zones"))
        if self._network.dns_servers:
            return self._own_servers(zones)
        linked = next((zone for zone in zones.zones if zone.link_to(self._vnet)), None)
        return self._unlinked(zones) if linked is None else self._linked(zones, linked)

    def _off_the_way(self) -> Judgement | None:
        """What the text or an open public way says against it, before any zone is looked at."""
        address = far_address(self._case)
        if self._case.symptom != "dns" and said_by_service(self._case):
            return compatible(PrivateNameUnresolved.title, "a service of Azure's asked, not a node in that network")
        if address is not None and is_private(address):
            return contradicted(f"the call went to {address}, so the name led to a private address")
        if self._registry.public_access and self._case.symptom in _SAY_NO_WAY:
            return compatible(PrivateNameUnresolved.title, "the text does not show by which way the registry was asked")
        return None if name_unknown(self._case) else self._public_way_open(address)

    def _public_way_open(self, address: Address | None) -> Judgement | None:
        """A name that leads to the public address stops nobody while that way is open all along.

        The rules of the compute's network are read for whatever could be silent; they are not needed elsewhere.
        """
        registry = self._registry
        if not public_way_open(registry) or refused_by_registry(self._case):
            return None
        out = egress_to(self._case, Destination(host=registry.login_server, address=address, region=registry.region))
        if out.blocked:
            return None
        return compatible(PrivateNameUnresolved.title, f"the public way of {registry.name} may be open too")

    def _public(self) -> str | None:
        """Say what shows that the name led to the public address: private traffic is under no network rule."""
        closed = not self._registry.public_access and not self._case.registry_changed
        silent = self._case.symptom in _SAY_NO_WAY and closed and not refused_for_right(self._case)
        off = "public access is off, so whoever does not come by the private endpoint is refused"
        return self._said_public() or (off if silent else None)

    def _said_public(self) -> str | None:
        """Say what in the text itself shows that."""
        address = far_address(self._case)
        if names_wrong_side(self._case):
            return "the log says that the name led to the public address"
        if refused_by_registry(self._case):
            return "the registry's network rules refused the call, so it came by the public way"
        if address is not None and not is_private(address):
            return f"the call went to the public address {address}"
        return None

    def _own_servers(self, zones: PrivateZones) -> Judgement:
        servers = ", ".join(self._network.dns_servers)
        public = self._public()
        if public is None or self._case.symptom not in {"network-firewall", "network-timeout", "dns"}:
            words = f"{last(self._vnet)} asks its own DNS servers ({servers}); what they answer was not seen"
            return unread(PrivateNameUnresolved.title, self._target(), words)
        remedy = Remedy(
            title=f"Let the DNS servers {servers} forward {zones.name} to Azure's DNS",
            detail=(
                f"Give them a conditional forwarder for {self._suffix} to 168.63.129.16 (or a DNS private resolver), "
                f"from a network that the zone {zones.name} is linked to."
            ),
        )
        return self._proven(f"{last(self._vnet)} asks its own DNS servers ({servers})", public, remedies=(remedy,))

    def _unlinked(self, zones: PrivateZones) -> Judgement:
        if name_unknown(self._case):
            words = f"no zone {zones.name} that we can see is linked to {last(self._vnet)}, which would hide the name"
            return unread(PrivateNameUnresolved.title, self._target(), words)
        holding = next((zone for zone in zones.zones if zone.has(self._label)), None)
        public = self._said_public() if holding is None else self._public()
        if public is None and self._case.symptom == "dns":
            words = "no resolver answered, which no missing link of a zone explains"
            return compatible(PrivateNameUnresolved.title, words)
        if public is None and holding is None:
            words = f"no zone {zones.name} in {len(zones.searched)} subscription(s); one may lie where we cannot look"
            return unread(PrivateNameUnresolved.title, self._target(), words)
        if public is None and self._case.symptom in _SAY_NO_WAY:
            return self._silent()
        if self._said_public() is None and not zones.complete:
            words = (
                f"whether another zone {zones.name} is linked to {last(self._vnet)}: not every subscription was seen"
            )
            return unread(PrivateNameUnresolved.title, self._target(), words)
        zone = holding or next(iter(zones.zones), None)
        links = ", ".join(last(link.vnet) for link in zone.links) if zone else ""
        elsewhere = f"it is linked to {links} only" if links else "it is linked to no network"
        state = (
            f"the zone {zones.name} is not linked to {last(self._vnet)}: {elsewhere}"
            if zone
            else f"no zone {zones.name} that we can see is linked to {last(self._vnet)}"
        )
        then = public or "the name then gives the public address"
        return self._proven(state, then, remedies=self._to_link(zones, zone))

    def _silent(self) -> Judgement:
        """Judge a text that shows no way, where the closed public access does not show it either."""
        if refused_for_right(self._case):
            return compatible(PrivateNameUnresolved.title, RIGHT_REFUSED)
        changed = f"public access is off, but {self._case.registry_changed}"
        return unread(PrivateNameUnresolved.title, self._target(), changed)

    def _linked(self, zones: PrivateZones, zone: PrivateZone) -> Judgement:
        link = zone.link_to(self._vnet) or ZoneLink(vnet=self._vnet)
        if zone.has(self._label):
            return self._resolves(zones)
        redirects = link.policy.lower() == "nxdomainredirect"
        state = f"the zone {zones.name}, linked to {last(self._vnet)}, has no record {self._label}"
        remedies = self._to_record(zones, zone)
        if name_unknown(self._case) and not redirects:
            return self._proven(state, "the log says that the name does not exist", remedies=remedies)
        public = self._public()
        if redirects and public:
            policy = "its link falls back to the public answer (NxDomainRedirect)"
            return self._proven(state, policy, public, remedies=remedies)
        return unread(PrivateNameUnresolved.title, self._target(), f"{state}, which does not fit what the log shows")

    def _resolves(self, zones: PrivateZones) -> Judgement:
        now = f"the zone {zones.name} is linked to {last(self._vnet)} and has the record {self._label}"
        refused = self._case.symptom in _SAY_NO_WAY and not refused_for_right(self._case)
        if refused or self._said_public() or name_unknown(self._case):
            return unread(PrivateNameUnresolved.title, self._target(), f"{now} now; since when, Azure does not say")
        return contradicted(now)

    def _target(self) -> str:
        return f"{self._registry.login_server} in {self._vnet.lower()}"

    def _proven(self, *reasons: str, remedies: tuple[Remedy, ...]) -> Judgement:
        return proven(
            f"{self._registry.login_server} does not lead to its private endpoint from {last(self._vnet)}",
            self._target(),
            f"the private endpoint {self._endpoint} is in reach of {self._case.compute_words}",
            *reasons,
            remedies=remedies,
        )

    def _to_link(self, zones: PrivateZones, zone: PrivateZone | None) -> tuple[Remedy, ...]:
        if zone is None:
            return (self._to_find(zones),)
        group = resource_part(zone.id, "resourceGroups") or ""
        name = f"link-{last(self._vnet)}"
        return (
            Remedy(
                title=f"Link the private DNS zone {zones.name} to {last(self._vnet)}",
                detail=(
                    f"Portal: Private DNS zones > {zones.name} (resource group {group}) > Virtual network links > Add "
                    f"> {last(self._vnet)}, without auto registration. No address rule is needed."
                ),
                command=az(
                    *("network", "private-dns", "link", "vnet", "create", "--resource-group", group),
                    *("--subscription", resource_part(zone.id, "subscriptions") or ""),
                    *("--zone-name", zones.name, "--name", name),
                    *("--virtual-network", self._vnet, "--registration-enabled", "false"),
                ),
                bicep=_link_bicep(zones.name, name, self._vnet),
            ),
            *(() if zone.has(self._label) else self._to_record(zones, zone)),
        )

    def _to_find(self, zones: PrivateZones) -> Remedy:
        """Say what to do about a zone that may stand where we cannot look: a second one of its name would hide it."""
        return Remedy(
            title=f"Link the private DNS zone {zones.name} to {last(self._vnet)}",
            detail=(
                f"None was seen in {len(zones.searched)} subscription(s): ask whoever keeps the private DNS zones. "
                f"Where there is none, create it, link it to {last(self._vnet)} and give the private endpoint "
                f"{last(self._endpoint.endpoint_id or '')} a DNS configuration in it."
            ),
        )

    def _to_record(self, zones: PrivateZones, zone: PrivateZone) -> tuple[Remedy, ...]:
        endpoint = self._endpoint.endpoint_id or ""
        return (
            Remedy(
                title=f"Let the private endpoint {self._endpoint.connection} keep its records in {zones.name}",
                detail=(
                    f"Portal: Private endpoints > {last(endpoint)} > DNS configuration > Add configuration > "
                    f"{zones.name}. It writes {self._label} and the data endpoints' records; the zone must be linked "
                    f"to {last(self._vnet)}."
                ),
                command=az(
                    *("network", "private-endpoint", "dns-zone-group", "create", "--name", "default"),
                    *("--resource-group", resource_part(endpoint, "resourceGroups") or ""),
                    *("--subscription", resource_part(endpoint, "subscriptions") or ""),
                    *("--endpoint-name", last(endpoint), "--zone-name", "registry"),
                    *("--private-dns-zone", zone.id),
                ),
                bicep=_group_bicep(last(endpoint), zone.id),
            ),
        )


def _link_bicep(zone: str, name: str, vnet: str) -> str:
    return f"""resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {{
  name: {bicep_text(zone)}
}}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {{
  parent: zone
  name: {bicep_text(name)}
  location: 'global'
  properties: {{
    registrationEnabled: false
    virtualNetwork: {{ id: {bicep_text(vnet)} }}
  }}
}}"""


def _group_bicep(endpoint: str, zone_id: str) -> str:
    return f"""resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' existing = {{
  name: {bicep_text(endpoint)}
}}

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = {{
  parent: endpoint
  name: 'default'
  properties: {{
    privateDnsZoneConfigs: [
      {{ name: 'registry', properties: {{ privateDnsZoneId: {bicep_text(zone_id)} }} }}
    ]
  }}
}}"""


CAUSE = PrivateNameUnresolved()
