"""``run RUN_ID --workspace RESOURCE_ID``: the live diagnosis, with the caller's own Azure credential."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from diagnostics.azure.clouds import CLOUDS, cloud_named
from diagnostics.azure.credentials import open_credential, own_tenant
from diagnostics.azure.errors import NoCredential, NotFound, ReadFailed
from diagnostics.codec import to_json
from diagnostics.commands.exits import CommandFailed, Exit
from diagnostics.intake import MalformedEvent, run_id, workspace_id
from diagnostics.investigating import DEADLINE, investigate
from diagnostics.judging import judge
from diagnostics.model import Diagnosis, Evidence, FailedRun
from diagnostics.printing import diagnosis_text
from diagnostics.reach import Reach, utc_now

__all__ = ["add_arguments", "as_json", "run"]


_LONGEST = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``run`` takes."""
    parser.add_argument("run_id", metavar="RUN_ID")
    parser.add_argument("--workspace", metavar="RESOURCE_ID", required=True, help="/subscriptions/.../workspaces/NAME")
    parser.add_argument("--json", action="store_true", help="the diagnosis as one JSON object")
    parser.add_argument("--save", metavar="FILE", help="also write the evidence, for `replay`")
    parser.add_argument(
        "--deep", action="store_true", help="also ask the workspace's own diagnose operation (up to a minute)"
    )
    parser.add_argument("--cloud", choices=sorted(CLOUDS), default="AzureCloud")
    parser.add_argument(
        "--deadline", type=_seconds, metavar="SECONDS", default=DEADLINE.total_seconds(), help="default %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    """Diagnose one run; each way to fail is one line and an exit code of its own."""
    reach = _reach(arguments.cloud)
    evidence = _evidence(arguments, reach)
    diagnosis = judge(evidence)
    if arguments.save:
        _save(arguments.save, evidence)
    print(as_json(diagnosis, evidence) if arguments.json else diagnosis_text(diagnosis, evidence), flush=True)
    if arguments.deep:
        for line in _second_look(reach, evidence):
            print(line, file=sys.stderr if arguments.json else sys.stdout)
    return Exit.DONE


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"between 0 and {_LONGEST} seconds, not {text}")
    return seconds


def _reach(cloud_name: str) -> Reach:
    cloud = cloud_named(cloud_name)
    try:
        return Reach(cloud=cloud, credential=open_credential(cloud), tenant=own_tenant(os.environ))
    except NoCredential as error:
        raise CommandFailed(str(error), Exit.NO_CREDENTIAL) from None


def _second_look(reach: Reach, evidence: Evidence) -> Iterator[str]:
    """Yield what the workspace says of itself, and the job's own image where the run did not show one."""
    from diagnostics.azure.machine_learning import environment_image, workspace_findings  # noqa: PLC0415 - heavy

    workspace = evidence.run.workspace_id
    try:
        found = workspace_findings(reach, workspace)
        yield from (f"the workspace's own diagnosis: {line}" for line in found or ("nothing is wrong",))
        if evidence.image_text is None:
            image = environment_image(reach, workspace, evidence.run.run_id)
            yield f"the job's environment: {image or 'built from a definition'}"
    except ReadFailed as error:
        yield f"the workspace could not be asked: {error}"


def _evidence(arguments: argparse.Namespace, reach: Reach) -> Evidence:
    try:
        workspace = workspace_id(arguments.workspace)
    except MalformedEvent:
        raise CommandFailed(
            "--workspace takes a resource id: /subscriptions/ID/resourceGroups/GROUP/providers/"
            "Microsoft.MachineLearningServices/workspaces/NAME",
            Exit.USAGE,
        ) from None
    try:
        wanted = run_id(arguments.run_id)
    except MalformedEvent:
        raise CommandFailed("RUN_ID takes the id of one run, as the studio shows it", Exit.USAGE) from None
    asked = FailedRun(event_id="", workspace_id=workspace, run_id=wanted, failed_at=utc_now())
    try:
        return investigate(asked, reach, deadline=timedelta(seconds=arguments.deadline))
    except NotFound as error:
        raise CommandFailed(f"no such run or workspace: {error}", Exit.NO_SUCH_RUN) from None
    except ReadFailed as error:
        raise CommandFailed(f"the run could not be read: {error}", Exit.AZURE_UNREADABLE) from None


def as_json(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """Return the diagnosis with its quoted lines as one JSON object, the same for the same evidence."""
    told: dict[str, Any] = json.loads(to_json(diagnosis))
    told["image"] = evidence.image_text
    told["evidence"] = [
        {"file": symptom.excerpt.file, "line": symptom.line, "text": symptom.text} for symptom in evidence.symptoms
    ]
    told["causes"] = [{"id": finding.cause, "status": finding.status} for finding in diagnosis.findings]
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def _save(path: str, evidence: Evidence) -> None:
    try:
        Path(path).write_text(to_json(evidence), encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"the evidence could not be written to {path}: {error.strerror}", Exit.USAGE) from None
