"""The scripts beside the templates, run with an ``az`` that writes down what it is asked and answers from a list."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from azure.functions import AuthLevel
from bicep_reading import INFRA, ROOT, template

from sandbox.host import _indexed
from sandbox.playing import APP

_TOPIC = "/subscriptions/sub-1/resourceGroups/{}/providers/Microsoft.EventGrid/systemTopics/{}"
_OURS = _TOPIC.format("rg-ml", "pullmedic-abcdefghijklm")
_SHARED = _TOPIC.format("rg-both", "pullmedic-nopqrstuvwxyz")
_THEIRS = _TOPIC.format("rg-other", "theirs")
_SITE = "/subscriptions/sub-1/resourceGroups/{}/providers/Microsoft.Web/sites/{}/functions/on_run_status_changed"
_TO_US = _SITE.format("RG-PULLMEDIC", "pullmedic-x")
_TO_TEST = _SITE.format("rg-pullmedic-test", "pullmedic-y")
_SUBSCRIBED = {
    _OURS: [("pullmedic-x", _TO_US), ("pullmedic", _TO_US)],
    _SHARED: [("pullmedic-x", _TO_US), ("pullmedic-y", _TO_TEST)],
    _THEIRS: [("pullmedic-x", _TO_US), ("pullmedic", "None")],
}
"""Who is subscribed to what: we, a second installation in the same subscription, a webhook of somebody's."""

_AZ = """#!/bin/sh
echo "az $*" >> "$AZ_CALLS"
case "$*" in
*"function show"*) count=$(cat "$AZ_COUNT"); echo $((count - 1)) > "$AZ_COUNT"; [ "$count" -le 0 ] ;;
*outputs.readerPrincipalId*) echo "$READER" ;;
*outputs.functionAppName*) echo pullmedic-x ;;
*outputs.fixerPrincipalId*) echo fixer-1 ;;
*outputs.readerRoleName*) echo 'Pullmedic Reader (x)' ;;
*outputs.keyVaultName*) echo pmvault ;;
*"account show"*) echo sub-1 ;;
*"functionapp show"*) echo pullmedic-x.scm.azurewebsites.net ;;
*get-access-token*) echo secret-token ;;
*"system-topic list"*) ls "$AZ_TOPICS" | tr @ / ;;
*"rest --method get"*) cat "$AZ_TOPICS/$(echo "$5" | cut -d? -f1 | sed s,/eventSubscriptions,, | tr / @)" ;;
*"role assignment list"*--assignee\\ reader-1*) echo /assignments/1 ;;
*"role assignment list"*) echo /assignments/2 ;;
esac
"""
_CURL = """#!/bin/sh
cat > "$CURL_INPUT"
printf "curl %s\\n" "$*" >> "$AZ_CALLS"
case "$*" in
*/api/publish*) echo '"deployment-7"' ;;
*)
    head -n 1 "$CURL_ANSWERS" | tr % '\\n'
    sed -i 1d "$CURL_ANSWERS"
    ;;
esac
"""
_DEPLOYED = {
    "AZURE_SUBSCRIPTION_ID": "sub-1",
    "AZURE_LOCATION": "westeurope",
    "AZURE_RESOURCE_GROUP": "rg-pullmedic",
    "functionAppName": "pullmedic-x",
}


