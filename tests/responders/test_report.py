"""The wording: what a report says, in which order, and what it never lets through."""

from __future__ import annotations

from dataclasses import replace

import pytest
import responder_samples as samples
from hypothesis import given, settings

from diagnostics.model import (
    INSUFFICIENT_EVIDENCE,
    NOT_REGISTRY,
    LogExcerpt,
    Status,
    Symptom,
    Unknown,
    UnreadLog,
)
from responders.clouds import Cloud
from responders.report import Block, Code, Kind, Pair, Report, Text, build_report, undeliverable_report
from responders.text import render_text

SENTINEL = "sv=2024-11-04&sig=AAAAsentinelAAAA%3D"


def block(report: Report, kind: Kind) -> Block:
    """Return the block of that kind."""
    return next(b for b in report.blocks if b.kind is kind)


def words(report: Report) -> str:
    """Return all that a report says."""
    return render_text(report, width=10_000)


def test_headline_names_status_cause_and_thing() -> None:
    """The first words tell how sure the verdict is, and what is wrong with which thing."""
    report = build_report(samples.diagnosis(), samples.evidence())
    assert report.headline == "Confirmed: cpu-4's identity may not pull from acr1."
    assert report.status == "confirmed"


@pytest.mark.parametrize("status", [Status.LIKELY, Status.POSSIBLE])
def test_headline_never_claims_more_than_the_status(status: Status) -> None:
    """A verdict that is not confirmed is never worded as if it were."""
    found = samples.diagnosis(status=status, findings=(samples.finding(status=status),))
    report = build_report(found, samples.evidence())
    assert report.headline.startswith(f"{status.value.capitalize()}: ")
    assert "onfirmed" not in words(report)


def test_the_next_step_is_the_first_remedy_with_its_command() -> None:
    """What to do comes in portal words and as a command with the real names."""
    report = build_report(samples.diagnosis(), samples.evidence())
    assert report.next_step.lines == (
        Text("Give 0f1e the role AcrPull on acr1. acr1 > Access control (IAM) > Add."),
        Code(samples.COMMAND),
    )


def test_several_runs_of_one_cause_are_counted_in_the_headline() -> None:
    """One cause that broke 37 runs reads as one cause, and the list of runs is bounded."""
    others = [f"trial_{number}" for number in range(36)]
    report = build_report(samples.diagnosis(), samples.evidence(), runs=others)
    assert report.headline.endswith("(37 runs).")
    assert (
        Pair("Runs", "calm_net_7xk2, trial_0, trial_1, trial_2, trial_3 and 32 more") in block(report, Kind.RUN).lines
    )


def test_the_run_facts_answer_what_where_and_who_without_a_click() -> None:
    """Run, experiment, submitter, workspace, compute, image and time are told, and what is missing is named."""
    facts = block(build_report(samples.diagnosis(), samples.evidence()), Kind.RUN).lines
    assert Pair("Submitted by", "Dana Weber") in facts
    assert Pair("Workspace", "ws-ml (resource group rg-ml)") in facts
    assert Pair("Compute", "cpu-4 (AmlCompute)") in facts
    assert Pair("Image", "acr1.azurecr.io/train:7") in facts
    assert Pair("Failed at", "2026-11-23 12:00:00 UTC") in facts
    bare = build_report(samples.diagnosis(), samples.evidence(details=None, image=None))
    assert Pair("Image", "not known") in block(bare, Kind.RUN).lines


def test_the_evidence_quotes_file_and_line() -> None:
    """The proving line stands in the message with its number, between its neighbours."""
    lines = block(build_report(samples.diagnosis(), samples.evidence()), Kind.EVIDENCE).lines
    quote = lines[-1]
    assert isinstance(quote, Code)
    assert quote.caption == "azureml-logs/20_image_pull.txt, line 41 (unauthorized, said by docker)"
    assert "   41  unauthorized: authentication required" in quote.text


def test_a_line_counted_from_the_end_says_so() -> None:
    """Where only the end of a log was read no line number is claimed that nobody counted."""
    shown = LogExcerpt(file="std_log.txt", first_line=-2, lines=("a", "b"))
    tail = Symptom(id="unauthorized", signature="s", emitter="docker", excerpt=shown, line=-1)
    report = build_report(samples.diagnosis(), samples.evidence(symptoms=(tail,)))
    assert "std_log.txt, line 1 from the end" in words(report)


def test_every_check_stands_with_its_result() -> None:
    """What was ruled out, what is unknown and why is all there to be read."""
    gathered = samples.evidence(
        gaps=("run history gave no details",),
        unread_logs=(UnreadLog(file="a.txt", reason="403"),),
        facts={"tags": Unknown(reason="refused", missing_action="Microsoft.ContainerRegistry/registries/pull/read")},
    )
    report = build_report(samples.diagnosis(), gathered)
    assert block(report, Kind.CHECKS).lines == (
        Text("manifest: train:7 is there"),
        Pair("ruled out", "tag-absent: train:7 is there"),
        Pair("unknown", "run history gave no details"),
        Pair("unknown", "a.txt could not be read: 403"),
    )
    assert "lacks the right Microsoft.ContainerRegistry/registries/pull/read" in words(report)


