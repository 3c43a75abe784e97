"""``python -m responders doctor``: everything fine, and each kind of thing that can be missing, wrong or not visible."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doctor_samples import REGISTRY, RESPONDER, SUBSCRIPTION, WORKSPACE, Doctor, deployed

from diagnostics.permissions import PULL
from diagnostics.rights import BLOCKS, rights
from responders.__main__ import main
from responders.fixes.right import ADMINISTRATOR, fixer_condition
from responders.fixes.values import FixMode, Policy
from responders.health import Check, Result, State, discover
from responders.health.deployment import Deployment
from responders.health.examining import examine
from responders.settings import load_settings
from sandbox.arm import event_grid
from sandbox.places import PLACES

Captured = pytest.CaptureFixture[str]

SECTIONS = (
    *("settings", "credential", "clock", "rights", "registries", "fixer", "storage", "events", "channels"),
    *("trackers", "sign-in"),
)
FIXER = "77777777-0000-4000-8000-000000000007"
CLIENT = "66666666-0000-4000-8000-000000000006"
ROOT = Path(__file__).parents[2]


def words(command: str) -> list[str]:
    """Return a command as a shell would take it apart."""
    return shlex.split(command)


# --- everything is there ----------------------------------------------------------------------------------------------


def test_everything_is_there(capsys: Captured, tmp_path: Path) -> None:
    """With every channel and tracker: exit code 0, no command, nobody heard of it, and no secret is shown."""
    with deployed(capsys, tmp_path, places=PLACES) as doctor:
        told = doctor.look()
    assert told.troubles == []
    assert told.code == 0
    assert all(not result["commands"] for result in told.results)
    assert {result["section"] for result in told.results} == set(SECTIONS) - {"fixer", "sign-in"}
    summed = json.loads(told.text)
    assert summed["ok"] is True
    assert summed["counts"]["ok"] == sum(result["state"] == "ok" for result in told.results)


def test_people_read_lines(capsys: Captured, tmp_path: Path) -> None:
    """By section, each with its state and scope, and at the end what it comes to."""
    with deployed(capsys, tmp_path) as doctor:
        told = doctor.ask()
    assert "Rights of the reader\n  ok           core rights: all " in told.text
    assert f"at {REGISTRY}" in told.text
    assert told.text.rstrip().endswith("Everything that is needed is there.")


def test_the_sections_are_the_files_of_a_folder() -> None:
    """One new file adds one, and their order is the one in which things are put right."""
    assert tuple(check.name for check in discover()) == SECTIONS


def test_wrong_arguments_are_usage(capsys: Captured) -> None:
    """Exit code 2, as of every command."""
    for wrong in (["--only", "nothing"], ["--identity", "me"], ["--deadline", "0"], ["--deadline", "soon"]):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", *wrong])
        assert ended.value.code == 2
    assert "--deadline" in capsys.readouterr().err


# --- settings -----------------------------------------------------------------------------------------------------


def test_every_mistake_that_validate_knows_is_told(capsys: Captured, tmp_path: Path) -> None:
    """A misspelt name, and a value that is none."""
    mistakes = {"PULLMEDIC_CLOUDD": "AzureCloud", "PULLMEDIC_CLIENT_ID": "me"}
    with deployed(capsys, tmp_path, settings=mistakes) as doctor:
        told = doctor.look("settings")
    assert told.code == 1
    assert {result["what"]: result["state"] for result in told.troubles} == {
        "PULLMEDIC_CLOUDD": "wrong",
        "PULLMEDIC_CLIENT_ID": "wrong",
    }


def test_a_settings_file_that_is_not_there_is_wrong(capsys: Captured, tmp_path: Path) -> None:
    """The environment's settings run alone."""
    with deployed(capsys, tmp_path, settings={"PULLMEDIC_SETTINGS": str(tmp_path / "none.toml")}) as doctor:
        trouble = doctor.look("settings").trouble
    assert (trouble["what"], trouble["state"]) == ("PULLMEDIC_SETTINGS", "wrong")
    assert "no such file" in trouble["details"][0]


