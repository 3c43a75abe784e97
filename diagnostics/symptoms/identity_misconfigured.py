"""No identity, the wrong one, or no token for it, while pulling."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="identity-misconfigured",
    title="No identity, the wrong one, or no token for it, while pulling",
    signatures=(
        Signature(
            id="only-anonymous-attempted",
            pattern=(
                r"authentication methods? attempted: (?P<mode>anonymous)\b\s?$%block%"
                r"(?:unauthorized|authentication required|\b401\b|MSI\) not found)"
            ),
            emitter="Azure ML common runtime",
            names=("pull-identity-absent",),
            accepts=(
                ('Authentication methods attempted: Anonymous\nError: {"Message":"Head: unauthorized: authentication'),
                ("Authentication methods attempted: Anonymous\n  Note: Identity (MSI) not found on the compute"),
            ),
            rejects=(
                "Authentication methods attempted: Anonymous\nError: dial tcp: lookup: no such host",
                "Authentication methods attempted: Anonymous, MSI\nError: unauthorized",
            ),
        ),
        Signature(
            id="anonymous-attempted",
            pattern=r"authentication methods? attempted: (?P<mode>anonymous)\b\s?$",
            emitter="Azure ML common runtime",
            weight=Weight.ECHO,
            names=("pull-identity-absent",),
            accepts=(
                "Authentication methods attempted: Anonymous",
                "authentication method attempted: anonymous\n",
            ),
            rejects=(
                "Authentication methods attempted: MSI",
                "Authentication methods attempted: Anonymous, MSI",
            ),
        ),
        Signature(
            id="compute-without-identity",
            pattern=(
                r"identity \(?MSI\)? not found on the compute|(?:compute|cluster|node|endpoint) (?:has"
                r"|have) no (?:managed )?identity"
                r"|no (?:managed )?identity (?:is |was )?(?:found|assigned|configured)%line%(?:compute"
                r"|registry|ACR\b|azurecr|pull)"
            ),
            emitter="Azure ML common runtime",
            weight=Weight.ECHO,
            names=("pull-identity-absent",),
            accepts=(
                "Note: Identity (MSI) not found on the compute, please attach one",
                "no managed identity assigned to compute cpu-cluster",
            ),
            rejects=(
                "identity authentication failed for the datastore",
                "ManagedIdentityCredential: no token received",
            ),
        ),
        Signature(
            id="refresh-token-not-got",
            pattern=(
                r"unable to retrieve ACR refresh token using (?:compute )?(?:managed )?identity(?: "
                r"%identity%)?"
                r"|retrieving ACR refresh token using identity failed|AcrRefreshTokenRetrievalError"
            ),
            emitter="Azure ML node agent",
            weight=Weight.ECHO,
            accepts=(
                "Unable to retrieve ACR refresh token using Compute Identity 9c1-22, please check",
                "Reason: Retrieving ACR refresh token using identity failed",
            ),
            rejects=("refresh token expired", "Unable to retrieve the storage token using Compute Identity"),
        ),
        Signature(
            id="registry-pull-with-identity-failed",
            pattern=(
                r"unable to pull image using managed identity %q%%identity%%q% for registry %registry%"
                r"|(?:failed|unable|error)%line%(?:acquire|get|fetch|obtain|retriev)\w*%line%(?:ACR"
                r"|registry)%line%"
                r"(?:token|credentials?)%line%(?:managed identity|MSI\b|IMDS|identity not found)"
                r"|(?:managed|user[- ]assigned|system[- ]assigned) identity%line%(?:not (?:found"
                r"|assigned|attached|supported|exist)"
                r"|does not exist|doesn't exist|was deleted|is not associated|invalid|cannot be used)%line%"
                r"(?:registry|ACR\b|azurecr|image pull|pull)"
                r"|(?:registry|ACR\b|azurecr|pull)%line%(?:managed|user[- ]assigned"
                r"|system[- ]assigned) identity%line%"
                r"(?:not (?:found|assigned|attached|supported)|does not exist|doesn't exist|was deleted"
                r"|is not associated)"
            ),
            emitter="container apps, app service, kubelet's credential provider",
            names=("pull-identity-unusable",),
            accepts=(
                ("unable to pull image using Managed identity /subscriptions/1/uai for registry contoso.azurecr.io"),
                "failed to get registry token with managed identity: 400",
                ("User-assigned identity 'uai-train' was not found, registry contoso.azurecr.io cannot be used"),
            ),
            rejects=(
                "or a Managed Identity with 'AcrPull' access to the ACR is assigned to the compute",
                "Managed identity not found: cannot read the datastore",
            ),
        ),
        Signature(
            id="identity-unknown-to-imds",
            pattern=(
                r"identity not found|multiple user[- ]assigned identities exist|IdentityNotFound"
                r"|failed to (?:acquire|get|fetch) MSI token"
                r"|InvalidImageRegistryCredentialType"
            ),
            emitter="Azure instance metadata service",
            weight=Weight.ECHO,
            ground=Ground.LOOSE,
            accepts=("acr: Identity not found", "failed to acquire MSI token for the registry"),
            rejects=("identity founded", "failed to acquire a lock"),
        ),
        Signature(
            id="other-tenant",
            pattern=(
                r"(?:registry|ACR\b|azurecr)%line%(?:different|another|other|not in the same"
                r"|mismatched) (?:aad |entra |azure ad )?(?:tenant|directory)"
                r"|(?:different|another|mismatched) (?:aad |entra |azure ad )?tenant%line%(?:registry"
                r"|ACR\b|azurecr)"
            ),
            emitter="ACR",
            names=("registry-in-other-tenant",),
            accepts=(
                "registry contoso.azurecr.io belongs to a different tenant",
                "the identity is of another tenant than the registry",
            ),
            rejects=("the subscription moved to a different tenant", "registry in the same tenant"),
        ),
        Signature(
            id="endpoint-refused-twice",
            pattern=r"Name: DownloadFailed%line%Type: Warning(?s:.+?)Name: ImagePullFailed",
            emitter="Azure ML online endpoints",
            weight=Weight.ECHO,
            accepts=(
                (
                    "Kind: Pod, Name: DownloadFailed, Type: Warning, Message: Model download failed\n"
                    "Kind: Pod, Name: ImagePullFailed, Type: Warning"
                ),
                "Name: DownloadFailed, Type: Warning\nName: Pulling\nName: ImagePullFailed",
            ),
            rejects=(
                "Kind: Pod, Name: ImagePullFailed, Type: Warning",
                "Name: DownloadFailed, Type: Warning\n",
            ),
        ),
        Signature(
            id="deployment-identity-error",
            pattern=r"DeploymentIdentityError",
            emitter="Azure ML on Kubernetes",
            weight=Weight.WRAPPER,
            accepts=("DeploymentIdentityError: see the reason", "code: deploymentidentityerror"),
            rejects=("DeploymentError", "IdentityError"),
        ),
    ),
)
