"""Quarantined, locked, or writing or reading disallowed."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("artifact-unreadable",)

SYMPTOM = SymptomRule(
    id="artifact-locked",
    title="Quarantined, locked, or writing or reading disallowed",
    signatures=(
        Signature(
            id="quarantined",
            pattern=(
                r"(?:manifest[ _]unknown%near%)?(?:image|manifest|tag|digest|artifact|repository"
                r"|registry|%acr%)%line% quarantin(?:ed?|ing)(?:[\s\"'),;}\]]|[.:](?:\s|$)|$)"
                r"|quarantined? (?:image|manifest|artifact|state|policy)|quarantineState"
            ),
            emitter="ACR",
            ground=Ground.SHARED,
            names=_NAMES,
            accepts=("the manifest sha256:00 is quarantined", "image pull refused by the quarantine policy"),
            rejects=(
                "the file was quarantined by the virus scanner",
                "quarantine ended",
                'Failed to pull image "contoso.azurecr.io/email-quarantine:3"',
                "imageName: contoso.azurecr.io/scan:quarantine",
            ),
        ),
        Signature(
            id="attribute-locked",
            pattern=(
                r"(?:readEnabled|writeEnabled|deleteEnabled|listEnabled)%q%\s?[:=]\s?%q%false"
                r"|(?:image|manifest|tag|repository|artifact) %line%(?:is |are |has been "
                r"|was )(?:write-|read-)?(?:locked|immutable|read-only)\b"
                r"|(?:reading|writing|pulling|pushing|read|write|pull|push)(?: operations?)? (?:is "
                r"|are |has been )?(?:disallowed|disabled|not allowed)%line%"
                r"(?:image|manifest|tag|repository|artifact|registry|lock)"
                r"|(?:image|manifest|tag|repository|artifact) %line%(?:reading|writing|read|write|pull"
                r"|push)(?: operations?)? (?:is |are |has been )?"
                r"(?:disallowed|disabled|not allowed)"
                r"|cannot be overwritten because the (?:repository|tag) is immutable"
                r"|configured as immutable"
                r"|ScopeLocked%near%ContainerRegistry"
            ),
            emitter="ACR, Amazon ECR, Harbor",
            ground=Ground.LOOSE,
            names=_NAMES,
            accepts=(
                "The manifest sha256:00 is locked",
                '"readEnabled": false',
                "tag 9 already exists and cannot be overwritten because the repository is immutable",
            ),
            rejects=("E: Could not get lock /var/lib/dpkg/lock", "the state blob is locked by terraform"),
        ),
        Signature(
            id="pulling-prevented",
            pattern=(
                r"(?:vulnerabilit|severity|not signed|signature|content trust"
                r"|policy)%line%(?:prevent\w*|blocked|denied|cannot|not allowed)%line%"
                r"(?:from being pulled|pull|image)|prevents? (?:the )?(?:image|artifact)?%line%being pulled"
            ),
            emitter="Harbor, content trust",
            ground=Ground.LOOSE,
            accepts=(
                "current image with 3 vulnerabilities of 'Critical' severity prevents it from being pulled",
                "policy blocked the pull of image contoso/a: not signed",
            ),
            rejects=("the policy prevents drift", "vulnerability scan done"),
        ),
        Signature(
            id="operation-disallowed",
            pattern=(
                r"REGISTRY_DISALLOWED_OPERATION|the operation is disallowed|disallowed[- ]operation"
                r"|%api%%line%%status%405\b|(?:%api%|docker)%line%\b405 (?:method )?not allowed"
                r"|pushes to the registry are currently disabled"
            ),
            emitter="ACR",
            weight=Weight.STATUS,
            accepts=(
                "unknown: The operation is disallowed.",
                '{"code":"REGISTRY_DISALLOWED_OPERATION","message":"see the link"}',
                "PUT https://contoso.azurecr.io/v2/a/manifests/1: 405 Method Not Allowed",
            ),
            rejects=("operation allowed", "405 on https://api.contoso.com"),
        ),
    ),
)