def test_a_second_confirmed_cause_is_told_beside_the_first() -> None:
    """A masked second fault is told at once, with its own remedy, so that nobody fixes only half."""
    second = samples.finding(cause="tag-absent", headline="train:7 is not in acr1", remedies=())
    report = build_report(samples.diagnosis(findings=(samples.finding(), second)), samples.evidence())
    assert Text("Confirmed: train:7 is not in acr1") in block(report, Kind.ALSO).lines


def test_an_open_verdict_says_what_would_settle_it() -> None:
    """Without a provable cause the next step is what would settle it, and no status is claimed."""
    open_verdict = samples.diagnosis(
        verdict=INSUFFICIENT_EVIDENCE,
        status=None,
        findings=(),
        settle=("Give the responder Reader on acr1.",),
    )
    report = build_report(open_verdict, samples.evidence())
    assert report.headline.startswith("Not enough evidence: acr1.azurecr.io/train:7 did not come")
    assert report.next_step.lines == (Text("Give the responder Reader on acr1."),)
    assert report.status is None


def test_a_run_that_failed_elsewhere_blames_no_registry() -> None:
    """A run that failed on something else is told as such, with nothing to do on the registry."""
    elsewhere = samples.diagnosis(verdict=NOT_REGISTRY, status=None, findings=())
    report = build_report(elsewhere, samples.evidence(symptoms=()))
    assert report.headline.startswith("Not a registry failure")
    assert "Nothing to do on the registry" in words(report)


def test_the_link_is_percent_encoded_and_of_the_right_cloud() -> None:
    """A hostile run id cannot leave the link's path, and a sovereign cloud has its own studio."""
    hostile = samples.run(run_id="a/../<b>|?&#")
    report = build_report(replace(samples.diagnosis(), run=hostile), samples.evidence(), cloud=Cloud.US_GOVERNMENT)
    assert report.run_url.startswith("https://ml.azure.us/runs/a%2F..%2F%3Cb%3E%7C%3F%26%23?wsid=/subscriptions/")


def test_no_secret_passes_the_wording() -> None:
    """A shared access signature in a log, a name or a remedy is redacted in every block."""
    url = f"https://acct.blob.core.windows.net/c/log?{SENTINEL}"
    dirty = samples.symptom("before", f"GET {url} unauthorized", "after")
    found = samples.finding(headline=f"see {url}", reasons=(url,), remedies=())
    report = build_report(
        samples.diagnosis(findings=(found,), chain=(url,), checks=(url,), notes=(url,), settle=(url,)),
        samples.evidence(symptoms=(dirty,), run=samples.run(experiment=url), gaps=(url,)),
    )
    assert "sentinel" not in words(report)
    assert "sentinel" not in repr(report)


def test_terminal_commands_and_direction_overrides_do_not_pass() -> None:
    """An escape sequence or a right-to-left override in a log shows as a replacement character."""
    dirty = samples.symptom("x", "\x1b[2J\u202eunauthorized\x00", "y")
    text = words(build_report(samples.diagnosis(), samples.evidence(symptoms=(dirty,))))
    assert not any(character in text for character in "\x1b\u202e\x00")
    assert "�[2J�unauthorized�" in text


def test_a_run_without_diagnosis_is_told_with_reason_run_and_step() -> None:
    """A run that ends in the poison queue gets a message with why, which run, and what to do."""
    report = undeliverable_report(samples.run(), "the queue message failed 5 times", stored_as="poison/1")
    assert report.headline == "No diagnosis for calm_net_7xk2: the queue message failed 5 times"
    assert "put it back" in words(report)
    assert Pair("Experiment", "churn") in report.blocks[0].lines
    assert "No diagnosis for a run that could not be read" in undeliverable_report(None, "no JSON").headline


@pytest.mark.slow
@settings(max_examples=25)
@given(samples.REPORTS)
def test_plain_text_of_any_report_obeys_no_terminal(report: Report) -> None:
    """Whatever is in a report, its plain text holds printable lines only and can be encoded."""
    text = render_text(report)
    assert text.endswith("\n")
    assert not any(ord(character) < 0x20 and character != "\n" for character in text)
    text.encode()


def test_plain_text_reads_in_the_stated_order() -> None:
    """Headline, next step, run, why, and the link come in that order, at the width that was asked for."""
    text = render_text(build_report(samples.diagnosis(), samples.evidence(), stored_as="k/1"), width=80)
    order = [
        text.index(part) for part in ("Confirmed:", "Next step:", "Run:", "Why:", "Open the run:", "stored as: k/1")
    ]
    assert order == sorted(order)
    assert all(len(line) <= 80 for line in text.splitlines() if "az role" not in line and "https" not in line)