def test_no_channel_is_missing(capsys: Captured, tmp_path: Path) -> None:
    """Diagnoses would go to the log alone."""
    with deployed(capsys, tmp_path, places=()) as doctor:
        assert doctor.look("settings").trouble["what"] == "a channel"


@pytest.mark.parametrize(("days", "state"), [(-1, "wrong"), (10, "note"), (90, "ok")])
def test_a_pre_approval_ends(capsys: Captured, tmp_path: Path, days: int, state: str) -> None:
    """Said before it does, and when it has."""
    with fixing(capsys, tmp_path, days=days) as doctor:
        told = doctor.look("settings")
    (found,) = [one for one in told.results if "pre-approval" in one["what"] or "expires" in one["what"]]
    assert found["state"] == state


def test_a_pre_approval_ends_while_the_app_runs() -> None:
    """The settings are those of when they were read; the clock goes on."""
    policy = Policy(mode=FixMode.AUTO, expires=datetime(2027, 1, 1, tzinfo=UTC))
    settings = replace(load_settings({}), fixes=policy, file="settings.toml")
    late = Deployment(
        environ={},
        settings=settings,
        now=lambda: datetime(2027, 1, 2, tzinfo=UTC),
        reach=lambda: pytest.fail("asked"),
    )
    (check,) = [one for one in discover() if one.name == "settings"]
    assert [one.state for one in check.look(late) if one.what == "pre-approval of fixes"] == [State.WRONG]


# --- credential and clock -----------------------------------------------------------------------------------------


def test_without_a_credential_nothing_of_azure_is_visible(capsys: Captured, tmp_path: Path) -> None:
    """It is the credential that is missing; the rest is not called missing."""
    with deployed(capsys, tmp_path, settings={"IDENTITY_HEADER": "wrong"}) as doctor:
        told = doctor.look("credential", "rights", "registries", "events")
    assert told.code == 1
    states = {result["section"]: result["state"] for result in told.troubles}
    assert states == {
        "credential": "missing",
        "rights": "not visible",
        "registries": "not visible",
        "events": "not visible",
    }
    assert told.troubles[0]["commands"] == ["az login"]
    assert told.troubles[0]["vital"] is True


def test_the_identity_is_told_by_its_ids(capsys: Captured, tmp_path: Path) -> None:
    """Object id, client id and tenant of the token; one that is none of the setting's is wrong."""
    with deployed(capsys, tmp_path) as doctor:
        fine = doctor.look("credential").results[1]
    assert fine["state"] == "ok"
    assert RESPONDER in fine["details"][0]
    assert "2af85409-1372-410b-b96e-fb92602fd66b" in fine["details"][0]


@pytest.mark.parametrize(("ahead", "state"), [(20, "ok"), (-20, "ok"), (300, "wrong"), (-300, "wrong")])
def test_a_clock_that_differs_is_wrong(capsys: Captured, tmp_path: Path, ahead: float, state: str) -> None:
    """Against the date of Azure's own answer, with the limits said."""
    with deployed(capsys, tmp_path, ahead=ahead) as doctor:
        (found,) = doctor.look("clock").results
    assert found["state"] == state
    assert ("behind" if ahead > 0 else "ahead of") in found["details"][0]
    assert (len(found["details"]) == 2) == (state == "wrong")


# --- rights -------------------------------------------------------------------------------------------------------


def unreadable(path: str, **more: Any) -> dict[str, Any]:
    """Return a world in which the responder may not read what has this path."""
    return {"responder": {"may_not_read": [{"call": {"host": "management.azure.com", "path": path}, **more}]}}


def take_away(doctor: Doctor, beginning: str) -> None:
    """Let the reader's role be one that lacks the actions that begin so, as one of an older version would."""
    access = doctor.sandbox.access
    old = next(role for role in access.roles if role.custom)
    new = replace(old, actions=tuple(action for action in old.actions if not action.startswith(beginning)))
    access.roles = tuple(new if role is old else role for role in access.roles)
    access.assignments[:] = [replace(it, role=new) if it.role is old else it for it in access.assignments]


