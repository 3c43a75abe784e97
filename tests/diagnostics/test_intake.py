"""From an Event Grid event, in whatever shape it came, to a failed run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from diagnostic_samples import FAILED, WORKSPACE
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.codec import to_json
from diagnostics.intake import RUN_STATUS_CHANGED, Dropped, Event, MalformedEvent, failed_run, workspace_id
from diagnostics.model import FailedRun

DATA: dict[str, Any] = {
    "experimentId": "acbeb929",
    "experimentName": "nightly",
    "runId": "brave_run_1",
    "runType": "azureml.StepRun",
    "runStatus": "Failed",
    "createdBy": "Dana Weber",
    "runTags": {"team": "vision"},
    "runProperties": {"azureml.parameters": '{"client_secret": "not for anybody"}'},
}
SUBJECT = "experiments/acbeb929/runs/brave_run_1"


def event(data: Any = None, **changes: Any) -> Event:
    """Return an event of a failed run."""
    values: dict[str, Any] = {
        "id": "e1",
        "type": RUN_STATUS_CHANGED,
        "source": WORKSPACE,
        "subject": SUBJECT,
        "time": FAILED,
        "data": DATA if data is None else data,
    }
    return Event(**values | changes)


def run_of(given_event: Event) -> FailedRun:
    """Return the failed run, which must not be dropped."""
    found = failed_run(given_event)
    assert isinstance(found, FailedRun)
    return found


def test_an_event_becomes_the_run_that_it_tells_of() -> None:
    """Everything that the event says of the run is kept, and nothing of its properties."""
    assert run_of(event()) == FailedRun(
        event_id="e1",
        workspace_id=WORKSPACE,
        run_id="brave_run_1",
        failed_at=FAILED,
        experiment="nightly",
        run_type="azureml.StepRun",
        submitted_by="Dana Weber",
        tags={"team": "vision"},
    )


SAMPLE: dict[str, Any] = {
    "topic": WORKSPACE,
    "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
    "subject": "experiments/8e38415d-39af-470e-9961-ee097a64c40e/runs/AutoML_a1c8689f-e5d1-4e04-b643-893a9156962f",
    "data": {
        "runStatus": "Running",
        "experimentId": "8e38415d-39af-470e-9961-ee097a64c40e",
        "experimentName": "automl-local-regression",
        "runId": "AutoML_a1c8689f-e5d1-4e04-b643-893a9156962f",
        "runType": "automl",
        "runTags": {"experiment_status": "ModelSelection"},
        "runProperties": {"num_iterations": "10", "target": "local"},
    },
}
"""The vendor's published sample of the older schema; CloudEvents call topic and eventType source and type."""


def test_the_vendor_s_own_sample_is_understood() -> None:
    """The published sample is dropped for its status, and with another status it is the run that it names."""
    parts = {"source": SAMPLE["topic"], "type": SAMPLE["eventType"], "subject": SAMPLE["subject"]}
    assert isinstance(failed_run(event(SAMPLE["data"], **parts)), Dropped)
    failed = run_of(event({**SAMPLE["data"], "runStatus": "Failed"}, **parts))
    assert failed.run_id == "AutoML_a1c8689f-e5d1-4e04-b643-893a9156962f"
    assert failed.experiment == "automl-local-regression"


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title, lambda key: key[0].upper() + key[1:]])
def test_keys_count_in_any_case(spell: Any) -> None:
    """Older samples write the data's keys in other cases, and the run is the same."""
    assert run_of(event({spell(key): value for key, value in DATA.items()})) == run_of(event())


@pytest.mark.parametrize("status", ["failed", "FAILED", "Failed"])
def test_the_status_counts_in_any_case(status: str) -> None:
    """The documents write the status in lower case, the service does not."""
    assert run_of(event({**DATA, "runStatus": status})).run_id == "brave_run_1"


@pytest.mark.parametrize("kind", ["azureml.PipelineRun", "azureml.StepRun", "azureml.scriptrun", "hyperdrive"])
def test_parents_and_steps_are_both_runs(kind: str) -> None:
    """Pipelines and their steps raise the same event, and the kind is handed on."""
    assert run_of(event({**DATA, "runType": kind})).run_type == kind


@pytest.mark.parametrize("kind", [None, "", "  ", 7, ["azureml.StepRun"]])
def test_a_run_type_that_is_not_told_is_none(kind: Any) -> None:
    """The published sample has a null run type, which is no reason to refuse the event."""
    assert run_of(event({**DATA, "runType": kind})).run_type is None


