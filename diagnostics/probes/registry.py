"""The registry behind the image's login server, or its absence in all that we may list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnostics.azure.arm import resource_part
from diagnostics.azure.errors import Nonsense, NotFound, NotPermitted, ReadFailed, from_azure_core
from diagnostics.facts import PrivateEndpointConnection, Registry, RegistryLookup, Workspace
from diagnostics.listing import subscriptions
from diagnostics.meant import is_look_alike
from diagnostics.model import Fact
from diagnostics.probes._shapes import when, word
from diagnostics.probing import Subject, control_plane
from diagnostics.reach import Reach
from diagnostics.references import registry_name, same_registry

if TYPE_CHECKING:
    from azure.mgmt.containerregistry import models as sdk

__all__ = ["PROBE", "registry_value"]


class RegistryProbe:
    """Reads the workspace's own registry first, then lists those of every subscription that we may see."""

    name = "registry"
    title = "the registry's settings"
    value_type: type = RegistryLookup
    needs: tuple[str, ...] = ("workspace",)
    actions: tuple[str, ...] = (
        "Microsoft.ContainerRegistry/registries/read",
        "Microsoft.Resources/subscriptions/read",
    )

    def read(self, subject: Subject, facts: Mapping[str, Any], reach: Reach) -> Fact:
        """Return a :class:`RegistryLookup`; a registry that nothing lists is an answer, not a failure."""
        workspace: Workspace = facts["workspace"]
        host = _wanted_host(subject)
        attached, missing = _attached(workspace, reach)
        if attached is not None and (host is None or same_registry(host, attached.login_server)):
            lookup = RegistryLookup(
                host=host or attached.login_server,
                found=attached,
                attached=True,
                attached_login_server=attached.login_server,
            )
        elif host is None:
            raise ReadFailed("neither the run nor its workspace names a registry")
        else:
            lookup = _listed(host, subject.run.workspace_id, attached, missing, reach)
            if lookup.found is None and attached is not None and _meant(subject, attached):
                lookup = replace(lookup, meant=attached)
        return control_plane(lookup, "the registry's settings", reach)


def _meant(subject: Subject, attached: Registry) -> bool:
    return subject.image is not None and is_look_alike(subject.image, attached.login_server)


def _wanted_host(subject: Subject) -> str | None:
    if subject.image is not None:
        return subject.image.registry.lower()
    for symptom in subject.symptoms:
        if symptom.captured.get("registry"):
            return symptom.captured["registry"].split("/")[0].lower()
    if subject.image_text and "/" in subject.image_text:
        return subject.image_text.removeprefix("https://").split("/")[0].lower()
    return None


def _attached(workspace: Workspace, reach: Reach) -> tuple[Registry | None, str | None]:
    """Return the workspace's registry, or the id under which it should have been."""
    wanted = workspace.container_registry
    if not wanted:
        return None, None
    subscription, group = resource_part(wanted, "subscriptions"), resource_part(wanted, "resourceGroups")
    name = wanted.rsplit("/", 1)[-1]
    if not subscription or not group:
        return None, None
    try:
        return registry_value(reach.registries(subscription).registries.get(group, name)), None
    except Exception as error:  # noqa: BLE001 - sorted, never swallowed
        failed = from_azure_core(error)
        if isinstance(failed, NotFound):
            return None, wanted
        raise failed from None


def _listed(
    host: str, workspace_id: str, attached: Registry | None, missing: str | None, reach: Reach
) -> RegistryLookup:
    searched: list[str] = []
    seen: list[str] = [attached.login_server] if attached else []
    for subscription in _subscriptions(workspace_id, reach):
        for registry in _registries_of(subscription, reach):
            if same_registry(host, registry.login_server):
                return RegistryLookup(
                    host=host,
                    found=registry,
                    searched=(*searched, subscription),
                    attached_missing=missing,
                    attached_login_server=attached.login_server if attached else None,
                )
            seen.append(registry.login_server)
        searched.append(subscription)
    return RegistryLookup(
        host=host,
        found=None,
        searched=tuple(searched),
        attached_missing=missing,
        attached_login_server=attached.login_server if attached else None,
        resembling=_resembling(host, seen),
    )


