"""The repository is there, the tag or digest is not."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

SYMPTOM = SymptomRule(
    id="tag-not-found",
    title="The repository is there, the tag or digest is not",
    signatures=(
        Signature(
            id="manifest-not-found",
            pattern=r"manifest for %image% not found",
            emitter="docker",
            names=("tag-absent",),
            accepts=(
                ("Error response from daemon: manifest for contoso.azurecr.io/a/train:9 not found: manifest unknown"),
                "manifest for contoso/train:latest not found",
            ),
            rejects=("no match for platform in manifest: not found", "manifest not found in the archive"),
        ),
        Signature(
            id="manifest-tagged-not-found",
            pattern=r"manifest tagged by %q%%tag%%q% is not found|manifest %q%%digest%%q% is not found",
            emitter="ACR, MCR",
            names=("tag-absent",),
            accepts=(
                'manifest unknown: manifest tagged by "2.1-rc" is not found',
                "MANIFEST_UNKNOWN: manifest sha256:00ff11 is not found; map[]",
            ),
            rejects=("manifest tagged by nobody", "package.json manifest is not found"),
        ),
        Signature(
            id="manifest-unknown",
            pattern=(
                r"manifest[ _]unknown|no such manifest:? %image%"
                r"|reading manifest \S+ in \S+%line%(?:not found|unknown)"
                r"|unknown manifest|(?:error|failed)%line%manifest%line%/manifests%line%%status%404\b"
            ),
            emitter="a registry",
            ground=Ground.SHARED,
            names=("tag-absent",),
            accepts=(
                ("Failed to pull image: rpc error: code = NotFound desc = manifest unknown: manifest unknown"),
                '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}',
                "no such manifest: contoso.azurecr.io/a/train:9",
            ),
            rejects=("unknown flag in the manifest", "manifest blob unknown"),
        ),
        Signature(
            id="reference-not-found",
            pattern=(
                r"failed to resolve reference %q%%image%%q%: [^\s:]+(?::\d+)?\S*: not found"
                r"|(?:failed to solve|load(?:ing)? metadata for [^\s:]+\S*"
                r"|resolve source metadata for \S+|ERROR|from %q%\S+):"
                r" (?:[\w.-]+[/:])[\w./:@-]+: not found"
            ),
            emitter="containerd, BuildKit",
            names=("tag-absent",),
            accepts=(
                ('failed to resolve reference "contoso.azurecr.io/a/train:9": contoso.azurecr.io/a/train:9: not found'),
                "ERROR: failed to solve: mcr.microsoft.com/azureml/base:none: not found",
            ),
            rejects=(
                "failed to resolve reference: no match for platform in manifest: not found",
                "ERROR: /app/data.csv: not found",
            ),
        ),
        Signature(
            id="status-404-of-manifest",
            pattern=r"/v2/[^\s\"']*/manifests/%tag%%q%(?::? (?:[-=]> )?|%line%%status%)404\b",
            emitter="a registry, as a bare status",
            names=("tag-absent",),
            accepts=(
                ("unexpected status from HEAD request to https://contoso.azurecr.io/v2/a/manifests/9: 404 Not Found"),
                "HEAD /v2/a/b/manifests/latest -> 404",
            ),
            rejects=("https://contoso.com/v2/users: 404", "/v2/a/manifests/9: 401"),
        ),
        Signature(
            id="tag-does-not-exist",
            pattern=(
                r"the specified (?:tag|manifest|digest)%line% does not exist"
                r"|\btag %q%%tag%%q% (?:not found in repository|was deleted or has expired)"
                r"|artifact [\w.-]+/[\w./-]+:[\w.-]+ not found|(?:docker|container) image not found"
                r"|requested image not found"
                r"|\bImageNotFound\b"
            ),
            emitter="az cli, Quay, Harbor, Amazon ECR",
            ground=Ground.SHARED,
            names=("tag-absent",),
            accepts=(
                "Error: the specified tag does not exist.",
                "Tag 3.8-dev not found in repository docker.io/contoso/train",
                "artifact a/train:9 not found",
                "Tag 9 was deleted or has expired. To pull, revive via time machine",
            ),
            rejects=(
                "git tag v1 created",
                "the page was not found",
                "artifact runs:/3f1/model not found",
                "image not found: cat.jpg",
            ),
        ),
        Signature(
            id="tag-missing",
            pattern=(
                r"\btag %q%%tag%%q% (?:does not exist|was not found|is not found|could not be found)"
                r"|image %q%%image%%q%%line%not (?:be )?found%line%(?:registry|repository|ACR\b)"
            ),
            emitter="Azure ML control plane, a registry",
            ground=Ground.LOOSE,
            names=("tag-absent",),
            accepts=(
                "docker: tag 7 does not exist",
                "image contoso.azurecr.io/a:7 was not found in the container registry",
            ),
            rejects=("the tag exists", "image not found: cat.jpg"),
        ),
        Signature(
            id="manifest-not-found-bare",
            pattern=r"\bmanifests?\b%line%\bnot found\b",
            emitter="a registry",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("docker: manifest of the image not found", "ACR: manifest 9 not found"),
            rejects=("file not found", "manifest found"),
        ),
    ),
)
