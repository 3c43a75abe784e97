"""The sentinel: in every simulated world one text stands wherever Azure has a secret, and it must show up nowhere."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from sandbox import SENTINEL_PREFIX, Sandbox, playing
from sandbox.world import Scenario, load_scenario
from tests.stories import FOLDER, OWN, Played, overheard, played, tell

pytestmark = pytest.mark.slow

_SECRET = f"{SENTINEL_PREFIX}9d41c07be6a2f358"
_LOG = "system_logs/lifecycler/lifecycler.log"
_SIGNED = f"https://sthalvorsen.blob.core.windows.net/azureml/x?sv=2019-07-07&sp=r&sig={_SECRET}&se=2026-12-03"
_HOOK = f"https://hooks.slack.com/services/T0000000000/B0000000001/{_SECRET}"
_LINES = f"""\
docker login halvorsenimages.azurecr.io --username halvorsenimages --password {_SECRET}
GET {_SIGNED} -> 206
> Authorization: Bearer {_SECRET}
export AZURE_CLIENT_SECRET={_SECRET} DB=postgresql://trainer:{_SECRET}@db.example/strain
Error response from daemon: Head "https://halvorsenimages.azurecr.io/v2/turbines/train/manifests/4.2": unauthorized: authentication required
{{"refresh_token": "{_SECRET}", "webhook": "{_HOOK}"}}
AccountKey={_SECRET};EndpointSuffix=core.windows.net
"""
_FAULTS: Mapping[str, dict[str, Any]] = {
    "slack says 404": {"call": {"host": "hooks.slack.com"}, "status": 404, "code": "no_service"},
    "slack says 500": {"call": {"host": "hooks.slack.com"}, "status": 500, "message": f"cannot post to {_HOOK}"},
    "slack hangs up": {"call": {"host": "hooks.slack.com"}, "cut": True},
    "teams says 400": {"call": {"host": r".*\.powerplatform\.com"}, "status": 400, "message": f"bad sig={_SECRET}"},
    "the logs are refused": {
        "call": {"host": r".*\.blob\.core\.windows\.net"},
        "status": 403,
        "code": "AuthenticationFailed",
        "message": f"Signature did not match, the address was {_SIGNED}",
    },
    "the logs are cut": {"call": {"host": r".*\.blob\.core\.windows\.net"}, "cut": True},
    "run history knows no such run": {
        "call": {"host": r".*\.api\.azureml\.ms", "path": ".*/details"},
        "status": 404,
        "message": f"not found, Authorization: Bearer {_SECRET}, logs at {_SIGNED}",
    },
    "role assignments are refused": {
        "call": {"host": "management.azure.com", "path": ".*/roleAssignments.*"},
        "status": 403,
        "message": f"refused; access_token={_SECRET}",
    },
    "the registry refuses the exchange": {
        "call": {"host": "halvorsenimages.azurecr.io", "path": "/oauth2/exchange"},
        "status": 401,
        "message": f"bad refresh_token={_SECRET}",
    },
    "no token can be had": {
        "call": {"host": "127.0.0.1"},
        "status": 400,
        "message": f"x-identity-header: {_SECRET}",
    },
}


def _outputs(told: Played) -> dict[str, str]:
    outcome = told.outcome
    return {
        "a message": json.dumps([message.payload for message in outcome.messages], ensure_ascii=False),
        "the log": outcome.said,
        "our own log at DEBUG": told.debug,
        "the output": told.printed,
        "an exception": "\n".join(call.error or "" for call in outcome.invocations),
        "the store": outcome.stored,
        "a record": json.dumps(dict(outcome.records)),
        "a diagnosis": json.dumps(dict(outcome.diagnoses)),
        "the evidence": "".join(outcome.evidence.values()),
        "the score's line": told.score.line(),
    }


def _places(told: Played) -> list[str]:
    return [place for place, text in _outputs(told).items() if told.outcome.sentinel in text]


def _talkative(*faults: dict[str, Any]) -> Scenario:
    """Give the story of the missing role with a log that is full of secrets around the line that proves it."""
    scenario = load_scenario(FOLDER / "missing-pull-role.yaml")
    error = {"code": "UserError", "message": f"FailedPullingImage: Unable to pull docker image, see {_SIGNED}"}
    run = {**scenario.run, "error": error, "logs": {_LOG: _LINES}}
    return replace(scenario, run=run, faults=faults, expected={})


@pytest.fixture
def known_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worlds' secret be one that a test can also write into a log or into an error."""
    monkeypatch.setattr(playing, "Sandbox", partial(Sandbox, sentinel=_SECRET))


@pytest.mark.parametrize("name", OWN)
def test_no_story_lets_a_secret_out(name: str) -> None:
    """Tokens, signatures, webhooks, passwords and parameters of a world stay out of all that is said and stored."""
    assert _places(played(FOLDER / f"{name}.yaml")) == []


@pytest.mark.usefixtures("known_secret")
def test_secrets_in_a_quoted_log_are_struck_out_and_the_log_is_quoted() -> None:
    """A failing line is shown with its neighbours, and what they hold of secrets is not."""
    told = tell(_talkative())
    assert _places(told) == []
    assert told.score.verdict == "pull-role-missing"
    assert "export AZURE_CLIENT_SECRET=[redacted]" in _outputs(told)["a message"]
    assert "[redacted]" in _outputs(told)["the evidence"]


@pytest.mark.usefixtures("known_secret")
@pytest.mark.parametrize("what", _FAULTS)
def test_no_secret_gets_out_when_things_go_wrong(what: str) -> None:
    """Errors are where secrets leak: an answer that repeats the request must not be passed on as it came."""
    told = tell(_talkative(_FAULTS[what]))
    assert _places(told) == []
    assert told.outcome.violations == ()
    met = [call.status for call in told.outcome.calls if re.fullmatch(_FAULTS[what]["call"]["host"], call.host)]
    assert _FAULTS[what].get("status", 0) in met


@pytest.mark.usefixtures("known_secret")
def test_a_diagnosis_that_no_channel_takes_is_logged_without_secrets() -> None:
    """Where every channel refuses for good the log holds the diagnosis, redacted like a message."""
    told = tell(_talkative(_FAULTS["slack says 404"]), channels=("slack",))
    assert told.outcome.messages == ()
    assert "Grant AcrPull on halvorsenimages" in told.debug
    assert _places(told) == []


def test_a_secret_that_got_out_would_be_noticed() -> None:
    """The net has no hole: our loggers are heard at the lowest level, and every kind of output is looked at."""
    with overheard() as said:
        logging.getLogger("diagnostics.somewhere").debug("a token: %s", _SECRET)
    assert said == [f"a token: {_SECRET}"]
    told = played(FOLDER / "missing-pull-role.yaml")
    leaky = replace(told, debug=told.outcome.sentinel, printed=told.outcome.sentinel)
    assert _places(leaky) == ["our own log at DEBUG", "the output"]