def test_a_right_that_is_missing_is_named_with_what_is_lost(capsys: Captured, tmp_path: Path) -> None:
    """At its scope, with the one command that brings the role up to date."""
    with deployed(capsys, tmp_path) as doctor:
        take_away(doctor, "Microsoft.MachineLearningServices/workspaces/computes/")
        told = doctor.look("rights")
    assert told.code == 1
    trouble = told.trouble
    assert (trouble["what"], trouble["state"], trouble["scope"]) == ("core rights", "missing", SUBSCRIPTION)
    assert trouble["details"][0] == f"1 of {len(rights().core)} actions are missing"
    assert "workspaces/computes/read: without it unknown: " in trouble["details"][1]
    (command,) = trouble["commands"]
    assert command.startswith("az role definition update --role-definition ")
    for block in BLOCKS:
        assert f"--block {block}" in command, "what the role has it keeps"


def test_the_command_that_defines_the_role_defines_all_of_it(capsys: Captured, tmp_path: Path) -> None:
    """What it hands to ``az`` is a role with every action of the block, assignable at the scope."""
    with deployed(capsys, tmp_path, settings={"PULLMEDIC_WORKSPACES": WORKSPACE}) as doctor:
        doctor.sandbox.access.assignments.clear()
        told = doctor.look("rights")
    trouble = told.troubles[0]
    assert (trouble["what"], trouble["state"]) == ("workspace halvorsen-ml", "missing")
    define, grant = trouble["commands"]
    assert define.startswith("az role definition create --role-definition \"$(python -m diagnostics.rights --role '")
    inner = words(define.partition("$(python ")[2].removesuffix(')"'))
    made = subprocess.run([sys.executable, *inner], capture_output=True, text=True, check=True, cwd=ROOT)
    role = json.loads(made.stdout)
    assert role["Actions"] == [right.action for right in rights().core]
    assert role["AssignableScopes"] == [SUBSCRIPTION]
    assert PULL not in role["Actions"]
    assert words(grant) == [
        *("az", "role", "assignment", "create", "--assignee-object-id", RESPONDER),
        *("--assignee-principal-type", "ServicePrincipal", "--role", role["Name"], "--scope", SUBSCRIPTION),
    ]


def test_own_permissions_that_may_not_be_read_are_not_visible(capsys: Captured, tmp_path: Path) -> None:
    """No right is called missing: exit code 2, with the command after which it can be told."""
    with deployed(capsys, tmp_path, **unreadable(".*/Microsoft.Authorization/permissions")) as doctor:
        told = doctor.look("rights")
    assert told.code == 2
    assert (told.trouble["what"], told.trouble["state"]) == ("our own permissions", "not visible")
    assert told.trouble["commands"]


def test_a_team_may_keep_the_networks_back(capsys: Captured, tmp_path: Path) -> None:
    """What is optional and not there at all is a note; half of it is missing."""
    with deployed(capsys, tmp_path) as doctor:
        for right in rights().network:
            take_away(doctor, right.action)
        told = doctor.look("rights")
    assert told.code == 0
    assert [(one["what"], one["state"]) for one in told.results][1] == ("network rights", "note")
    with deployed(capsys, tmp_path) as doctor:
        take_away(doctor, "Microsoft.Network/")
        told = doctor.look("rights")
    assert (told.trouble["what"], told.trouble["state"]) == ("network rights", "missing")


def test_rights_at_the_resource_group_are_said_to_see_less(capsys: Captured, tmp_path: Path) -> None:
    """They suffice for what lies there; what they do not show is said."""
    group = REGISTRY.split("/providers/")[0]
    named = {"PULLMEDIC_WORKSPACES": WORKSPACE}
    with deployed(capsys, tmp_path, settings=named) as doctor:
        held = doctor.sandbox.access.assignments
        narrowed = [it for it in held if it.scope == SUBSCRIPTION]
        held[:] = [it for it in held if it.scope != SUBSCRIPTION]
        for assignment in narrowed:
            held.append(type(assignment)(group, assignment.role, assignment.principal_id))
            held.append(type(assignment)(SUBSCRIPTION, _only_permissions(doctor), assignment.principal_id))
        told = doctor.look("rights")
    assert told.code == 0
    assert "at the resources in scope" in told.results[0]["details"][0]


