"""No space left while pulling, unpacking or building."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("node-disk-full",)
_FULL = (
    r"(?:no space left on device|disk quota exceeded|not enough space on the disk"
    r"|\s\(?ENOSPC(?:[:,)]?\s|\)?$)|code%q%:\s?%q%ENOSPC\b"
    r"|insufficient (?:disk )?space)"
)

SYMPTOM = SymptomRule(
    id="disk-full",
    title="No space left while pulling, unpacking or building",
    signatures=(
        Signature(
            id="unpack-no-space",
            pattern=(
                r"(?:failed to (?:register layer|extract layer|unpack image|prepare extraction"
                r"|pull (?:and unpack )?image)"
                r"|(?:failed to (?:unpack|pull|commit|ingest|apply|export|start container|copy:|push:|mount)"
                r"|writing (?:blob|layer))%line%(?:\blayer-?sha256|\bsha256:|snapshot|httpReadSeeker|/var/tmp/storage)"
                r"|error processing tar file\(exit|ApplyLayer|applying layer|apply failure|/var/lib/(?:docker"
                r"|containerd|rancher|kubelet)/"
                r"|/containerd/|/docker/(?:tmp|overlay2|image)|GetImageBlob"
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
                'writing blob: adding layer with blob "sha256:0f": write /opt/x: no space left on device',
            ),
            rejects=(
                "OSError: [Errno 28] No space left on device: '/mnt/outputs/ckpt.pt'",
                "failed to extract features",
                "failed to write checkpoint: no space left on device",
                "rclone: Failed to copy: write /mnt/azureml/outputs/part3: no space left on device",
                "RuntimeError: Failed to export the model to /mnt/outputs/model.onnx: No space left on device",
                "rslex-fuse: failed to mount: write /mnt/cache: No space left on device",
                "Error processing tar file shard-07.tar: No space left on device",
            ),
        ),
        Signature(
            id="node-full-for-image",
            pattern=(
                r"low on resource: imagefs|(?:image|docker|container)%line%(?:^|\s)DiskFull\w*(?:[\s:,;)]|$)"
                r"|(?:failed to (?:pull|unpack|extract)|ErrImagePull|ImagePull\w*|pulling image)%line%"
                r"(?:DiskPressure|low on resource: (?:ephemeral-storage|nodefs))"
            ),
            emitter="kubelet",
            ground=Ground.SHARED,
            names=_NAMES,
            decisive=True,
            accepts=(
                "The node was low on resource: imagefs.",
                'Failed to pull image "contoso.azurecr.io/a:1": node has DiskPressure',
            ),
            rejects=(
                "The node was low on resource: ephemeral-storage.",
                "Warning  ImageGCFailed  kubelet  failed to garbage collect required amount of images.",
            ),
        ),
        Signature(
            id="node-low-on-disk",
            pattern=(
                r"FreeDiskSpaceFailed|ImageGCFailed|failed to garbage collect required amount of images"
                r"|NodeHasDiskPressure|\bDiskPressure\b"
                r"|low on resource: (?:ephemeral-storage|nodefs)"
                r"|disk (?:usage|space)%line%(?:image|imagefs|docker)%line%(?:over|exceed|insufficient"
                r"|full)"
            ),
            emitter="kubelet",
            weight=Weight.STATUS,
            ground=Ground.SHARED,
            names=_NAMES,
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
                rf"(?:step \d+/\d+ : ?(?:FROM|RUN|COPY|ADD|ENV|ARG|WORKDIR|USER|SHELL|LABEL|CMD|ENTRYPOINT)\b|acb_step_"
                rf"|^#\d+ (?:\d+\.\d+ |\[|ERROR|sha256:|extracting )|conda env create|docker build"
                rf"|buildkit)%block%(?P<proof>{_FULL})"
            ),
            emitter="a package installer in a build",
            names=_NAMES,
            decisive=True,
            accepts=(
                "Step 3/9 : RUN conda env create -f env.yml\nOSError: [Errno 28] No space left on device",
                ("#9 12.1 ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
            ),
            rejects=(
                "OSError: [Errno 28] No space left on device",
                "Step 3/9 : RUN conda env create",
                "Step 3/9 : loss 0.31\nOSError: [Errno 28] No space left on device: '/mnt/outputs/ckpt.pt'",
                "#0 0x7f11 in write\n#1 0x7f12 in main\nOSError: [Errno 28] No space left on device",
            ),
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