def _subscriptions(workspace_id: str, reach: Reach) -> Iterator[str]:
    """Yield the workspace's subscription, then every other that we may list."""
    own = (resource_part(workspace_id, "subscriptions") or "").lower()
    yield own
    try:
        others = subscriptions(reach)
    except NotPermitted:
        return
    yield from (found for found in others if found != own)


def _registries_of(subscription: str, reach: Reach) -> Iterator[Registry]:
    try:
        for registry in reach.registries(subscription).registries.list():
            yield registry_value(registry)
    except Exception as error:  # noqa: BLE001 - sorted, never swallowed
        raise from_azure_core(error) from None


def _resembling(host: str, seen: Iterable[str]) -> tuple[str, ...]:
    from difflib import get_close_matches  # noqa: PLC0415

    names = {registry_name(login_server) or login_server: login_server for login_server in seen}
    wanted = registry_name(host) or host
    return tuple(names[name] for name in get_close_matches(wanted, list(names), n=3, cutoff=0.75))


def registry_value(registry: sdk.Registry) -> Registry:
    """Read the SDK's model; members that older registries lack mean the default of their time."""
    if not registry.id:
        raise Nonsense("a registry came without its id")
    rules = registry.network_rule_set
    policies = registry.policies
    quarantine = policies.quarantine_policy if policies else None
    audience = policies.azure_ad_authentication_as_arm_policy if policies else None
    encryption = registry.encryption
    encrypted = encryption is not None and (word(encryption.status) or "").lower() == "enabled"
    key = encryption.key_vault_properties if encryption is not None and encrypted else None
    system = registry.system_data
    return Registry(
        id=str(registry.id),
        name=str(registry.name),
        login_server=str(registry.login_server or "").lower(),
        region=str(registry.location or ""),
        sku=(word(registry.sku.name) if registry.sku else None) or "",
        admin_user_enabled=bool(registry.admin_user_enabled),
        anonymous_pull=bool(registry.anonymous_pull_enabled),
        abac=(word(registry.role_assignment_mode) or "").lower() == "abacrepositorypermissions",
        public_access=(word(registry.public_network_access) or "Enabled").lower() != "disabled",
        default_action=word(rules.default_action) if rules else None,
        ip_rules=tuple(str(rule.ip_address_or_range) for rule in (rules.ip_rules or ())) if rules else (),
        trusted_services=(word(registry.network_rule_bypass_options) or "AzureServices") == "AzureServices",
        trusted_services_for_tasks=registry.network_rule_bypass_allowed_for_tasks is not False,
        quarantine=bool(quarantine and (word(quarantine.status) or "").lower() == "enabled"),
        arm_audience_tokens=not (audience and (word(audience.status) or "").lower() == "disabled"),
        data_endpoints=tuple(registry.data_endpoint_host_names or ()) if registry.data_endpoint_enabled else (),
        encryption_key=key.key_identifier if key else None,
        encryption_identity=key.identity if key else None,
        private_endpoints=tuple(_connection(found) for found in registry.private_endpoint_connections or ()),
        provisioning_state=word(registry.provisioning_state),
        created_at=when(registry.creation_date),
        changed_at=when(system.last_modified_at) if system else None,
        tags={str(name): str(value) for name, value in (registry.tags or {}).items()},
    )


def _connection(connection: sdk.PrivateEndpointConnection) -> PrivateEndpointConnection:
    state = connection.private_link_service_connection_state
    endpoint = connection.private_endpoint
    return PrivateEndpointConnection(
        name=str(connection.name or ""),
        status=(word(state.status) if state else None) or "",
        endpoint_id=str(endpoint.id) if endpoint and endpoint.id else None,
    )


PROBE = RegistryProbe()
