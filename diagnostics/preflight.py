"""Before anything has failed: can this compute pull this image, and if not, why?

The same probes and causes as after a failure, with no text to go by: only what a live fact shows by itself counts as a
*no*. A *yes* needs every step of the pull known to be open, in the order in which a pull takes them; whatever could
not be read, or is not to be seen from outside, makes it *cannot tell*, with the reason in words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from diagnostics.case import Case
from diagnostics.causes._destinations import Destination
from diagnostics.causes._egress import EGRESS_FACTS, egress_to
from diagnostics.causes._pulling import no_right_needed
from diagnostics.causes._ways import WAY_FACTS, Place, perhaps_private, place_of, private_way
from diagnostics.describing import chain_of, checks_of
from diagnostics.facts import Manifest, ManifestOutcome, Registry
from diagnostics.judging import Cause, all_causes
from diagnostics.model import EVIDENCE_SCHEMA, Evidence, FailedRun, Finding, PullStep, RunDetails, Status
from diagnostics.probing import FactReader, Subject
from diagnostics.pullers import PullerKind
from diagnostics.reach import Reach
from diagnostics.references import MalformedReference, parse
from diagnostics.verdicts import Judgement, Proof

__all__ = ["Answer", "Preflight", "judge_preflight", "preflight", "read_preflight"]

DEADLINE = timedelta(seconds=25)
_ID = "preflight"

_LIVE = frozenset(
    {
        "reference-malformed",
        "registry-absent",
        "encryption-key-unreachable",
        "registry-outage",
        "registry-in-other-tenant",
        "pull-identity-unusable",
        "aad-token-audience-disabled",
        "node-disk-full",
    }
)
"""Causes that a live fact shows by itself although none of them is ever masked by another."""

_CLOSED_ONLY = frozenset({"public-access-disabled", "private-endpoint-not-approved", "private-name-unresolved"})
"""Causes about the private way: they stop a pull only where the public way is closed."""

_SHOWN_BY_MANIFEST = (PullStep.REPOSITORY, PullStep.TAG, PullStep.PLATFORM)
_ALWAYS = ("workspace", "compute", "registry", "manifest", *WAY_FACTS, *EGRESS_FACTS)


class Answer(StrEnum):
    """Whether the pull would work."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What would become of one pull: ``findings`` in the order in which it meets them, all in words.

    ``unknown`` is what keeps a *yes* from being said, ``unchecked`` what could not be looked at and seldom matters.
    """

    compute: str
    image: str
    answer: Answer
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


def preflight(
    workspace_id: str,
    compute: str,
    image: str,
    reach: Reach,
    *,
    deadline: timedelta = DEADLINE,
    monotonic: Callable[[], float] = time.monotonic,
) -> Preflight:
    """Return whether ``compute`` could pull ``image`` now. Never raises: what cannot be read is said to be unknown."""
    return judge_preflight(read_preflight(workspace_id, compute, image, reach, deadline=deadline, monotonic=monotonic))


def read_preflight(
    workspace_id: str,
    compute: str,
    image: str,
    reach: Reach,
    *,
    deadline: timedelta = DEADLINE,
    monotonic: Callable[[], float] = time.monotonic,
) -> Evidence:
    """Return the evidence: the facts of every cause that is judged, and neither a text nor a failure."""
    until, now = monotonic() + deadline.total_seconds(), reach.now()
    run = FailedRun(event_id="", workspace_id=workspace_id, run_id=_ID, failed_at=now)
    details = RunDetails(run_id=_ID, root_run_id=_ID, compute=compute, image=image)
    try:
        parsed = parse(image)
    except MalformedReference:
        parsed = None
    pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix=_ID)
    try:
        reader = FactReader(pool, reach, lambda: until - monotonic())
        subject = Subject(run=run, details=details, image=parsed, image_text=image)
        reader.start(dict.fromkeys((*_ALWAYS, *(need for cause in _judged() for need in cause.needs))), subject)
        facts = reader.facts()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        run=run,
        taken_at=now,
        details=details,
        image=parsed,
        image_text=image,
        facts=facts,
    )


def judge_preflight(evidence: Evidence) -> Preflight:
    """Return what the facts say of a pull that nobody has tried. Pure."""
    case = Case(evidence)
    public_unknown = _public_way_unknown(case)
    said = [(cause, found) for cause in _judged() if (found := cause.judge(case)) is not None]
    if public_unknown is None:
        said = [(cause, found) for cause, found in said if cause.id not in _CLOSED_ONLY]
    findings = _ordered(_finding(cause, found) for cause, found in said if _proves(found))
    egress = _egress_finding(case)
    findings = _ordered((*findings, egress)) if egress else findings
    unknown = tuple(dict.fromkeys((*(public_unknown or ()), *_open_questions(case, said))))
    needed = dict.fromkeys(need for cause, _ in said for need in cause.needs)
    answer = Answer.NO if findings else Answer.CANNOT_TELL if unknown else Answer.YES
    return Preflight(
        compute=case.compute_words,
        image=evidence.image_text or "",
        answer=answer,
        findings=findings,
        unknown=unknown,
        unchecked=tuple(words for words in case.unread(*needed) if words not in unknown),
        chain=chain_of(case),
        checks=checks_of(case),
    )


def _judged() -> Iterator[Cause]:
    for cause in all_causes():
        if cause.step is not PullStep.BUILD and (cause.masked or cause.id in _LIVE | _CLOSED_ONLY):
            yield cause


def _proves(said: Judgement) -> bool:
    return said.proof is Proof.PROVEN and not said.against


def _finding(cause: Cause, said: Judgement) -> Finding:
    return Finding(
        cause=cause.id,
        status=Status.CONFIRMED,
        headline=said.headline or cause.title,
        target=said.target,
        step=cause.step,
        reasons=said.reasons,
        remedies=said.remedies,
    )


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    ranks = {cause.id: cause.rank for cause in all_causes()}
    steps = list(PullStep)
    return tuple(sorted(findings, key=lambda found: (steps.index(found.step), ranks[found.cause], found.cause)))


# --- the way ------------------------------------------------------------------------------------------------


def _egress_finding(case: Case) -> Finding | None:
    """Return that the compute's own network lets no call out to the registry, where no private way is there instead."""
    registry = case.registry
    if registry is None or private_way(case, registry).approved or perhaps_private(case, registry):
        return None
    found = egress_to(case, Destination(host=registry.login_server, region=registry.region))
    if not found.blocked:
        return None
    return Finding(
        cause="egress-blocked",
        status=Status.CONFIRMED,
        headline=f"the network of {case.compute_words} lets nothing out to {registry.login_server}",
        target=found.target,
        step=PullStep.NETWORK,
        reasons=(found.blocked,),
        remedies=found.remedies,
    )


