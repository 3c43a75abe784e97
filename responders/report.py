"""From a diagnosis to a report: the wording that every channel shares. Pure; redacts and cleans each text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from diagnostics.model import (
    INSUFFICIENT_EVIDENCE,
    NOT_REGISTRY,
    Diagnosis,
    Evidence,
    FailedRun,
    Finding,
    LogExcerpt,
    Remedy,
    Status,
    Symptom,
    Unknown,
)
from diagnostics.redaction import redact
from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.clouds import Cloud, endpoints_link, run_link
from responders.wording import clean, one_line

__all__ = [
    "Block",
    "Code",
    "Kind",
    "Line",
    "Pair",
    "Report",
    "Text",
    "build_report",
    "undeliverable_report",
]

NOT_KNOWN = "not known"
_CONTEXT_LINES = 2
_OTHER_SYMPTOMS = 2
_RUNS_SHOWN = 5


def build_report(
    diagnosis: Diagnosis,
    evidence: Evidence,
    *,
    cloud: Cloud = Cloud.PUBLIC,
    stored_as: str = "",
    runs: Sequence[str] = (),
) -> Report:
    """Return the report of ``diagnosis``, proven by ``evidence``.

    ``stored_as`` is the key of the stored evidence, where a shortened message points. ``runs`` are the ids of
    every run of the incident, this one included; more than one is told in the headline. Never raises.
    """
    affected = tuple(dict.fromkeys((diagnosis.run.run_id, *runs, *evidence.pipeline_runs)))
    next_step = _next_step(diagnosis)
    builders: tuple[tuple[Kind, Callable[[], Iterable[Line]]], ...] = (
        (Kind.ALSO, lambda: _also(diagnosis)),
        (Kind.SETTLE, lambda: map(Text, diagnosis.settle)),
        (Kind.RUN, lambda: _run_facts(evidence, affected)),
        (Kind.EVIDENCE, lambda: _why(diagnosis, evidence)),
        (Kind.CHAIN, lambda: _chain(diagnosis.chain)),
        (Kind.CHECKS, lambda: _checks(diagnosis, evidence)),
        (Kind.REMEDIES, lambda: _other_remedies(diagnosis)),
        (Kind.NOTES, lambda: _notes(diagnosis, evidence)),
        (Kind.AS_CODE, lambda: _as_code(diagnosis)),
    )
    blocks = (_block(kind, build()) for kind, build in builders)
    return Report(
        headline=_prose(_headline(diagnosis, evidence, len(affected))),
        next_step=_block(Kind.NEXT_STEP, next_step),
        verdict=diagnosis.verdict,
        status=diagnosis.status.value if diagnosis.status else None,
        blocks=tuple(block for block in blocks if block.lines),
        run_url=_link(diagnosis.run, cloud),
        stored_as=_key_to_show(stored_as, diagnosis.run),
    )


def undeliverable_report(
    run: FailedRun | None, why: str, *, advice: str = "", cloud: Cloud = Cloud.PUBLIC, stored_as: str = ""
) -> Report:
    """Return the report of a run that ended without a diagnosis: why, which run, and what to do.

    ``run`` is ``None`` where not even the event could be read; ``stored_as`` then says where the message was
    kept.
    """
    name = one_line(run.run_id) if run else "a run that could not be read from its event"
    step = advice or (
        "Open the run and read its error. Its message waits in the poison queue: put it back once the reason is gone."
    )
    facts = _event_facts(run) if run else [Pair("Event", NOT_KNOWN)]
    return Report(
        headline=_prose(f"No diagnosis for {name}: {why}"),
        next_step=_block(Kind.NEXT_STEP, [Text(step)]),
        verdict="undeliverable",
        blocks=(_block(Kind.RUN, facts),),
        run_url=_link(run, cloud) if run else "",
        stored_as=_key_to_show(stored_as, run),
    )


def _link(run: FailedRun, cloud: Cloud) -> str:
    """Return the run's page; a deployment's is among those of the workspace's endpoints."""
    return endpoints_link(run.workspace_id, cloud) if run.deployment else run_link(run.workspace_id, run.run_id, cloud)


def _key_to_show(stored_as: str, run: FailedRun | None) -> str:
    """Leave out the key of a run whose id holds a secret: a key is the id in an encoding that no redactor knows."""
    return stored_as if run is None or redact(run.run_id) == run.run_id else ""


def _prose(text: str) -> str:
    return one_line(redact(text))


def _verbatim(text: str) -> str:
    return clean(redact(text)).strip("\n")


def _block(kind: Kind, lines: Iterable[Line]) -> Block:
    return Block(kind, tuple(_safe(line) for line in lines))


def _safe(line: Line) -> Line:
    match line:
        case Text(text):
            return Text(_prose(text))
        case Pair(label, value):
            return Pair(_prose(label), _prose(value))
        case Code(text, caption):
            return Code(_verbatim(text), _prose(caption))