def _only_permissions(doctor: Doctor) -> Any:
    reader = next(role for role in doctor.sandbox.access.roles if role.custom)
    return type(reader)(
        "Permissions",
        "5a2db0c5-0000-4000-8000-000000000009",
        ("Microsoft.Authorization/permissions/read",),
        custom=True,
    )


def test_the_apps_rights_can_be_looked_at_with_ones_own_log_in(capsys: Captured, tmp_path: Path) -> None:
    """By the roles that are assigned to it; one that has none lacks everything."""
    somebody = "77777777-0000-4000-8000-00000000000a"
    with deployed(capsys, tmp_path) as doctor:
        fine = doctor.ask("--json", "--only", "rights", "--only", "registries", "--identity", RESPONDER)
        none = doctor.ask("--json", "--only", "rights", "--only", "registries", "--identity", somebody)
    assert fine.troubles == []
    states = {result["what"]: result["state"] for result in none.results}
    assert states == {
        "core rights": "missing",
        "network rights": "note",
        "serving rights": "note",
        "doctor rights": "note",
        "pull from halvorsenimages": "missing",
    }
    assert all(somebody in command for result in none.troubles for command in result["commands"])


def test_a_command_is_said_once(capsys: Captured, tmp_path: Path) -> None:
    """What repairs two things stands there once."""
    with deployed(capsys, tmp_path) as doctor:
        take_away(doctor, "Microsoft.Network/")
        take_away(doctor, "Microsoft.KeyVault/")
        told = doctor.ask("--only", "rights")
    assert told.text.count("$ az role definition update") == 1
    assert "puts this right, too" in told.text


def test_where_nothing_can_be_seen_nothing_is_called_fine(capsys: Captured, tmp_path: Path) -> None:
    """Without any right: the reader's role is missing, registries and events are not visible."""
    with deployed(capsys, tmp_path) as doctor:
        doctor.sandbox.access.assignments.clear()
        told = doctor.look("rights", "registries", "events")
    assert told.code == 1
    assert {result["section"]: result["state"] for result in told.results} == {
        "rights": "missing",
        "registries": "not visible",
        "events": "not visible",
    }
    assert "it needs Microsoft.MachineLearningServices/workspaces/read" in told.troubles[0]["details"][0]


def test_an_identity_that_sees_no_subscription_has_no_role(capsys: Captured, tmp_path: Path) -> None:
    """Azure lists what may be seen: nothing, to who has no role at all."""
    with deployed(capsys, tmp_path, subscriptions=[], workspaces=[]) as doctor:
        trouble = doctor.look("rights").trouble
    assert (trouble["what"], trouble["state"]) == ("core rights", "missing")
    assert "no subscription" in trouble["details"][0]
    assert len(trouble["commands"]) == 2


def test_a_workspace_that_is_gone_is_a_wrong_setting(capsys: Captured, tmp_path: Path) -> None:
    """The setting names what is not there."""
    with deployed(capsys, tmp_path, settings={"PULLMEDIC_WORKSPACES": f"{WORKSPACE}-old,{WORKSPACE}"}) as doctor:
        told = doctor.look("rights")
    assert (told.trouble["what"], told.trouble["state"]) == ("workspace halvorsen-ml-old", "wrong")
    assert "PULLMEDIC_WORKSPACES" in told.trouble["details"][0]


