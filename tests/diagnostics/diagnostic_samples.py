"""Values that the tests of the diagnosis share: facts as probes give them, evidence made of them, roles as Azure has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from diagnostics.case import Case
from diagnostics.facts import (
    Compute,
    Grant,
    GrantedPermissions,
    Identity,
    Manifest,
    ManifestOutcome,
    NameAvailability,
    Registry,
    RegistryLookup,
    Replica,
    Replicas,
    RoleGrants,
    RoleVisibility,
    TagDetail,
    Tags,
    Workspace,
)
from diagnostics.judging import all_causes
from diagnostics.model import (
    EVIDENCE_SCHEMA,
    Evidence,
    Fact,
    FailedRun,
    Known,
    LogExcerpt,
    RunDetails,
    Symptom,
    Unknown,
    Vantage,
)
from diagnostics.probing import Subject
from diagnostics.references import MalformedReference, parse
from diagnostics.verdicts import Judgement
from sandbox.roles import BUILT_IN

FAILED = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
BEFORE = FAILED - timedelta(days=30)
AFTER = FAILED + timedelta(minutes=20)
SUBSCRIPTION = "/subscriptions/11111111-1111-4111-8111-111111111111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-train"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/proseware-ml"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/prosereg"
SERVER = "prosereg.azurecr.io"
IMAGE = f"{SERVER}/team/train:7"
PRINCIPAL = "22222222-0000-4000-8000-000000000002"


def run(**changes: Any) -> FailedRun:
    """Return a failed run."""
    values: dict[str, Any] = {
        "event_id": "e1",
        "workspace_id": WORKSPACE,
        "run_id": "brave_run_1",
        "failed_at": FAILED,
    }
    return FailedRun(**values | changes)


def details(**changes: Any) -> RunDetails:
    """Return what run history says of that run."""
    values: dict[str, Any] = {
        "run_id": "brave_run_1",
        "root_run_id": "brave_run_1",
        "status": "Failed",
        "compute": "cluster",
    }
    return RunDetails(**values | changes)


def symptom(kind: str = "unauthorized", text: str = "unauthorized: authentication required", **changes: Any) -> Symptom:
    """Return what a text says, proven by one line."""
    file = changes.pop("file", "system_logs/lifecycler/lifecycler.log")
    values: dict[str, Any] = {
        "id": kind,
        "signature": f"{kind}-sample",
        "emitter": "the container runtime",
        "excerpt": LogExcerpt(file=file, first_line=12, lines=(text,)),
        "line": 12,
    }
    return Symptom(**values | changes)


def workspace(**changes: Any) -> Workspace:
    """Return the workspace, with its registry attached."""
    values: dict[str, Any] = {
        "id": WORKSPACE,
        "name": "proseware-ml",
        "region": "northeurope",
        "discovery_url": "https://northeurope.api.azureml.ms/discovery",
        "container_registry": REGISTRY,
    }
    return Workspace(**values | changes)


def identity(**changes: Any) -> Identity:
    """Return a compute's system-assigned identity."""
    values: dict[str, Any] = {"kind": "system-assigned", "principal_id": PRINCIPAL}
    return Identity(**values | changes)


def compute(**changes: Any) -> Compute:
    """Return a cluster with an identity."""
    values: dict[str, Any] = {
        "name": "cluster",
        "found": True,
        "kind": "AmlCompute",
        "region": "northeurope",
        "identities": (identity(),),
    }
    return Compute(**values | changes)


def registry(**changes: Any) -> Registry:
    """Return an open registry in the registry-wide mode, its admin user off."""
    values: dict[str, Any] = {
        "id": REGISTRY,
        "name": "prosereg",
        "login_server": SERVER,
        "region": "northeurope",
        "sku": "Premium",
        "admin_user_enabled": False,
        "anonymous_pull": False,
        "abac": False,
        "public_access": True,
        "default_action": "Allow",
        "created_at": BEFORE,
        "changed_at": BEFORE,
    }
    return Registry(**values | changes)


def lookup(found: Registry | None = None, **changes: Any) -> RegistryLookup:
    """Return the workspace's own registry, found."""
    values: dict[str, Any] = {"host": SERVER, "attached": True, "attached_login_server": SERVER}
    return RegistryLookup(found=found or registry(), **values | changes)


def no_registry(**changes: Any) -> RegistryLookup:
    """Return that no list has the registry."""
    values: dict[str, Any] = {"host": SERVER, "found": None, "searched": ("1", "2")}
    return RegistryLookup(**values | changes)


