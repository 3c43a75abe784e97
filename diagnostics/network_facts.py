"""The shapes of network facts: what Microsoft.Network and a managed network's rules say of a compute's way out.

Plain immutable values that serialise; each says itself in one sentence. Ids are Resource Manager's, compared without
regard to case. ``None`` means that Azure's answer had no such member.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ComputeNetwork",
    "Firewall",
    "FirewallRule",
    "Firewalls",
    "NetworkRule",
    "NetworkRules",
    "OutboundAddresses",
    "OutboundRule",
    "OutboundRules",
    "Peering",
    "PrivateEndpoint",
    "PrivateEndpoints",
    "PrivateZone",
    "PrivateZones",
    "Route",
    "Routes",
    "ZoneLink",
    "ZoneRecord",
    "last",
]


def last(resource_id: str) -> str:
    """Return the name at the end of a resource id, for a sentence."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """A private endpoint of the registry; ``status`` is Approved, Pending, Rejected or Disconnected.

    ``vnet`` is the id of the virtual network that it stands in, ``None`` where the endpoint's resource is not to be
    seen (deleted, or in another's subscription, such as that of a managed network).
    """

    connection: str
    status: str
    endpoint_id: str | None = None
    vnet: str | None = None

    @property
    def approved(self) -> bool:
        """Whether traffic passes: the connection's state alone decides it."""
        return self.status.lower() == "approved"

    def __str__(self) -> str:
        """The endpoint with its state and place."""
        where = f" in {last(self.vnet)}" if self.vnet else ""
        return f"{self.connection} ({self.status or 'no state'}){where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoints:
    """All private endpoints of a registry, each with its place."""

    endpoints: tuple[PrivateEndpoint, ...] = ()

    def __str__(self) -> str:
        """The endpoints in words."""
        return ", ".join(str(endpoint) for endpoint in self.endpoints) or "there are none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """A peering of the compute's network. ``open`` when it is connected and lets traffic through.

    ``gateway`` is true where the far side's gateway is used, which leads on to networks that are not peered.
    """

    vnet: str
    open: bool
    gateway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeNetwork:
    """The virtual network of the compute's subnet; ``vnet`` is ``None`` where it is in none of its owner's.

    ``dns_servers`` is empty where Azure's own DNS answers. ``prefixes`` are the network's address ranges.
    ``endpoint_policies`` are service endpoint policies of the subnet: they limit which storage can be reached.
    """

    vnet: str | None
    subnet: str | None = None
    dns_servers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    peerings: tuple[Peering, ...] = ()
    network_security_group: str | None = None
    route_table: str | None = None
    nat_gateway: str | None = None
    endpoint_policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The network with what hangs on it."""
        if self.vnet is None:
            return "the compute is in no virtual network of its owner's"
        servers = ", ".join(self.dns_servers) or "Azure's own"
        peers = ", ".join(last(peering.vnet) for peering in self.peerings if peering.open) or "no network"
        return f"{last(self.vnet)}, subnet {last(self.subnet or '')}, DNS {servers}, peered with {peers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLink:
    """A virtual network that a private zone answers in. ``policy`` is ``Default`` or ``NxDomainRedirect``."""

    vnet: str
    policy: str = "Default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRecord:
    """An A record: its name relative to the zone, in lower case, and its addresses."""

    name: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZone:
    """A private DNS zone with its links, and those of its records that belong to the registry."""

    id: str
    links: tuple[ZoneLink, ...] = ()
    records: tuple[ZoneRecord, ...] = ()

    def has(self, name: str) -> bool:
        """Return whether there is a record of that name, the zone's own wildcard included."""
        return any(record.name in (name.lower(), "*") and record.addresses for record in self.records)

    def link_to(self, vnet: str) -> ZoneLink | None:
        """Return the link to a network."""
        return next((link for link in self.links if link.vnet.lower() == vnet.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateZones:
    """The private zones of one name in the ``searched`` subscriptions; where that is empty, none was needed.

    Not ``complete`` where further subscriptions were closed to us or too many: the linked zone may stand there.
    """

    name: str
    zones: tuple[PrivateZone, ...] = ()
    searched: tuple[str, ...] = ()
    complete: bool = True

    def __str__(self) -> str:
        """The zones, what they are linked to, and what they hold for the registry."""
        if not self.searched:
            return "not looked for: the registry has no private endpoint, or the compute is in no network"
        said = [self._zone(zone) for zone in self.zones]
        said = said or [f"no zone {self.name} in {len(self.searched)} subscription(s)"]
        return "; ".join((*said, *(() if self.complete else ("further subscriptions were not searched",))))

    def _zone(self, zone: PrivateZone) -> str:
        links = ", ".join(last(link.vnet) for link in zone.links) or "no network"
        records = ", ".join(record.name for record in zone.records) or "none"
        return f"{self.name} is linked to {links}; records of the registry: {records}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRule:
    """An outbound security rule; ``destinations`` are ranges or service tags.

    ``exact`` is false where it also goes by groups or chosen sources.
    """

    name: str
    priority: int
    allow: bool
    protocol: str = "*"
    destinations: tuple[str, ...] = ("*",)
    ports: tuple[str, ...] = ("*",)
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRules:
    """The outbound rules of the security group on the compute's subnet, by priority; no ``group``, no rules."""

    group: str | None
    rules: tuple[NetworkRule, ...] = ()

    def __str__(self) -> str:
        """The group with its denying rules."""
        if self.group is None:
            return "no network security group on the compute's subnet"
        denying = ", ".join(f"{rule.name} ({', '.join(rule.destinations)})" for rule in self.rules if not rule.allow)
        return f"{last(self.group)}: outbound denied by {denying}" if denying else f"{last(self.group)} denies nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A user-defined route: an address range or a service tag, and where its traffic goes."""

    name: str
    prefix: str
    next_hop: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The route table of the compute's subnet; ``table`` is ``None`` for none."""

    table: str | None
    routes: tuple[Route, ...] = ()

    def __str__(self) -> str:
        """The table with its routes."""
        if self.table is None:
            return "no route table on the compute's subnet"
        said = ", ".join(f"{r.prefix} to {r.next_hop}{f' {r.address}' if r.address else ''}" for r in self.routes)
        return f"{last(self.table)}: {said or 'no routes'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule:
    """A rule of a firewall. ``hosts`` are names with wildcards, ``addresses`` ranges or service tags.

    ``vague`` is true where it also matches by something that cannot be held against a host name (tags of names,
    categories, groups), ``limited`` where it holds for chosen sources only, ``opens_tls`` where it decrypts.
    """

    name: str
    allow: bool
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    vague: bool = False
    limited: bool = False
    opens_tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """An Azure firewall that the compute's traffic is routed to; ``authority`` signs what TLS inspection presents."""

    id: str
    address: str
    policy: str | None = None
    rules: tuple[FirewallRule, ...] = ()
    authority: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewalls:
    """The firewalls behind the routes; ``strangers`` are next hops that are no Azure firewall that we can see."""

    firewalls: tuple[Firewall, ...] = ()
    strangers: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The firewalls, what they let through, and who opens TLS."""
        if not self.firewalls and not self.strangers:
            return "no route leads to a firewall"
        said = [self._firewall(firewall) for firewall in self.firewalls]
        said += [f"{address} is no Azure firewall that we can see" for address in self.strangers]
        return "; ".join(said)

    @staticmethod
    def _firewall(firewall: Firewall) -> str:
        hosts = ", ".join(host for rule in firewall.rules if rule.allow for host in rule.hosts) or "no host"
        opened = f", TLS inspection signed by {firewall.authority}" if firewall.authority else ""
        return f"{last(firewall.id)} at {firewall.address} lets through {hosts}{opened}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRule:
    """An outbound rule of a managed network: FQDN, ServiceTag or PrivateEndpoint, and its ``destination``.

    The destination is a host name with wildcards, a service tag or an address range in its place, or the id of the
    resource behind the endpoint. ``ports`` are those of a service tag, every one where there is none.
    """

    name: str
    kind: str
    destination: str
    status: str | None = None
    category: str | None = None
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRules:
    """The managed network of a workspace; ``mode`` is Disabled, AllowInternetOutbound or AllowOnlyApprovedOutbound."""

    mode: str
    rules: tuple[OutboundRule, ...] = ()

    def __str__(self) -> str:
        """The mode with the rules."""
        said = ", ".join(f"{rule.kind} {last(rule.destination)}" for rule in self.rules) or "none"
        return "the workspace has no managed network" if self.mode == "Disabled" else f"{self.mode}, rules: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundAddresses:
    """The public addresses of the NAT gateway on the compute's subnet; empty where there is none."""

    addresses: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The addresses."""
        said = ", ".join((*self.addresses, *self.ranges))
        return f"the NAT gateway goes out as {said}" if said else "no NAT gateway on the compute's subnet"
