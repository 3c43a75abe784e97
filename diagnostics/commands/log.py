"""``log FILE...``: what do these texts say? No cloud, no settings."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from diagnostics.commands.exits import Exit
from diagnostics.investigating import evidence_of_text
from diagnostics.judging import judge
from diagnostics.logs import UnreadableLog, read_local
from diagnostics.model import Diagnosis, Evidence, FailedRun
from diagnostics.printing import diagnosis_text
from diagnostics.reach import utc_now
from diagnostics.redaction import redact

__all__ = ["add_arguments", "run"]

_MOST_LINES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``log`` takes."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a log or error text; - reads standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object per file, each on one line")


def run(arguments: argparse.Namespace) -> int:
    """Classify every file; one that cannot be read is named on standard error and the others still are."""
    exit_code = Exit.DONE
    for file in arguments.files:
        try:
            evidence = _evidence(file)
        except UnreadableLog as error:
            print(f"pullmedic: {redact(str(error))}", file=sys.stderr)
            exit_code = Exit.INPUT_UNREADABLE
            continue
        diagnosis = judge(evidence)
        print(_line(file, evidence, diagnosis) if arguments.json else _text(file, evidence, diagnosis))
    return exit_code


def _evidence(file: str) -> Evidence:
    now = utc_now()
    nobody = FailedRun(event_id="", workspace_id="", run_id=file, failed_at=now)
    return evidence_of_text(nobody, read_local(file), lambda: now)


def _line(file: str, evidence: Evidence, diagnosis: Diagnosis) -> str:
    return json.dumps(
        {
            "file": file,
            "symptom": diagnosis.symptom,
            "image": evidence.image_text,
            "registry": _registry(evidence),
            "evidence": _quoted(evidence),
            "verdict": diagnosis.verdict,
            "causes": [{"id": finding.cause, "status": finding.status} for finding in diagnosis.findings],
        },
        ensure_ascii=False,
    )


def _quoted(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        {"file": symptom.excerpt.file, "line": symptom.line, "text": symptom.text}
        for symptom in evidence.symptoms[:_MOST_LINES]
    ]


def _registry(evidence: Evidence) -> str | None:
    for symptom in evidence.symptoms:
        found = symptom.captured.get("registry")
        if found:
            return found
    return evidence.image.registry if evidence.image else None


def _text(file: str, evidence: Evidence, diagnosis: Diagnosis) -> str:
    return f"{file}\n{diagnosis_text(diagnosis, evidence, live=False)}\n"
