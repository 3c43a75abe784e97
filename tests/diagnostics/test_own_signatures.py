"""A team's own file: what it adds, and that no file, however wrong, does more than be refused with its reason."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from costs import assert_linear
from diagnostic_samples import evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.__main__ import main
from diagnostics.classification import classify
from diagnostics.judging import all_causes, judge
from diagnostics.logs import excerpts_of_text
from diagnostics.model import PullStep, Status, Symptom
from diagnostics.own_signatures import (
    LARGEST,
    MOST_TEXTS,
    OwnSignatures,
    WrongSignatures,
    install,
    installed,
    load_own_signatures,
)
from diagnostics.signatures import rules
from responders import app
from responders.settings import load_settings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "own-signatures.md").read_text(encoding="utf-8")
EXAMPLE = DOCUMENT.partition("```toml\n")[2].partition("```")[0]
DENIED = "fjord-proxy: CONNECT contoso.azurecr.io:443 denied by policy EGRESS-7"
TEXT = """
[[text]]
symptom = "network-firewall"
id = "proxy-denied"
pattern = 'fjord-proxy: CONNECT %registry% denied'
emitter = "our proxy"
accepts = ["fjord-proxy: CONNECT contoso.azurecr.io:443 denied"]
"""
CAUSE = """
[[cause]]
id = "proxy-list"
title = "The proxy does not let it out"
remedy = "Ask for it"
"""

File = Callable[[str], Path]


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Give back the SDKs' loggers as they were: the command line silences them for its whole process."""
    before = {name: logging.getLogger(name).level for name in ("azure", "msal", "urllib3")}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(autouse=True)
def published() -> Iterator[None]:
    """Leave the process with the published signatures alone."""
    yield
    install(OwnSignatures())


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Give a function that writes a file."""

    def write(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def with_keys(text: str, **keys: str) -> str:
    """Return the text's entry with other values, as TOML."""
    for key, value in keys.items():
        line = f"{key} = {value}"
        text, found = re.subn(rf"(?m)^{key} = .*$", lambda _: line, text)  # noqa: B023
        text = text if found else f"{text}{line}\n"
    return text


def symptoms(text: str, file: str = "system_logs/lifecycler/lifecycler.log") -> tuple[Symptom, ...]:
    """Return what a log says."""
    return classify(excerpts_of_text(file, text))


# --- what it adds -------------------------------------------------------------------------------------------


def test_the_document_s_example_is_valid(file: File) -> None:
    """What a reader copies works."""
    own = load_own_signatures(file(EXAMPLE))
    assert sorted(own.texts) == ["network-firewall", "not-registry", "tag-not-found"]
    assert [(cause.id, cause.step) for cause in own.causes] == [("fjord-proxy-list", PullStep.NETWORK)]


def test_a_proxy_s_own_words_are_a_symptom_with_its_captures(file: File) -> None:
    """They are quoted and named like a published signature's."""
    assert symptoms(DENIED) == ()
    install(load_own_signatures(file(EXAMPLE)))
    (found,) = symptoms(f"starting\n{DENIED}\n")
    assert (found.id, found.signature, found.emitter) == ("network-firewall", "fjord-proxy-denied", "our egress proxy")
    assert found.captured["registry"] == "contoso.azurecr.io:443"
    assert (found.line, found.text) == (2, DENIED)


def test_a_cause_of_one_s_own_is_confirmed_by_its_component_s_statement(file: File) -> None:
    """With the team's own remedy."""
    install(load_own_signatures(file(EXAMPLE)))
    diagnosis = judge(evidence(*symptoms(DENIED)))
    assert (diagnosis.verdict, diagnosis.status) == ("fjord-proxy-list", Status.CONFIRMED)
    assert diagnosis.headline is not None
    assert diagnosis.headline.remedies[0].command == "fjordctl egress allow HOST"
    assert "our egress proxy says so itself" in diagnosis.headline.reasons[0]


def test_a_text_that_is_not_decisive_makes_its_cause_likely(file: File) -> None:
    """Nothing is confirmed without a fact."""
    install(load_own_signatures(file(with_keys(TEXT, names='["proxy-list"]') + CAUSE)))
    diagnosis = judge(evidence(*symptoms("fjord-proxy: CONNECT contoso.azurecr.io:443 denied")))
    assert (diagnosis.verdict, diagnosis.status) == ("proxy-list", Status.LIKELY)
    assert diagnosis.headline is not None
    assert diagnosis.headline.unchecked


def test_a_cause_of_one_s_own_says_nothing_of_other_texts(file: File) -> None:
    """It is no candidate for what the published signatures find."""
    install(load_own_signatures(file(EXAMPLE)))
    diagnosis = judge(evidence(*symptoms("denied: client with IP '203.0.113.8' is not allowed access.")))
    assert "fjord-proxy-list" not in [finding.cause for finding in diagnosis.findings]