class Az:
    """A command that stands in front of the real one."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._calls.touch()
        self._count = folder / "count"
        program = folder / "bin" / "az"
        program.parent.mkdir()
        program.write_text(_AZ, encoding="utf-8")
        program.chmod(0o755)
        self._path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        self._topics = folder / "topics"
        self._topics.mkdir()
        for topic, subscribed in _SUBSCRIBED.items():
            lines = [f"{name}\t{destination}\n" for name, destination in subscribed]
            self._topics.joinpath(topic.replace("/", "@")).write_text("".join(lines), encoding="utf-8")

    def refuse(self, topic: str) -> None:
        """Have Azure refuse to say who is subscribed to a topic."""
        path = self._topics / topic.replace("/", "@")
        path.unlink()
        path.mkdir()

    def run(
        self, script: str, *arguments: str, environ: Mapping[str, str], unknown: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of ``infra``; Azure does not know the function for the first ``unknown`` times."""
        self._count.write_text(str(unknown), encoding="utf-8")
        own = {"AZ_CALLS": str(self._calls), "AZ_COUNT": str(self._count), "AZ_TOPICS": str(self._topics)}
        own |= {"PATH": self._path, "READER": "reader-1"}
        return subprocess.run(
            ["sh", str(INFRA / script), *arguments],
            cwd=ROOT,
            env={**own, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> Sequence[str]:
        """What was asked."""
        return self._calls.read_text("utf-8").splitlines()

    @property
    def deletions(self) -> Sequence[str]:
        """What was taken away, in order."""
        return [call for call in self.calls if " delete " in call or " purge " in call]


@pytest.fixture
def az(tmp_path: Path) -> Az:
    """Return the command."""
    assert shutil.which("sh")
    return Az(tmp_path)


def test_events_are_deployed_once_the_function_is_known(az: Az) -> None:
    """Not before: Event Grid refuses what it cannot find."""
    done = az.run("hooks/events.sh", environ={**_DEPLOYED, "EVENTS_PAUSE_SECONDS": "0"}, unknown=2)
    assert done.returncode == 0, done.stderr
    assert [" ".join(call.split()[:4]) for call in az.calls] == ["az functionapp function show"] * 3 + [
        "az deployment sub create"
    ]
    assert done.stdout.splitlines() == [
        "waiting until pullmedic-x shows on_run_status_changed ...",
        "events of the workspaces go to pullmedic-x",
    ]
    assert "--function-name on_run_status_changed" in az.calls[0]


def test_a_function_that_never_comes_is_said_with_what_to_do(az: Az) -> None:
    """And nothing is deployed."""
    environ = {**_DEPLOYED, "EVENTS_PAUSE_SECONDS": "0", "EVENTS_TRIES": "3"}
    done = az.run("hooks/events.sh", environ=environ, unknown=99)
    assert done.returncode == 1
    assert "does not show on_run_status_changed after 3 tries" in done.stderr
    assert not any("deployment" in call for call in az.calls)


@pytest.mark.parametrize("missing", _DEPLOYED)
def test_what_is_not_set_is_named(az: Az, missing: str) -> None:
    """Nothing is asked of Azure then."""
    done = az.run("hooks/events.sh", environ={name: value for name, value in _DEPLOYED.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert az.calls == []


def upload(az: Az, folder: Path, *answers: tuple[int, str]) -> subprocess.CompletedProcess[str]:
    """Upload a package to a site that answers so; an answer is a status of HTTP and a body in one line."""
    curl = folder / "bin" / "curl"
    curl.write_text(_CURL, encoding="utf-8")
    curl.chmod(0o755)
    (folder / "package.zip").write_bytes(b"PK")
    (folder / "answers").write_text("".join(f"{body}%{code}\n" for code, body in answers), encoding="utf-8")
    environ = {"CURL_INPUT": str(folder / "input"), "CURL_ANSWERS": str(folder / "answers")}
    environ |= {"UPLOAD_PAUSE_SECONDS": "0", "UPLOAD_TRIES": "3"}
    return az.run("upload.sh", "pullmedic-x", str(folder / "package.zip"), environ=environ)


def test_the_package_is_uploaded_as_it_is(az: Az, tmp_path: Path) -> None:
    """Nothing is built in Azure; the end of that very deployment is waited for; the token is in no command line."""
    done = upload(az, tmp_path, (202, '{"id":"deployment-7","status":1,"status_text":""}'), (200, '{"status":4}'))
    assert done.returncode == 0, done.stderr
    site = "https://pullmedic-x.scm.azurewebsites.net/api"
    posted, *asked = [call for call in az.calls if call.startswith("curl ")]
    assert posted.endswith(f"--data-binary @{tmp_path}/package.zip {site}/publish?RemoteBuild=false")
    assert [call.rpartition(" ")[2] for call in asked] == [f"{site}/deployments/deployment-7"] * 2
    assert (tmp_path / "input").read_text("utf-8") == 'header = "Authorization: Bearer secret-token"\n'
    assert not any("secret-token" in call for call in az.calls)


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([(404, ""), (200, '{"status": 1}'), (404, "")], 0, "is deployed to pullmedic-x"),
        ([(404, ""), (404, ""), (404, "")], 1, "not deployed after 3 tries"),
        ([(200, '{"status": 1}'), (200, '{"status": 3}')], 1, "ended with status 3"),
        ([(200, '{"status": -1}')], 1, "ended with status -1"),
    ],
)
def test_how_an_upload_ends_is_said(
    az: Az, tmp_path: Path, answers: Sequence[tuple[int, str]], code: int, said: str
) -> None:
    """One that had begun and is not found any more is done; one that never began is not."""
    done = upload(az, tmp_path, *answers)
    assert done.returncode == code
    assert said in (done.stderr if code else done.stdout)


def test_both_hooks_wait_for_the_same_function() -> None:
    """The one for Windows is read only."""
    names = {function.name for function in _indexed(APP)}
    for script in ("events.sh", "events.ps1"):
        assert "on_run_status_changed" in (INFRA / "hooks" / script).read_text("utf-8")
    assert "on_run_status_changed" in names


def test_what_was_made_is_taken_away_and_nothing_of_others(az: Az) -> None:
    """Assignments before the identities, the group before the role; a topic that was there before stays."""
    done = az.run("remove.sh", "--yes", environ={})
    assert done.returncode == 0, done.stderr
    kinds = [" ".join(call.split()[1:]).partition(" delete")[0].partition(" purge")[0] for call in az.deletions]
    subscriptions = "eventgrid system-topic event-subscription"
    assert kinds == [
        subscriptions,
        subscriptions,
        subscriptions,
        "resource",
        subscriptions,
        "role assignment",
        "role assignment",
        "monitor log-analytics workspace",
        "group",
        "keyvault",
        "role definition",
        "deployment sub",
        "deployment sub",
    ]
    assert f"az resource delete --ids {_OURS}" in az.deletions
    assert not any(_THEIRS in call for call in az.deletions)
    assert "--resource-group rg-other --system-topic-name theirs --name pullmedic-x" in az.deletions[4]


def test_of_two_installations_on_one_workspace_the_other_one_keeps_its_events(az: Az) -> None:
    """What delivers elsewhere stays, and so does the topic that it is on, whichever of the two has made it."""
    done = az.run("remove.sh", "--yes", environ={})
    assert done.returncode == 0, done.stderr
    gone = [call.partition("--system-topic-name ")[2] for call in az.deletions if "event-subscription" in call]
    assert [call.removesuffix(" --yes").split(" --name ") for call in gone] == [
        ["pullmedic-nopqrstuvwxyz", "pullmedic-x"],
        ["pullmedic-abcdefghijklm", "pullmedic-x"],
        ["pullmedic-abcdefghijklm", "pullmedic"],
        ["theirs", "pullmedic-x"],
    ]
    assert [call for call in az.deletions if "az resource" in call] == [f"az resource delete --ids {_OURS}"]


def test_what_cannot_be_seen_is_not_taken_for_unused(az: Az) -> None:
    """A topic whose subscriptions are not told ends the removal, before anything else is gone."""
    az.refuse(_SHARED)
    done = az.run("remove.sh", "--yes", environ={})
    assert done.returncode != 0
    assert not any(word in call for call in az.deletions for word in ("az resource", "az group", "az role"))


def test_a_list_takes_nothing_away(az: Az) -> None:
    """It says what would be run."""
    done = az.run("remove.sh", "--list", environ={})
    assert done.returncode == 0
    assert az.deletions == []
    assert "would run: az group delete --name rg-pullmedic --yes" in done.stdout
    assert az.run("remove.sh", environ={}).returncode == 2


def test_without_a_deployment_nothing_is_taken_away(az: Az) -> None:
    """A name that was mistyped must not end in an empty filter."""
    done = az.run("remove.sh", "--yes", environ={"READER": ""})
    assert done.returncode == 1
    assert az.deletions == []
    assert "DEPLOYMENT" in done.stderr


def test_who_cannot_sign_in_is_left_out_of_the_sign_in_and_the_page_is_not() -> None:
    """Every HTTP route with a proof of its own, and the Event Grid webhook: a 401 there is never tried again."""
    signed_in = template("modules/page-sign-in.bicep").resource("Microsoft.Web/sites/config")
    validation = signed_in["properties"]["globalValidation"]
    triggers = [function.trigger for function in _indexed(APP)]
    routes = {f"/api/{it['route']}": it["authLevel"] for it in triggers if it["type"] == "httpTrigger"}
    page = "/api/incidents/{incident_id}"
    assert routes[page] is AuthLevel.ANONYMOUS
    assert set(validation["excludedPaths"]) == {*routes, "/runtime/webhooks/EventGrid"} - {page}
    assert validation["requireAuthentication"] is True
    assert validation["unauthenticatedClientAction"] == "RedirectToLoginPage"
