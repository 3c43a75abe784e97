"""A credential was refused, expired, absent or of the wrong kind."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_OF_A_CREDENTIAL = r"(?: %q%(?:[^\Wc]|c[^\We])[\w.-]*%q%){0,6}"
"""Words between what expired and that it did: no URL, no colon, no certificate."""

SYMPTOM = SymptomRule(
    id="unauthorized",
    title="A credential was refused, expired, absent or of the wrong kind",
    signatures=(
        Signature(
            id="exchange-refused-for-identity",
            pattern=(
                r"refresh token using (?:compute )?(?:managed )?identity %identity%%block%"
                r"(?P<proof>(?:unexpected )?(?:http )?status(?: code)?:?\s?401%line%exchange"
                r"|exchange%line% 401\b)"
            ),
            emitter="Azure ML node agent",
            names=("pull-role-missing",),
            accepts=(
                (
                    "Unable to retrieve ACR refresh token using Compute Identity 0b6e-77 , please check\n"
                    "  Reason: Retrieving ACR refresh token using identity failed\n"
                    "  err: unexpected status code 401 from exchange request"
                ),
                ("unable to retrieve acr refresh token using compute identity 4f1: POST /oauth2/exchange: 401"),
            ),
            rejects=(
                "unexpected status code 401 from exchange request",
                "Unable to retrieve ACR refresh token using Compute Identity 4f1 err: no such host",
            ),
        ),
        Signature(
            id="authentication-required",
            pattern=(
                r"unauthorized%q%[:,] (?:%q%message%q%:? )?%q%authentication required"
                r"|authentication required, visit https://aka\.ms/acr/authorization"
                r"|unauthorized: (?:application not registered|%q%aad "
                r"|access to the requested resource is not"
                r"|unauthorized to access repository|you don't have the needed)"
            ),
            emitter="a registry, through docker or containerd",
            accepts=(
                ('Head "https://contoso.azurecr.io/v2/train/manifests/3": unauthorized: authentication required'),
                ('"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization'),
                "Error response from daemon: unauthorized: Application not registered with AAD.",
                "unauthorized: access to the requested resource is not authorized",
            ),
            rejects=(
                "failed to clone https://dev.azure.com/o/_git/p: authentication required",
                "HTTPError: 401 Client Error: Unauthorized for url: https://pypi.contoso.com/simple/x",
            ),
        ),
        Signature(
            id="wrong-password",
            pattern=(
                r"unauthorized: (?:incorrect username or password|your account must log in"
                r"|please use (?:a )?personal access token"
                r"|invalid client ?id or client secret|could not find robot)"
                r"|login attempt to https?://%registry%/?\S* failed with status: 401"
            ),
            emitter="a registry's login",
            accepts=(
                (
                    "Error response from daemon: Get https://registry-1.docker.io/v2/: unauthorized: "
                    "incorrect username or password"
                ),
                "unauthorized: Invalid clientid or client secret.",
                "login attempt to https://contoso.azurecr.io/v2/ failed with status: 401 Unauthorized",
            ),
            rejects=(
                "login attempt to https://contoso.azurecr.io/v2/ failed with status: 403 Forbidden",
                "sqlalchemy: password authentication failed for user",
            ),
        ),
        Signature(
            id="credential-words",
            pattern=(
                r"unauthorized: (?:authentication failed|not authorized|unauthenticated|access token"
                r"|the (?:token|password|username|client|credential))"
            ),
            emitter="a registry's login",
            ground=Ground.LOOSE,
            accepts=(
                "Error response from daemon: unauthorized: authentication failed",
                "docker login: unauthorized: the token is of another tenant",
            ),
            rejects=("unauthorized: http basic", "authentication failed for user"),
        ),
        Signature(
            id="page-instead-of-token",
            pattern=r"unauthorized: <(?:!DOCTYPE |\w*>?)%near%401 (?:authorization required|unauthorized)",
            emitter="a registry's front, through docker",
            ground=Ground.LOOSE,
            accepts=(
                "unauthorized: <html>\r\n<head><title>401 Authorization Required</title></head>",
                "Error response from daemon: unauthorized: <!DOCTYPE html><h1>401 Unauthorized</h1>",
            ),
            rejects=("unauthorized: <html><title>Welcome</title>", "<html><title>401 Authorization Required</title>"),
        ),
        Signature(
            id="password-words",
            pattern=(
                r"incorrect username or password|invalid username/password"
                r"|invalid client ?id or client secret"
                r"|unauthorized: invalid (?:username|credentials?|token|password|client)"
            ),
            emitter="a registry's login",
            ground=Ground.LOOSE,
            accepts=(
                "docker login: incorrect username or password",
                "podman: invalid username/password",
                "docker login: unauthorized: invalid username or password",
            ),
            rejects=("password changed", "username taken"),
        ),
        Signature(
            id="token-refused",
            pattern=(
                r"failed to fetch oauth token[^\n,]*?%status%401\b"
                r"|(?:unable|failed) to retrieve auth token%line%(?: unauthorized\b|%status%401\b|invalid username)"
            ),
            emitter="containerd, podman",
            accepts=(
                (
                    "failed to fetch oauth token: unexpected status from GET request to "
                    "https://contoso.azurecr.io/oauth2/token?service=contoso.azurecr.io: 401 Unauthorized"
                ),
                "unable to retrieve auth token: invalid username/password: unauthorized",
            ),
            rejects=(
                "failed to fetch oauth token: unexpected status: 403 Forbidden",
                "failed to fetch oauth token: unexpected status: 403 Forbidden, rpc error: unexpected status: 401",
                "failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            ),
        ),
        # Often the second try of a pull whose first, with a credential, failed on something else.
        Signature(
            id="anonymous-refused",
            pattern=r"failed to fetch anonymous token[^\n,]*?%status%401\b",
            emitter="containerd",
            weight=Weight.STATUS,
            accepts=(
                "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
                (
                    "failed to fetch anonymous token: unexpected status from GET request to "
                    "https://contoso.azurecr.io/oauth2/token?service=contoso.azurecr.io: 401 Unauthorized"
                ),
            ),
            rejects=(
                "failed to fetch oauth token: unexpected status: 401 Unauthorized",
                "failed to fetch anonymous token: Get https://auth.docker.io/token: dial tcp: i/o timeout",
            ),
        ),
        Signature(
            id="token-not-got",
            pattern=(
                r"failed to authorize: |failed to fetch (?:oauth|anonymous) token"
                r"|failed to login to registry"
            ),
            emitter="containerd",
            weight=Weight.ECHO,
            accepts=(
                "failed to resolve reference: failed to authorize: rpc error",
                "failed to fetch oauth token:",
            ),
            rejects=("failed to authorise the payment", "authorize: failed"),
        ),
        Signature(
            id="no-credential",
            pattern=(
                r"no basic auth credentials|basic credential not found|credentials? (?:store )?(?:are "
                r"|is )?(?:missing|"
                r"not (?:found|provided|configured)) for (?:container )?registry"
                r"|denied: unauthenticated request|denied: your authorization token has expired"
                r"|(?:docker-credential-[\w-]+|error (?:getting|storing"
                r"|saving) credentials)%line%(?:not found|err:|exit status|in \$?path)"
                r"|cannot perform an interactive login from a non[ -]tty"
            ),
            emitter="docker",
            accepts=(
                "Head https://contoso.azurecr.io/v2/a/manifests/1: no basic auth credentials",
                (
                    'error getting credentials - err: exec: "docker-credential-desktop": executable file '
                    "not found in $PATH"
                ),
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                "denied: Unauthenticated request. Unauthenticated requests do not have permission",
            ),
            rejects=(
                "Configure a credential helper to remove this warning.",
                "credentials stored unencrypted in /root/.docker/config.json",
            ),
        ),
        Signature(
            id="credential-expired",
            pattern=(
                r"(?:authorization|access|refresh|registry|auth) token (?:has |is |was )?(?:expired"
                r"|revoked|not valid)"
                rf"|(?:password|credential|token|secret)s?%q%{_OF_A_CREDENTIAL} (?:expired|is no longer valid"
                r"|has been revoked)"
                r"|reauthenticate and try again"
            ),
            emitter="a registry's login",
            ground=Ground.LOOSE,
            accepts=(
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                "docker pull: the token has expired",
            ),
            rejects=(
                "certificate has expired or is not yet valid",
                "the lease expired",
                'Post "https://contoso.azurecr.io/oauth2/token": x509: certificate has expired or is not yet valid',
                "docker: the token endpoint certificate has expired",
            ),
        ),
        Signature(
            id="service-principal-refused",
            pattern=r"(?P<code>AADSTS(?:7000215|7000222|700016|700027|700021|90002|7000112|7000229))\b",
            emitter="Microsoft Entra ID",
            ground=Ground.LOOSE,
            names=("service-principal-refused",),
            decisive=True,
            accepts=(
                "AADSTS7000215: Invalid client secret provided.",
                "AADSTS700016: Application was not found",
            ),
            rejects=("AADSTS50034: The user account does not exist", "AADSTS70002150"),
        ),
        Signature(
            id="entra-refused",
            pattern=r"(?P<code>AADSTS\d+)|CONNECTIVITY_AAD_LOGIN_ERROR",
            emitter="Microsoft Entra ID",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("AADSTS50126: Error validating credentials", "CONNECTIVITY_AAD_LOGIN_ERROR"),
            rejects=("AAD STS", "CONNECTIVITY_SSL_ERROR"),
        ),
        Signature(
            id="arm-audience-refused",
            pattern=r"azureADAuthenticationAsArm|ARM[- ]audience|authentication-as-arm",
            emitter="ACR",
            names=("aad-token-audience-disabled",),
            accepts=(
                "tokens with ARM audience are not accepted by the registry",
                "policy azureADAuthenticationAsArmPolicy is disabled",
            ),
            rejects=("an arm64 audience", "authentication as user"),
        ),
        Signature(
            id="aml-authentication-failed",
            pattern=r"authentication failed for (?:the )?container registry:? %q%%registry%",
            emitter="Azure ML control plane",
            accepts=(
                "Authentication failed for container registry docker.io",
                '"message": "Authentication failed for container registry contoso.azurecr.io"',
            ),
            rejects=(
                "Authentication failed when trying to access destination",
                "authentication failed for user",
            ),
        ),
        Signature(
            id="aml-resync-keys",
            pattern=(
                r"unauthorized error encountered while attempting to connect to the container registry"
                r"|(?:container registry|ACR)%near%(?:running |try )resync(?:ing)? keys"
            ),
            emitter="Azure ML control plane",
            names=("credentials-stale",),
            accepts=(
                (
                    "Unauthorized error encountered while attempting to connect to the container registry. "
                    "Please try running resync keys"
                ),
                "Could not log in to the container registry, please try resync keys",
            ),
            rejects=(
                "it may be necessary to synchronize the workspace keys",
                "Unauthorized error encountered while attempting to connect to the datastore",
            ),
        ),
        Signature(
            id="aml-registry-authorization",
            pattern=(
                r"container registry (?:authori[sz]ation|authentication) (?:failure|failed|error)"
                r"|UnAuthorizedForCredentialOperations|DockerUnauthorizedAccessError|AcrUnauthorized\w*"
                r"|failed to (?:authenticate|log ?in) (?:to|with|against) (?:the )?(?:container"
                r"|docker) registry"
            ),
            emitter="Azure ML control plane",
            weight=Weight.STATUS,
            accepts=(
                "ImageBuildFailure: container registry authorization failure",
                '"Code":"DockerUnauthorizedAccessError"',
                "Failed to authenticate with the docker registry",
            ),
            rejects=("storage authorization failure", "Failed to authenticate with the key vault"),
        ),
        Signature(
            id="instance-not-accessible",
            pattern=(
                r"the image %q%(?P<image>(?:[\w*<>-]+\.)+[\w-]+/[\w./:@*<>-]+)%q% in container "
                r"group%near%is not accessible"
            ),
            emitter="container instances",
            weight=Weight.ECHO,
            accepts=(
                (
                    "The image 'contoso.azurecr.io/score:4' in container group 'score' is not accessible. "
                    "Please check the image and registry credential."
                ),
                "The image 'ghcr.io/contoso/score:4' in container group 'g' is not accessible.",
            ),
            rejects=(
                "The image 'redis:7' in container group 'cache' is not accessible.",
                "The file 'contoso.azurecr.io/a' is not accessible",
            ),
        ),
        Signature(
            id="status-401",
            pattern=(
                r"unexpected (?:http )?status(?: code)?(?::? |[^\n,]*?%status%)401\b"
                r"|%api%%near%(?P<proof>\b401\b(?:: ?\(?unauthorized| ?\(?unauthorized))"
                r"|(?:registry|docker|ACR\b)%line%\b(?:response code|status(?: code)?)[:\s=]+401\b"
            ),
            emitter="a registry, as a bare status",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=(
                (
                    "unexpected status from HEAD request to https://contoso.azurecr.io/v2/a/manifests/1: "
                    "401 Unauthorized"
                ),
                "POST https://contoso.azurecr.io/oauth2/exchange\nRESPONSE 401: 401 Unauthorized",
                "Access to registry 'contoso.azurecr.io' was denied. Response code: 401.",
            ),
            rejects=(
                "HTTP 401 from https://api.contoso.com",
                "https://api.contoso.com/v2/users: 401 Unauthorized",
            ),
        ),
        Signature(
            id="registry-says-unauthorized",
            pattern=r"%api%%line%(?P<proof>(?: [\"'(]?|code%q%:\s?%q%)unauthorized\b)",
            emitter="a registry",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=(
                "Get https://contoso.azurecr.io/v2/: Unauthorized",
                'https://ghcr.io/token answered {"code":"UNAUTHORIZED"}',
            ),
            rejects=("https://api.contoso.com/v2/users: Unauthorized", "contoso.azurecr.io/unauthorized-users:3"),
        ),
        Signature(
            id="bare-unauthorized",
            pattern=r"(?:^|[\s(\[\"'])unauthorized: [a-z]|\bauthentication required\b",
            emitter="a registry",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("docker: unauthorized: HTTP Basic", "registry says authentication required"),
            rejects=("unauthorised: none", "authentication is required"),
        ),
    ),
)
