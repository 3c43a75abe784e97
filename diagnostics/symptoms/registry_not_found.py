"""The registry itself is gone or was never there."""

from __future__ import annotations

from diagnostics.signatures import Signature, SymptomRule

SYMPTOM = SymptomRule(
    id="registry-not-found",
    title="The registry itself is gone or was never there",
    signatures=(
        Signature(
            id="arm-registry-not-found",
            pattern=(
                r"the resource with name %q%(?P<registry>[^\s\"']+)%q% and type "
                r"%q%Microsoft\.ContainerRegistry/registries%q%"
                r"%near%(?:could not be|was not|not) found"
                r"|%q%Microsoft\.ContainerRegistry/registries/[^\s\"']+%q%%near%(?:was|could|is"
                r"|were)? (?:not (?:be )?found|not exist)"
            ),
            emitter="Azure Resource Manager, az cli",
            names=("registry-absent",),
            accepts=(
                (
                    "The resource with name 'contoso' and type 'Microsoft.ContainerRegistry/registries' "
                    "could not be found"
                ),
                (
                    "The Resource 'Microsoft.ContainerRegistry/registries/contoso' under resource group "
                    "'rg' was not found."
                ),
            ),
            rejects=(
                ("The Resource 'Microsoft.Storage/storageAccounts/a' under resource group 'rg' was not found."),
                "registry contoso was updated",
            ),
        ),
        Signature(
            id="registry-does-not-exist",
            pattern=(
                r"(?:container registry|registry login server|azure container registry"
                r"|(?:^|\s)ACR) %q%(?P<registry>[\w*<][\w.*<>-]*)%q%"
                r"%line%(?:could not be found|was not found|not found|does not exist|doesn't exist"
                r"|(?:has been|was) deleted|no longer exists)"
                r"|registry %q%%acr%%q% (?:could not be found|was not found|not found|does not exist"
                r"|no longer exists|has been deleted)"
                r"|(?:attached|associated|linked|workspace's) container registry%line%"
                r"(?:not found|does not exist|deleted|no longer exists|missing)"
                r"|ContainerRegistryNotFound|AcrNotFound|LOGIN_SERVER_ERROR"
                r"|unable to (?:find|get) (?:the )?login server (?:of|for)"
            ),
            emitter="Azure ML control plane, az cli",
            names=("registry-absent",),
            accepts=(
                "Container registry 'contoso' does not exist in the subscription",
                "The associated container registry was deleted",
                "An error occurred: LOGIN_SERVER_ERROR",
            ),
            rejects=(
                "Registry 'shared-assets' was not found",
                "Could not connect to the registry login server 'contoso.azurecr.io'.",
            ),
        ),
    ),
)