@pytest.mark.parametrize(
    ("mode", "role"),
    [
        ("LegacyRegistryPermissions", "AcrPull"),
        ("AbacRepositoryPermissions", "Container Registry Repository Reader"),
    ],
)
def test_the_pull_is_looked_at_in_the_registrys_own_mode(
    capsys: Captured, tmp_path: Path, mode: str, role: str
) -> None:
    """Missing with the role that counts there; with it all is well."""
    for may_read in (False, True):
        plane = [{"login_server": "halvorsenimages.azurecr.io", "may_read_tags": may_read}]
        changes: dict[str, Any] = {
            "registries": [{"name": "halvorsenimages", "roleAssignmentMode": mode}],
            "responder": {"data_plane": plane},
        }
        with deployed(capsys, tmp_path, **changes) as doctor:
            told = doctor.look("registries")
        assert told.code == (0 if may_read else 1)
        if not may_read:
            trouble = told.trouble
            (command,) = trouble["commands"]
            assert words(command)[-4:] == ["--role", role, "--scope", REGISTRY]
            assert "whether the image" in trouble["details"][2]


# --- the fixer ----------------------------------------------------------------------------------------------------


def fixing(capsys: Captured, folder: Path, *, condition: str | None = None, days: int = 90, **more: Any) -> Any:
    """Return a deployment with fixes on; the fixer holds its role under ``condition`` where there is one."""
    expires = datetime.now(UTC) + timedelta(days=days)
    (folder / "settings.toml").write_text(
        "[fixes]\nmode = 'auto'\n"
        f"registries = ['{REGISTRY}']\nworkspaces = ['{WORKSPACE}']\nper_day = 3\nper_registry = 2\n"
        f"expires = {expires:%Y-%m-%dT%H:%M:%SZ}\n",
        encoding="utf-8",
    )
    settings = {"PULLMEDIC_SETTINGS": str(folder / "settings.toml"), "PULLMEDIC_FIXER_CLIENT_ID": CLIENT}
    held = {"scope": REGISTRY, "role": ADMINISTRATOR, "principal_id": FIXER, "condition": condition}
    assignments = [held | {"conditionVersion": "2.0"}] if condition else []
    world = {"fixer": {"client_id": CLIENT, "principal_id": FIXER}, "role_assignments": assignments, **more}
    return deployed(capsys, folder, settings=settings, **world)


def test_the_fixers_right_is_asked_for_as_the_fixer(capsys: Captured, tmp_path: Path) -> None:
    """There under its condition; missing with the command that adds it."""
    with fixing(capsys, tmp_path, condition=fixer_condition()) as doctor:
        told = doctor.look("fixer")
    assert told.troubles == []
    assert [result["state"] for result in told.results] == ["ok"]
    with fixing(capsys, tmp_path) as doctor:
        trouble = doctor.look("fixer").trouble
    assert trouble["state"] == "missing"
    (command,) = trouble["commands"]
    assert {FIXER, ADMINISTRATOR, fixer_condition()} <= set(words(command))


def test_a_fixer_that_may_grant_to_some_alone_is_a_note(capsys: Captured, tmp_path: Path) -> None:
    """Where the policy names no identity it cannot be told which it will be asked for."""
    with fixing(capsys, tmp_path, condition=fixer_condition([RESPONDER])) as doctor:
        told = doctor.look("fixer")
    assert told.code == 0
    assert [result["state"] for result in told.results] == ["note"]


# --- events -------------------------------------------------------------------------------------------------------


def events(capsys: Captured, folder: Path, *subscriptions: dict[str, Any], app: str = "") -> Any:
    """Return what the doctor says of the subscriptions on the workspace's topic."""
    topics = [{"name": "t", "workspace": "halvorsen-ml", "event_subscriptions": list(subscriptions)}]
    with deployed(capsys, folder, system_topics=topics) as doctor:
        return doctor.ask("--json", "--only", "events", *(["--app", app] if app else []))


def asked_for(command: str) -> dict[str, Any]:
    """Return the properties that a request asks for, as a shell hands them over; what it looks up first is found."""
    az = 'az() { if test "$1" = rest; then printf "%s\\0" "$@"; else echo "/found/by/$1"; fi; }'
    done = subprocess.run(["sh", "-c", f"{az}\n{command}"], capture_output=True, text=True, check=True)
    taken = done.stdout.split("\0")
    found: dict[str, Any] = json.loads(taken[taken.index("--body") + 1])["properties"]
    return found


