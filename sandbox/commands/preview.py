"""Plays scenarios and writes one HTML page with every kind of message as people see it."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.playing import play
from sandbox.world import load_scenario

if TYPE_CHECKING:
    from diagnostics.model import Evidence
    from responders.blocks import Line, Report
    from responders.notices import NoticeKind
    from responders.preview import Sample

__all__ = ["STORIES", "add_arguments", "run", "samples"]

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
NODE_CACHE = "PULLMEDIC_NODE_CACHE"
_RENDERER = Path("node_modules", "adaptivecards", "dist", "adaptivecards.min.js")

STORIES = {
    "missing-pull-role": "Confirmed: a missing role",
    "tag-does-not-exist": "Confirmed: an absent tag",
    "registry-refuses-address": "Confirmed: an address that the registry refuses",
    "image-too-slow-from-afar": "Confirmed: too far, too slow",
    "double-no-role-and-latest-never-pushed": "Two faults at once",
    "role-assignments-unreadable": "Likely: what would decide could not be read",
    "nothing-says-why": "Not enough evidence",
    "blank-error-and-healthy-logs": "Not a registry failure (told only where it is asked for)",
    "hostile-names": "Names that somebody chose to do harm",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``preview`` takes."""
    parser.add_argument("--output", type=Path, default=Path(".cache/preview.html"), help="where the page is written")
    parser.add_argument(
        "--node-cache",
        type=Path,
        default=Path(os.environ.get(NODE_CACHE, ".cache/node")),
        help="where npm installed to",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from responders.preview import page  # noqa: PLC0415 - only a played story needs the product

    logging.getLogger().setLevel(logging.ERROR)
    renderer = arguments.node_cache / _RENDERER
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    source = renderer.read_text(encoding="utf-8") if renderer.is_file() else ""
    arguments.output.write_text(page(tuple(samples()), source), encoding="utf-8")
    print(arguments.output.resolve())
    return 0


def samples() -> Iterator[Sample]:
    """Play the stories and yield a message of each, then one of every other kind."""
    from responders.notices import Notice, NoticeKind  # noqa: PLC0415
    from responders.preview import Sample  # noqa: PLC0415
    from sandbox.fix_messages import samples as of_fixes  # noqa: PLC0415

    played = {name: evidence for name in STORIES if (evidence := _played(name))}
    reports = {name: _report(evidence) for name, evidence in played.items()}
    for name, report in reports.items():
        notice = Notice(kind=NoticeKind.OPENED, key=name, report=report)
        yield Sample(name, STORIES[name], notice)
    for kind, title, report in _later(reports["missing-pull-role"]):
        yield Sample(kind.value, title, Notice(kind=kind, key=kind.value, report=report))
    yield from of_fixes(played["missing-pull-role"])


def _played(name: str) -> Evidence | None:
    """Return the evidence of the last run of a story, as it was stored."""
    from diagnostics.codec import evidence_from_json  # noqa: PLC0415
    from diagnostics.probing import fact_types  # noqa: PLC0415

    outcome = play(load_scenario(FOLDER / f"{name}.yaml"))
    return next((evidence_from_json(stored, fact_types()) for stored in outcome.evidence.values()), None)


def _report(evidence: Evidence) -> Report:
    """Return the report that the evidence gives."""
    from diagnostics.judging import judge  # noqa: PLC0415
    from responders.report import build_report  # noqa: PLC0415

    return build_report(judge(evidence), evidence, stored_as=f"evidence/{evidence.run.run_id}.json")


def _later(first: Report) -> Iterator[tuple[NoticeKind, str, Report]]:
    """Yield what comes after a first message, and what comes without one."""
    from dataclasses import replace  # noqa: PLC0415

    from responders.blocks import Block, Kind, Pair, Report, Text  # noqa: PLC0415
    from responders.notices import NoticeKind  # noqa: PLC0415
    from responders.report import undeliverable_report  # noqa: PLC0415

    def state(report: Report, *lines: Line) -> Report:
        return replace(report, blocks=(Block(Kind.STATE, lines), *report.blocks))

    incident = Pair("Incident", "7f3a91-1")
    yield (
        NoticeKind.REPEATED,
        "The same cause again",
        state(first, Text("100 runs since 12:00 UTC. Follows the message of 12:01 UTC."), incident),
    )
    over = replace(
        first,
        headline="Resolved: runs pull from the registry again.",
        status=None,
        next_step=Block(Kind.NEXT_STEP, (Text("Nothing to do. The first run that worked: brave_sun_1, 15:10 UTC."),)),
        blocks=(),
    )
    yield (
        NoticeKind.RESOLVED,
        "Resolved",
        state(over, Text("100 runs failed in 3 hours. Follows the message of 12:01 UTC."), incident),
    )
    yield (
        NoticeKind.DIGEST,
        "A digest",
        Report(
            headline="3 incidents are open; 141 runs failed in the last hour.",
            next_step=Block(Kind.NEXT_STEP, (Text("Begin with 7f3a91-1: it stops 100 runs."),)),
            verdict="digest",
            blocks=(
                Block(
                    Kind.STATE,
                    (
                        Pair("7f3a91-1, 100 runs", "cpu-4's identity may not pull from halvorsenimages"),
                        Pair("02bd44-1, 37 runs", "turbines/train:4.2 does not exist"),
                        Pair("99c0de-2, 4 runs", "proseware refuses 20.1.2.3"),
                    ),
                ),
            ),
        ),
    )
    yield (NoticeKind.UNDELIVERABLE, "No diagnosis", undeliverable_report(None, "Azure did not answer in six tries"))
