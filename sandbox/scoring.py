"""Holds the outcome of a played scenario against what the scenario expects, in the words of the format."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.playing import Outcome
from sandbox.records import Message

__all__ = ["Score", "score"]

_NO_STATUS = frozenset({"insufficient-evidence", "not-registry"})
_SILENT = "not-registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One scenario's result; ``causes`` headline first, ``failures`` in words, empty where it passed."""

    scenario: str
    verdict: str
    status: str | None
    causes: tuple[tuple[str, str], ...]
    symptom: str
    outcome: Outcome
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that the scenario expects held."""
        return not self.failures

    def line(self) -> str:
        """Return the result as one line of JSON; the sandbox's own secret is struck out of the recorded calls."""
        line = json.dumps(
            {
                "scenario": self.scenario,
                "verdict": self.verdict,
                "status": self.status,
                "causes": [{"id": cause, "status": status} for cause, status in self.causes],
                "symptom": self.symptom,
                "messages": [message.payload for message in self.outcome.messages],
                "calls": [
                    {"host": call.host, "method": call.method, "path": call.path, "status": call.status}
                    for call in self.outcome.calls
                ],
                "seconds": round(self.outcome.seconds, 3),
                "passed": self.passed,
                "failures": list(self.failures),
            },
            ensure_ascii=False,
        )
        return line.replace(self.outcome.sentinel, "[secret]")


def score(outcome: Outcome) -> Score:
    """Return how ``outcome`` holds against its scenario; without ``expected`` nothing is held against it."""
    told = _told(outcome)
    verdict = str(told.get("verdict") or _SILENT)
    causes = tuple((str(f["cause"]), str(f["status"])) for f in told.get("findings") or ())
    status = told.get("status")
    judged = _Judged(outcome, verdict, status, causes, str(told.get("symptom") or _SILENT))
    return Score(
        scenario=outcome.scenario.id,
        verdict=verdict,
        status=status,
        causes=causes,
        symptom=judged.symptom,
        outcome=outcome,
        failures=tuple(judged.failures()),
    )


