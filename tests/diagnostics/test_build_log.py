"""Build logs as they are written: which step failed, which line explains it, and where else a log may lie."""

from __future__ import annotations

import pytest
from costs import assert_linear
from diagnostic_samples import details, evidence, run, symptom
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.build_facts import Builder, BuildFault, BuildLog
from diagnostics.build_log import (
    BuildPlace,
    build_places,
    is_build_log,
    led_by_build,
    read_build_log,
    while_building,
    without_done_builds,
)
from diagnostics.case import Case
from diagnostics.logs import excerpts_of_text
from diagnostics.model import Symptom

LOG = "azureml-logs/20_image_build_log.txt"


def read(text: str, file: str = LOG) -> BuildLog:
    """Read a text as the log of a build."""
    found = read_build_log(excerpts_of_text(file, text))
    assert found is not None
    return found


PIP = """Step 1/9 : FROM mcr.microsoft.com/azureml/base:1
 ---> 1
Step 5/9 : RUN pip install -r requirements.txt
Collecting tailspin-tools==3
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError': /simple/tailspin-tools/
ERROR: Could not find a version that satisfies the requirement tailspin-tools==3 (from versions: none)
ERROR: No matching distribution found for tailspin-tools==3
The command '/bin/sh -c pip install -r requirements.txt' returned a non-zero code: 1
Run ID: ca1 failed after 9s. Error: failed during run, err: exit status 1"""


def test_the_failing_step_its_error_and_the_line_above_are_found() -> None:
    """The wrapper names nothing: the reason stands above it, and the reason's own reason above that."""
    log = read(PIP)
    assert (log.fault, log.subject, log.builder) == (BuildFault.DEPENDENCY, "tailspin-tools==3", Builder.TASKS)
    assert (log.step, log.step_line) == ("RUN pip install -r requirements.txt", 3)
    assert log.said_line == 6
    assert (log.above_line, "NewConnectionError" in log.above) == (5, True)


def test_every_quoted_line_stands_in_the_log_where_it_is_said_to() -> None:
    """A quotation is proven by file and line."""
    log, lines = read(PIP), PIP.split("\n")
    for text, line in ((log.step, log.step_line), (log.said, log.said_line), (log.above, log.above_line)):
        assert text in lines[line - 1]
    assert len(log.quotes) == 3
    assert all(LOG in quote for quote in log.quotes)


@pytest.mark.parametrize(
    ("line", "fault", "subject"),
    [
        ("ERROR: No matching distribution found for a-b[c]==1.0", BuildFault.DEPENDENCY, "a-b[c]==1.0"),
        ("E: Unable to locate package libfoo-dev", BuildFault.DEPENDENCY, "libfoo-dev"),
        ("E: Package 'libbar' has no installation candidate", BuildFault.DEPENDENCY, "libbar"),
        ("ResolvePackageNotFound:\n  - libcxx=4.0.1\n  - llvm=4", BuildFault.DEPENDENCY, "libcxx=4.0.1"),
        ("  nothing provides cudatoolkit 10.1* needed by x", BuildFault.DEPENDENCY, "cudatoolkit"),
        ("ERROR: Failed building wheel for pycocotools", BuildFault.DEPENDENCY, "pycocotools"),
        ("npm ERR! 404 Not Found - GET /left-pad", BuildFault.DEPENDENCY, ""),
        ("dockerfile parse error line 3: unknown instruction: RUUN", BuildFault.DEFINITION, ""),
        ("COPY failed: file not found in build context: stat src: no such file", BuildFault.DEFINITION, None),
        ('failed to compute cache key: "/src": not found', BuildFault.DEFINITION, "/src"),
        ("unable to prepare context: the Dockerfile (x) must be within the build context", BuildFault.DEFINITION, ""),
        ("pull access denied for tailspin/base, repository does not exist", BuildFault.BASE_IMAGE, "tailspin/base"),
        ("manifest for a.azurecr.io/b:1 not found: manifest unknown", BuildFault.BASE_IMAGE, "a.azurecr.io/b:1"),
        (
            "ERROR: failed to solve: a.azurecr.io/b:1: failed to resolve source metadata for a.azurecr.io/b:1: nope",
            BuildFault.BASE_IMAGE,
            "a.azurecr.io/b:1",
        ),
        ("failed to login, ran out of retries: failed to set docker credentials: x", BuildFault.LOGIN, ""),
        ("The command '/bin/sh -c make' returned a non-zero code: 2", BuildFault.STEP, ""),
    ],
)
def test_what_stopped_a_build(line: str, fault: str, subject: str | None) -> None:
    """Each builder and installer has its own words; whatever they are about is taken from them."""
    log = read(f"Sending build context\n{line}\nfailed to run step ID: acb_step_0: exit status 1")
    assert log.fault == fault
    assert subject is None or log.subject == subject


