"""Commands with the real names in them, quoted so that no name can become more than an argument."""

from __future__ import annotations

from diagnostics.azure.cli import az
from diagnostics.facts import Registry
from diagnostics.pull_roles import pull_role

__all__ = ["az", "bicep_text", "grant_bicep", "grant_command", "of_registry"]


def bicep_text(value: str) -> str:
    """Return a Bicep string literal; quotes, backslashes and ``${`` in ``value`` stay text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return "'" + "".join(character for character in escaped if character.isprintable()) + "'"


def of_registry(registry: Registry) -> str:
    """Return the Bicep comment that says in which resource a snippet belongs."""
    name = "".join(character for character in registry.name if character.isprintable())
    return f"// in the resource of {name}, Microsoft.ContainerRegistry/registries@2025-11-01\n"


def grant_command(registry: Registry, principal_id: str) -> str:
    """Return the command that grants the pull in the registry's own mode."""
    return az(
        "role",
        "assignment",
        "create",
        "--assignee-object-id",
        principal_id,
        "--assignee-principal-type",
        "ServicePrincipal",
        "--role",
        pull_role(abac=registry.abac).name,
        "--scope",
        registry.id,
    )


def grant_bicep(registry: Registry, principal_id: str) -> str:
    """Return the same grant as Bicep, for teams whose infrastructure code would otherwise take it back."""
    role = pull_role(abac=registry.abac)
    return f"""resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {{
  name: {bicep_text(registry.name)}
}}

// {role.name}
resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  scope: registry
  name: guid(registry.id, {bicep_text(principal_id)}, '{role.id}')
  properties: {{
    principalId: {bicep_text(principal_id)}
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{role.id}')
  }}
}}"""