def _told(outcome: Outcome) -> Mapping[str, Any]:
    """Return the diagnosis that was told of, else the one of the scenario's own run, else any."""
    posted = [run for run, record in outcome.records.items() if record.get("outcome") == "opened"]
    own = str(outcome.scenario.run.get("id"))
    for run in (*posted, own, *outcome.diagnoses):
        if run in outcome.diagnoses:
            return outcome.diagnoses[run]
    return {}


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    verdict: str
    status: str | None
    causes: tuple[tuple[str, str], ...]
    symptom: str

    def failures(self) -> Iterator[str]:
        expected = self.outcome.scenario.expected
        yield from self._always()
        if not expected:
            return
        yield from self._headline(expected)
        yield from self._confirmed(expected)
        if expected.get("symptoms") and self.symptom not in expected["symptoms"]:
            yield f"the symptom is {self.symptom}, expected {' or '.join(expected['symptoms'])}"
        yield from self._notified(expected)
        yield from self._mentioned(expected)
        if expected.get("incidents") is not None:
            yield from self._incidents(expected["incidents"])

    def _always(self) -> Iterator[str]:
        """What holds for every story: no secret shows, no token goes astray, Event Grid is answered."""
        for where, text in self._outputs().items():
            if self.outcome.sentinel in text:
                yield f"the sentinel secret shows in {where}"
        yield from (f"a careful client would not do this: {violation}" for violation in self.outcome.violations)
        yield from (f"not part of this simulated Azure: {refused}" for refused in self.outcome.refused)
        yield from (f"Event Grid got HTTP {answer}" for answer in self.outcome.answers if not 200 <= answer < 300)

    def _headline(self, expected: Mapping[str, Any]) -> Iterator[str]:
        wanted = _accepted(expected)
        for headline, statuses in wanted:
            if self.verdict == headline and (headline in _NO_STATUS or not statuses or self.status in statuses):
                return
        words = " or ".join(f"{headline} ({'/'.join(sorted(statuses))})" for headline, statuses in wanted)
        yield f"the verdict is {self.verdict} ({self.status}), expected {words}"

    def _confirmed(self, expected: Mapping[str, Any]) -> Iterator[str]:
        confirmed = [cause for cause, status in self.causes if status == "confirmed"]
        for cause in expected.get("must_not_confirm") or ():
            if cause in confirmed:
                yield f"{cause} is confirmed and must not be"
        also = [cause for cause in confirmed if cause != self.verdict]
        wanted = [entry if isinstance(entry, list) else [entry] for entry in expected.get("also") or ()]
        found = [next((cause for cause in also if cause in entry), None) for entry in wanted]
        for entry, cause in zip(wanted, found, strict=True):
            if cause is None:
                yield f"{' or '.join(entry)} is not confirmed also"
        places = [also.index(cause) for cause in found if cause is not None]
        if expected.get("order_matters", True) and places != sorted(places):
            yield f"what is confirmed also stands in the order {', '.join(also)}"
        allowed = {*(expected.get("may_also") or ()), *(cause for cause in found if cause)}
        allowed |= {headline for headline, _ in _accepted(expected)}
        yield from (f"{cause} is confirmed as well, which nothing expects" for cause in also if cause not in allowed)

    def _notified(self, expected: Mapping[str, Any]) -> Iterator[str]:
        channels = {message.channel for message in self.outcome.messages}
        count = max((sum(m.channel == c for m in self.outcome.messages) for c in channels), default=0)
        if "notify" in expected and bool(count) != bool(expected["notify"]):
            yield f"{count} message(s) were posted, expected {'some' if expected['notify'] else 'none'}"
        if "notifications" in expected and count != expected["notifications"]:
            yield f"{count} message(s) were posted, expected {expected['notifications']}"

    def _mentioned(self, expected: Mapping[str, Any]) -> Iterator[str]:
        for channel in sorted({message.channel for message in self.outcome.messages}):
            text = "\n".join(_shown(m) for m in self.outcome.messages if m.channel == channel)
            for wanted in expected.get("must_mention") or ():
                if wanted not in text:
                    yield f"the message in {channel} does not mention {wanted!r}"
        if expected.get("must_mention") and not self.outcome.messages:
            yield "no message was posted that could mention anything"
        for unwanted in expected.get("must_not_mention") or ():
            for where, text in self._outputs().items():
                if unwanted in text:
                    yield f"{unwanted!r} shows in {where}"
        for host in expected.get("must_not_contact") or ():
            if host.lower() in {contacted.lower() for contacted in self.outcome.hosts}:
                yield f"{host} was contacted and must not be"

    def _incidents(self, wanted: list[Mapping[str, Any]]) -> Iterator[str]:
        found: dict[str, set[str]] = {}
        for run, diagnosis in self.outcome.diagnoses.items():
            if diagnosis["verdict"] in _NO_STATUS:
                continue
            evidence = json.loads(self.outcome.evidence.get(run, "{}"))
            found.setdefault(diagnosis["verdict"], set()).update(evidence.get("pipeline_runs") or [run])
        for incident in wanted:
            runs = found.get(str(incident["headline"]), set())
            if runs != set(incident["runs"]):
                yield f"the incident {incident['headline']} has the runs {sorted(runs)}, expected {incident['runs']}"

    def _outputs(self) -> Mapping[str, str]:
        return {
            "a message": json.dumps([m.payload for m in self.outcome.messages], ensure_ascii=False),
            "the log": self.outcome.said,
            "the store": self.outcome.stored,
        }


def _accepted(expected: Mapping[str, Any]) -> list[tuple[str, set[str]]]:
    statuses = {str(status) for status in (expected.get("status"), *(expected.get("accept_status") or ())) if status}
    wanted = [(str(expected["headline"]), statuses)] if expected.get("headline") else []
    if wanted and wanted[0][0] in (expected.get("must_not_confirm") or ()):
        wanted = [(wanted[0][0], statuses - {"confirmed"})]
    for pair in expected.get("accept_headline") or ():
        wanted.append((str(pair["headline"]), {str(pair["status"])} if pair.get("status") else set()))
    return wanted


def _shown(message: Message) -> str:
    """Return what a person reads: every text of the payload, its channel's escapes undone."""
    texts = "\n".join(_texts(message.payload))
    if message.channel.startswith("slack"):
        return f"{texts}\n{html.unescape(texts)}"
    return texts + "\n" + html.unescape(re.sub(r"\\(.)", r"\1", texts))


def _texts(payload: Any) -> Iterator[str]:
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, Mapping):
        for value in payload.values():
            yield from _texts(value)
    elif isinstance(payload, list):
        for value in payload:
            yield from _texts(value)
