"""Values that the tests of the responders share: one run, its evidence, its diagnosis, and any report at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from diagnostics.model import (
    Diagnosis,
    Evidence,
    FailedRun,
    Finding,
    ImageReference,
    LogExcerpt,
    PullStep,
    Remedy,
    RunDetails,
    Status,
    Symptom,
)
from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-ml"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-ml"
)
COMMAND = "az role assignment create --assignee-object-id 0f1e --role AcrPull --scope /subscriptions/1/acr1"


def run(**changes: Any) -> FailedRun:
    """Return a failed run."""
    values: dict[str, Any] = {
        "event_id": "e1",
        "workspace_id": WORKSPACE,
        "run_id": "calm_net_7xk2",
        "failed_at": NOW,
        "experiment": "churn",
        "submitted_by": "Dana Weber",
    }
    return FailedRun(**values | changes)


def excerpt(*lines: str, first_line: int = 40) -> LogExcerpt:
    """Return an excerpt of the log that a pull writes."""
    return LogExcerpt(file="azureml-logs/20_image_pull.txt", first_line=first_line, lines=lines)


def symptom(*lines: str, line: int = 41) -> Symptom:
    """Return the symptom that line 41 proves."""
    shown = lines or ("Pulling image", "unauthorized: authentication required", "exit status 1")
    return Symptom(id="unauthorized", signature="acr-401", emitter="docker", excerpt=excerpt(*shown), line=line)


def evidence(**changes: Any) -> Evidence:
    """Return the evidence of :func:`run`."""
    values: dict[str, Any] = {
        "schema": 1,
        "run": run(),
        "taken_at": NOW,
        "details": RunDetails(
            run_id="calm_net_7xk2", root_run_id="calm_net_7xk2", compute="cpu-4", compute_kind="AmlCompute"
        ),
        "image": ImageReference(registry="acr1.azurecr.io", repository="train", tag="7"),
        "symptoms": (symptom(),),
    }
    return Evidence(**values | changes)


def finding(**changes: Any) -> Finding:
    """Return the finding of a missing role."""
    values: dict[str, Any] = {
        "cause": "pull-role-missing",
        "status": Status.CONFIRMED,
        "headline": "cpu-4's identity may not pull from acr1",
        "target": "acr1|0f1e",
        "step": PullStep.PERMISSION,
        "reasons": ("No role of 0f1e grants the pull on acr1 (read from Azure's control plane).",),
        "remedies": (
            Remedy(
                title="Give 0f1e the role AcrPull on acr1",
                detail="acr1 > Access control (IAM) > Add",
                command=COMMAND,
            ),
            Remedy(title="Attach another identity", bicep="resource r 'x' = {}"),
        ),
    }
    return Finding(**values | changes)


def diagnosis(**changes: Any) -> Diagnosis:
    """Return the diagnosis of :func:`evidence`."""
    ruled_out = finding(cause="tag-absent", status=Status.RULED_OUT, against=("train:7 is there",), remedies=())
    values: dict[str, Any] = {
        "run": run(),
        "verdict": "pull-role-missing",
        "status": Status.CONFIRMED,
        "symptom": "unauthorized",
        "fingerprint": "f1",
        "findings": (finding(), ruled_out),
        "chain": ("compute cpu-4 pulls as 0f1e", "no role that grants the pull", "registry acr1"),
        "checks": ("manifest: train:7 is there",),
    }
    return Diagnosis(**values | changes)


# Any Unicode, surrogates and controls included, and now and then a lot of what has to be escaped.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.text("&<>`*_[]()~\\\"'\n\t \u202e\ud800😀", max_size=400),
    st.builds(
        lambda piece, times: piece * times,
        st.text(st.characters(exclude_categories=()), min_size=1, max_size=9),
        st.integers(1, 1500),
    ),
)
_LINES: st.SearchStrategy[Line] = st.one_of(
    st.builds(Text, TEXTS), st.builds(Pair, TEXTS, TEXTS), st.builds(Code, TEXTS, TEXTS)
)
_BLOCKS = st.builds(
    Block,
    st.sampled_from(Kind),
    st.one_of(
        st.lists(_LINES, max_size=12).map(tuple),
        st.builds(lambda line, times: (line,) * times, _LINES, st.integers(1, 250)),
    ),
)
REPORTS = st.builds(
    Report,
    headline=TEXTS,
    next_step=_BLOCKS,
    verdict=TEXTS,
    status=st.sampled_from(["confirmed", "likely", "possible", None]),
    blocks=st.lists(_BLOCKS, max_size=14).map(tuple),
    run_url=st.one_of(
        TEXTS,
        st.just("https://ml.azure.com/runs/a?wsid=/b"),
        TEXTS.map(lambda text: f"https://ml.azure.com/{text}"),
    ),
    stored_as=TEXTS,
    page_url=st.one_of(
        TEXTS,
        st.just("https://app.example/api/incidents/f1-1"),
        TEXTS.map(lambda text: f"https://app.example/{text}"),
    ),
)
