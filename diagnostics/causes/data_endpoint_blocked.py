"""Log-in works, but the host that serves the layers cannot be reached."""

from __future__ import annotations

from diagnostics.azure.arm import resource_part
from diagnostics.case import Case
from diagnostics.causes._advice import advised
from diagnostics.causes._commands import az, bicep_text
from diagnostics.causes._destinations import Destination
from diagnostics.causes._egress import EGRESS_FACTS, egress_to
from diagnostics.causes._said import far_address, layer_host, login_failed, name_unknown, refused_by_registry
from diagnostics.model import PullStep, Remedy
from diagnostics.network_facts import ComputeNetwork, PrivateZone, PrivateZones, last
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_WAY_OUT = "Allow the registry's data endpoint, or the storage behind it, on the compute's way out"


class DataEndpointBlocked:
    """Source: *Rules to access a registry behind a firewall*: layers come from data endpoints or from storage."""

    id = "data-endpoint-blocked"
    title = "Log-in works, but the host that serves the layers cannot be reached"
    step = PullStep.LAYERS
    rank = 20
    masked = False
    explains = frozenset({"dns", "network-firewall", "network-timeout"})
    needs = (*EGRESS_FACTS, "private-zones")

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the text names the layers' host, and no record or no rule leads to it."""
        return advised(self._judged(case), _WAY_OUT)

    def _judged(self, case: Case) -> Judgement:
        host = layer_host(case)
        if host is None and (refused_by_registry(case) or login_failed(case)):
            return contradicted("the call that failed is the log-in, so no layer had been asked for yet")
        if host is None and self.id not in case.named:
            return compatible(self.title, "the text does not name a host that serves layers")
        if host is None:
            return unread(self.title, case.registry_words, "the log does not show which host the layer came from")
        if case.registry is None and case.unread("registry"):
            return unread(self.title, host, *case.unread("registry"))
        return self._by_zone(case, host) or self._by_policy(case, host) or self._by_egress(case, host)

    def _by_zone(self, case: Case, host: str) -> Judgement | None:
        """A zone that is linked and holds the login server hides the data endpoint's public name."""
        zones, network = case.value("private-zones", PrivateZones), case.value("compute-network", ComputeNetwork)
        registry = case.registry
        if registry is None or ".data." not in host or not registry.private_endpoints:
            return None
        if zones is None or network is None:
            return unread(self.title, host, *case.unread("private-zones", "compute-network"))
        zone = next((one for one in zones.zones if network.vnet and one.link_to(network.vnet)), None)
        if zone is None or network.dns_servers:
            return None
        label = registry.login_server.partition(".")[0]
        record = host.removesuffix(f".{registry.login_server.partition('.')[2]}")
        if not name_unknown(case):
            return None  # what was found is hidden by no zone
        if zone.has(record) or not zone.has(label):
            return self._recorded(host, zones)
        state = f"the zone {zones.name}, linked to {last(network.vnet or '')}, has {label} and no record {record}"
        link = zone.link_to(network.vnet or "")
        if link is not None and link.policy.lower() == "nxdomainredirect":
            return unread(self.title, host, f"{state}, but falls back to the public answer, which the log does not fit")
        return proven(
            f"{host}, where the layers come from, has no private record",
            f"{record} in {zone.id.lower()}",
            state,
            f"the layer was asked for at {host} (the log), after the log-in",
            remedies=_record_remedies(zone, zones.name, record),
        )

    def _recorded(self, host: str, zones: PrivateZones) -> Judgement:
        return unread(self.title, host, f"{zones.name} knows {host} now; since when, Azure does not say")

    def _by_policy(self, case: Case, host: str) -> Judgement | None:
        """A service endpoint policy lets named storage accounts through, and a registry's is nobody's to name."""
        network = case.value("compute-network", ComputeNetwork)
        if network is None or not network.endpoint_policies or ".blob." not in host:
            return None
        policies = ", ".join(last(policy) for policy in network.endpoint_policies)
        subnet = last(network.subnet or "")
        return proven(
            f"the subnet {subnet} reaches chosen storage only, and the layers come from {host}",
            f"{host} from {(network.subnet or '').lower()}",
            f"the subnet {subnet} has the service endpoint policies {policies}",
            f"the layer was asked for at {host} (the log)",
            remedies=(
                Remedy(
                    title="Enable dedicated data endpoints on the registry, or take the policy off the subnet",
                    detail="The storage behind a registry is Azure's own and cannot be named in a policy.",
                ),
            ),
        )

    def _by_egress(self, case: Case, host: str) -> Judgement:
        region = case.registry.region if case.registry else ""
        found = egress_to(case, Destination(host=host, address=far_address(case), region=region))
        if found.blocked:
            return proven(
                f"the network of {case.compute_words} lets nothing out to {host}, where the layers come from",
                found.target,
                found.blocked,
                f"the layer was asked for at {host} (the log), after the log-in",
                remedies=found.remedies,
            )
        if found.unknown:
            return unread(self.title, host, *found.unknown)
        return unread(self.title, host, f"{found.open} now; since when, Azure does not say")


def _record_remedies(zone: PrivateZone, name: str, record: str) -> tuple[Remedy, ...]:
    group = resource_part(zone.id, "resourceGroups") or ""
    return (
        Remedy(
            title=f"Add the record {record} to {name}",
            detail=(
                f"Portal: Private DNS zones > {name} (resource group {group}) > Recordsets > Add: A, {record}, "
                "with the address of the endpoint's data member (Private endpoints > DNS configuration). A DNS zone "
                "group on the endpoint keeps all records by itself, also those of new replicas."
            ),
            command=az(
                *("network", "private-dns", "record-set", "a", "add-record", "--resource-group", group),
                *("--subscription", resource_part(zone.id, "subscriptions") or "", "--zone-name", name),
                *("--record-set-name", record, "--ipv4-address", "ADDRESS-OF-THE-DATA-MEMBER"),
            ),
            bicep=f"""resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {{
  name: {bicep_text(name)}
}}

param dataMemberAddress string

resource data 'Microsoft.Network/privateDnsZones/A@2024-06-01' = {{
  parent: zone
  name: {bicep_text(record)}
  properties: {{ ttl: 3600, aRecords: [ {{ ipv4Address: dataMemberAddress }} ] }}
}}""",
        ),
    )


CAUSE = DataEndpointBlocked()