def _headline(diagnosis: Diagnosis, evidence: Evidence, runs: int) -> str:
    image = str(evidence.image or evidence.image_text or "the image")
    finding = diagnosis.headline
    if finding is not None and diagnosis.status is not None:
        said = f"{diagnosis.status.value.capitalize()}: {finding.headline}"
    elif diagnosis.verdict == NOT_REGISTRY:
        said = "Not a registry failure: the run failed on something other than its image"
    elif diagnosis.verdict == INSUFFICIENT_EVIDENCE:
        said = f"Not enough evidence: {image} did not come, and what could be read does not say why"
    else:
        said = f"Not enough evidence: {diagnosis.verdict} has no finding behind it"
    return said.rstrip(". ") + _not_failed(evidence) + (f" ({runs} runs)." if runs > 1 else ".")


def _not_failed(evidence: Evidence) -> str:
    since = evidence.run.waiting_since
    if since is None:
        return ""
    state = (evidence.details.status if evidence.details else None) or "Preparing"
    return f" (has not failed yet; stuck in {state} since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _next_step(diagnosis: Diagnosis) -> list[Line]:
    finding = diagnosis.headline
    if finding is not None and finding.remedies:
        return _remedy(finding.remedies[0])
    if finding is not None:
        return [Text("No remedy is known for this cause: read below how we know, and open the run.")]
    if diagnosis.settle:
        return [Text(diagnosis.settle[0])]
    if diagnosis.verdict == NOT_REGISTRY:
        return [Text("Nothing to do on the registry: open the run and read its own error.")]
    return [Text("Open the run and read its log: nothing more could be read from here.")]


def _remedy(remedy: Remedy) -> list[Line]:
    said = ". ".join(part.rstrip(". ") for part in (remedy.title, remedy.detail) if part.strip())
    lines: list[Line] = [Text(said + ".")] if said else []
    return [*lines, Code(remedy.command)] if remedy.command.strip() else lines


def _run_facts(evidence: Evidence, affected: Sequence[str]) -> list[Line]:
    run, details = evidence.run, evidence.details
    image = str(evidence.image) if evidence.image else evidence.image_text
    if evidence.image and evidence.image.tag_implied:
        image = f"{image} (no tag was written: latest is implied)"
    compute = details.compute if details else None
    if compute and details and details.compute_kind:
        compute = f"{compute} ({details.compute_kind})"
    facts: list[Line] = [
        *_called(run),
        Pair("Experiment", run.experiment or (details and details.experiment) or NOT_KNOWN),
        Pair("Submitted by", run.submitted_by or (details and details.submitted_by) or NOT_KNOWN),
        Pair("Workspace", _workspace(run.workspace_id)),
        Pair("Compute", compute or NOT_KNOWN),
        Pair("Image", image or NOT_KNOWN),
        _dated(run),
    ]
    if details and details.root_run_id not in ("", run.run_id):
        facts.append(Pair("Pipeline run", details.root_run_id))
    if len(affected) > 1:
        facts.append(Pair("Runs", _some(affected)))
    return facts


def _called(run: FailedRun) -> list[Line]:
    if not run.deployment:
        return [Pair("Run id", run.run_id)]
    endpoint, _, name = run.deployment.partition("/onlineEndpoints/")[2].partition("/deployments/")
    return [Pair("Deployment", f"{name} of the online endpoint {endpoint}"), Pair("Attempt", run.run_id)]


def _dated(run: FailedRun) -> Pair:
    if run.waiting_since is not None:
        return Pair("Waiting", f"since {_utc(run.waiting_since)}, looked at {_utc(run.failed_at)}; it has not failed")
    return Pair("Deployed at" if run.deployment else "Failed at", _utc(run.failed_at))


def _event_facts(run: FailedRun) -> list[Line]:
    return [
        Pair("Run id", run.run_id),
        Pair("Experiment", run.experiment or NOT_KNOWN),
        Pair("Submitted by", run.submitted_by or NOT_KNOWN),
        Pair("Workspace", _workspace(run.workspace_id)),
        Pair("Failed at", _utc(run.failed_at)),
    ]


