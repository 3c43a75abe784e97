"""From a confirmed diagnosis to the one role assignment that repairs it. Pure: what is written follows from the facts.

Principal, scope and role are what Azure's control plane stated. A log may say which of a compute's identities was
refused; that it is one of them is Azure's answer. It may quote an image, too, and anybody can write a log: a registry
counts only where the run's own document names it, or where it is the workspace's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnostics.case import Case
from diagnostics.describing import grant_words, mode_words
from diagnostics.facts import Identity, Registry
from diagnostics.model import Diagnosis, Evidence, ImageReference, Known, Status, Vantage
from diagnostics.permissions import Right
from diagnostics.pull_right import PullRight, pull_right, right_unread
from diagnostics.pull_roles import PullRole, pull_role
from diagnostics.pullers import ENDPOINT_KIND, PullerKind
from diagnostics.references import MalformedReference, parse, same_registry
from responders.fixes.values import FIXABLE, Declined, NotFixed, Plan, Policy, Repositories

__all__ = ["condition_on", "plan_fix", "registry_tags", "right_is_there"]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REGISTRY = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/?#%]{1,90}/providers/Microsoft\.ContainerRegistry/registries/"
    r"[a-z0-9]{5,50}",
    re.IGNORECASE,
)
_DECIDING = ("registry", "role-grants", "role-visibility")
"""The facts that a plan rests on, beside whose identity it is."""

_READ = "Microsoft.ContainerRegistry/registries/repositories"


def plan_fix(incident_id: str, evidence: Evidence, diagnosis: Diagnosis, policy: Policy) -> Plan | Declined:
    """Return the assignment that repairs what ``diagnosis`` confirms, or why there is none.

    Whether it is pre-approved is decided by :func:`responders.fixes.policy.allowed`.
    """
    finding = diagnosis.headline
    case = Case(evidence)
    if right_now(case) is Right.GRANTED:
        return Declined(NotFixed.GRANTED_SINCE, "the identity may pull by now: run again")
    if diagnosis.verdict not in FIXABLE or finding is None:
        return Declined(NotFixed.NOT_FIXABLE, f"no role repairs {diagnosis.verdict}")
    if diagnosis.status is not Status.CONFIRMED:
        return Declined(
            NotFixed.NOT_CONFIRMED, "the cause is only likely: no live fact proves that the role is missing"
        )
    right = pull_right(case)
    if right is None or right.unseen or right.undated:
        said = "; ".join((*right_unread(case), *(right.unseen if right is not None else ())))
        return Declined(NotFixed.NO_ANSWER, said or "not all that decides could be read")
    return _planned(incident_id, case, diagnosis, right, policy)


def right_now(case: Case) -> Right | None:
    """Return the right of the identity that pulls as it is now, ``None`` where it could not be read."""
    right = pull_right(case)
    return right.now if right is not None else None


def right_is_there(evidence: Evidence, plan: Plan) -> bool | None:
    """Tell whether the plan's identity may pull from the plan's registry; ``None`` where that could not be read."""
    right = pull_right(Case(evidence))
    if right is None or right.now is Right.UNDECIDED:
        return None
    same = right.principal_id.lower() == plan.principal_id.lower()
    if not same or right.registry.id.lower() != plan.registry_id.lower():
        return None
    return right.now is Right.GRANTED


def registry_tags(evidence: Evidence) -> Mapping[str, str]:
    """Return the tags of the registry's own resource."""
    registry = Case(evidence).registry
    return registry.tags if registry is not None else {}


