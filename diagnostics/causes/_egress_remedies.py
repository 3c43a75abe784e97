"""How to let a call out: of a managed network, a security group, a route table, a firewall."""

from __future__ import annotations

from diagnostics.azure.arm import resource_part
from diagnostics.azure.clouds import Cloud
from diagnostics.causes._commands import az, bicep_text
from diagnostics.causes._destinations import Destination
from diagnostics.facts import Registry
from diagnostics.model import Remedy
from diagnostics.network_facts import Firewall, NetworkRule, NetworkRules, Route, last

__all__ = ["firewall_remedy", "managed_remedy", "route_remedy", "security_remedy"]

_LOWEST_PRIORITY = 100


def _place(resource_id: str) -> tuple[str, ...]:
    subscription, group = resource_part(resource_id, "subscriptions"), resource_part(resource_id, "resourceGroups")
    return ("--resource-group", group or "", "--subscription", subscription or "")


def _tag_of(host: str) -> str:
    if ".azurecr." in host:
        return "AzureContainerRegistry"
    return "Storage" if ".blob.core." in host else "Internet"


def security_remedy(rules: NetworkRules, rule: NetworkRule, destination: Destination) -> Remedy:
    """Allow the host's service tag before the rule that denies; a priority is one rule's alone in a direction."""
    group = rules.group or ""
    tag = "VirtualNetwork" if destination.private else _tag_of(destination.host)
    taken = {other.priority for other in rules.rules}
    before = next((free for free in range(rule.priority - 1, _LOWEST_PRIORITY - 1, -1) if free not in taken), None)
    if before is None:
        return Remedy(
            title=f"Change or move the rule {rule.name} of {last(group)}: no priority is free before it",
            detail=(
                f"Portal: Network security groups > {last(group)} > Outbound security rules > {rule.name}: give it a "
                f"number above {rule.priority} or a narrower destination, then add a rule before it that allows the "
                f"service tag {tag} on port 443, TCP."
            ),
        )
    return Remedy(
        title=f"Allow {tag} on port 443 in {last(group)}, before the rule {rule.name}",
        detail=(
            f"Portal: Network security groups > {last(group)} > Outbound security rules > Add: destination service tag "
            f"{tag}, port 443, TCP, Allow, a priority below {rule.priority}."
        ),
        command=az(
            *("network", "nsg", "rule", "create", "--nsg-name", last(group), *_place(group)),
            *("--name", f"Allow{tag}", "--priority", str(before), "--direction", "Outbound", "--access", "Allow"),
            *("--protocol", "Tcp", "--destination-address-prefixes", tag, "--destination-port-ranges", "443"),
        ),
        bicep=f"""resource group 'Microsoft.Network/networkSecurityGroups@2024-05-01' existing = {{
  name: {bicep_text(last(group))}
}}

resource allow 'Microsoft.Network/networkSecurityGroups/securityRules@2024-05-01' = {{
  parent: group
  name: 'Allow{tag}'
  properties: {{
    priority: {before}
    direction: 'Outbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefix: '*'
    sourcePortRange: '*'
    destinationAddressPrefix: '{tag}'
    destinationPortRange: '443'
  }}
}}""",
    )


def route_remedy(table: str, route: Route) -> Remedy:
    """Give the traffic somewhere to go."""
    return Remedy(
        title=f"Change the route {route.name} of {last(table)}: it drops what goes out to {route.prefix}",
        detail=(
            f"Portal: Route tables > {last(table)} > Routes > {route.name} > Next hop type: Internet, or a firewall's "
            "address. A route for the tag AzureContainerRegistry alone does as well."
        ),
        command=az(
            *("network", "route-table", "route", "create", "--route-table-name", last(table), *_place(table)),
            *("--name", "to-registries", "--address-prefix", "AzureContainerRegistry", "--next-hop-type", "Internet"),
        ),
    )


def firewall_remedy(firewall: Firewall, host: str, cloud: Cloud | None) -> Remedy:
    """Add an application rule for the host; ``cloud`` is the registry's, where it is one of Azure's."""
    storage = f"*{cloud.blob_suffix}" if cloud else "the storage behind it"
    entra = cloud.authority if cloud else "Microsoft Entra ID's host"
    holder = firewall.policy or firewall.id
    place = f"{'Firewall Policies' if firewall.policy else 'Firewalls'} > {last(holder)} > Application rules"
    return Remedy(
        title=f"Allow {host} in an application rule of {last(holder)}",
        detail=(
            f"Portal: {place} > Add: target FQDN {host}, protocol https:443, from the compute's subnet. "
            f"The login server, each data endpoint (or {storage} where there is none) and {entra} are needed."
        ),
    )


def managed_remedy(workspace_id: str, host: str, registry: Registry | None) -> tuple[Remedy, ...]:
    """Approve the host, or the registry through a private endpoint."""
    where = (*_place(workspace_id), "--workspace-name", last(workspace_id))
    rule = Remedy(
        title=f"Approve {host} in the workspace's managed network",
        detail=(
            f"Portal: {last(workspace_id)} > Networking > Workspace managed outbound access > Add user-defined "
            f"outbound rule > FQDN > {host}. The registry's data endpoints need one too. FQDN rules bring a firewall."
        ),
        command=az(
            *("ml", "workspace", "outbound-rule", "set", *where, "--rule", "registry"),
            *("--type", "fqdn", "--destination", host),
        ),
        bicep=f"""resource rule 'Microsoft.MachineLearningServices/workspaces/outboundRules@2025-12-01' = {{
  parent: workspace // {"".join(character for character in last(workspace_id) if character.isprintable())}
  name: 'registry'
  properties: {{ type: 'FQDN', category: 'UserDefined', destination: {bicep_text(host)} }}
}}""",
    )
    if registry is None or host not in (registry.login_server, *registry.data_endpoints):
        return (rule,)
    private = Remedy(
        title=f"Or approve {registry.name} through a private endpoint of the managed network",
        command=az(
            *("ml", "workspace", "outbound-rule", "set", *where, "--rule", "registry-private"),
            *("--type", "private_endpoint", "--service-resource-id", registry.id),
            *("--subresource-target", "registry", "--spark-enabled", "false"),
        ),
    )
    return (rule, private)
