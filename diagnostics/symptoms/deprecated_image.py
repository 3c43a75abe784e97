"""Base image retired, or a manifest schema no longer supported."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("base-image-retired",)
_FAILED = r"(?:error response from daemon|(?:failed|unable) to pull|failed to resolve reference)"
_OLD_FORMAT = r"(?:docker image format v1|manifest version 2, schema 1|schema\s?1)"
_IMAGE = (
    r"(?:(?:base|docker|container|curated) (?:image|environment) (?:%q%%image%%q% )?"
    r"|image %q%[\w.-]+[/:]\S+ |(?:mcr\.microsoft\.com|azureml)/\S+ )"
)
_IS = r"(?:is|was|has been|have been) (?:now )?"
_OLD = r"(?:deprecated|archived)"
_REFUSED = r"%line%(?:cannot|can't|not be (?:used|pulled)|refused|failed)"

SYMPTOM = SymptomRule(
    id="deprecated-image",
    title="Base image retired, or a manifest schema no longer supported",
    signatures=(
        Signature(
            id="schema-unsupported",
            pattern=(
                r"manifest\.v1\+(?:prettyjws|json)%near%(?:not|no longer)(?: \w+){0,2} support"
                r"|schema\s?1%line%(?:not supported|unsupported|no longer)"
                r"|unsupported%line%schema\s?1\b"
                rf"|{_FAILED}%near%(?P<proof>{_OLD_FORMAT}%line%(?:disabled|removed|deprecated))"
                r"|unsupported (?:image )?manifest (?:media type|version|schema)"
                r"|unsupported media type%line%manifest"
            ),
            emitter="docker, containerd",
            names=_NAMES,
            accepts=(
                ("media type application/vnd.docker.distribution.manifest.v1+prettyjws is no longer supported"),
                (
                    "Error response from daemon: [DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest "
                    "version 2, schema 1 support is disabled by default"
                ),
                "schema 1 manifests are not supported",
            ),
            rejects=(
                "manifest.v2+json is supported",
                "schema 1 of the dataset",
                "[DEPRECATION NOTICE] Docker Image Format v1 and manifest version 2, schema 1 support will be removed",
            ),
        ),
        Signature(
            id="image-retired",
            pattern=(
                rf"{_IMAGE}{_IS}(?:retired|removed|discontinued|end[- ]of[- ]life"
                rf"|no longer (?:supported|available|maintained|published)|{_OLD}{_REFUSED})"
                rf"|environment %q%AzureML-\S+%line%(?:retired|no longer|{_OLD}{_REFUSED})"
                r"|(?:failed|unable|cannot)%line%(?:base|docker|container|curated) (?:image|environment)%line%"
                rf"{_IS}{_OLD}"
            ),
            emitter="Azure ML control plane",
            ground=Ground.SHARED,
            names=_NAMES,
            accepts=(
                "The base image mcr.microsoft.com/azureml/intelmpi:1 has been retired",
                "base image is no longer supported",
                "Failed to start: the base image mcr.microsoft.com/azureml/intelmpi:1 is deprecated",
                "The environment 'AzureML-Contoso-1.3' version 3 is archived and cannot be used",
            ),
            rejects=(
                "DEPRECATED: The legacy builder is deprecated",
                "DeprecationWarning: np.float is deprecated",
                "the image processor is deprecated",
            ),
        ),
        Signature(
            id="deprecation-notice",
            pattern=(
                rf"\[DEPRECATION NOTICE\]|{_OLD_FORMAT}%line%(?:disabled|removed|deprecated)"
                rf"|deprecated%line%\bschema\s?1\b|{_IMAGE}{_IS}{_OLD}|environment %q%AzureML-\S+%line%{_OLD}"
            ),
            emitter="docker, Azure ML control plane",
            weight=Weight.STATUS,
            ground=Ground.NOTICED,
            accepts=(
                "[DEPRECATION NOTICE] see the link",
                "warn: [Deprecation Notice]",
                "Environment 'AzureML-PyTorch-1.3-GPU' version 3 is archived",
            ),
            rejects=(
                "DEPRECATED: The legacy builder",
                "DeprecationWarning: np.float is deprecated",
                "the image processor is deprecated",
            ),
        ),
    ),
)