def test_an_experiment_without_a_name_is_called_by_its_id() -> None:
    """The experiment's id stands in where its name is missing."""
    assert run_of(event({**DATA, "experimentName": None})).experiment == "acbeb929"


@pytest.mark.parametrize("status", ["Completed", "Canceled", "Running", "", None, 1, ["Failed"]])
def test_a_run_that_did_not_fail_is_dropped_with_its_status(status: Any) -> None:
    """Every other status is none of our business, and the log can say which it was."""
    found = failed_run(event({**DATA, "runStatus": status}))
    assert isinstance(found, Dropped)
    assert str(status) in found.reason


@pytest.mark.parametrize("kind", ["Microsoft.MachineLearningServices.RunCompleted", "", "x\ny", None])
def test_another_type_of_event_is_dropped_before_its_data_is_read(kind: Any) -> None:
    """A model's registration is no failed run, whatever its data look like."""
    found = failed_run(event("no object", type=kind))
    assert isinstance(found, Dropped)
    assert "\n" not in found.reason


def test_the_type_counts_in_any_case() -> None:
    """A type in other letters is the same type."""
    assert run_of(event(type=RUN_STATUS_CHANGED.upper())).run_id == "brave_run_1"


def test_a_workspace_out_of_scope_is_dropped_and_named() -> None:
    """A workspace that is not ours is dropped with its id."""
    asked: list[str] = []

    def outside(workspace: str) -> bool:
        asked.append(workspace)
        return False

    found = failed_run(event(), in_scope=outside)
    assert asked == [WORKSPACE]
    assert isinstance(found, Dropped)
    assert WORKSPACE in found.reason


@pytest.mark.parametrize("written", [None, "", "   ", 5, {"id": "x"}])
def test_a_run_id_only_in_the_subject_is_taken_from_there(written: Any) -> None:
    """The subject names the run where the data do not."""
    assert run_of(event({**DATA, "runId": written})).run_id == "brave_run_1"


@pytest.mark.parametrize("subject", ["", "experiments/x", "a/runs/b/runs/c", "experiments/x/runs/", None])
def test_a_failed_run_without_an_id_is_no_silent_loss(subject: Any) -> None:
    """An event that does not say which run failed is an error that a person must see."""
    with pytest.raises(MalformedEvent, match="no usable run id"):
        failed_run(event({**DATA, "runId": None}, subject=subject))


@pytest.mark.parametrize("run_id", [".", "..", "...", "a/b", "../../other", "x" * 257, "a\nb", "a\x00b", "\u202ea"])
def test_a_run_id_that_could_lead_elsewhere_is_refused(run_id: str) -> None:
    """The id becomes a part of a URL's path, so nothing that walks the path or hides is taken."""
    with pytest.raises(MalformedEvent):
        failed_run(event({**DATA, "runId": run_id}))


@pytest.mark.parametrize("data", [None, "text", ["Failed"], 5, True])
def test_data_that_are_no_object_are_malformed(data: Any) -> None:
    """A status change without an object tells nothing that could be dropped in good conscience."""
    with pytest.raises(MalformedEvent, match="no object"):
        failed_run(Event(id="e", type=RUN_STATUS_CHANGED, source=WORKSPACE, subject=SUBJECT, time=FAILED, data=data))


@pytest.mark.parametrize(
    "source",
    [
        "",
        "/",
        "/subscriptions/x/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
        WORKSPACE.replace("rg-train", ".."),
        WORKSPACE.replace("rg-train", "."),
        WORKSPACE.replace("rg-train", "rg."),
        WORKSPACE.replace("rg-train", "..\\.."),
        WORKSPACE.replace("rg-train", "a%2fb"),
        WORKSPACE.replace("rg-train", "a/../b"),
        WORKSPACE.replace("rg-train", "a?b"),
        WORKSPACE.replace("rg-train", "a#b"),
        WORKSPACE.replace("rg-train", "a b"),
        WORKSPACE.replace("rg-train", "g" * 91),
        WORKSPACE + "/../../other",
        WORKSPACE + "/computes/x",
        WORKSPACE + "?api-version=1",
        WORKSPACE + "\n/x",
        "https://evil.example" + WORKSPACE,
        "//evil.example" + WORKSPACE,
        WORKSPACE.replace("MachineLearningServices", "ContainerRegistry"),
        WORKSPACE.replace("Microsoft.Machine", "MicrosoftXMachine"),
    ],
)
def test_a_source_that_is_no_workspace_is_refused(source: str) -> None:
    """Only a workspace's plain resource id may become a URL's path."""
    with pytest.raises(MalformedEvent, match="from no workspace"):
        failed_run(event(source=source))


