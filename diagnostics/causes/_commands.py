"""Commands with the real names in them, quoted so that no name can become more than an argument."""

from __future__ import annotations

from shlex import quote

from diagnostics.facts import Registry

__all__ = ["PULL_ROLE", "REPOSITORY_ROLE", "az", "bicep_text", "grant_bicep", "grant_command", "of_registry"]

PULL_ROLE = ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d")
REPOSITORY_ROLE = ("Container Registry Repository Reader", "b93aa761-3e63-49ed-ac28-beffa264f7ac")
"""Built-in roles by name and id (*Azure built-in roles for Containers*)."""


def az(*words: str) -> str:
    """Return an ``az`` command in which every word is quoted for a POSIX shell."""
    return " ".join(["az", *(quote(word) for word in words)])


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
    role, _ = REPOSITORY_ROLE if registry.abac else PULL_ROLE
    return az(
        "role",
        "assignment",
        "create",
        "--assignee-object-id",
        principal_id,
        "--assignee-principal-type",
        "ServicePrincipal",
        "--role",
        role,
        "--scope",
        registry.id,
    )


def grant_bicep(registry: Registry, principal_id: str) -> str:
    """Return the same grant as Bicep, for teams whose infrastructure code would otherwise take it back."""
    role, role_id = REPOSITORY_ROLE if registry.abac else PULL_ROLE
    return f"""resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {{
  name: {bicep_text(registry.name)}
}}

// {role}
resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  scope: registry
  name: guid(registry.id, {bicep_text(principal_id)}, '{role_id}')
  properties: {{
    principalId: {bicep_text(principal_id)}
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{role_id}')
  }}
}}"""
