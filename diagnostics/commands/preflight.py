"""``preflight --workspace ID --compute NAME --image REFERENCE``: can this compute pull this image, and if not, why?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from diagnostics.azure.clouds import CLOUDS, cloud_named
from diagnostics.azure.credentials import open_credential, own_tenant
from diagnostics.azure.errors import NoCredential, ReadFailed
from diagnostics.commands.exits import CommandFailed, CommandParser, Exit
from diagnostics.intake import MalformedEvent, workspace_id
from diagnostics.preflight import DEADLINE, Answer, Preflight, preflight
from diagnostics.probes._shapes import text
from diagnostics.reach import Reach

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """exit codes: 0 yes, every compute asked about can pull the image; 1 no, at least one cannot; 2 cannot tell;
64 wrong arguments"""

_API = "2025-12-01"
_EXITS = {Answer.YES: Exit.DONE, Answer.NO: Exit.NO, Answer.CANNOT_TELL: Exit.CANNOT_TELL}
_LONGEST = 3600


def add_arguments(parser: CommandParser) -> None:
    """Declare what ``preflight`` takes."""
    parser.usage_exit = Exit.PREFLIGHT_USAGE
    parser.add_argument("--workspace", metavar="RESOURCE_ID", required=True, help="/subscriptions/.../workspaces/NAME")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--compute", metavar="NAME", help="a compute of the workspace, or serverless")
    which.add_argument("--all", action="store_true", help="every compute of the workspace, progress on standard error")
    parser.add_argument("--image", metavar="REFERENCE", required=True, help="registry/repository:tag or @digest")
    parser.add_argument("--json", action="store_true", help="the answers as one JSON object")
    parser.add_argument("--cloud", choices=sorted(CLOUDS), default="AzureCloud")
    parser.add_argument(
        "--deadline",
        type=_seconds,
        metavar="SECONDS",
        default=DEADLINE.total_seconds(),
        help="for each compute, default %(default)s",
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask about one compute or all of them; *no* goes before *cannot tell*, that before *yes*."""
    workspace = _workspace(arguments.workspace)
    reach = _reach(arguments.cloud)
    names = list(_computes(workspace, reach)) if arguments.all else [arguments.compute]
    if not names:
        raise CommandFailed("the workspace has no compute to ask about", Exit.CANNOT_TELL)
    deadline = timedelta(seconds=arguments.deadline)
    answers = []
    for number, name in enumerate(names, start=1):
        if arguments.all:
            print(f"{number}/{len(names)} {_shown(name)} ...", file=sys.stderr, flush=True)
        answers.append(preflight(workspace, name, arguments.image, reach, deadline=deadline))
        if arguments.all:
            print(f"{number}/{len(names)} {_shown(name)}: {answers[-1].answer}", file=sys.stderr, flush=True)
    overall = _overall(answers)
    print(_as_json(workspace, overall, answers) if arguments.json else _as_text(answers), flush=True)
    return _EXITS[overall]


def _seconds(written: str) -> float:
    seconds = float(written)
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"between 0 and {_LONGEST} seconds, not {written}")
    return seconds


def _workspace(written: str) -> str:
    try:
        return workspace_id(written)
    except MalformedEvent:
        raise CommandFailed(
            "--workspace takes a resource id: /subscriptions/ID/resourceGroups/GROUP/providers/"
            "Microsoft.MachineLearningServices/workspaces/NAME",
            Exit.PREFLIGHT_USAGE,
        ) from None


def _reach(cloud_name: str) -> Reach:
    cloud = cloud_named(cloud_name)
    try:
        return Reach(cloud=cloud, credential=open_credential(cloud), tenant=own_tenant(os.environ))
    except NoCredential as error:
        raise CommandFailed(str(error), Exit.CANNOT_TELL) from None


def _computes(workspace: str, reach: Reach) -> Iterator[str]:
    """Yield the names of the workspace's computes, in its order."""
    try:
        for found in reach.arm.pages(f"{workspace}/computes", api_version=_API):
            name = text(found, "name")
            if name:
                yield name
    except ReadFailed as error:
        raise CommandFailed(f"the workspace's computes could not be listed: {error}", Exit.CANNOT_TELL) from None


def _overall(answers: Iterable[Preflight]) -> Answer:
    said = {found.answer for found in answers}
    return next((answer for answer in (Answer.NO, Answer.CANNOT_TELL) if answer in said), Answer.YES)


def _as_json(workspace: str, overall: Answer, answers: Sequence[Preflight]) -> str:
    return json.dumps(
        {
            "answer": overall,
            "workspace": workspace,
            "image": answers[0].image,
            "computes": [_one(found) for found in answers],
        },
        ensure_ascii=False,
    )


def _one(found: Preflight) -> dict[str, Any]:
    return {
        "compute": found.compute,
        "answer": found.answer,
        "causes": [
            {
                "id": finding.cause,
                "headline": finding.headline,
                "reasons": finding.reasons,
                "remedies": [
                    {"title": it.title, "detail": it.detail, "command": it.command, "bicep": it.bicep}
                    for it in finding.remedies
                ],
            }
            for finding in found.findings
        ],
        "unknown": found.unknown,
        "unchecked": found.unchecked,
        "chain": found.chain,
        "checks": found.checks,
    }


def _as_text(answers: Iterable[Preflight]) -> str:
    return "\n\n".join("\n".join(_lines(found)) for found in answers)


def _lines(found: Preflight) -> Iterator[str]:
    words = {Answer.YES: "can pull", Answer.NO: "cannot pull", Answer.CANNOT_TELL: "cannot tell whether it can pull"}
    yield f"{_shown(found.compute)}: {words[found.answer]} {_shown(found.image)}"
    for finding in found.findings:
        yield f"  {finding.cause}: {_shown(finding.headline)}"
        yield from (f"    {_shown(reason)}" for reason in finding.reasons)
        for remedy in finding.remedies[:1]:
            yield from (f"    -> {_shown(line)}" for line in (remedy.title, remedy.command) if line)
    yield from (f"  not known: {_shown(reason)}" for reason in found.unknown)
    yield from (f"  not checked: {_shown(reason)}" for reason in found.unchecked)
    if found.answer is Answer.YES:
        yield from (f"  {_shown(link)}" for link in found.chain)


def _shown(words: str) -> str:
    """Return words without what a terminal would act on: names are other people's."""
    return "".join(character if character.isprintable() else "\ufffd" for character in words)
