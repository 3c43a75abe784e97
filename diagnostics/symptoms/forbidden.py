"""The identity was recognised and lacks the right."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="forbidden",
    title="The identity was recognised and lacks the right",
    signatures=(
        Signature(
            id="endpoint-lacks-pull",
            pattern=(
                r"(?:endpoint|deployment|compute|workspace|managed|kubelet) identity%line%(?:does not"
                r"|doesn't|did not) have"
                r" (?:the )?(?:pull|acrpull)%line%(?:permission|role|access)"
                r"|(?:does not|doesn't) have (?:the )?(?:pull|acrpull)%line%(?:registry|ACR\b|azurecr)"
            ),
            emitter="Azure ML online endpoints",
            names=("pull-role-missing",),
            accepts=(
                "BadArgument: Endpoint identity does not have pull permission on the registry.",
                "The kubelet identity doesn't have AcrPull role on contoso.azurecr.io",
            ),
            rejects=(
                "ensure a Managed Identity with 'AcrPull' access to the ACR is assigned to the compute",
                "Endpoint identity does not have read permission on the storage",
            ),
        ),
        Signature(
            id="exchange-forbidden",
            pattern=r"ACRTokenExchange(?:Forbidden|Denied|Unauthorized)",
            emitter="Azure ML on Kubernetes",
            accepts=(
                "DeploymentIdentityError Reason:ACRTokenExchangeForbidden",
                "reason=acrtokenexchangeforbidden",
            ),
            rejects=("ACRTokenExchangeSucceeded", "TokenExchangeForbidden at the bank"),
        ),
        Signature(
            id="token-without-pull",
            pattern=(
                r"(?:carries|has|with|grants?|holds?) no pull (?:access|permissions?|rights?|scope)"
                r"|insufficient[ _]scopes?\b|does not match expected scopes"
                r"|(?:lacks?|missing|without)(?: the)? (?:pull|acrpull|registries/pull/read)\b"
            ),
            emitter="a registry's token service",
            ground=Ground.LOOSE,
            accepts=(
                "registry token for identity 9c1 carries no pull access for repository a/b",
                "server message: insufficient_scope: authorization failed for contoso.azurecr.io",
            ),
            rejects=("git pull without rebase", "no pull requests are open"),
        ),
        Signature(
            id="arm-authorization-failed",
            pattern=(
                r"does not have (?:authorization|permission)s? to perform action\(?s?\)? %q%"
                r"(?P<code>Microsoft\.ContainerRegistry/registries/[\w/]+)"
            ),
            emitter="Azure Resource Manager",
            accepts=(
                (
                    "(AuthorizationFailed) The client '9c1' with object id '9c1' does not have "
                    "authorization to perform "
                    "action 'Microsoft.ContainerRegistry/registries/read' over scope '/subscriptions/1'"
                ),
                ("does not have permission to perform action 'Microsoft.ContainerRegistry/registries/pull/read'"),
            ),
            rejects=(
                "does not have authorization to perform action 'Microsoft.KeyVault/vaults/read' over scope",
                ("does not have authorization to perform action 'Microsoft.MachineLearningServices/registries/read'"),
            ),
        ),
        Signature(
            id="arm-authorization-failed-on-registry",
            pattern=(
                r"(?:AuthorizationFailed|LinkedAuthorizationFailed|does not have authorization)%near%"
                r"Microsoft\.ContainerRegistry/registries"
            ),
            emitter="Azure Resource Manager",
            weight=Weight.STATUS,
            accepts=(
                (
                    "AuthorizationFailed: no right over scope "
                    "/subscriptions/1/providers/Microsoft.ContainerRegistry/registries/a"
                ),
                "LinkedAuthorizationFailed on 'Microsoft.ContainerRegistry/registries/a'",
            ),
            rejects=(
                "AuthorizationFailed on Microsoft.Storage/storageAccounts/a",
                "Microsoft.ContainerRegistry was read",
            ),
        ),
        Signature(
            id="access-denied-by-registry",
            pattern=(
                r"denied: (?:permission_denied|permission [\"']artifactregistry|installation not allowed"
                r"|access forbidden|denied\b)|error from registry%line%(?:forbidden|denied: )"
            ),
            emitter="ghcr, GitLab, Google, Harbor",
            accepts=(
                "denied: permission_denied: read_package",
                "Error response from daemon: denied: access forbidden",
                'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource',
                "Error response from daemon: denied: denied",
            ),
            rejects=(
                "permission denied: './run.sh'",
                "PERMISSION_DENIED: Permission denied on resource project contoso.",
                "denied: client with IP '203.0.113.4' is not allowed access",
            ),
        ),
        Signature(
            id="denied-by-other-registry",
            pattern=(
                r"https?://(?:ghcr\.io|quay\.io|nvcr\.io|(?:[\w-]+\.)?gcr\.io|[\w-]+-docker\.pkg\.dev)/\S*: "
                r"denied(?:[,\]]| ?$)"
                r"|\bunknown: \{%q%errors%q%: ?\[\{%q%code%q%: ?%q%denied%q%"
                r"|denied: container registry is deprecated and shutting down"
            ),
            emitter="ghcr, NVIDIA, Google",
            accepts=(
                'Error response from daemon: Head "https://ghcr.io/v2/contoso/a/manifests/1": denied',
                'unknown: {"errors": [{"code": "DENIED", "message": "Payment Required"}]}',
                "denied: Container Registry is deprecated and shutting down, please use the auto migration tool",
            ),
            rejects=(
                "https://api.contoso.com/v2/users: denied",
                'unknown: {"errors": [{"code": "UNKNOWN", "message": "denied"}]}',
            ),
        ),
        Signature(
            id="access-denied",
            pattern=r"denied: (?:you (?:do not|don't) have|project \S+ |resource |access (?:to|is))",
            emitter="a registry",
            ground=Ground.LOOSE,
            accepts=("docker push: denied: You don't have permission", "ACR: denied: access to the repository"),
            rejects=("permission denied", "denied: client with IP"),
        ),
        Signature(
            id="requested-access-denied",
            pattern=(
                r"denied: requested access to the resource is denied"
                r"|insufficient_scope: authorization failed"
            ),
            emitter="Docker Hub, Harbor",
            weight=Weight.STATUS,
            accepts=(
                "denied: requested access to the resource is denied",
                "insufficient_scope: authorization failed",
            ),
            rejects=("denied: requested access", "access to the resource is denied by policy"),
        ),
        Signature(
            id="status-403",
            pattern=(
                r"unexpected (?:http )?status(?: code)?(?::? |[^\n,]*?%status%)403\b"
                r"|failed to fetch (?:oauth|anonymous) token[^\n,]*?%status%403\b"
                r"|status code \[\S+ \S+\]: 403\b|(?:ghcr\.io|quay\.io"
                r"|docker\.io|/manifests)%line%%status%403 forbidden"
            ),
            emitter="a registry, as a bare status",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=(
                "failed to fetch oauth token: unexpected status: 403 Forbidden",
                ("unexpected status from HEAD request to https://ghcr.io/v2/contoso/a/manifests/1: 403 Forbidden"),
                "pulling from host nvcr.io failed with status code [manifests 24.01]: 403 Forbidden",
            ),
            rejects=("403 Forbidden", "unexpected status: 401 Unauthorized"),
        ),
    ),
)
