"""The registry's quota is used up."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule

_NAMES = ("storage-quota-exceeded",)

SYMPTOM = SymptomRule(
    id="storage-limit",
    title="The registry's quota is used up",
    signatures=(
        Signature(
            id="harbor-quota",
            pattern=(
                r"(?:adding %transferred% of storage resource%near%)?current usage of "
                r"%usage%%near%(?:configured )?upper limit of %limit%"
                r"|will exceed the configured upper limit"
            ),
            emitter="Harbor",
            names=_NAMES,
            accepts=(
                (
                    "denied: adding 12.5 MiB of storage resource, which when updated to current usage "
                    "of 49.9 GiB\n"
                    "will exceed the configured upper limit of 50.0 GiB."
                ),
                "quota: will exceed the configured upper limit",
            ),
            rejects=("the upper limit of the range", "current usage of the CPU"),
        ),
        Signature(
            id="repository-count",
            pattern=(
                r"registry contains \d+ repositories, limit is \d+"
                r"|maximum (?:allowed )?number of (?:repositories|images|tags)"
            ),
            emitter="DigitalOcean, Amazon ECR",
            names=_NAMES,
            accepts=(
                "denied: registry contains 5 repositories, limit is 5",
                "has the maximum allowed number of images",
            ),
            rejects=("registry contains 5 repositories", "maximum number of epochs"),
        ),
        Signature(
            id="registry-storage-limit",
            pattern=(
                r"(?:registry|ACR\b|%acr%|image push|repository)%line% (?:storage|size|quota|capacity)\b%line%"
                r"(?:limit|quota|capacity|allowance)?%line% (?:reached|exceed(?:ed|s)?|exhausted|is full"
                r"|used up)\b"
                r"|(?:exceed(?:ed|s|ing)?|reached|over)%line% (?:storage|size)\b%line%(?:limit|quota"
                r"|capacity)%line%(?:registry|ACR\b|SKU|tier)"
                r"|(?:storage|size) (?:limit|quota|capacity)%line%(?:registry|ACR\b|SKU"
                r"|tier)%line%(?:reached|exceed(?:ed|s)?|exhausted)"
                r"|quota (?:has been )?exceeded on namespace|denied:%line% (?:storage"
                r"|quota)\b%line% (?:exceed|limit|reached|full)"
                r"|(?:registry|ACR\b)%line%(?:reached|exceeded|hit)%line% (?:storage|size|quota)\b"
                r"|private repositor(?:y|ies) limit"
            ),
            emitter="ACR, Quay, Docker Hub",
            ground=Ground.SHARED,
            names=_NAMES,
            accepts=(
                "The registry storage limit has been reached for contoso.azurecr.io",
                "denied: Quota has been exceeded on namespace fraud",
                "Registry contoso has reached its storage limit of 20 TiB",
            ),
            rejects=("storage of the dataset exceeded 2 GB", "exceeded the core quota of the subscription"),
        ),
        Signature(
            id="quota-words",
            pattern=(
                r"(?:storage|disk|registry) quota (?:has been |was )?exceeded|(?:^|[\s(\"'])QuotaExceeded\b"
                r"|quota exceeded"
            ),
            emitter="a registry",
            ground=Ground.LOOSE,
            accepts=("docker push: denied: storage quota exceeded", "registry: QuotaExceeded"),
            rejects=("disk quota of the user", "quotas are fine"),
        ),
    ),
)
