"""5xx or an outage on the registry's or the control plane's side."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="registry-unavailable",
    title="5xx or an outage on the registry's or the control plane's side",
    signatures=(
        Signature(
            id="status-5xx",
            pattern=(
                r"unexpected (?:http )?status(?: code)?(?: \[\S+ \S+\]| from (?:GET|HEAD|POST|PUT"
                r"|PATCH) request to \S+| https?://\S+)?:? "
                r"(?P<code>5\d\d)\b"
                r"|%api%%line%:? ?\b5\d\d (?:internal server error|bad gateway|service unavailable"
                r"|gateway time-?out)"
                r"|access to registry%line%response code: ?5\d\d\b"
            ),
            emitter="a registry, through docker or containerd",
            ground=Ground.LOOSE,
            accepts=(
                "Error response from daemon: received unexpected HTTP status: 503 Service Unavailable",
                ("unexpected status from HEAD request to https://mcr.microsoft.com/v2/a/manifests/1: 502 Bad Gateway"),
                "failed to fetch anonymous token: unexpected status: 500 Internal Server Error",
                "Access to registry 'contoso.azurecr.io' was denied. Response code: 504.",
            ),
            rejects=(
                "Docker responded with status code 500: unauthorized",
                "HTTP probe failed with statuscode: 502",
            ),
        ),
        Signature(
            id="daemon-5xx",
            pattern=(
                r"received unexpected HTTP status: (?P<code>5\d\d)"
                r"|error parsing HTTP 5\d\d response body"
            ),
            emitter="docker",
            accepts=(
                "Error response from daemon: received unexpected HTTP status: 503 Service Unavailable",
                "error parsing HTTP 504 response body: invalid character '<'",
            ),
            rejects=("received unexpected HTTP status: 429", "HTTP Error 503: Service Unavailable"),
        ),
        Signature(
            id="encryption-key-unreachable",
            pattern=(
                r"\bCMK_ERROR\b|(?:customer[- ]managed key|encryption key"
                r"|key vault key)%near%(?:registry|ACR\b)"
                r"|(?:registry|ACR\b)%near%(?:customer[- ]managed|encryption) key"
            ),
            emitter="ACR",
            names=("encryption-key-unreachable",),
            accepts=(
                "An error occurred: CMK_ERROR",
                "The registry contoso cannot access its customer-managed key",
            ),
            rejects=("the encryption key of the disk", "cmk: error"),
        ),
        Signature(
            id="registry-down",
            pattern=(
                r"(?:(?:container|docker) registry|docker hub|ACR\b|%acr%|mcr\.microsoft\.com)%line%"
                r"(?:temporarily unavailable|is (?:currently )?(?:unavailable|down|degraded"
                r"|experiencing)|service (?:is )?unavailable| outages?(?:[\s,;)]|[.:](?:\s|$)|$))"
                r"|unknown: (?:internal (?:server )?error|unknown error)"
                r"|error response from daemon%line%internal server error$"
            ),
            emitter="a registry",
            ground=Ground.SHARED,
            accepts=(
                "The container registry contoso.azurecr.io is temporarily unavailable",
                "Error response from daemon: unknown: internal server error",
            ),
            rejects=("ERROR CODE UNAVAILABLE", "the service is available"),
        ),
        Signature(
            id="gateway-words",
            pattern=(
                r"\b50[0234]:? (?:bad gateway|service unavailable|gateway time-?out"
                r"|internal server error)"
            ),
            emitter="a registry or what stands in front of it",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("docker push: 503 Service Unavailable", "registry: 504 Gateway Timeout"),
            rejects=("bad gateway", "5020 bad"),
        ),
    ),
)
