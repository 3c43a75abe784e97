"""``replay EVIDENCE.json``: the verdict again from stored evidence, without any network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnostics.codec import EvidenceUnreadable, evidence_from_json
from diagnostics.commands.exits import CommandFailed, Exit
from diagnostics.commands.run import as_json
from diagnostics.judging import judge
from diagnostics.printing import diagnosis_text
from diagnostics.probing import fact_types

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``replay`` takes."""
    parser.add_argument("evidence", metavar="EVIDENCE.json", help="as `run --save` wrote it; - reads standard input")
    parser.add_argument("--json", action="store_true", help="the diagnosis as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Judge stored evidence again: the answer is the first one, byte for byte."""
    try:
        evidence = evidence_from_json(_read(arguments.evidence), fact_types())
    except EvidenceUnreadable as error:
        raise CommandFailed(f"{arguments.evidence}: {error}", Exit.INPUT_UNREADABLE) from None
    diagnosis = judge(evidence)
    print(as_json(diagnosis, evidence) if arguments.json else diagnosis_text(diagnosis, evidence))
    return Exit.DONE


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{path} could not be read: {error.strerror}", Exit.INPUT_UNREADABLE) from None
    except UnicodeDecodeError:
        raise CommandFailed(f"{path} is no text: expected evidence as JSON", Exit.INPUT_UNREADABLE) from None
