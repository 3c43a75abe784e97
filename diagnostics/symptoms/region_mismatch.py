"""The text itself blames different regions or a lagging replica."""

from __future__ import annotations

from diagnostics.signatures import Ground, Signature, SymptomRule

SYMPTOM = SymptomRule(
    id="region-mismatch",
    title="The text itself blames different regions or a lagging replica",
    signatures=(
        Signature(
            id="regions-differ",
            pattern=(
                r"(?:container registry|registry|ACR\b|%acr%|image)%line%(?:(?:in|from) (?:a "
                r"|an )?(?:different|another|other|remote) (?:azure )?(?:region|location)"
                r"|(?:region|location)s?%line%(?:does not|doesn't|do not|don't) match"
                r"|not in the same (?:region|location)"
                r"|must be in the same (?:region|location)| cross[- ]region(?:[\s,;)]|$)"
                r"|outside (?:of )?the (?:compute's |workspace's )?region)"
                r"|region mismatch|(?:different|mismatched) regions?%line%(?:registry|ACR\b|image pull)"
            ),
            emitter="Azure ML control plane",
            ground=Ground.LOOSE,
            names=("region-mismatch",),
            accepts=(
                "The container registry contoso is in a different region than the compute",
                "registry location does not match the workspace location",
            ),
            rejects=("the registry is in the same region", "the dataset is in another region"),
        ),
        Signature(
            id="replica-lags",
            pattern=(
                r"(?:geo-?)?(?:replica|replication)s?\b%line%(?:not (?:yet )?(?:sync|replicat|available"
                r"|up to date|ready|complete|finished)"
                r"|lag(?:s|ging)?\b|still (?:sync|replicat|pending)|in progress|out of (?:sync|date)"
                r"|behind)"
                r"|(?:has|have|was) not (?:yet )?(?:been )?replicated"
            ),
            emitter="ACR",
            ground=Ground.LOOSE,
            names=("replica-behind",),
            accepts=(
                "ACR: replica westus2 has not yet caught up; replication in progress",
                "the manifest has not been replicated to the region of the registry",
            ),
            rejects=("the replica is up", "3 replicas available"),
        ),
    ),
)
