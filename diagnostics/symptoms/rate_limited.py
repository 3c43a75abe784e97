"""Too many requests: registry, Docker Hub, cache rule."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="rate-limited",
    title="Too many requests: registry, Docker Hub, cache rule",
    signatures=(
        Signature(
            id="docker-hub-limit",
            pattern=(
                r"you have reached your (?:unauthenticated |authenticated "
                r"|anonymous )?pull rate limit(?: as %q%(?P<client>[^'\":\s]+))?"
                r"|docker\.com/increase-rate-limit"
            ),
            emitter="Docker Hub",
            names=("docker-hub-limit",),
            decisive=True,
            accepts=(
                (
                    "toomanyrequests: You have reached your pull rate limit. You may increase the limit by "
                    "authenticating"
                ),
                ("You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"),
            ),
            rejects=("you have reached your destination", "toomanyrequests: Too many requests."),
        ),
        Signature(
            id="cache-rule-source",
            pattern=r"too many requests to source registry(?: for cache rule)?",
            emitter="ACR artifact cache",
            accepts=(
                "toomanyrequests: too many requests to source registry for cache rule",
                "too many requests to source registry",
            ),
            rejects=("too many requests", "source registry for cache rule"),
        ),
        Signature(
            id="acr-throttled",
            pattern=(
                r"aka\.ms/acr/(?:skus|throttling|limits)|CONNECTIVITY_TOOMANYREQUESTS_ERROR"
                r"|%acr%%line%(?:%status%429\b|[\s(\"']toomanyrequests(?:: |%q%,|\)|$)|too many requests)"
            ),
            emitter="ACR, MCR",
            names=("registry-throttled",),
            accepts=(
                (
                    "toomanyrequests: Too many requests. Please visit "
                    "https://aka.ms/acr/skus#sku-feature-matrix to view limits"
                ),
                (
                    "unexpected status from GET request to https://contoso.azurecr.io/v2/a/blobs/sha256:0: "
                    "429 Too Many Requests"
                ),
            ),
            rejects=("https://aka.ms/acr/authorization", "https://contoso.azurecr.io:4290/"),
        ),
        Signature(
            id="too-many-requests",
            pattern=(
                r"(?:^|[\s(\[\"'])(?-i:toomanyrequests|TOOMANYREQUESTS)(?:%q%,|:(?:\s|$))"
                r"|received unexpected HTTP status: 429"
                r"|error parsing HTTP 429 response body"
                r"|pull QPS exceeded"
                r"|exceeded%line%image pull%line%(?:rate|limit)"
            ),
            emitter="a registry, kubelet",
            accepts=(
                "Error response from daemon: toomanyrequests: slow down",
                '"code": "TOOMANYREQUESTS", "message": "retry later"',
                'Failed to pull image "contoso.azurecr.io/a:1": pull QPS exceeded',
                "received unexpected HTTP status: 429 Too Many Requests",
            ),
            rejects=("HTTP 429 from the language model", "rate limit of the learner"),
        ),
        Signature(
            id="rate-limit-words",
            pattern=r"(?:docker|registry) ?%line%(?:request )?rate limit(?:ed|ing| exceeded| reached)",
            emitter="a registry",
            ground=Ground.LOOSE,
            accepts=("container registry: rate limit exceeded", "docker: request rate limit reached"),
            rejects=("rate limit of the learner", "the registry is limited"),
        ),
        Signature(
            id="status-429",
            pattern=(
                r"unexpected status(?: code)?(?::? |%line%%status%)429\b|status\s?code:? 429"
                r"|too many requests"
            ),
            emitter="a registry, as a bare status",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("docker pull: 429 Too Many Requests", "getting manifest: StatusCode: 429"),
            rejects=("4290 requests", "many requests"),
        ),
    ),
)