@pytest.mark.parametrize(
    "said",
    [
        "toomanyrequests: You have reached your pull rate limit.",
        'Error response from daemon: Get "https://tailspin.azurecr.io/v2/": unauthorized: authentication required',
        "dial tcp: lookup tailspin.azurecr.io on 168.63.129.16:53: no such host",
        "no matching manifest for linux/amd64 in the manifest list entries",
    ],
)
def test_a_from_that_fails_is_the_base_image_s_pull(said: str) -> None:
    """The error of a pull does not name the image; the step does."""
    log = read(f"Step 1/3 : FROM --platform=linux/amd64 tailspin.azurecr.io/base:2 AS build\n{said}\nexit status 1")
    assert (log.fault, log.subject) == (BuildFault.BASE_IMAGE, "tailspin.azurecr.io/base:2")


def test_buildkit_names_the_step_that_failed_among_parallel_ones() -> None:
    """The last step begun is not the one that failed where several run at once."""
    log = read(
        "#8 [2/4] RUN make fast\n#9 [extra 1/2] RUN sleep 100\n#8 1.2 gcc: error: x.c: No such file\n"
        '#8 ERROR: process "/bin/sh -c make fast" did not complete successfully: exit code: 1\n'
    )
    assert log.step == "RUN make fast"
    assert log.fault == BuildFault.STEP
    assert "gcc: error" in log.above


@pytest.mark.parametrize(
    ("text", "builder"),
    [
        ("======Starting Image Build on Serverless Compute======", Builder.SERVERLESS),
        ("2025: Logging into Docker registry: a.azurecr.io", Builder.COMPUTE),
        ("Successfully set up Docker network: acb_default_network", Builder.TASKS),
        ("Step 1/2 : FROM a", ""),
    ],
)
def test_who_built(text: str, builder: str) -> None:
    """The three builders begin differently."""
    assert read(text).builder == builder


def test_the_address_of_a_refused_agent_is_read() -> None:
    """It stands in the registry's own words, and only a refused log-in has it."""
    log = read("failed to login, ran out of retries: denied: client with IP '203.0.113.8' is not allowed access.")
    assert log.address == "203.0.113.8"


def test_a_log_without_an_error_says_so() -> None:
    """What is cut off before its end shows no fault, and none is guessed."""
    log = read("Step 1/2 : FROM a\nStep 2/2 : RUN true")
    assert (log.fault, log.quotes) == ("", ())
    assert "shows no error" in str(log)


def test_other_texts_are_no_build_logs() -> None:
    """A run's own log is not searched for steps."""
    assert read_build_log(excerpts_of_text("user_logs/std_log.txt", "epoch 1/3 : loss 0.1\nERROR: x")) is None
    assert not is_build_log(excerpts_of_text("std_log.txt", "pip install done")[0])
    assert str(BuildLog()) == "the run names none"


def test_of_several_logs_the_one_that_says_why_counts() -> None:
    """An unfinished first log does not hide the second."""
    excerpts = (*excerpts_of_text("build run x, a", "Step 1/2 : FROM a"), *excerpts_of_text(LOG, PIP))
    found = read_build_log(excerpts)
    assert found is not None
    assert found.file == LOG


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("The run ID for the image build on serverless compute is imgbldrun_725f1f0", ["build run imgbldrun_725f1f0"]),
        ("https://ml.azure.com/experiments/id/prepare_image/runs/prep_1?wsid=/x", ["build run prep_1"]),
        (
            "Build log: https://acrtaskprodweu013.blob.core.windows.net/container-0a1b/logs/cb9u/rawtext.log",
            ["log of ACR Tasks run cb9u"],
        ),
        ("Build log: https://evil.example/acrtaskprod/logs/cb9u/rawtext.log", []),
        ("https://acrtaskprodx.blob.core.windows.net.evil.example/x/logs/../../a/rawtext.log", []),
        ("nothing of the kind", []),
    ],
)
def test_where_else_a_build_s_log_may_lie(text: str, places: list[str]) -> None:
    """Only the ids are taken from a text, and only of the known shapes."""
    assert [place.name for place in build_places(excerpts_of_text("e", text))] == places


def test_few_places_are_followed() -> None:
    """A text that names a thousand runs does not cause a thousand calls."""
    text = "\n".join(f"imgbldrun_{number:05}" for number in range(1000))
    assert build_places(excerpts_of_text("e", text)) == (
        BuildPlace("run", "imgbldrun_00000"),
        BuildPlace("run", "imgbldrun_00001"),
    )


