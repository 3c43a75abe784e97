"""The name did not resolve, or resolved to the wrong side of a private endpoint."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule

_UNRESOLVED = (
    r"(?:no such host|server misbehaving|temporary failure in name resolution|name or service not known"
    r"|i/o timeout"
    r"|NXDOMAIN|SERVFAIL|nodename nor servname|no address associated|connection refused|no answer"
    r"|device or resource busy"
    r"|try again|non-recoverable)"
)

SYMPTOM = SymptomRule(
    id="dns",
    title="The name did not resolve, or resolved to the wrong side of a private endpoint",
    signatures=(
        Signature(
            id="data-endpoint-lookup",
            pattern=(
                r"(?:dial tcp: )?lookup (?P<host>[\w*<][\w.*<>-]*\.data\.(?:azurecr\.\w+"
                r"|mcr\.microsoft\.com))\.?(?: on %resolver%)?: "
                rf"%line%{_UNRESOLVED}"
                r"|(?:httpReadSeeker|pulling image configuration|failed to (?:copy|fetch"
                r"|download))%line%lookup "
                rf"[\w.*<>-]+\.blob\.core\.[\w.-]+(?: on [\w.:]+)?: %line%{_UNRESOLVED}"
            ),
            emitter="docker, containerd",
            names=("data-endpoint-blocked",),
            accepts=(
                "dial tcp: lookup contoso.westeurope.data.azurecr.io on 168.63.129.16:53: no such host",
                (
                    "failed to copy: httpReadSeeker: dial tcp: lookup weu7.blob.core.windows.net on "
                    "10.0.0.10:53: no such host"
                ),
            ),
            rejects=(
                "dial tcp: lookup contoso.azurecr.io on 168.63.129.16:53: no such host",
                "lookup contosodata.blob.core.windows.net: no such host",
            ),
        ),
        Signature(
            id="no-such-host",
            pattern=(
                rf"(?:dial tcp: )?lookup %host%\.?(?: on %resolver%)?: (?:\w+ udp \S+ )?(?:\w+: "
                rf")?{_UNRESOLVED}"
            ),
            emitter="docker, containerd, kubelet",
            ground=Ground.LOOSE,
            accepts=(
                "dial tcp: lookup contoso.azurecr.io on 168.63.129.16:53: no such host",
                "lookup contoso.azurecr.io: Temporary failure in name resolution",
                ("lookup contoso.azurecr.io on 10.0.0.10:53: read udp 10.1.0.4:51533->10.0.0.10:53: i/o timeout"),
            ),
            rejects=("dial tcp 203.0.113.9:443: i/o timeout", "lookup table: no such key"),
        ),
        Signature(
            id="registry-name-unresolved",
            pattern=(
                r"unable to resolve (?:the )?(?:azure )?container registry:?(?: %registry%)?"
                r"|CONNECTIVITY_DNS_ERROR|failed to reach DNS of registry"
                r"|failed to resolve (?:the )?(?:specified )?(?:fqdn|host ?name)"
                r"|checking host name resolution \(?%host%\)?: FAILED|DNS lookup (?:to|of"
                r"|for) %line%: FAILED"
                r"|(?:could not|couldn't|cannot|unable to|failed to) resolve (?:the )?(?:(?:host"
                r"|hostname|dns name|name|address|fqdn)(?: of| for)?:? )?%q%(?:https://)?"
                r"(?:%acr%|mcr\.microsoft\.com|docker\.io|ghcr\.io|quay\.io)"
                r"|(?:%acr%|mcr\.microsoft\.com|docker\.io)%line%(?:name or service not known"
                r"|name resolution|getaddrinfo|[\s(]NXDOMAIN(?:[\s),;}\]]|\.(?:\s|$)|$)|NameResolutionError"
                r"|nodename nor servname|could not be resolved|can't find|server can't)"
                r"|(?:getaddrinfo|\bENOTFOUND|server can't find|name resolution|(?:^|[\s(])NXDOMAIN)[\s):]%line%%acr%"
                r"|unknown host:? %q%%acr%"
                r"|(?:container registry|ACR\b|%acr%)%line%resolve[sd]? to (?:a |the |its )?(?:public"
                r"|private|wrong)"
            ),
            emitter="Azure ML control plane, az acr, curl",
            accepts=(
                "Unable to resolve Container Registry: contoso.azurecr.io. If private link is enabled",
                "An error occurred: CONNECTIVITY_DNS_ERROR",
                "curl: (6) Could not resolve host: contoso.azurecr.io",
                "Checking host name resolution (contoso.azurecr.io): FAILED",
            ),
            rejects=(
                "DNS lookup to contoso.azurecr.io at IP 10.0.0.9 : OK",
                "Could not resolve host: github.com",
                "failed to resolve reference",
            ),
        ),
        Signature(
            id="name-not-resolved",
            pattern=(
                r"no such host|temporary failure in name resolution|could not resolve host"
                r"|name or service not known"
                r"|failed to resolve '|getaddrinfo (?:failed|ENOTFOUND|EAI_AGAIN)|server misbehaving"
                r"|(?:^|[\s(])NXDOMAIN(?:[\s),;}\]]|\.(?:\s|$)|$)|NameResolutionError"
            ),
            emitter="a client of a registry",
            ground=Ground.LOOSE,
            accepts=(
                "docker pull contoso.azurecr.io/a: no such host",
                "registry: Temporary failure in name resolution",
            ),
            rejects=("no such container", "the host is up"),
        ),
    ),
)
