"""The published list of causes: what each can produce, where on its way a pull meets it, and the general way out.

A cause with a file in ``causes/`` is judged by live facts. The others are here so that the list is whole: a text that
names one makes it *likely* (a component's own statement, *confirmed*), and none of them is ever taken as ruled out,
so that nothing is singled out by elimination while a cause that nobody judged could be behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnostics.case import Case
from diagnostics.model import PullStep, Remedy
from diagnostics.verdicts import Judgement, proven, unread

__all__ = ["CATALOGUE", "NOT_JUDGED", "Entry", "NamedOnly"]

NOT_JUDGED = "no live check of this version decides it"
"""What a finding says of itself that goes by the text alone."""

_AUTH = ("unauthorized", "forbidden", "identity-misconfigured")
_WAY = ("network-firewall", "network-timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One published cause: its id, what it is in one sentence, and the way out in portal words."""

    id: str
    step: PullStep
    explains: tuple[str, ...]
    title: str
    way_out: str


class NamedOnly:
    """A cause that no live check decides yet: it goes by the text alone, and says so."""

    masked = False
    needs: tuple[str, ...] = ()

    def __init__(self, entry: Entry) -> None:
        self.id = entry.id
        self.title = entry.title
        self.step = entry.step
        self.rank = 50
        self.explains = frozenset(entry.explains)
        self._remedy = Remedy(title=entry.way_out)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where a component states it itself, *unread* where the text names it, else nothing."""
        if self.id in case.decisive and case.primary is not None:
            said = f"{case.primary.emitter} says so itself: {case.primary.text.strip()[:200]}"
            return proven(self.title, self._target(case), said, remedies=(self._remedy,))
        return unread(self.title, self._target(case), NOT_JUDGED, remedies=(self._remedy,))

    def _target(self, case: Case) -> str:
        for group in ("host", "address", "package", "image", "registry"):
            if case.captured(group):
                return case.captured(group) or ""
        return str(case.image or "")


def _entries(step: PullStep, rows: Iterable[tuple[str, tuple[str, ...], str, str]]) -> Mapping[str, Entry]:
    return {row[0]: Entry(id=row[0], step=step, explains=row[1], title=row[2], way_out=row[3]) for row in rows}


CATALOGUE: Mapping[str, Entry] = {
    **_entries(
        PullStep.BUILD,
        (
            (
                "build-dependency-failed",
                ("image-build-failed",),
                "A package could not be installed while the environment's image was built",
                "Correct or pin the package in the environment's definition, then build again",
            ),
            (
                "build-base-image-failed",
                ("image-build-failed", *_AUTH, "tag-not-found", "repository-not-found", "rate-limited"),
                "The base image could not be pulled while the environment's image was built",
                "Check the base image's reference and the build's access to its registry",
            ),
            (
                "build-blocked-by-firewall",
                ("image-build-failed", *_WAY),
                "The registry's own network rules refuse the image build",
                "Set imageBuildCompute to a compute with a way to the registry: an address rule does not last",
            ),
            (
                "build-tasks-not-permitted",
                ("image-build-failed",),
                "The subscription may not run ACR Tasks",
                "Build on an image build compute, or ask Azure support to permit ACR Tasks",
            ),
            (
                "build-compute-missing",
                ("image-build-failed", *_WAY),
                "The image cannot be built: ACR Tasks cannot reach the registry and no build compute is usable",
                "Set the workspace's imageBuildCompute to a compute with a way to the registry",
            ),
            (
                "build-definition-broken",
                ("image-build-failed", "invalid-reference"),
                "The Dockerfile or the environment's definition is at fault",
                "Correct the step that the build log names, then build again",
            ),
        ),
    ),
    **_entries(
        PullStep.NAME,
        (
            (
                "private-name-unresolved",
                ("dns", *_WAY),
                "The registry's private name does not lead to its private endpoint from the compute's network",
                "Link the registry's private DNS zone to the compute's network and check its records",
            ),
        ),
    ),
    **_entries(
        PullStep.NETWORK,
        (
            (
                "private-endpoint-not-approved",
                ("dns", *_WAY),
                "The private endpoint that the compute's way needs is not approved",
                "Approve the connection under the registry's Networking, Private access",
            ),
            (
                "egress-blocked",
                (*_WAY, "tls"),
                "The compute's own network lets nothing out to the registry",
                "Allow the registry's hosts in the network security group, firewall or managed network",
            ),
            (
                "trusted-services-off",
                (*_WAY, "forbidden"),
                "The registry does not let trusted Azure services in",
                "Switch on 'Allow trusted Microsoft services' under the registry's Networking",
            ),
            (
                "tls-intercepted",
                ("tls",),
                "A proxy inspects the traffic to the registry and presents its own certificate",
                "Exempt the registry's hosts from inspection, or add the proxy's authority to the compute",
            ),
            (
                "registry-throttled",
                ("rate-limited",),
                "The registry is asked too often",
                "Start fewer nodes at once, or use a registry of a higher SKU",
            ),
            (
                "docker-hub-limit",
                ("rate-limited",),
                "Docker Hub's pull limit is used up",
                "Pull with a Docker Hub credential, through a cache rule, or import the image into your registry",
            ),
            (
                "registry-outage",
                ("registry-unavailable", "network-timeout"),
                "The registry is not well",
                "Look at the registry's resource health and at Azure status, then run again",
            ),
        ),
    ),
    **_entries(
        PullStep.IDENTITY,
        (
            (
                "pull-identity-unusable",
                _AUTH,
                "The identity named for the pull is deleted, or is not one of the compute's",
                "Attach the identity to the compute, or name one that it has",
            ),
            (
                "credentials-stale",
                ("unauthorized",),
                "The stored registry keys are no longer valid",
                "Run `az ml workspace sync-keys` for the workspace",
            ),
            (
                "connection-credential-wrong",
                ("unauthorized", "forbidden"),
                "The workspace connection's registry credential is refused",
                "Renew the credential of the workspace connection",
            ),
            (
                "service-principal-refused",
                _AUTH,
                "The service principal that pulls is refused by Microsoft Entra",
                "Renew its secret, or pull with a managed identity instead",
            ),
            (
                "no-credential-sent",
                ("unauthorized", "identity-misconfigured"),
                "The image is in a registry that the run had no credential for",
                "Add a workspace connection for that registry, or move the image to the workspace's own",
            ),
            (
                "registry-in-other-tenant",
                _AUTH,
                "The compute's identity and the registry belong to different tenants",
                "Use a workspace connection with a token of that registry, or import the image",
            ),
            (
                "aad-token-audience-disabled",
                _AUTH,
                "The registry refuses tokens made for Azure Resource Manager",
                "Enable authentication-as-arm on the registry",
            ),
        ),
    ),
    **_entries(
        PullStep.PERMISSION,
        (
            (
                "repository-condition-excludes-image",
                _AUTH,
                "The repository role's condition does not cover this repository",
                "Widen the condition of the role assignment to this repository",
            ),
            (
                "deny-assignment",
                _AUTH,
                "A deny assignment takes the right to pull away",
                "Ask the owner of the deny assignment to exclude the identity",
            ),
            (
                "role-propagating",
                _AUTH,
                "The right to pull was granted moments before the run and had not taken effect",
                "Run again: a role assignment takes up to ten minutes",
            ),
        ),
    ),
    **_entries(
        PullStep.TAG,
        (
            (
                "replica-behind",
                ("tag-not-found", "region-mismatch", "corrupt-layer"),
                "The replica that serves the compute's region did not have the image yet",
                "Run again, or push some minutes before the run",
            ),
            (
                "artifact-unreadable",
                ("artifact-locked", "tag-not-found"),
                "The image is quarantined or its reading is disabled",
                "Release it from quarantine, or enable reading on the tag",
            ),
            (
                "base-image-retired",
                ("deprecated-image",),
                "The base image is retired or of a schema that is no longer supported",
                "Move to a supported base image",
            ),
        ),
    ),
    **_entries(
        PullStep.PLATFORM,
        (
            (
                "platform-absent",
                ("architecture-mismatch",),
                "The image has no manifest for the compute's platform",
                "Build and push the image for the compute's platform (linux/amd64)",
            ),
        ),
    ),
    **_entries(
        PullStep.LAYERS,
        (
            (
                "data-endpoint-blocked",
                (*_WAY, "dns"),
                "Log-in works, but the host that serves the layers cannot be reached",
                "Allow the registry's data endpoint, or the storage behind it, on the compute's way out",
            ),
            (
                "layer-corrupt",
                ("corrupt-layer",),
                "A layer of the image does not match its digest or is missing",
                "Push the image again under a new tag",
            ),
            (
                "storage-quota-exceeded",
                ("storage-limit",),
                "The registry's storage is full",
                "Purge old images or move to a higher SKU",
            ),
            (
                "encryption-key-unreachable",
                ("registry-unavailable", "forbidden"),
                "The registry's customer-managed key cannot be used",
                "Restore the key or the identity's access to it",
            ),
            (
                "replica-unavailable",
                ("registry-unavailable", "region-mismatch"),
                "The replica that serves the compute's region is not ready",
                "Enable the replica's endpoint, or route to another region",
            ),
        ),
    ),
    **_entries(
        PullStep.TIME,
        (
            (
                "node-disk-full",
                ("disk-full",),
                "The image does not fit the compute's disk",
                "Use a smaller image or a VM size with a larger disk",
            ),
        ),
    ),
    **_entries(
        PullStep.REFERENCE,
        (
            (
                "reference-malformed",
                (
                    "dns",
                    "insufficient-evidence",
                    "invalid-reference",
                    "network-timeout",
                    "registry-not-found",
                    "repository-not-found",
                    "tag-not-found",
                    "tls",
                    "unauthorized",
                ),
                "The image reference is malformed",
                "Correct the reference in the environment's image: host, repository, then tag or digest",
            ),
        ),
    ),
    **_entries(
        PullStep.NAME,
        (
            (
                "registry-absent",
                (
                    "dns",
                    "insufficient-evidence",
                    "invalid-reference",
                    "network-timeout",
                    "registry-not-found",
                ),
                "There is no registry of that login server",
                "Name a registry that exists in the environment's image, or create it again under its name",
            ),
        ),
    ),
    **_entries(
        PullStep.NETWORK,
        (
            (
                "address-not-allowed",
                (
                    "forbidden",
                    "network-firewall",
                ),
                "The registry's network rules do not let the compute's address in",
                "Allow the compute's outbound address under the registry's Networking, or give it a private way",
            ),
            (
                "public-access-disabled",
                (
                    "forbidden",
                    "insufficient-evidence",
                    "network-firewall",
                ),
                "The registry's public access is off, and the compute has no private way to it",
                "Give the compute's network a private endpoint for the registry, or open the public access",
            ),
        ),
    ),
    **_entries(
        PullStep.IDENTITY,
        (
            (
                "pull-identity-absent",
                (
                    "admin-user-disabled",
                    "forbidden",
                    "identity-misconfigured",
                    "insufficient-evidence",
                    "unauthorized",
                ),
                "The compute has no managed identity to pull with, and the registry's admin user is off",
                "Give the compute a managed identity, and grant it the pull role on the registry",
            ),
            (
                "admin-user-disabled",
                (
                    "admin-user-disabled",
                    "identity-misconfigured",
                    "unauthorized",
                ),
                "The pull relies on the registry's admin user, which is off",
                "Pull with a managed identity; or switch the registry's admin user on, under Access keys",
            ),
        ),
    ),
    **_entries(
        PullStep.PERMISSION,
        (
            (
                "pull-role-missing",
                (
                    "admin-user-disabled",
                    "forbidden",
                    "identity-misconfigured",
                    "insufficient-evidence",
                    "unauthorized",
                ),
                "The identity that pulls has no role on the registry that grants the pull",
                "Grant the identity that pulls AcrPull on the registry, under Access control (IAM)",
            ),
            (
                "pull-role-ignored-in-abac-mode",
                (
                    "admin-user-disabled",
                    "forbidden",
                    "identity-misconfigured",
                    "insufficient-evidence",
                    "unauthorized",
                ),
                "The identity holds a pull role that the registry's permission mode ignores",
                "Grant the identity Container Registry Repository Reader on the registry",
            ),
        ),
    ),
    **_entries(
        PullStep.REPOSITORY,
        (
            (
                "repository-absent",
                (
                    "forbidden",
                    "insufficient-evidence",
                    "repository-not-found",
                    "tag-not-found",
                    "unauthorized",
                ),
                "The registry does not know the repository",
                "Push the image to that repository, or correct the repository in the environment's image",
            ),
        ),
    ),
    **_entries(
        PullStep.TAG,
        (
            (
                "tag-absent",
                (
                    "identity-misconfigured",
                    "insufficient-evidence",
                    "tag-not-found",
                    "unauthorized",
                ),
                "The repository does not have the tag",
                "Use a tag that the repository has, or push the one that is asked for",
            ),
        ),
    ),
    **_entries(
        PullStep.TIME,
        (
            (
                "pull-too-slow",
                (
                    "pull-too-slow",
                    "region-mismatch",
                ),
                "The image is too large for the time that the pull was given",
                "Make the image smaller, or give the pull more time",
            ),
        ),
    ),
    **_entries(
        PullStep.DISTANCE,
        (
            (
                "region-mismatch",
                (
                    "network-timeout",
                    "pull-too-slow",
                    "region-mismatch",
                ),
                "The registry is served from another region than the compute's, and the transfer was too slow",
                "Replicate the registry into the compute's region",
            ),
        ),
    ),
}