@pytest.mark.parametrize("source", [5, None, ["x"], {"id": WORKSPACE}])
def test_a_source_of_another_type_is_refused(source: Any) -> None:
    """A source that is not even text is said to come from no workspace."""
    with pytest.raises(MalformedEvent):
        workspace_id(source)


@pytest.mark.parametrize(
    "source",
    [
        WORKSPACE,
        WORKSPACE.lower(),
        WORKSPACE.upper(),
        WORKSPACE.replace("rg-train", "rg.train_(1)"),
        WORKSPACE.replace("rg-train", "Größe"),
    ],
)
def test_a_workspace_s_id_is_kept_as_it_is_written(source: str) -> None:
    """Resource ids come in any case, and group names hold more than letters."""
    assert workspace_id(f"  {source}/ ") == source


def test_an_event_of_a_megabyte_gives_a_small_run() -> None:
    """Whatever size Event Grid lets through, only short names and few tags go into the queue."""
    big = {f"tag{number}": "v" * 300 for number in range(1000)} | {f"t{number}": "v" for number in range(1000)}
    data = {**DATA, "runTags": big, "experimentName": "e" * 500_000, "createdBy": "c" * 500_000}
    found = run_of(event(data, id="i" * 100_000))
    assert len(found.experiment or "") == 256
    assert len(found.submitted_by or "") == 256
    assert len(found.event_id) == 200
    assert len(found.tags) <= 20
    assert all(len(key) <= 256 and len(value) <= 256 for key, value in found.tags.items())


@pytest.mark.parametrize("unit", ["\x01", "\U0001f600", '"', "\ud800", "v"])
def test_no_run_s_tags_fill_the_message_so_that_it_is_lost(unit: str) -> None:
    """A queue takes 64 KiB of base64: six bytes a character, as JSON writes a control character, do not break it."""
    tags = {f"{number:03}{unit * 253}": unit * 256 for number in range(30)}
    names = {"experimentName": unit * 300, "createdBy": unit * 300}
    message = to_json(run_of(event({**DATA, "runTags": tags, **names}, id=unit * 300)))
    assert len(message.encode()) <= 48 * 1024


def test_hostile_names_lose_what_cannot_be_seen() -> None:
    """Line breaks, direction marks and terminal escapes in names become blanks."""
    found = run_of(event({**DATA, "experimentName": "a\r\n\x1b[31m\u202eb\u2028<!channel>"}))
    assert (found.experiment or "").isprintable()
    assert "<!channel>" in (found.experiment or "")


@pytest.mark.parametrize("tags", [None, "text", ["a"], {"a": 1, "b": None, "c": {"d": "e"}}, {"k": "v" * 257}])
def test_tags_that_are_no_short_texts_are_left_out(tags: Any) -> None:
    """Tags have no schema: what is not a short text does not route anything."""
    assert run_of(event({**DATA, "runTags": tags})).tags == {}


def test_an_event_without_a_time_is_dated_now() -> None:
    """The clock that is passed in stands in for a time that is missing."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    found = failed_run(event(time=None), now=now)
    assert isinstance(found, FailedRun)
    assert found.failed_at == now


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from([*DATA, *(key.upper() for key in DATA)])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "type": JSON | st.just(RUN_STATUS_CHANGED),
        "source": JSON | st.just(WORKSPACE),
        "subject": JSON | st.just(SUBJECT),
    },
)


@settings(max_examples=400)
@given(data=JSON | st.dictionaries(KEYS, JSON | st.sampled_from(["Failed", "x"])), changes=FIELDS)
def test_whatever_json_comes_nothing_else_is_raised(data: Any, changes: dict[str, Any]) -> None:
    """Any JSON at all is a run, is dropped with a printable reason, or is malformed, and never anything else."""
    values: dict[str, Any] = {"id": "e", "type": RUN_STATUS_CHANGED, "source": WORKSPACE, "subject": SUBJECT}
    try:
        found = failed_run(Event(**(values | changes), time=FAILED, data=data))
    except MalformedEvent:
        return
    if isinstance(found, Dropped):
        assert found.reason.isprintable()
    else:
        assert found.run_id
        assert found.workspace_id.startswith("/subscriptions/")
