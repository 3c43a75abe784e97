"""No space left while pulling, unpacking or building."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule

_NAMES = ("node-disk-full",)
_FULL = (
    r"(?:no space left on device|disk quota exceeded|not enough space on the disk|ENOSPC"
    r"|insufficient (?:disk )?space)"
)

SYMPTOM = SymptomRule(
    id="disk-full",
    title="No space left while pulling, unpacking or building",
    signatures=(
        Signature(
            id="unpack-no-space",
            pattern=(
                r"(?:failed to (?:register layer|extract layer|unpack|prepare extraction|pull|commit"
                r"|ingest|apply|export|start container|copy:|push:|mount)"
                r"|error processing tar file|ApplyLayer|applying layer|apply failure|/var/lib/(?:docker"
                r"|containerd|rancher|kubelet)/"
                r"|/containerd/|/docker/(?:tmp|overlay2|image)|GetImageBlob|writing (?:blob|layer)"
                r"|docker: |from daemon: )"
                rf"%line%{_FULL}"
            ),
            emitter="docker, containerd",
            names=_NAMES,
            decisive=True,
            accepts=(
                (
                    "failed to register layer: Error processing tar file(exit status 1): write /opt/x: no "
                    "space left on device"
                ),
                "write /var/lib/docker/tmp/GetImageBlob07: no space left on device",
                "failed to extract layer sha256:0f: mount callback failed: write /a: disk quota exceeded",
            ),
            rejects=(
                "OSError: [Errno 28] No space left on device: '/mnt/outputs/ckpt.pt'",
                "failed to extract features",
                "failed to write checkpoint: no space left on device",
            ),
        ),
        Signature(
            id="node-low-on-disk",
            pattern=(
                r"FreeDiskSpaceFailed|ImageGCFailed|failed to garbage collect required amount of images"
                r"|NodeHasDiskPressure|\bDiskPressure\b"
                r"|low on resource: (?:ephemeral-storage|imagefs|nodefs)|(?:image|docker"
                r"|container)%line%DiskFull\w*"
                r"|disk (?:usage|space)%line%(?:image|imagefs|docker)%line%(?:over|exceed|insufficient"
                r"|full)"
            ),
            emitter="kubelet",
            ground=Ground.SHARED,
            names=_NAMES,
            decisive=True,
            accepts=(
                (
                    "Warning  ImageGCFailed  kubelet  failed to garbage collect required amount of images. "
                    "Attempted to free 9"
                ),
                "The node was low on resource: ephemeral-storage.",
                "node(s) had taint {node.kubernetes.io/disk-pressure: }, DiskPressure",
            ),
            rejects=("disk pressure of the spring", "low on resource: memory"),
        ),
        Signature(
            id="image-does-not-fit",
            pattern=(
                r"(?:image|layers?|pull)%line%(?:does not|doesn't|did not|cannot"
                r"|will not) fit%line%(?:disk|node|space)"
                r"|(?:insufficient|not enough|out of)%line%(?:disk|storage)%line%(?:pull|image|unpack"
                r"|extract)"
                r"|(?:pull|image|unpack|extract|build)%line%(?:insufficient|not enough"
                r"|out of) (?:free )?(?:disk|storage)(?: space)?"
            ),
            emitter="Azure ML node agent",
            ground=Ground.LOOSE,
            names=_NAMES,
            accepts=(
                "Not enough disk space on the node to pull image contoso.azurecr.io/a:1",
                "Failed to unpack the image: insufficient disk space",
            ),
            rejects=("insufficient memory for the image model", "the image fits on the disk"),
        ),
        Signature(
            id="build-no-space",
            pattern=(
                rf"(?:step \d+/\d+ : |acb_step_|^#\d+ |conda env create|docker build"
                rf"|buildkit)%block%(?P<proof>{_FULL})"
            ),
            emitter="a package installer in a build",
            names=_NAMES,
            decisive=True,
            accepts=(
                "Step 3/9 : RUN conda env create -f env.yml\nOSError: [Errno 28] No space left on device",
                ("#9 12.1 ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
            ),
            rejects=("OSError: [Errno 28] No space left on device", "Step 3/9 : RUN conda env create"),
        ),
        Signature(
            id="no-space",
            pattern=_FULL,
            emitter="a builder or a puller",
            ground=Ground.LOOSE,
            names=_NAMES,
            accepts=(
                "docker: No space left on device",
                "RUN pip install: [Errno 28] no space left on device",
            ),
            rejects=("space left on device", "there is enough space on the disk"),
        ),
    ),
)
