"""The image reference itself is wrong: it breaks the grammar, or names a host that no registry has."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.case import Case
from diagnostics.model import PullStep, Remedy
from diagnostics.references import MalformedReference, host_problems, parse, registry_name
from diagnostics.verdicts import Judgement, compatible, contradicted, proven, unread

__all__ = ["CAUSE"]

_MASKS = ("*", "<", ">", "redacted", "censored", "...", "\u2026", "xxx")


class ReferenceMalformed:
    """Judged by the reference as written, by the OCI distribution grammar and the registry's own login server."""

    id = "reference-malformed"
    title = "The image reference is malformed"
    step = PullStep.REFERENCE
    rank = 10
    masked = False
    explains = frozenset(
        {
            "invalid-reference",
            "dns",
            "registry-not-found",
            "repository-not-found",
            "tag-not-found",
            "tls",
            "unauthorized",
            "network-timeout",
            "insufficient-evidence",
        }
    )
    needs = ("registry",)

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* with the part that is wrong and what was probably meant."""
        written = case.evidence.image_text
        if not written or _masked(written):
            missing = "the text does not show the reference as it was written"
            return unread(self.title, "", missing) if case.symptom == "invalid-reference" else None
        try:
            reference = parse(written)
        except MalformedReference as error:
            if not _as_written(case, written):
                return unread(self.title, written, f"whether the log shows all of {written}, which breaks the grammar")
            return _proven(written, error.part, error.problem, error.suggestion)
        own = case.lookup.attached_login_server if case.lookup else None
        problems = host_problems(replace(reference, registry=reference.registry.lower()), own)
        if problems and (case.lookup is None or case.lookup.found is None):
            return _proven(written, "registry", problems[0], None)
        if case.symptom == "invalid-reference" and case.lookup is None:
            return compatible(self.title, "the reference as written follows the grammar")
        if case.lookup is None and registry_name(reference.registry) is not None:
            return unread(self.title, written, *case.unread("registry"))
        return contradicted(f"{written} is a well-formed reference")


def _masked(written: str) -> bool:
    """Somebody struck a part out before we read it: that part's grammar says nothing."""
    return any(mark in written.lower() for mark in _MASKS)


def _as_written(case: Case, written: str) -> bool:
    """A log may cut a reference off or run it together; the run's own definition does not, nor who complains of it."""
    details, (host, _, rest) = case.evidence.details, written.partition("/")
    twice = "." in host and rest.startswith(host)
    return twice or case.symptom == "invalid-reference" or (details is not None and details.image == written)


def _proven(written: str, part: str, problem: str, suggestion: str | None) -> Judgement:
    meant = (
        f"Write {suggestion} as the environment's image"
        if suggestion
        else f"Correct the {part} of the environment's image"
    )
    where = "" if part == "reference" else f"is wrong in its {part}: "
    return proven(
        f"The image reference {where}{problem}",
        written,
        f"written: {written}",
        f"the {part}: {problem}",
        remedies=(Remedy(title=meant),),
    )


CAUSE = ReferenceMalformed()
