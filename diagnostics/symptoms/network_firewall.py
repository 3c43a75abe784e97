"""The registry or a firewall refused the address or the path."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_LAYER_HOST = (
    r"(?:[\w.*<>-]+\.(?:data\.azurecr\.\w+|data\.mcr\.microsoft\.com|cdn\.mscr\.io|azureedge\.net)"
    r"|\S*docker/registry/v2/blobs)"
)
_LAYER_STORAGE = r"[\w.*<>-]+\.blob\.core\.[\w.]+"
_LOST = (
    r"(?:i/o timeout|TLS handshake timeout|connection (?:refused|timed out)|no route to host"
    r"|context deadline exceeded|Client\.Timeout)"
)

SYMPTOM = SymptomRule(
    id="network-firewall",
    title="The registry or a firewall refused the address or the path",
    signatures=(
        Signature(
            id="tasks-agent-refused",
            pattern=(
                r"failed to login, ran out of retries:%near%(?P<proof>client with IP %q%%address%%q% is "
                r"not allowed)"
            ),
            emitter="ACR through ACR Tasks",
            names=("build-blocked-by-firewall",),
            accepts=(
                (
                    "failed to login, ran out of retries: failed to set docker credentials: Get "
                    '"https://x/v2/": denied: '
                    "client with IP '203.0.113.8' is not allowed access."
                ),
                "failed to login, ran out of retries:\n client with IP '2001:db8::1' is not allowed",
            ),
            rejects=(
                "client with IP '203.0.113.8' is not allowed access.",
                "failed to login, ran out of retries: 401",
            ),
        ),
        Signature(
            id="address-refused",
            pattern=r"client with IP(?: address)? %q%%address%%q% is not allowed|aka\.ms/acr/firewall",
            emitter="ACR",
            names=("address-not-allowed",),
            accepts=(
                ("denied: client with IP '203.0.113.8' is not allowed access. Refer https://aka.ms/acr/firewall"),
                '"message":"client with IP "203.0.113.8" is not allowed access',
            ),
            rejects=(
                ("Client address is not authorized and caller is not a trusted service. Client address: 203.0.113.8"),
                "Client with IP address '203.0.113.8' may access the server",
            ),
        ),
        Signature(
            id="no-challenge",
            pattern=r"did not issue a challenge|CONNECTIVITY_CHALLENGE_ERROR",
            emitter="az acr",
            accepts=(
                "Registry 'contoso.azurecr.io' did not issue a challenge.",
                "error: CONNECTIVITY_CHALLENGE_ERROR",
            ),
            rejects=("the challenge was issued", "CONNECTIVITY_DNS_ERROR"),
        ),
        Signature(
            id="acr-health-forbidden",
            pattern=(
                r"CONNECTIVITY_FORBIDDEN_ERROR|looks like you don't have access to registry"
                r"|configured firewall rules, run"
            ),
            emitter="az acr",
            accepts=(
                "An error occurred: CONNECTIVITY_FORBIDDEN_ERROR",
                (
                    "Looks like you don't have access to registry 'contoso.azurecr.io'. To see configured "
                    "firewall rules, run"
                ),
            ),
            rejects=("you don't have access to the feed", "CONNECTIVITY_REFRESH_TOKEN_ERROR"),
        ),
        Signature(
            id="acr-403",
            pattern=(
                r"(?:failed to fetch (?:oauth|anonymous) token%line%|unexpected (?:http )?status%line%)?"
                r"(?:%acr%|oauth2/exchange)%near%(?:\b403:? (?:forbidden|\(forbidden\))"
                r"|(?:code|status)(?:=|:? )403\b|(?:[/.]\S*|[\"')\]]|exchange): 403\b(?: forbidden)?)"
                r"|(?:unexpected (?:http )?status(?: code)? )?\b403\b%line%(?:from (?:the )?(?:token "
                r")?exchange|oauth2/exchange)"
                r"|(?:failed to (?:login|log in)|login attempt)%line%\bstatus: 403\b"
            ),
            emitter="ACR, as a bare status",
            weight=Weight.STATUS,
            ground=Ground.SHARED,
            accepts=(
                "POST https://contoso.azurecr.io/oauth2/exchange\n---\nRESPONSE 403: 403 Forbidden",
                (
                    "CONNECTIVITY_REFRESH_TOKEN_ERROR\nAccess to registry 'contoso.azurecr.io' was denied. "
                    "Response code: 403."
                ),
                "unexpected status code 403 from exchange request",
                "login attempt to https://contoso.azurecr.io/v2/ failed with status: 403 Forbidden",
            ),
            rejects=(
                "https://api.contoso.com: 403 Forbidden",
                "https://contoso.azurecr.io/v2/: 401 Unauthorized",
            ),
        ),
        Signature(
            id="refresh-token-denied",
            pattern=r"CONNECTIVITY_(?:REFRESH|ACCESS)_TOKEN_ERROR",
            emitter="az acr",
            weight=Weight.ECHO,
            accepts=("error occurred: CONNECTIVITY_REFRESH_TOKEN_ERROR", "CONNECTIVITY_ACCESS_TOKEN_ERROR"),
            rejects=("REFRESH_TOKEN_ERROR", "CONNECTIVITY_SSL_ERROR"),
        ),
        Signature(
            id="bare-denied",
            pattern=r"https?://%acr%/v2/\S*: denied:?\s*$",
            emitter="ACR",
            weight=Weight.STATUS,
            accepts=(
                'Error response from daemon: Get "https://contoso.azurecr.io/v2/": denied:',
                "Head https://contoso.azurecr.io/v2/a/manifests/1: denied",
            ),
            rejects=(
                'Get "https://contoso.azurecr.io/v2/": denied: requested access to the resource is denied',
                "access denied",
            ),
        ),
        Signature(
            id="layer-refused-by-storage",
            pattern=(
                r"(?:pulling image configuration|httpReadSeeker|failed to copy|failed to (?:fetch"
                r"|download|register) layer|fetch layer|error pulling)"
                r"%near%(?:AuthorizationFailure|not authorized to perform this operation"
                r"|AuthorizationPermissionMismatch"
                r"|PublicAccessNotPermitted|status code \S*: 403|\b403 (?:forbidden|this request))"
            ),
            emitter="the storage behind ACR, through docker or containerd",
            names=("data-endpoint-blocked",),
            accepts=(
                (
                    "error pulling image configuration: error parsing HTTP 403 response body: "
                    "<Code>AuthorizationFailure</Code>"
                ),
                (
                    "failed to copy: httpReadSeeker: failed open: unexpected status code "
                    "https://x.blob.core.windows.net/a: 403 "
                    "This request is not authorized to perform this operation."
                ),
            ),
            rejects=(
                "upload failed: This request is not authorized to perform this operation.",
                "error pulling image configuration: toomanyrequests",
            ),
        ),
        Signature(
            id="layer-host-unreachable",
            pattern=(
                r"(?:(?:pulling image configuration|httpReadSeeker|failed to copy: |failed to do request|error pulling)"
                rf"%near%(?:{_LAYER_HOST}|{_LAYER_STORAGE})|Get %q%https?://{_LAYER_HOST})%near%{_LOST}"
            ),
            emitter="docker, containerd",
            names=("data-endpoint-blocked",),
            accepts=(
                (
                    "failed to copy: httpReadSeeker: failed open: failed to do request: Get "
                    '"https://eus2managed7.blob.core.windows.net/a//docker/registry/v2/blobs/0c": dial tcp '
                    "203.0.113.4:443: i/o timeout"
                ),
                (
                    "error pulling image configuration:\nGet https://weu.cdn.mscr.io/a:\ndial tcp "
                    "203.0.113.4:443: i/o timeout"
                ),
            ),
            rejects=(
                "upload to https://contosodata.blob.core.windows.net/x failed: i/o timeout",
                'Get "https://contosodata.blob.core.windows.net/train": dial tcp 203.0.113.4:443: i/o timeout',
                'Get "https://contoso.azurecr.io/v2/": dial tcp 203.0.113.4:443: i/o timeout',
            ),
        ),
        Signature(
            id="proxy-page",
            pattern=(
                r"error parsing HTTP 40[37] response body: (?:invalid character '<'|unexpected end"
                r"|%line%<!?(?:DOCTYPE|html))"
                r"|proxyconnect tcp:%line%(?: 40[37]\b|forbidden|proxy authentication required)"
                r"|(?:docker|%api%)%near%(?:tunnel connection failed: 40[37]"
                r"|proxy authentication required)"
                r"|Action: Deny\. (?:Reason|Rule)%line%(?:no rule matched|deny)"
            ),
            emitter="a proxy or firewall in between",
            names=("egress-blocked",),
            accepts=(
                ("error parsing HTTP 403 response body: invalid character '<' looking for beginning of value"),
                "proxyconnect tcp: Forbidden",
                "Action: Deny. Reason: No rule matched. Proceeding with default action.",
            ),
            rejects=("proxyconnect tcp: EOF", "pip: Tunnel connection failed: 407"),
        ),
        Signature(
            id="build-behind-network",
            pattern=(
                r"ImageBuildComputeNotValid|container registry cannot build your image"
                r"|(?:please )?set the imageBuildCompute property"
                r"|if (?:the )?container registry is behind (?:the |a )?virtual network"
            ),
            emitter="Azure ML control plane",
            names=("build-compute-missing",),
            accepts=(
                "Code: ImageBuildComputeNotValid",
                "Container Registry cannot build your image. Set the imageBuildCompute property",
            ),
            rejects=("image build compute: cpu-cluster", "Image build run on compute failed"),
        ),
        Signature(
            id="registry-behind-network",
            pattern=(
                r"(?:container registry|ACR\b|%acr%)%line%(?:behind (?:a |the )?(?:vnet|virtual network"
                r"|private (?:link|endpoint)|firewall)"
                r"|blocked by (?:a |the )?(?:network|firewall)|not (?:reachable|accessible) (?:from"
                r"|over|through))"
                r"|failed to communicate with the workspace's container registry"
                r"|DisablingPublicNetworkAccessNotSupported"
                r"|disabling public network access is not supported for the SKU"
            ),
            emitter="Azure ML control plane, ACR control plane",
            accepts=(
                "Failed to communicate with the workspace's container registry",
                "Disabling public network access is not supported for the SKU Basic.",
                "The container registry contoso is behind a VNET",
            ),
            rejects=("the storage account is behind a virtual network", "Network rules were listed"),
        ),
        Signature(
            id="public-access-off",
            pattern=(
                r"public (?:network )?access (?:is |has been |to (?:the )?(?:registry"
                r"|\S+) is )?(?:disabled|not (?:allowed|permitted|enabled))"
                r"|(?:network (?:rules?|acls?)|(?:^|[\s(\"'])(?:azure ?)?firewall:? )"
                r"%line%(?:den(?:y|ied|ies)|blocked|not allowed)"
                r"|access%line%(?:denied|blocked)%line%(?:network (?:rules?|acls?|policy)"
                r"| firewall(?:[\s,;)]|\.(?:\s|$)|$))"
            ),
            emitter="ACR",
            ground=Ground.LOOSE,
            accepts=(
                "Public network access is disabled for registry contoso",
                "docker: request blocked; access denied by firewall",
            ),
            rejects=("public access is enabled", "firewall rules were listed"),
        ),
    ),
)