def test_lines_may_be_claimed_for_something_that_is_no_registry(file: File) -> None:
    """The published signature would take them for one."""
    line = "package-feed-gateway: 401 for numpy, registry contoso.azurecr.io: 401 Unauthorized"
    assert [found.id for found in symptoms(line)] == ["unauthorized"]
    install(load_own_signatures(file(EXAMPLE)))
    assert symptoms(line) == ()


def test_what_the_user_s_program_prints_is_not_believed(file: File) -> None:
    """Anybody can print anything there."""
    install(load_own_signatures(file(EXAMPLE)))
    assert symptoms(DENIED, "user_logs/std_log.txt") == ()


def test_another_file_replaces_the_first(file: File) -> None:
    """And none at all leaves what is published."""
    before = len(all_causes())
    install(load_own_signatures(file(EXAMPLE)))
    assert len(all_causes()) == before + 1
    install(OwnSignatures())
    assert len(all_causes()) == before
    assert not any(signature.id == "feed-proxy" for rule in rules() for signature in rule.signatures)


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"it has no \[\[text\]\]"),
        ("text = 1", r"text: expected \[\[text\]\] tables"),
        ("[[text", "it is no TOML: "),
        ("[[txt]]\na = 1", "the file: unknown key 'txt'; is text meant"),
        (
            with_keys(TEXT, symptom='"network-firewal"'),
            r"text 1 \(proxy-denied\): symptom: .*is network-firewall meant",
        ),
        (with_keys(TEXT, pattern="'['"), r"text 1 \(proxy-denied\): pattern: missing"),
        (with_keys(TEXT, pattern="'(a'"), "pattern: missing"),
        (with_keys(TEXT, pattern=r"'(a)\1'"), "pattern: invalid escape"),
        (with_keys(TEXT, pattern="'(?=a)'"), "pattern: invalid perl operator"),
        (with_keys(TEXT, pattern="'((a{100}){100}){100}'"), "pattern: "),
        (with_keys(TEXT, pattern="'%regestry% x'"), "there is no %regestry%; is registry meant"),
        (with_keys(TEXT, pattern="'(?P<regstry>fjord)'"), "may not be called 'regstry'; is registry meant"),
        (with_keys(TEXT, pattern="'.*'"), "hits ordinary lines"),
        (with_keys(TEXT, pattern="'a|'"), "hits ordinary lines"),
        (with_keys(TEXT, pattern="'INFO'"), "hits ordinary lines"),
        (with_keys(TEXT, pattern="'nobody-says-this'"), "accepts: the pattern does not hit"),
        (with_keys(TEXT, pattern=f"'{'a' * 1001}'"), "1001 characters"),
        (with_keys(TEXT, rejects='["fjord-proxy: CONNECT a.b denied"]'), "rejects: the pattern hits"),
        (with_keys(TEXT, accepts="[]"), "accepts: is required"),
        (with_keys(TEXT, accepts='"one"'), "accepts: expected a list"),
        (with_keys(TEXT, accepts=f"{['x'] * 21}"), "accepts: at most"),
        (with_keys(TEXT, emitter='""'), "emitter: expected text"),
        (with_keys(TEXT, emitter='"a\\u001b[31m"'), "emitter: holds a control character"),
        (with_keys(TEXT, id='"Not An Id"'), "id: lower-case letters"),
        (with_keys(TEXT, id='"acr-403"'), "id: acr-403 is taken"),
        (TEXT + TEXT, "text 2 .*: id: proxy-denied is taken"),
        (
            with_keys(TEXT, names='["pull-role-mising"]'),
            "there is no cause 'pull-role-mising'; is pull-role-missing meant",
        ),
        (with_keys(TEXT, decisive="true"), "decisive: it names no cause"),
        (with_keys(TEXT, decisive='"yes"'), "decisive: expected true or false"),
        (with_keys(TEXT, symptom='"not-registry"', names='["tag-absent"]'), "names no cause"),
        (with_keys(TEXT, colour='"red"'), "unknown key 'colour'"),
        (TEXT + CAUSE, "no .* names proxy-list"),
        (TEXT + with_keys(CAUSE, id='"tag-absent"'), "tag-absent is a published cause"),
        (TEXT + CAUSE + CAUSE, "proxy-list is there twice"),
        (TEXT + with_keys(CAUSE, step='"lunch"'), "step: 'lunch' is none of"),
        (TEXT + with_keys(CAUSE, title="3"), r"cause 1 \(proxy-list\): title: expected text"),
        (TEXT + "[[cause]]\nid = 'a'", "remedy: is required"),
        (TEXT * (MOST_TEXTS + 1), "201 entries"),
        ("a = " + "[" * 5000, "it is no TOML"),
        ("#" * (LARGEST + 1), "larger than 256 KiB"),
    ],
)
def test_a_wrong_file_is_refused_with_its_entry_and_the_reason(file: File, text: str, said: str) -> None:
    """Each error names the file, the entry and what is wrong with it."""
    path = file(text)
    with pytest.raises(WrongSignatures) as refused:
        load_own_signatures(path)
    assert re.search(said, str(refused.value)), str(refused.value)
    assert all(problem.startswith(f"{path}: ") for problem in refused.value.problems)
    assert len(refused.value.problems) <= 20
    assert "\x1b" not in str(refused.value)