def test_what_a_build_stopped_at_leads_the_symptoms() -> None:
    """A cache that is not there yet, or a warning, stands above the error and stopped nothing."""
    cache, built = symptom("tag-not-found"), symptom("image-build-failed")
    assert led_by_build((cache, built), BuildLog(file=LOG, fault=BuildFault.DEFINITION)) == (built, cache)
    assert led_by_build((cache, built), BuildLog(file=LOG, fault=BuildFault.BASE_IMAGE)) == (cache, built)


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        ("Run ID: ca1 was successful after 2m3s", 0),
        ("1: digest: sha256:0a1b2c size: 1234", 0),
        ("Run ID: ca1 was successful after 2m3s\nfailed to run step ID: acb_step_1: exit status 1", 1),
        ("Successfully built 0a1b2c", 1),
        ("", 1),
    ],
)
def test_what_went_wrong_in_a_build_that_ended_well_stopped_nothing(end: str, kept: int) -> None:
    """Its log is no account of the failure, whatever errors a package's installer got over."""
    lines = f"Step 1/1 : RUN pip\nERROR: No matching distribution found for a\n{end}"
    assert len(without_done_builds(excerpts_of_text(LOG, lines))) == kept


@pytest.mark.parametrize(
    ("shown", "builds"),
    [
        (symptom("image-build-failed"), True),
        (symptom("unauthorized", file=LOG), True),
        (symptom("unauthorized", file="log of ACR Tasks run ca1"), True),
        (symptom("unauthorized", file="build run imgbldrun_1, user_logs/std_log.txt"), True),
        (symptom("tag-not-found", "Step 1/9 : FROM python:3.99"), True),
        (symptom("network-firewall", emitter="ACR through ACR Tasks"), True),
        (symptom("network-firewall", emitter="ACR Tasks, az acr"), True),
        (symptom("network-firewall", names=("build-compute-missing",)), True),
        (symptom("unauthorized"), False),
        (symptom("unauthorized", file="user_logs/build_features.txt"), False),
        (symptom("unauthorized", file="logs/rebuild.log"), False),
        (symptom("tag-not-found", emitter="docker, BuildKit, ACR Tasks"), False),
        (symptom("tag-not-found", emitter="a builder or a puller"), False),
    ],
)
def test_whether_an_image_was_being_built(shown: Symptom, *, builds: bool) -> None:
    """By what the text says, where it stands, or who alone says it; a word that pulls share shows nothing."""
    assert while_building((shown,), "brisk_heron") is builds
    assert Case(evidence(shown)).while_building is builds


def test_the_first_symptom_s_place_counts_and_any_symptom_s_meaning() -> None:
    """A later line of a build's log explains nothing else; a later word that names a build does."""
    pull, noise = symptom("unauthorized"), symptom("rate-limited", file=LOG)
    assert not while_building((pull, noise), "brisk_heron")
    assert while_building((noise, pull), "brisk_heron")
    assert while_building((pull, symptom("image-build-failed")), "brisk_heron")
    assert while_building((pull, symptom("network-firewall", names=("build-compute-missing",))), "brisk_heron")


def test_a_run_that_builds_is_known_by_its_id() -> None:
    """Whatever it says, and before anything of it was read; another's build in the text is not this run's."""
    assert while_building((), "imgbldrun_4c19e0b")
    assert while_building((symptom("unauthorized"),), "imgbldrun_4c19e0b")
    assert not while_building((), "brisk_heron_imgbldrun_4c19e0b")
    assert Case(evidence(symptom(), run=run(run_id="imgbldrun_4c19e0b"), details=None)).while_building
    assert Case(evidence(symptom(), details=details(run_id="imgbldrun_4c19e0b"))).while_building


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from([*PIP.split("\n"), "#1 [1/2] FROM x", "#1 ERROR: x", "failed to solve: a/b: not found"]),
        ),
        max_size=12,
    )
)
def test_any_text_is_read_without_an_error(lines: list[str]) -> None:
    """Whatever stands in a log, the reading ends, and its line numbers are lines of the log."""
    excerpts = excerpts_of_text(LOG, "\n".join(lines))
    log = read_build_log(excerpts)
    if log is not None and log.said_line:
        assert log.said in excerpts[0].lines[log.said_line - 1]


def test_a_log_made_to_confuse_costs_little() -> None:
    """Reading is linear in the text: a megabyte of near misses takes no minute."""
    assert_linear(lambda size: read("Step 1/2 : RUN x\n" + "ERROR: failed to solve: a/" * size), 10_000)