def grant(role: str = "AcrPull", **changes: Any) -> Grant:
    """Return an assignment of a built-in role, with the permissions that Azure publishes for it."""
    definition = next(found for found in BUILT_IN if found.name == role)
    block = GrantedPermissions(
        actions=definition.actions,
        not_actions=definition.not_actions,
        data_actions=definition.data_actions,
        not_data_actions=definition.not_data_actions,
    )
    values: dict[str, Any] = {
        "role": role,
        "role_id": definition.id,
        "scope": REGISTRY,
        "principal_id": PRINCIPAL,
        "principal_type": "ServicePrincipal",
        "permissions": (block,),
        "created_at": BEFORE,
    }
    return Grant(**values | changes)


def custom_grant(*, actions: tuple[str, ...] = (), data_actions: tuple[str, ...] = (), **changes: Any) -> Grant:
    """Return an assignment of a role that somebody wrote themselves."""
    block = GrantedPermissions(actions=actions, data_actions=data_actions)
    return replace(grant(), role="Our puller", role_id="c0", permissions=(block,), custom=True, **changes)


def grants(*held: Grant) -> RoleGrants:
    """Return the roles that reach the compute's identity."""
    return RoleGrants(principal_id=PRINCIPAL, scope=REGISTRY, grants=held)


def visible(*, readable: bool = True) -> RoleVisibility:
    """Return whether role assignments may be seen."""
    return RoleVisibility(scope=SUBSCRIPTION, readable=readable)


def manifest(outcome: str = ManifestOutcome.FOUND, **changes: Any) -> Manifest:
    """Return the registry's answer about the image."""
    said = {
        ManifestOutcome.TAG_UNKNOWN: "HTTP 404, MANIFEST_UNKNOWN",
        ManifestOutcome.REPOSITORY_UNKNOWN: "HTTP 404, NAME_UNKNOWN",
    }
    return Manifest(outcome=outcome, reference="7", said=said.get(outcome, ""), **changes)


def tags(*names: str, created_at: datetime | None = BEFORE) -> Tags:
    """Return the repository's tags, newest first."""
    return Tags(newest=tuple(TagDetail(name=name, created_at=created_at) for name in names), complete=True)


def replicas(*regions: str) -> Replicas:
    """Return where the registry is served from."""
    return Replicas(replicas=tuple(Replica(region=region, provisioning_state="Succeeded") for region in regions))


def healthy(**changes: Any) -> dict[str, Any]:
    """Return one value for every fact, of a world in which nothing is wrong."""
    values: dict[str, Any] = {
        "workspace": workspace(),
        "compute": compute(),
        "registry": lookup(),
        "registry-name": NameAvailability(name="prosereg", available=False, reason="AlreadyExists"),
        "role-grants": grants(grant()),
        "role-visibility": visible(),
        "manifest": manifest(compressed_bytes=2 * 1024**3, layers=8),
        "tags": tags("7", "6"),
        "replicas": replicas("northeurope"),
    }
    return values | {name.replace("_", "-"): value for name, value in changes.items()}


def known(value: Any) -> Known[Any]:
    """Return a fact that was read a minute after the failure."""
    return Known(value=value, source="Azure", vantage=Vantage.CONTROL_PLANE, time=FAILED + timedelta(minutes=1))


def evidence(*symptoms: Symptom, facts: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    """Return evidence; plain values among ``facts`` become facts that were read."""
    read: dict[str, Fact] = {
        name: value if isinstance(value, (Known, Unknown)) else known(value) for name, value in (facts or {}).items()
    }
    written = changes.pop("image", IMAGE)
    try:
        image = parse(written) if written else None
    except MalformedReference:
        image = None
    values: dict[str, Any] = {
        "schema": EVIDENCE_SCHEMA,
        "run": run(),
        "taken_at": FAILED + timedelta(minutes=1),
        "details": details(),
        "image": image,
        "image_text": written,
        "symptoms": symptoms,
        "facts": read,
    }
    return Evidence(**values | changes)


def judged(cause: str, shown: Symptom, *, facts: dict[str, Any], **changes: Any) -> Judgement:
    """Return what one cause says of a symptom and of ``facts``."""
    found = next(candidate for candidate in all_causes() if candidate.id == cause)
    said = found.judge(Case(evidence(shown, facts=facts, **changes)))
    assert said is not None
    return said


def subject(image: str = IMAGE, **changes: Any) -> Subject:
    """Return what a probe is told of the failed run."""
    values: dict[str, Any] = {
        "run": run(),
        "details": details(),
        "image": parse(image),
        "image_text": image,
        "symptoms": (symptom(),),
    }
    return Subject(**values | changes)


def value(fact: Fact, kind: type) -> Any:
    """Return the value of a fact that was read."""
    assert isinstance(fact, Known), fact
    assert isinstance(fact.value, kind)
    return fact.value