def test_what_makes_a_subscription_makes_the_deployments(capsys: Captured, tmp_path: Path) -> None:
    """Schema, filter, retries and dead letters are those of a subscription with which all is well."""
    with deployed(capsys, tmp_path) as doctor:
        assert doctor.look("events").troubles == []
        right = event_grid._properties(f"{SUBSCRIPTION}/x", event_grid.APP)
    asked = asked_for(events(capsys, tmp_path).trouble["commands"][0])
    for part in ("eventDeliverySchema", "retryPolicy"):
        assert asked[part] == right[part]
    assert asked["filter"].items() <= right["filter"].items()
    dead = asked["deadLetterWithResourceIdentity"]["deadLetterDestination"]
    assert dead["properties"] == {"resourceId": "/found/by/storage", "blobContainerName": "deadletter"}


def test_a_workspace_without_a_topic_is_never_heard_of(capsys: Captured, tmp_path: Path) -> None:
    """Two commands: the topic, and the subscription on it."""
    with deployed(capsys, tmp_path, system_topics=[]) as doctor:
        trouble = doctor.look("events").trouble
    assert (trouble["state"], trouble["scope"]) == ("missing", WORKSPACE)
    topic, subscription = trouble["commands"]
    assert words(topic)[:4] == ["az", "eventgrid", "system-topic", "create"]
    assert asked_for(subscription)["filter"]["advancedFilters"][0]["values"] == ["Failed", "Completed"]


def test_a_topic_without_our_subscription_is_told_with_the_others(capsys: Captured, tmp_path: Path) -> None:
    """Nothing at all, and one that goes to another app."""
    trouble = events(capsys, tmp_path).trouble
    assert trouble["what"] == "event subscription of halvorsen-ml"
    asked = asked_for(trouble["commands"][0])
    assert asked["filter"]["includedEventTypes"] == ["Microsoft.MachineLearningServices.RunStatusChanged"]
    assert asked["destination"]["properties"]["resourceId"] == "/found/by/functionapp/functions/on_run_status_changed"
    other = events(capsys, tmp_path, {"name": "pullmedic", "app": "somebody-elses"}, app="pullmedic-sandbox").trouble
    assert "somebody-elses" in other["details"][0]
    assert "/eventSubscriptions/pullmedic-sandbox?" in other["commands"][0], "theirs would be replaced by its name"