def _public_way_unknown(case: Case) -> tuple[str, ...] | None:
    """Return ``None`` where the registry lets everybody in, else what is not known of the way to it."""
    registry = case.registry
    if registry is None or (registry.public_access and not registry.denies_by_default):
        return None
    way = private_way(case, registry)
    if way.approved:
        return ()
    if way.unknown:
        return way.unknown
    if not registry.public_access:
        return ()
    rules = ", ".join(registry.ip_rules) or "none"
    return (f"by which address {case.compute_words} comes: {registry.name} lets in only {rules}",)


# --- what is not known --------------------------------------------------------------------------------------


def _open_questions(case: Case, said: Iterable[tuple[Cause, Judgement]]) -> Iterator[str]:
    """Yield what keeps a *yes* from being said, in the order of a pull."""
    yield from case.unread("workspace", "compute", "registry")
    if case.lookup is not None and case.lookup.found is None and not case.value("manifest", Manifest):
        yield f"{case.lookup.host} is no registry that Resource Manager lists for us"
    if case.registry is not None:
        yield from _way_out(case, case.registry)
        yield from _puller(case)
    for cause, found in said:
        if found.proof is Proof.UNREAD and _decides(case, cause):
            yield from found.unchecked
    yield from _image(case)


def _decides(case: Case, cause: Cause) -> bool:
    """A manifest that we were given is there and may be read; what is never masked shows itself or seldom matters."""
    if cause.id in _CLOSED_ONLY:
        return place_of(case) is not Place.NOWHERE
    manifest = case.value("manifest", Manifest)
    given = manifest is not None and manifest.outcome == ManifestOutcome.FOUND
    return cause.masked and not (given and cause.step in _SHOWN_BY_MANIFEST)


def _way_out(case: Case, registry: Registry) -> Iterator[str]:
    if private_way(case, registry).approved or (case.compute is not None and case.compute.kind == "Serverless"):
        return
    out = egress_to(case, Destination(host=registry.login_server, region=registry.region))
    yield from out.unknown
    if out.blocked:
        yield from perhaps_private(case, registry)


def _puller(case: Case) -> Iterator[str]:
    puller = case.puller
    if no_right_needed(case) or puller is None:
        return
    if puller.kind is PullerKind.UNKNOWN:
        yield f"who pulls: {puller.reason}"
    elif puller.kind is PullerKind.IDENTITY:
        yield from case.unread("role-grants", "role-visibility")


def _image(case: Case) -> Iterator[str]:
    manifest = case.value("manifest", Manifest)
    if manifest is None:
        yield from case.unread("manifest")
    elif manifest.outcome != ManifestOutcome.FOUND:
        yield f"the image: {manifest.said}"
