"""No manifest for the platform, or exec format error."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("platform-absent",)

SYMPTOM = SymptomRule(
    id="architecture-mismatch",
    title="No manifest for the platform, or exec format error",
    signatures=(
        Signature(
            id="no-manifest-for-platform",
            pattern=(
                r"no matching manifest for %platform%|no match for platform in manifest"
                r"|no child with platform %platform%"
                r"|no image found in (?:manifest list|image index) for (?:architecture|platform)"
                r"|no manifest (?:found )?for (?:platform|architecture)|choosing an? (?:image"
                r"|instance) from (?:manifest list|image index)"
                r"|no supported platform found in manifest list"
                r"|could not find (?:a )?platform%line%manifest"
            ),
            emitter="docker, containerd, podman",
            names=_NAMES,
            accepts=(
                "no matching manifest for linux/arm64/v8 in the manifest list entries",
                (
                    'failed to pull and unpack image "contoso.azurecr.io/a:1": no match for platform in '
                    "manifest: not found"
                ),
                'no image found in manifest list for architecture arm64, variant "v8", OS linux',
            ),
            rejects=("manifest unknown", "no matching version for linux"),
        ),
        Signature(
            id="platform-differs",
            pattern=(
                r"image operating system %q%\w+%q% cannot be used on this platform"
                r"|operating system is not supported"
                r"|(?:image with reference|image) %line%(?:was found but|provides?"
                r"|is)%line%does not (?:match|provide)%line%platform"
                r"|was found but its platform|container operating system does not match the host"
                r"|a windows version %line%-based image is incompatible"
                r"|unsupported (?:os|operating system|architecture|platform)%line%(?:image|container)"
                r"|(?:image|container|manifest)%line%(?:unsupported|incompatible|wrong) (?:architecture"
                r"|platform)"
            ),
            emitter="docker, container instances",
            names=_NAMES,
            accepts=(
                ('image operating system "windows" cannot be used on this platform: operating system is not supported'),
                (
                    "image with reference contoso/a was found but does not match the specified platform: "
                    "wanted linux/amd64"
                ),
                "The container operating system does not match the host operating system.",
            ),
            rejects=("the platform team owns the image", "operating system supported"),
        ),
        Signature(
            id="exec-format-error",
            pattern=(
                r"exec user process caused:? %line%exec format error"
                r"|standard_init_linux\.go:\d+: exec%line%exec format error"
                r"|exec:? %q%[^\s\"':]+%q%: exec format error|(?:runc|OCI runtime|create failed|shim"
                r"|starting container)%line%exec format error"
            ),
            emitter="runc",
            accepts=(
                "standard_init_linux.go:228: exec user process caused: exec format error",
                "exec /usr/bin/tini: exec format error",
                "exec /bin/sh: exec format error",
            ),
            rejects=("OSError: [Errno 8] Exec format error: './solver'", "format error in exec"),
        ),
        Signature(
            id="platform-warning",
            pattern=(
                r"requested image's platform \(%platform%\) does not match the detected host "
                r"platform"
            ),
            emitter="docker",
            weight=Weight.STATUS,
            ground=Ground.NOTICED,
            accepts=(
                (
                    "WARNING: The requested image's platform (linux/arm64) does not match the detected "
                    "host "
                    "platform (linux/amd64)"
                ),
                "The requested image's platform (windows/amd64) does not match the detected host platform",
            ),
            rejects=("requested platform", "exec format error"),
        ),
        Signature(
            id="format-words",
            pattern=r"\bexec format error\b",
            emitter="runc",
            weight=Weight.STATUS,
            ground=Ground.SHARED,
            accepts=("exec format error", "fork/exec ./a: exec format error"),
            rejects=("exec error", "format error"),
        ),
    ),
)
