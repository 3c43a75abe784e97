"""The reader's rights: made from the probes' declarations, whole, and never more than reading."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bicep_reading import INFRA, template

from diagnostics.probing import Probe, all_probes
from diagnostics.rights import PULL, ForbiddenAction, main, refusal, rights, rights_of

PUBLISHED = Path(__file__).with_name("published_actions.txt")
GRANTED = [right.action for block in ("core", "network", "serving", "doctor") for right in getattr(rights(), block)]


def _probe(*actions: str) -> Probe:
    return cast("Probe", SimpleNamespace(name="new", title="something new", actions=actions))


def test_the_committed_file_is_current() -> None:
    """Whoever changes what a probe needs changes the role: `python -m diagnostics.rights --write`."""
    assert main(["--check"]) == 0


def test_a_stale_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that mends it; and that command does."""
    monkeypatch.setattr("diagnostics.rights.DOCUMENT", tmp_path / "reader-role.json")
    assert main(["--check"]) == 1
    assert "python -m diagnostics.rights --write" in capsys.readouterr().err
    assert main(["--write"]) == 0
    assert main(["--check"]) == 0


def test_every_action_of_every_probe_is_granted_or_left_to_the_pull_role() -> None:
    """A probe that declares an action holds it after the deployment."""
    for probe in all_probes().values():
        assert set(probe.actions) <= {*GRANTED, PULL}, probe.name


@pytest.mark.parametrize(
    "action",
    [
        "Microsoft.MachineLearningServices/workspaces/read",
        "Microsoft.MachineLearningServices/workspaces/experiments/runs/read",
        "Microsoft.MachineLearningServices/workspaces/metadata/artifacts/read",
        "Microsoft.Authorization/permissions/read",
    ],
)
def test_what_intake_needs_is_granted_whatever_the_probes_are(action: str) -> None:
    """Run history, logs, and what we may see ourselves."""
    assert action in [right.action for right in rights_of([]).core]


def test_the_pull_is_never_part_of_the_role() -> None:
    """It reads images, not settings: AcrPull or Repository Reader gives it, registry by registry."""
    assert PULL not in GRANTED
    assert [right.action for right in rights().pull] == [PULL]


@pytest.mark.parametrize("action", GRANTED)
def test_each_action_is_one_action_that_reads_and_gives_no_key(action: str) -> None:
    """No wildcard, no write, no `listKeys`, `listCredentials`, `listsecrets`; and a reason beside it.

    A credential set names secrets of a vault and says whether they work: it holds none.
    """
    assert refusal(action) is None
    assert "*" not in action
    assert not any(word in action.lower() for word in ("listkeys", "listcredential", "secret", "password"))
    assert not action.lower().endswith(("/write", "/delete"))


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("*", "wildcard"),
        ("*/read", "wildcard"),
        ("Microsoft.ContainerRegistry/registries/*", "wildcard"),
        ("Microsoft.ContainerRegistry/registries/*/read", "wildcard"),
        ("Microsoft.ContainerRegistry/registries/listCredentials/action", "secrets"),
        ("Microsoft.ContainerRegistry/registries/generateCredentials/action", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/listKeys/action", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/listStorageAccountKeys/action", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/listNotebookKeys/read", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/listNotebookAccessToken/read", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/environments/readSecrets/action", "secrets"),
        ("Microsoft.MachineLearningServices/workspaces/metadata/secrets/read", "secrets"),
        ("Microsoft.Authorization/roleAssignments/write", "more than read"),
        ("Microsoft.ContainerRegistry/registries/delete", "more than read"),
        ("Microsoft.ContainerRegistry/registries/scheduleRun/action", "more than read"),
    ],
)
def test_a_probe_that_declares_more_than_reading_is_refused(action: str, why: str) -> None:
    """When the file is made, with the probe's name and the reason."""
    assert why in str(refusal(action))
    with pytest.raises(ForbiddenAction, match="new"):
        rights_of([_probe("Microsoft.ContainerRegistry/registries/read", action)])


@pytest.mark.parametrize(
    ("action", "block"),
    [
        ("Microsoft.Network/virtualHubs/read", "network"),
        ("Microsoft.ContainerRegistry/registries/webhooks/read", "core"),
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/skus/read", "serving"),
        (PULL, "pull"),
    ],
)
def test_a_new_probe_finds_its_block_without_a_list(action: str, block: str) -> None:
    """By the beginning of its action's name; the reason is what the probe reads, in words."""
    made = rights_of([_probe(action)])
    assert {right.action: right.reason for right in getattr(made, block)}[action] == "something new"


def test_networks_are_read_only_on_request() -> None:
    """The optional block holds all that is about networks, outages and the activity log."""
    assert not [a for a in (right.action for right in rights().core) if "Network" in a or "outbound" in a]
    assert {"Microsoft.Network/virtualNetworks/read", "Microsoft.Insights/eventtypes/values/read"} <= {
        right.action for right in rights().network
    }


def test_every_action_is_one_that_azure_publishes() -> None:
    """Azure refuses the whole role for a single unknown name, and nothing but a deployment would tell.

    Look a new one up in Azure's permission reference, then add it to the list.
    """
    published = {line for line in PUBLISHED.read_text("utf-8").splitlines() if line and not line.startswith("#")}
    assert {action for action in GRANTED if action.lower() not in {name.lower() for name in published}} == set()


def test_the_role_is_made_of_the_file_and_of_nothing_else() -> None:
    """Its actions are the file's blocks; it has no data action."""
    role = template("modules/reader-role.bicep")
    variables: Any = {name: var["value"] for name, var in role.tree["variables"].items()}
    assert variables["rights"]["function"]["parameters"]["file_path"] == "../reader-role.json"
    assert role.text.count("Microsoft.") == 1, "the type of the resource, and no action"
    (permission,) = role.resource("Microsoft.Authorization/roleDefinitions")["properties"]["permissions"]
    assert permission["actions"]["function"]["parameters"]["arg_1"] == "granted"
    assert permission["notActions"] == permission["dataActions"] == permission["notDataActions"] == []


def test_the_file_has_a_reason_for_every_action() -> None:
    """Whoever approves the role reads it there."""
    document = json.loads((INFRA / "reader-role.json").read_text("utf-8"))
    for block in ("core", "network", "serving", "doctor", "pull"):
        assert document[block]
        assert all(set(right) == {"action", "reason"} and right["reason"] for right in document[block])