def test_everything_that_is_wrong_is_said_at_once(file: File) -> None:
    """Nobody mends a file one error at a time."""
    wrong = with_keys(TEXT, symptom='"nothing"', names='["nobody"]', colour='"red"')
    with pytest.raises(WrongSignatures) as refused:
        load_own_signatures(file(wrong))
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize("path", ["/nowhere/own.toml", "/", "/dev/zero", "own\0.toml"])
def test_what_is_no_file_is_refused(path: str) -> None:
    """A folder, a device or nothing at all."""
    with pytest.raises(WrongSignatures):
        load_own_signatures(path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8."""
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WrongSignatures, match="no TOML"):
        load_own_signatures(path)


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=20), st.integers(-9, 9), st.booleans(), st.lists(st.text(max_size=9), max_size=3)
)
ENTRY = st.dictionaries(
    st.sampled_from(["symptom", "id", "pattern", "emitter", "names", "decisive", "accepts", "title", "remedy", "step"]),
    st.one_of(VALUES, st.sampled_from(["tag-not-found", ["tag-absent"], "%image% (x", "(?P<tag>a+)+$", ["aaa"]])),
)


@settings(max_examples=150)
@given(st.lists(ENTRY, max_size=3), st.lists(ENTRY, max_size=2))
def test_no_contents_end_in_anything_but_a_refusal(texts: list[dict[str, Any]], causes: list[dict[str, Any]]) -> None:
    """Whatever the entries hold, the answer is signatures or a refusal."""
    from diagnostics.own_signatures import _Reading  # noqa: PLC0415

    reading = _Reading({"text": texts, "cause": causes})
    own = reading.read()
    assert reading.problems or isinstance(own, OwnSignatures)
    assert all("\n" not in problem.strip() or "accepts" in problem for problem in reading.problems)


def test_a_hostile_pattern_costs_no_more_than_an_honest_one(file: File) -> None:
    """What takes a backtracking matcher for ever is linear here."""
    own = with_keys(TEXT, pattern="'fjord(a+)+b'", accepts='["fjordaab"]')
    install(load_own_signatures(file(own)))
    assert_linear(lambda size: symptoms("fjord" + "a" * size), 25_000)


# --- where it is named --------------------------------------------------------------------------------------


def test_the_command_line_takes_a_file(file: File, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has the option."""
    log = tmp_path / "a.log"
    log.write_text(DENIED, encoding="utf-8")
    assert main(["log", str(log), "--signatures", str(file(EXAMPLE))]) == 0
    assert "fjord-proxy-list (confirmed)" in capsys.readouterr().out


def test_a_wrong_file_that_was_asked_for_ends_the_command(
    file: File, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever names it wants it used; ``preflight`` keeps 2 for its answer."""
    wrong = str(file(with_keys(TEXT, pattern="'['")))
    assert main(["log", str(tmp_path / "a.log"), "--signatures", wrong]) == 3
    about = ["--workspace", "x", "--compute", "c", "--image", "i"]
    assert main(["preflight", *about, "--signatures", wrong]) == 64
    assert "text 1 (proxy-denied): pattern:" in capsys.readouterr().err


def test_a_wrong_file_of_the_environment_is_said_and_left_out(
    file: File, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command goes on with what is published."""
    log = tmp_path / "a.log"
    log.write_text("unauthorized: authentication required", encoding="utf-8")
    monkeypatch.setenv("PULLMEDIC_SIGNATURES", str(file(with_keys(TEXT, pattern="'['"))))
    assert main(["log", str(log)]) == 0
    assert "(the file is left out)" in capsys.readouterr().err
    assert installed() == OwnSignatures()


def test_the_app_says_loudly_what_is_wrong_and_goes_on(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """It never fails to load for such a file."""
    wrong = file(with_keys(TEXT, pattern="'['"))
    app._use_own_signatures(load_settings({"PULLMEDIC_SIGNATURES": str(wrong)}))
    assert "own signatures, left out" in caplog.text
    assert installed() == OwnSignatures()
    app._use_own_signatures(load_settings({"PULLMEDIC_SIGNATURES": str(file(EXAMPLE))}))
    assert len(installed().causes) == 1
    app._use_own_signatures(load_settings({"PULLMEDIC_SIGNATURES": "none"}))


def test_the_example_is_plain_toml() -> None:
    """For whoever reads the file with another tool."""
    assert set(tomllib.loads(EXAMPLE)) == {"text", "cause"}
