"""Base image retired, or a manifest schema no longer supported."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("base-image-retired",)

SYMPTOM = SymptomRule(
    id="deprecated-image",
    title="Base image retired, or a manifest schema no longer supported",
    signatures=(
        Signature(
            id="schema-unsupported",
            pattern=(
                r"manifest\.v1\+(?:prettyjws|json)%near%(?:not|no longer)(?: \w+){0,2} support"
                r"|manifest version 2, schema 1%line%(?:disabled|removed|not supported|no longer)"
                r"|schema\s?1%line%(?:not supported|unsupported|no longer|deprecated|disabled|removed)"
                r"|(?:unsupported|deprecated)%line%schema\s?1\b"
                r"|docker image format v1%line%(?:disabled|removed|deprecated)"
                r"|unsupported (?:image )?manifest (?:media type|version|schema)"
                r"|unsupported media type%line%manifest"
            ),
            emitter="docker, containerd",
            names=_NAMES,
            accepts=(
                ("media type application/vnd.docker.distribution.manifest.v1+prettyjws is no longer supported"),
                ("Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by default"),
                "schema 1 manifests are not supported",
            ),
            rejects=("manifest.v2+json is supported", "schema 1 of the dataset"),
        ),
        Signature(
            id="image-retired",
            pattern=(
                r"(?:(?:base|docker|container|curated) (?:image|environment) (?:%q%%image%%q% )?"
                r"|image %q%[\w.-]+[/:]\S+ |(?:mcr\.microsoft\.com|azureml)/\S+ )"
                r"(?:is|was|has been|have been) (?:now )?(?:retired|deprecated|removed|discontinued"
                r"|end[- ]of[- ]life"
                r"|no longer (?:supported|available|maintained|published))"
                r"|environment %q%AzureML-\S+%line%(?:retired|deprecated|archived|no longer)"
            ),
            emitter="Azure ML control plane",
            ground=Ground.SHARED,
            names=_NAMES,
            accepts=(
                "The base image mcr.microsoft.com/azureml/intelmpi:1 has been retired",
                "base image is no longer supported",
            ),
            rejects=(
                "DEPRECATED: The legacy builder is deprecated",
                "DeprecationWarning: np.float is deprecated",
                "the image processor is deprecated",
            ),
        ),
        Signature(
            id="deprecation-notice",
            pattern=r"\[DEPRECATION NOTICE\]",
            emitter="docker",
            weight=Weight.STATUS,
            accepts=("[DEPRECATION NOTICE] see the link", "warn: [Deprecation Notice]"),
            rejects=("DEPRECATED: The legacy builder", "DeprecationWarning: x"),
        ),
    ),
)
