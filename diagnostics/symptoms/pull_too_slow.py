"""The image is so large that the pull ran out of time."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("pull-too-slow",)
_DONE = r"\[[=>\s]*\]"

SYMPTOM = SymptomRule(
    id="pull-too-slow",
    title="The image is so large that the pull ran out of time",
    signatures=(
        Signature(
            id="no-progress",
            pattern=(
                r"cancel pulling image %q%%image%%q% because of no progress for %timeout%"
                rf"(?:, latest progress: %line%{_DONE}\s*%transferred%/%total%)?"
                r"|image\s?pull progress deadline|(?:exceeded|pull) progress deadline"
            ),
            emitter="kubelet",
            names=_NAMES,
            accepts=(
                (
                    'Cancel pulling image "contoso.azurecr.io/a:1" because of no progress for 1m0s, '
                    "latest progress: "
                    '"0f1e: Downloading [====>      ]  81.2MB/4.1GB"'
                ),
                "image pull progress deadline exceeded",
            ),
            rejects=("no progress in the training", "pulling image"),
        ),
        Signature(
            id="transfer-under-way",
            pattern=(
                r"(?:download(?:ing|ed)|transferred|pull(?:ing|ed))%line%%transferred%\s?(?:/"
                r"|of)\s?%total%%near%"
                r"(?:timed out|timeout|deadline exceeded|cancell?ed|exceeded)"
            ),
            emitter="docker, Azure ML node agent",
            ground=Ground.LOOSE,
            names=_NAMES,
            accepts=(
                "pulled 3.1 GB of 9.4 GB, then timed out",
                "0f1e: Downloading 1.2GB/8.8GB\nimage pull: context deadline exceeded",
            ),
            rejects=("Downloading 1.2GB/8.8GB", "downloaded the wheel (3.1 MB)"),
        ),
        Signature(
            id="pull-deadline",
            pattern=(
                r"failed to pull(?: and unpack)? image %q%%image%%q%: (?:rpc error: code = \S+ desc = "
                r")?(?:failed to pull and unpack image %q%[^\s\"]+%q%: )?(?:failed to copy: )?"
                r"(?:context (?:deadline exceeded|canceled)|timed out|net/http: request canceled%q%\s*$)"
                r"|(?:ErrImagePull|pulling image|ImagePull\w*|PullImage)%line%(?:desc = "
                r"|: )(?:context deadline exceeded|context canceled)"
                r"|failed to copy: httpReadSeeker: %line%(?:context deadline exceeded"
                r"|context canceled)"
            ),
            emitter="kubelet, containerd",
            accepts=(
                (
                    'Failed to pull image "contoso.azurecr.io/a:1": rpc error: code = Unknown desc = '
                    "context deadline exceeded"
                ),
                (
                    'PullImage "a:1" from image service failed" err="rpc error: code = DeadlineExceeded '
                    'desc = context deadline exceeded"'
                ),
            ),
            rejects=(
                ('Failed to pull image "a:1": Get "https://contoso.azurecr.io/v2/": context deadline exceeded'),
                "context deadline exceeded",
                "ERROR : data/x.tar: Failed to copy: context deadline exceeded",
            ),
        ),
        Signature(
            id="pull-timed-out",
            pattern=(
                r"(?:image|docker|container) ?(?:image )?pull(?:ing)?\b%line% (?:timed? ?out"
                r"|took too long|time limit|exceeded)|ImagePullTimeout|DockerPullTimeout"
                r"|(?:^|[\s\"'(])(?:timed? ?out|timeout|time limit)%line%(?:pulling|to pull) (?:the )?(?:docker "
                r"|container )?(?:image|layers?)"
                r"|(?:^|[\s\"'(])(?:timed? ?out|timeout|time limit)%line%(?:downloading"
                r"|to download) (?:the )?(?:docker|container) image"
                r"|(?:pulling|downloading|extracting) (?:the )?(?:docker "
                r"|container )image%line% (?:timed? ?out|took too long|exceeded)"
                r"|image%line%(?:too large|is so large)%line%(?:pull|deadline)"
            ),
            emitter="Azure ML node agent, container apps",
            weight=Weight.STATUS,
            ground=Ground.SHARED,
            names=_NAMES,
            accepts=(
                "Docker image pull timed out after 30 minutes",
                "Timed out while pulling the image contoso.azurecr.io/a:1",
            ),
            rejects=(
                "timed out while downloading the dataset",
                "image pull started",
                "timeout while downloading image https://contoso.com/cat.jpg",
            ),
        ),
        Signature(
            id="deadline-exceeded",
            pattern=r"(?:desc = |DeadlineExceeded%line%)context deadline exceeded",
            emitter="kubelet",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=(
                "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
                "code = 4 desc = context deadline exceeded",
            ),
            rejects=("context deadline exceeded", "the deadline was exceeded"),
        ),
    ),
)
