"""The service principal that the pull relies on is refused by Microsoft Entra."""

from __future__ import annotations

import re

from diagnostics.case import Case
from diagnostics.causes._commands import az
from diagnostics.model import PullStep, Remedy, Symptom
from diagnostics.verdicts import Judgement, contradicted, proven, unread

__all__ = ["CAUSE"]

_SECRET = "its client secret is wrong"  # noqa: S105 - words, not a secret
_SAID = {
    "AADSTS7000215": _SECRET,
    "AADSTS7000222": "its client secret has expired",
    "AADSTS700016": "its application does not exist in the tenant",
    "AADSTS700027": "its certificate or assertion is not valid",
    "AADSTS700021": "its assertion does not match the application",
    "AADSTS90002": "its tenant does not exist",
    "AADSTS7000112": "its application is disabled",
    "AADSTS7000229": "it has no service principal in the tenant",
}
"""Source: *Microsoft Entra authentication and authorization error codes*."""

_CODE = re.compile(r"AADSTS\d{5,7}\b")
_APPLICATION = re.compile(r"(?i)(?:app(?:lication)?|client)[^\n]{0,40}?'?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class ServicePrincipalRefused:
    """Only Microsoft Entra can know and say it, so its code in the text decides: a component's own statement."""

    id = "service-principal-refused"
    title = "The service principal that pulls is refused by Microsoft Entra"
    step = PullStep.IDENTITY
    rank = 3
    masked = False
    explains = frozenset({"unauthorized", "forbidden", "identity-misconfigured"})
    needs: tuple[str, ...] = ()

    def judge(self, case: Case) -> Judgement | None:
        """Return *proven* where the text carries one of Entra's codes for a refused application."""
        for symptom in case.evidence.symptoms:
            code = _code(symptom)
            if code is not None:
                return _proven(case, symptom, code)
        if self.id in case.named:
            return unread(
                self.title, case.registry_words, "what Microsoft Entra answered", remedies=_remedies(None, None)
            )
        return contradicted("the text carries no refusal by Microsoft Entra")


def _code(symptom: Symptom) -> str | None:
    captured = symptom.captured.get("code", "").upper()
    if captured in _SAID:
        return captured
    found = _CODE.search(symptom.text)
    return found.group(0) if found and found.group(0) in _SAID else None


def _proven(case: Case, symptom: Symptom, code: str) -> Judgement:
    found = _APPLICATION.search("\n".join(symptom.excerpt.lines)[:20_000])
    application = found.group(1).lower() if found else None
    who = f"the service principal {application}" if application else "the service principal that pulls"
    reasons = (f"Microsoft Entra says so itself: {symptom.text.strip()[:200]}", f"{code}: {_SAID[code]}")
    target = f"{application or 'service principal'} on {case.registry_words}"
    headline = f"Microsoft Entra refuses {who} from {case.registry_words}: {_SAID[code]}"
    return proven(headline, target, *reasons, remedies=_remedies(code, application))


def _remedies(code: str | None, application: str | None) -> tuple[Remedy, ...]:
    renew = Remedy(
        title="Give the service principal a new secret and store it where the pull takes it from",
        detail=(
            "Portal: Microsoft Entra ID > App registrations > Certificates & secrets. Then the connection, or "
            "wherever the run's definition takes the password from. A secret's value, not its id."
        ),
        command=az("ad", "app", "credential", "reset", "--id", application, "--append") if application else "",
    )
    correct = Remedy(
        title="Correct the client id and the tenant that the pull logs in with, or register the application again",
        detail="Portal: Microsoft Entra ID > App registrations (look under Deleted applications as well).",
        command=az("ad", "sp", "show", "--id", application) if application else "",
    )
    better = Remedy(
        title="Or pull with the compute's managed identity, which has no secret",
        detail="Grant it the pull role on the registry and remove user name and password from the environment.",
    )
    return (renew if code in {None, "AADSTS7000215", "AADSTS7000222"} else correct, better)


CAUSE = ServicePrincipalRefused()
