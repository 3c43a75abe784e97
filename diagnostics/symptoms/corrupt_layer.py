"""Digest mismatch, unexpected EOF, blob unknown."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule, Weight

_NAMES = ("layer-corrupt",)

SYMPTOM = SymptomRule(
    id="corrupt-layer",
    title="Digest mismatch, unexpected EOF, blob unknown",
    signatures=(
        Signature(
            id="verification-failed",
            pattern=(
                r"filesystem layer verification failed(?: for digest %digest%)?"
                r"|layers from manifest don't match image configuration"
                r"|mismatched image rootfs and manifest layers|wrong diff id calculated"
                r"|unexpected commit digest|failed size validation"
                r"|failed commit on ref %line%(?:unexpected commit|size|digest|already)"
                r"|manifest verification failed for digest"
                r"|error verifying %line%digest|provided digest did not match|\b(?:DIGEST"
                r"|SIZE)_INVALID\b|image verification failed for digest"
            ),
            emitter="docker, containerd",
            names=_NAMES,
            accepts=(
                "filesystem layer verification failed for digest sha256:00ff11",
                ('failed commit on ref "layer-sha256:0f": unexpected commit digest sha256:1a, expected sha256:0f'),
                "layers from manifest don't match image configuration",
                'failed commit on ref "layer-sha256:0f": "layer-sha256:0f" failed size validation: 1 != 2',
            ),
            rejects=("digest of the week", "pip: hashes do not match"),
        ),
        Signature(
            id="digest-differs",
            pattern=(
                r"(?:digest|checksum)%line%(?:mismatch|did not match|does not match|verification failed"
                r"|invalid)%line%(?:layer|blob|sha256)"
                r"|(?:layer|blob|sha256)%line%(?:digest|checksum)%line%(?:mismatch|did not match"
                r"|does not match|invalid)"
            ),
            emitter="a client of a registry",
            ground=Ground.LOOSE,
            names=_NAMES,
            accepts=("docker: layer digest mismatch", "containerd: checksum did not match for blob 00ff"),
            rejects=("checksum mismatch for weights.bin", "layer norm mismatch"),
        ),
        Signature(
            id="blob-unknown",
            pattern=(
                r"\b(?:MANIFEST_)?BLOB_UNKNOWN\b|(?:manifest )?blob unknown(?: to registry)?"
                r"|unknown blob|\bBLOB_UPLOAD_(?:INVALID|UNKNOWN)\b"
                r"|blob upload (?:unknown|invalid)"
                r"|could not fetch content descriptor (?P<digest>sha256:[0-9a-f]+)%line%not found"
                r"|content (?:at \S+ |digest )%digest%: not found|/blobs%line%%status%404\b"
                r"|blob sha256:[0-9a-f]+%line%(?:not found|missing|unknown)"
            ),
            emitter="a registry",
            names=_NAMES,
            accepts=(
                "MANIFEST_BLOB_UNKNOWN: blob unknown to registry",
                (
                    "httpReadSeeker: failed open: could not fetch content descriptor sha256:00ff "
                    "(application/x) from remote: not found"
                ),
                "content digest sha256:00ff: not found",
            ),
            rejects=("BlobNotFound: The specified blob does not exist.", "unknown manifest"),
        ),
        Signature(
            id="archive-broken",
            pattern=(
                r"(?:failed to (?:register|extract|unpack|apply|verify|pull)|failed to copy:|ApplyLayer"
                r"|from daemon|error pulling|sha256:|docker: |short read)"
                r"%line%(?:unexpected EOF|gzip: invalid (?:header|checksum)|invalid tar header|(?:flate"
                r"|zstd|zlib): (?:corrupt|invalid)"
                r"|magic number mismatch|corrupt(?:ed)? (?:input|layer|blob)|invalid checksum)"
                r"|short read: expected \d+ bytes"
            ),
            emitter="docker, containerd",
            names=_NAMES,
            ground=Ground.SHARED,
            accepts=(
                "failed to register layer: ApplyLayer exit status 1 stdout: stderr: unexpected EOF",
                "failed to extract layer sha256:00ff: archive/tar: invalid tar header: unknown",
                "error pulling image: gzip: invalid checksum",
                "short read: expected 1234 bytes but got 0: unexpected EOF",
            ),
            rejects=(
                "json: unexpected EOF",
                "gzip.BadGzipFile: Not a gzipped file",
                "images/1.jpg: ignoring corrupt image/label",
            ),
        ),
        Signature(
            id="eof",
            pattern=r"unexpected EOF|archive/tar: invalid|gzip: invalid (?:header|checksum)",
            emitter="docker, containerd",
            weight=Weight.STATUS,
            ground=Ground.LOOSE,
            accepts=("docker: unexpected EOF", "containerd: gzip: invalid header"),
            rejects=("EOF", "tar: done"),
        ),
    ),
)