def condition_on(repository: str, repositories: Repositories) -> str:
    """Return the condition that narrows a repository role (*Entra attribute-based access control* for ACR, 2025-12-11).

    ``repository`` has to follow the grammar of references: nothing is escaped here. A prefix is the first part of the
    name with the slash that the documents ask for; a name without one stands alone.
    """
    first, slash, _ = repository.partition("/")
    by_prefix = repositories is Repositories.PREFIX and bool(slash)
    test = f"StringStartsWithIgnoreCase '{first}/'" if by_prefix else f"StringEqualsIgnoreCase '{repository}'"
    return (
        f"((!(ActionMatches{{'{_READ}/content/read'}}) AND !(ActionMatches{{'{_READ}/metadata/read'}}))"
        f" OR (@Request[{_READ}:name] {test}))"
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    """An identity that Azure states for something of the workspace's, and in words whose it is."""

    identity: Identity
    of: str
    endpoint: bool = False

    @property
    def words(self) -> str:
        return f"the {self.identity.kind} identity of {self.of}"


def _planned(incident_id: str, case: Case, diagnosis: Diagnosis, right: PullRight, policy: Policy) -> Plan | Declined:
    registry, role = right.registry, pull_role(abac=right.registry.abac)
    if (unsaid := _unsaid(case, registry)) is not None:
        return Declined(NotFixed.NO_ANSWER, unsaid)
    holder = _holder(case, right.principal_id)
    if holder is None:
        why = "the identity that pulls is none that Azure states for the compute or the workspace"
        return Declined(NotFixed.NO_ANSWER, why)
    if holder.endpoint and right.principal_id.lower() not in policy.principals:
        why = f"{holder.words} pulls: an endpoint's identity has to stand among the principals of [fixes]"
        return Declined(NotFixed.NOT_IN_POLICY, why)
    repository = _repository(case, registry) if registry.abac else ""
    if repository is None:
        why = "the repository is not known from the run's own document, so the role could not be narrowed to it"
        return Declined(NotFixed.NO_ANSWER, why)
    run = case.evidence.run
    return Plan(
        incident_id=incident_id,
        cause=diagnosis.verdict,
        workspace_id=run.workspace_id,
        run_id=run.run_id,
        registry_id=registry.id,
        registry_name=registry.name,
        principal_id=right.principal_id,
        principal_words=holder.words,
        role_name=role.name,
        role_id=role.id,
        condition=condition_on(repository, policy.repositories) if registry.abac else "",
        repository=repository,
        before=tuple(_before(right)),
        after=(_after(registry, role, repository, policy),),
    )


def _unsaid(case: Case, registry: Registry) -> str | None:
    """Return what Azure itself did not say of the registry and the roles there, ``None`` where it said all of it."""
    if not _REGISTRY.fullmatch(registry.id):
        return "Resource Manager did not state the registry's resource id"
    if not all(_stated(case, name) for name in _DECIDING):
        return "not all that decides was stated by Azure's control plane"
    named = _named_by_the_run(case)
    attached = case.lookup is not None and case.lookup.attached
    if not attached and (named is None or not same_registry(named.registry, registry.login_server)):
        return (
            f"that the image is in {registry.name} is known from a log alone: the run's own document does not name "
            "that registry, nor is it the workspace's"
        )
    return None


def _stated(case: Case, name: str) -> bool:
    """Tell whether a fact is the control plane's: nothing else may decide what is written."""
    fact = case.fact(name)
    return isinstance(fact, Known) and fact.vantage is Vantage.CONTROL_PLANE


def _holder(case: Case, principal_id: str) -> _Holder | None:
    """Return whose identity it is that pulls, as Azure states it; ``None`` where it is nobody's of the workspace."""
    puller, wanted = case.puller, principal_id.lower()
    if not _GUID.fullmatch(principal_id) or puller is None or puller.kind is not PullerKind.IDENTITY:
        return None
    if (puller.principal_id or "").lower() != wanted:
        return None
    return next((it for it in _holders(case) if (it.identity.principal_id or "").lower() == wanted), None)


def _holders(case: Case) -> Iterator[_Holder]:
    """Yield every identity that Azure states, the compute's before the workspace's before its endpoints'."""
    compute = case.compute if _stated(case, "compute") else None
    workspace = case.workspace if _stated(case, "workspace") else None
    where = f" of {workspace.name}" if workspace is not None else ""
    if compute is not None and compute.kind != ENDPOINT_KIND:
        yield from _held(compute.identities, f"compute {compute.name}{where}")
    if workspace is not None:
        yield from _held(workspace.identities, f"the workspace {workspace.name}")
    for endpoint in compute.endpoints if compute is not None else ():
        yield from _held(endpoint.identities, f"the online endpoint {endpoint.name}{where}", endpoint=True)


def _held(identities: Iterable[Identity], of: str, *, endpoint: bool = False) -> Iterator[_Holder]:
    return (_Holder(identity, of, endpoint) for identity in identities)


def _named_by_the_run(case: Case) -> ImageReference | None:
    """Return the image as the run's own document has it; what a log says of it is not enough to write by."""
    details = case.evidence.details
    try:
        return parse(details.image) if details is not None and details.image else None
    except MalformedReference:
        return None


def _repository(case: Case, registry: Registry) -> str | None:
    """Return the repository to narrow the role to: the run's document and what was judged have to agree on it.

    It follows the grammar of references (:func:`diagnostics.references.parse`), which has no quote and no wildcard.
    """
    named = _named_by_the_run(case)
    if named is None or case.image is None or not same_registry(named.registry, registry.login_server):
        return None
    return named.repository if named.repository == case.image.repository else None


def _before(right: PullRight) -> Iterator[str]:
    yield f"{right.registry.name} works in the mode {mode_words(right.registry)}"
    for grant in right.grants:
        yield f"the identity holds {grant_words(grant, right.principal_id)}"
    if not right.grants:
        yield "no role assignment reaches the identity at the registry"


def _after(registry: Registry, role: PullRole, repository: str, policy: Policy) -> str:
    if not repository:
        return f"the identity holds {role.name} at {registry.name}: it may pull every repository of it"
    by_prefix = policy.repositories is Repositories.PREFIX and "/" in repository
    what = f"repositories that start with {repository.partition('/')[0]}/" if by_prefix else f"repository {repository}"
    return f"the identity holds {role.name} at {registry.name}, for the {what} alone"