def test_a_name_never_becomes_more_than_an_argument(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a resource is called: a real shell runs nothing of it."""
    monkeypatch.chdir(tmp_path)
    topics = [{"name": "t'$(touch pwned)`touch pwned`", "workspace": "halvorsen-ml", "event_subscriptions": []}]
    with deployed(capsys, tmp_path, system_topics=topics) as doctor:
        code = main(["doctor", "--json", "--only", "events"])
        told = json.loads(capsys.readouterr().out)
        assert doctor.sandbox.refused == []
    assert code == 1
    (command,) = told["sections"][0]["results"][0]["commands"]
    assert "pwned" in command
    assert asked_for(command)["eventDeliverySchema"] == "EventGridSchema"
    assert not (tmp_path / "pwned").exists()


def filtered(**changes: Any) -> dict[str, Any]:
    """Return a subscription with another filter."""
    return {"name": "pullmedic", "properties": {"filter": changes}}


def by_status(*values: str, operator: str = "StringIn") -> list[dict[str, Any]]:
    """Return the advanced filter on the run's status."""
    return [{"operatorType": operator, "key": "data.runStatus", "values": list(values)}]


@pytest.mark.parametrize(
    ("subscription", "said"),
    [
        (filtered(includedEventTypes=["Microsoft.MachineLearningServices.RunCompleted"]), "does not include"),
        (filtered(advancedFilters=by_status("Completed")), "leaves Failed out"),
        (filtered(advancedFilters=by_status("Failed")), "leaves Completed out"),
        (filtered(advancedFilters=by_status("Failed", operator="StringNotIn")), "StringNotIn"),
        (filtered(subjectBeginsWith="experiments/one"), "begins with experiments/one"),
        (
            filtered(advancedFilters=[{"operatorType": "StringIn", "key": "data.runType", "values": ["x"]}]),
            "data.runType",
        ),
        ({"name": "pullmedic", "properties": {"deadLetterWithResourceIdentity": None}}, "nothing is dead-lettered"),
        ({"name": "pullmedic", "properties": {"provisioningState": "AwaitingManualAction"}}, "AwaitingManualAction"),
        ({"name": "pullmedic", "properties": {"expirationTimeUtc": "2025-01-01T00:00:00Z"}}, "ended at 2025"),
    ],
)
def test_a_subscription_that_brings_less_is_wrong(
    capsys: Captured, tmp_path: Path, subscription: dict[str, Any], said: str
) -> None:
    """Each with what is wrong, and the command that puts all of it right."""
    told = events(capsys, tmp_path, subscription)
    assert told.code == 1
    assert told.trouble["state"] == "wrong"
    assert any(said in detail for detail in told.trouble["details"])
    (command,) = told.trouble["commands"]
    taken = words(command)
    assert taken[:4] == ["az", "rest", "--method", "put"]
    assert "/systemTopics/t/eventSubscriptions/pullmedic?" in taken[taken.index("--url") + 1]
    asked = asked_for(command)
    assert asked["destination"]["properties"]["resourceId"].endswith(
        "/sites/pullmedic-sandbox/functions/on_run_status_changed"
    )
    assert asked["deadLetterWithResourceIdentity"]["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize("subscription", [filtered(includedEventTypes=None), filtered(advancedFilters=[])])
def test_a_subscription_that_brings_more_is_a_note(
    capsys: Captured, tmp_path: Path, subscription: dict[str, Any]
) -> None:
    """What is too much is dropped, and costs."""
    told = events(capsys, tmp_path, subscription)
    assert told.code == 0
    assert told.results[0]["state"] == "note"


def test_topics_that_may_not_be_read_are_not_visible(capsys: Captured, tmp_path: Path) -> None:
    """With the command that adds the block of rights that only this reads."""
    with deployed(capsys, tmp_path) as doctor:
        take_away(doctor, "Microsoft.EventGrid/")
        told = doctor.look("events")
    assert told.code == 2
    assert told.trouble["state"] == "not visible"
    assert "Microsoft.EventGrid/systemTopics/read" in told.trouble["details"][0]
    assert "--block doctor" in told.trouble["commands"][0]


# --- channels and trackers ----------------------------------------------------------------------------------------


def fault(host: str, path: str = ".*", **answer: Any) -> dict[str, Any]:
    """Return a fault of one host."""
    return {"call": {"host": host, "path": path}, **answer}


@pytest.mark.parametrize(
    ("place", "broken", "said"),
    [
        ("slack_bot", fault("slack.com", "/api/auth.test", status=200, code="token_revoked"), "token_revoked"),
        (
            "slack_bot",
            fault("slack.com", "/api/conversations.history.*", status=200, code="not_in_channel"),
            "invite it",
        ),
        ("slack", fault("hooks.slack.com", cut=True), "not reachable"),
        ("teams", fault(".*powerplatform.com", cut=True), "not reachable"),
        ("webhook", fault("hooks.contoso.example", cut=True), "not reachable"),
        ("event_grid", fault(".*eventgrid.azure.net", cut=True), "not reachable"),
        ("github", fault("api.github.com", status=401), "the token is wrong or has expired"),
        ("jira", fault("halvorsen.atlassian.net", status=401), "401"),
        ("azure_devops", fault("dev.azure.com", status=401), "401"),
        ("servicenow", fault("halvorsen.service-now.com", status=401), "401"),
        ("servicenow", fault("halvorsen.service-now.com", cut=True), "not reachable"),
    ],
)
def test_a_place_that_does_not_take_us_is_wrong(
    capsys: Captured, tmp_path: Path, place: str, broken: dict[str, Any], said: str
) -> None:
    """By the service's own answer, in words that say what to do."""
    with deployed(capsys, tmp_path, places=(place,), faults=[broken]) as doctor:
        told = doctor.look("channels", "trackers")
    assert told.code == 1
    assert told.trouble["state"] == "wrong"
    assert told.trouble["what"].startswith(place)
    assert any(said in detail for detail in told.trouble["details"])


def test_a_service_that_cannot_answer_now_is_not_visible(capsys: Captured, tmp_path: Path) -> None:
    """It says nothing of the credential."""
    with deployed(capsys, tmp_path, places=("github",), faults=[fault("api.github.com", status=503)]) as doctor:
        told = doctor.look("trackers")
    assert (told.code, told.trouble["state"]) == (2, "not visible")


def test_a_bot_that_may_not_write_is_wrong(capsys: Captured, tmp_path: Path) -> None:
    """Slack names the token's scopes with every answer."""
    with deployed(capsys, tmp_path, places=("slack_bot",)) as doctor:
        doctor.sandbox.slack_workspace.scopes.discard("chat:write")
        trouble = doctor.look("channels").trouble
    assert "chat:write" in trouble["details"][0]


def test_what_can_only_be_posted_to_says_so(capsys: Captured, tmp_path: Path) -> None:
    """Reachable is not more than reachable."""
    with deployed(capsys, tmp_path, places=("slack", "apprise")) as doctor:
        told = doctor.look("channels")
    states = {result["what"].split()[0]: result for result in told.results}
    assert states["slack"]["state"] == "ok"
    assert "send-test slack" in states["slack"]["details"][0]
    assert states["apprise"]["state"] == "note"


# --- sign-in ------------------------------------------------------------------------------------------------------

_HOSTED = {"PULLMEDIC_PAGE_URL": "https://app.azurewebsites.net", "PULLMEDIC_PAGE_KEY": "k" * 40}
_ON = {"WEBSITE_POD_NAME": "pod", "WEBSITE_AUTH_ENABLED": "True"}
_ONE = {"WEBSITE_AUTH_OPENID_ISSUER": "https://login.microsoftonline.com/2af85409-1372-410b-b96e-fb92602fd66b/v2.0"}


@pytest.mark.parametrize(
    ("around", "state", "code"),
    [
        ({}, "not visible", 2),
        ({"WEBSITE_POD_NAME": "pod"}, "missing", 1),
        (_ON, "note", 0),
        (_ON | _ONE, "ok", 0),
    ],
)
def test_the_page_needs_the_platforms_sign_in(
    capsys: Captured, tmp_path: Path, around: dict[str, str], state: str, code: int
) -> None:
    """Only the app itself sees whether it is on."""
    with deployed(capsys, tmp_path, settings=_HOSTED | around) as doctor:
        told = doctor.look("sign-in")
    assert told.code == code
    assert told.results[0]["state"] == state


# --- the examination ----------------------------------------------------------------------------------------------


def _deployment() -> Deployment:
    return Deployment(
        environ={}, settings=load_settings({}), now=lambda: datetime.now(UTC), reach=lambda: pytest.fail("asked")
    )


def test_a_check_that_fails_hides_no_other() -> None:
    """It is not visible, with the reason; so is one that takes too long."""

    def broken(_: Deployment) -> Any:
        raise ValueError("no")

    def fine(_: Deployment) -> Any:
        return [Result(what="it", state=State.OK)]

    checks = [Check(name=it.__name__, title="", place=1, look=it) for it in (broken, fine)]
    found = examine(_deployment(), checks)
    assert [result.state for result in found.results] == [State.NOT_VISIBLE, State.OK]


def test_what_is_not_answered_by_the_deadline_is_not_visible() -> None:
    """Nobody waits for it; the others are told."""
    over = threading.Event()

    def slow(_: Deployment) -> Any:
        over.wait(30)
        return []

    checks = [Check(name=str(vital), title="", place=1, look=slow, vital=vital) for vital in (True, False)]
    found = examine(_deployment(), checks, deadline=timedelta(milliseconds=1))
    over.set()
    assert [(result.state, result.vital) for result in found.results] == [
        (State.NOT_VISIBLE, True),
        (State.NOT_VISIBLE, False),
    ]