def _workspace(resource_id: str) -> str:
    parts = resource_id.strip("/").split("/")
    groups = [value for key, value in pairwise(parts) if key.lower() == "resourcegroups"]
    return f"{parts[-1]} (resource group {groups[0]})" if groups else parts[-1]


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _some(runs: Sequence[str]) -> str:
    more = len(runs) - _RUNS_SHOWN
    return ", ".join(runs[:_RUNS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _why(diagnosis: Diagnosis, evidence: Evidence) -> list[Line]:
    finding = diagnosis.headline
    reasons: list[Line] = [*map(Text, finding.reasons)] if finding else []
    against: list[Line] = [Text(f"Against it: {reason}") for reason in finding.against] if finding else []
    ranked = sorted(evidence.symptoms, key=lambda symptom: symptom.id != diagnosis.symptom)
    apart = _apart([s for s in ranked if s.id != INSUFFICIENT_EVIDENCE or diagnosis.symptom == INSUFFICIENT_EVIDENCE])
    quotes = [_quote(symptom) for symptom in apart[: 1 + _OTHER_SYMPTOMS]]
    more = len(apart) - len(quotes)
    rest: list[Line] = [Text(f"Further matching places, in the stored evidence: {more}.")] if more > 0 else []
    if not quotes:
        rest.append(Text("No line of a log could be quoted: the verdict rests on the facts alone."))
    return [*reasons, *against, *dict.fromkeys(quotes), *rest]


def _apart(symptoms: Sequence[Symptom]) -> list[Symptom]:
    """Leave out what another's quotation shows already."""
    kept: list[Symptom] = []
    for symptom in symptoms:
        near = (k for k in kept if k.excerpt.file == symptom.excerpt.file)
        if all(abs(k.line - symptom.line) > _CONTEXT_LINES for k in near):
            kept.append(symptom)
    return kept


def _quote(symptom: Symptom) -> Code:
    excerpt = symptom.excerpt
    proving = symptom.line - excerpt.first_line
    first = max(0, proving - _CONTEXT_LINES)
    shown = excerpt.lines[first : proving + 1 + _CONTEXT_LINES]
    text = "\n".join(f"{excerpt.number(first + index):>5}  {line}" for index, line in enumerate(shown))
    return Code(text, _caption(symptom, excerpt))


def _caption(symptom: Symptom, excerpt: LogExcerpt) -> str:
    place = f"line {symptom.line}" if symptom.line > 0 else f"line {-symptom.line} from the end"
    cut = f"; {excerpt.cut}" if excerpt.cut else ""
    return f"{excerpt.file}, {place} ({symptom.id}, said by {symptom.emitter}){cut}"


def _checks(diagnosis: Diagnosis, evidence: Evidence) -> list[Line]:
    told: list[Line] = [*map(Text, diagnosis.checks)] or [*_unread_facts(evidence)]
    judged = [_judged(f) for f in diagnosis.findings if _tells(f, diagnosis)]
    gaps = [Pair("unknown", gap) for gap in evidence.gaps]
    logs = [Pair("unknown", f"{log.file} could not be read: {log.reason}") for log in evidence.unread_logs]
    return [*told, *judged, *gaps, *logs]


def _tells(finding: Finding, diagnosis: Diagnosis) -> bool:
    """A cause that was merely not excluded tells nothing where another one is confirmed."""
    if finding is diagnosis.headline or finding in diagnosis.also:
        return False
    return diagnosis.status is not Status.CONFIRMED or finding.status is not Status.POSSIBLE


def _unread_facts(evidence: Evidence) -> list[Line]:
    unread = [(name, fact) for name, fact in sorted(evidence.facts.items()) if isinstance(fact, Unknown)]
    return [Pair("unknown", f"{name}: {fact.reason}") for name, fact in unread]


def _judged(finding: Finding) -> Pair:
    why = finding.against if finding.status is Status.RULED_OUT else finding.reasons
    unchecked = f" ({'; '.join(finding.unchecked)})" if finding.unchecked else ""
    because = f": {'; '.join(why)}" if why else ""
    return Pair(finding.status.value.replace("-", " "), f"{finding.cause}{because}{unchecked}")


def _chain(links: Sequence[str]) -> list[Line]:
    return [Text(f"→ {link}" if place else link) for place, link in enumerate(links)]


def _other_remedies(diagnosis: Diagnosis) -> list[Line]:
    finding = diagnosis.headline
    return [line for remedy in (finding.remedies[1:] if finding else ()) for line in _remedy(remedy)]


def _also(diagnosis: Diagnosis) -> list[Line]:
    lines: list[Line] = []
    for finding in diagnosis.also:
        lines.append(Text(f"Confirmed: {finding.headline}"))
        lines.extend(_remedy(finding.remedies[0]) if finding.remedies else ())
    return lines


def _notes(diagnosis: Diagnosis, evidence: Evidence) -> list[Line]:
    unchecked = diagnosis.headline.unchecked if diagnosis.headline else ()
    details = evidence.details.notes if evidence.details else ()
    refused = sorted(
        {f.missing_action for f in evidence.facts.values() if isinstance(f, Unknown)} - {None, ""}, key=str
    )
    actions = [f"The responder lacks the right {action}; with it more could be checked." for action in refused]
    texts = [*diagnosis.notes, *(f"Not checked: {what}" for what in unchecked), *actions, *details]
    return [Text(text) for text in texts]


def _as_code(diagnosis: Diagnosis) -> list[Line]:
    findings = [f for f in (diagnosis.headline, *diagnosis.also) if f is not None]
    return [Code(r.bicep, r.title) for f in findings for r in f.remedies if r.bicep.strip()]
