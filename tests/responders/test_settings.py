"""Settings: typed, told wrong all at once, never a secret shown, and never a reason not to start."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import responder_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from responders import tickets
from responders.channels import Options, discover
from responders.channels._webhook import URL
from responders.clouds import Cloud
from responders.declarations import Secret
from responders.settings import (
    AzureStore,
    SqliteStore,
    declared_settings,
    load_settings,
    misspelt_settings,
)
from responders.settings_sweep import Sweep

SLACK = "https://hooks.slack.com/services/T0/B0/sentinelsentinel"
TEAMS = "https://prod-1.westeurope.logic.azure.com/workflows/x/triggers/manual/paths/invoke?sig=sentinel"


def test_nothing_set_is_a_working_minimum() -> None:
    """Without any setting all workspaces are in scope, the store is embedded, and nothing is wrong."""
    settings = load_settings({})
    assert settings.problems == ()
    assert settings.destinations == settings.fallbacks == ()
    assert settings.store == SqliteStore(Path("pullmedic.sqlite"))
    assert settings.in_scope(samples.WORKSPACE)
    assert (settings.notify_not_registry, settings.notify_insufficient) == (False, True)
    assert settings.cloud is Cloud.PUBLIC
    assert settings.deadline == timedelta(seconds=45)
    assert settings.sweep == Sweep()


def test_everything_set_is_read() -> None:
    """Each setting reaches its member, in its type."""
    settings = load_settings(
        {
            "PULLMEDIC_SLACK_WEBHOOK_URL": SLACK,
            "PULLMEDIC_FALLBACK_TEAMS_WEBHOOK_URL": TEAMS,
            "PULLMEDIC_STORE": "sqlite:////var/x.sqlite",
            "PULLMEDIC_WORKSPACES": f"{samples.WORKSPACE.upper()}/, ",
            "PULLMEDIC_REGISTRY_ALLOWLIST": "ghcr.io, registry.example.org:5000",
            "PULLMEDIC_NOTIFY_NOT_REGISTRY": "Yes",
            "PULLMEDIC_NOTIFY_INSUFFICIENT": "off",
            "PULLMEDIC_CLIENT_ID": "0F1E0000-0000-0000-0000-000000000001",
            "PULLMEDIC_CLOUD": "AzureUSGovernment",
            "PULLMEDIC_DEADLINE_SECONDS": "20",
            "PULLMEDIC_SWEEP": "off",
            "PULLMEDIC_SWEEP_EVERY_MINUTES": "60",
            "PULLMEDIC_SWEEP_LOOK_BACK_HOURS": "24",
            "PULLMEDIC_SWEEP_WAITING_MINUTES": "0",
        }
    )
    assert settings.problems == ()
    assert [d.channel.name for d in settings.destinations] == ["slack"]
    assert settings.destinations[0].options.secret(URL).reveal() == SLACK
    assert [d.channel.name for d in settings.fallbacks] == ["teams"]
    assert (settings.destinations[0].name, settings.fallbacks[0].name) == ("slack", "fallback teams")
    assert settings.defaults.to == settings.destinations
    assert settings.store == SqliteStore(Path("/var/x.sqlite"))
    assert settings.in_scope(samples.WORKSPACE)
    assert not settings.in_scope(samples.WORKSPACE + "2")
    assert settings.registry_allowlist == ("ghcr.io", "registry.example.org:5000")
    assert (settings.notify_not_registry, settings.notify_insufficient) == (True, False)
    assert settings.client_id == "0f1e0000-0000-0000-0000-000000000001"
    assert settings.cloud is Cloud.US_GOVERNMENT
    assert settings.deadline == timedelta(seconds=20)
    assert not settings.sweep.on
    assert (settings.sweep.every, settings.sweep.look_back) == (timedelta(hours=1), timedelta(days=1))
    assert settings.sweep.waiting_after is None


def test_all_that_is_wrong_is_told_at_once_and_the_minimum_runs() -> None:
    """One load names every wrong setting with what is used instead, and raises nothing."""
    wrong = {
        "PULLMEDIC_SLACK_WEBHOOK_URL": "http://hooks.slack.com/services/sentinel",
        "PULLMEDIC_TEAMS_WEBHOOK_URL": "https://contoso.webhook.office.com/webhookb2/sentinel",
        "PULLMEDIC_STORE": "postgres://user:sentinel@host/db",
        "AzureWebJobsStorage": "sentinel",
        "AzureWebJobsStorage__accountName": "Not An Account",
        "PULLMEDIC_REGISTRY_ALLOWLIST": "https://ghcr.io/x,docker.io",
        "PULLMEDIC_NOTIFY_NOT_REGISTRY": "maybe",
        "PULLMEDIC_CLIENT_ID": "sentinel",
        "PULLMEDIC_CLOUD": "azure",
        "PULLMEDIC_DEADLINE_SECONDS": "61",
        "PULLMEDIC_SWEEP": "sometimes",
        "PULLMEDIC_SWEEP_EVERY_MINUTES": "1",
        "PULLMEDIC_SWEEP_LOOK_BACK_HOURS": "1000",
        "PULLMEDIC_SWEEP_WAITING_MINUTES": "-5",
    }
    settings = load_settings(wrong)
    assert {problem.setting for problem in settings.problems} == set(wrong)
    assert not any("sentinel" in str(problem) for problem in settings.problems)
    assert settings.destinations == ()
    assert settings.store == SqliteStore(Path("pullmedic.sqlite"))
    assert settings.registry_allowlist == ("docker.io",)
    assert settings.notify_not_registry is False
    assert settings.deadline == timedelta(seconds=45)


def test_a_mistake_in_the_scope_narrows_it() -> None:
    """Workspaces that cannot be read mean none, not all: a typing error must not widen the scope."""
    settings = load_settings({"PULLMEDIC_WORKSPACES": "ws-ml"})
    assert not settings.in_scope(samples.WORKSPACE)
    assert [problem.setting for problem in settings.problems] == ["PULLMEDIC_WORKSPACES"] * 2


def test_the_apps_storage_is_the_store_where_there_is_one() -> None:
    """Deployed, the store is the app's storage: by identity before by connection string."""
    identity = load_settings({"AzureWebJobsStorage__accountName": "acct1", "PULLMEDIC_CLOUD": "AzureChinaCloud"})
    assert identity.store == AzureStore(account="acct1", cloud=Cloud.CHINA)
    connected = load_settings({"AzureWebJobsStorage": "AccountName=a;AccountKey=sentinel"})
    assert isinstance(connected.store, AzureStore)
    assert connected.store.connection is not None
    assert "sentinel" not in repr(connected)
    missing = load_settings({"PULLMEDIC_STORE": "azure"})
    assert [problem.setting for problem in missing.problems] == ["PULLMEDIC_STORE"]


@pytest.mark.parametrize(
    ("cloud", "address"),
    [
        ("AzureCloud", "https://acct1.blob.core.windows.net/"),
        ("AzureUSGovernment", "https://acct1.blob.core.usgovcloudapi.net/"),
        ("AzureChinaCloud", "https://acct1.blob.core.chinacloudapi.cn"),
    ],
)
def test_the_account_is_read_from_its_address_in_every_cloud(cloud: str, address: str) -> None:
    """As the deployment states it: Functions makes addresses of the public cloud alone from an account's name."""
    settings = load_settings({"AzureWebJobsStorage__blobServiceUri": address, "PULLMEDIC_CLOUD": cloud})
    assert settings.store == AzureStore(account="acct1", cloud=Cloud(cloud))
    assert settings.problems == ()


def test_an_app_whose_host_stands_apart_keeps_its_state_where_the_other_one_does() -> None:
    """The host's account is then the second app's alone."""
    settings = load_settings(
        {
            "AzureWebJobsStorage__blobServiceUri": "https://hosts.blob.core.windows.net/",
            "PullmedicStorage__blobServiceUri": "https://state.blob.core.windows.net/",
        }
    )
    assert settings.store == AzureStore(account="state")


@pytest.mark.parametrize(
    "address",
    [
        "https://acct1.blob.core.windows.net.evil.example/",
        "https://acct1.queue.core.windows.net/",
        "https://acct1.blob.core.chinacloudapi.cn/",
        "http://acct1.blob.core.windows.net/",
        "acct1",
    ],
)
@pytest.mark.parametrize("name", ["AzureWebJobsStorage__blobServiceUri", "PullmedicStorage__blobServiceUri"])
def test_an_address_that_is_no_account_of_the_cloud_is_told(name: str, address: str) -> None:
    """No token goes there, and no other account is taken in its stead."""
    settings = load_settings({name: address, "PULLMEDIC_STORE": "azure"})
    assert {problem.setting for problem in settings.problems} == {name, "PULLMEDIC_STORE"}
    assert isinstance(settings.store, SqliteStore)


@pytest.mark.parametrize(
    ("channel", "address", "complaint"),
    [
        ("slack", SLACK, None),
        ("slack", "https://hooks.slack-gov.com/services/T0/B0/x", None),
        ("teams", TEAMS, None),
        ("teams", TEAMS.replace(".com/", ".com:443/"), None),
        ("teams", "https://x.1.environment.api.powerplatform.com:443/powerautomate/y?sig=z", None),
        ("teams", "https://contoso.webhook.office.com/webhookb2/x", "connectors are retired"),
        ("teams", "https://outlook.office.com/webhook/x", "connectors are retired"),
        ("teams", SLACK, "belongs into PULLMEDIC_SLACK_WEBHOOK_URL"),
        ("slack", TEAMS, "belongs into PULLMEDIC_TEAMS_WEBHOOK_URL"),
        ("slack", "https://hooks.slack.com/", "has no path"),
        ("slack", "http://hooks.slack.com/services/x", "not an https address"),
        ("slack", "https://hooks.slack.com@evil.example/services/x", "not an https address"),
        ("slack", "https://evil.example\\@hooks.slack.com/x", "not an https address"),
        ("slack", "https://hooks.slack.com:8443/services/x", "not an https address"),
        ("slack", "https://hooks.slack.com:port/services/x", "not an https address"),
        ("slack", "https://hooks.slack.com/services/\nx", "not an https address"),
        ("slack", "https://hooks.slаck.com/services/x", "not an https address"),
        ("slack", "https://[::1/x", "not an https address"),
        ("slack", "https://slack.com.evil.example/x", "its host is none of"),
        ("slack", "https://evilslack.com/x", "its host is none of"),
        ("slack", "https://slack.com/x", "its host is none of"),
        (
            "slack",
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)",
            "Key Vault reference",
        ),
    ],
)
def test_an_address_is_taken_or_told_wrong_with_the_reason(channel: str, address: str, complaint: str | None) -> None:
    """Only https addresses of the service's own hosts are taken, in no disguise, and a mistake is explained."""
    found = next(c for c in discover() if c.name == channel)
    problem = found.problems(Options(secrets={URL: Secret(address)})).get(URL)
    if complaint is None:
        assert problem is None
    else:
        assert problem is not None
        assert complaint in problem


def test_a_further_host_can_be_allowed() -> None:
    """A relay of one's own is possible, by its name."""
    environ = {
        "PULLMEDIC_SLACK_WEBHOOK_URL": "https://relay.example.org/slack",
        "PULLMEDIC_WEBHOOK_HOSTS": "relay.example.org",
    }
    assert len(load_settings(environ).destinations) == 1


@given(
    st.dictionaries(
        st.sampled_from([s.name for s in declared_settings()]), st.text(st.characters(exclude_categories=()))
    )
)
def test_no_environment_whatever_stops_loading(environ: dict[str, str]) -> None:
    """Whatever the settings hold, loading returns, and each problem names a declared setting."""
    names = {setting.name for setting in declared_settings()}
    assert {problem.setting for problem in load_settings(environ).problems} <= names


def test_a_misspelt_setting_is_told_with_the_one_that_is_meant() -> None:
    """A setting that nobody reads is not passed over in silence."""
    problems = misspelt_settings({"PULLMEDIC_WORKSPACE": "x", "PULLMEDIC_ZZZ": "", "PATH": "/"}, declared_settings())
    assert [str(problem) for problem in problems] == [
        "PULLMEDIC_WORKSPACE: no such setting: is PULLMEDIC_WORKSPACES meant?",
        "PULLMEDIC_ZZZ: no such setting",
    ]


def test_the_channels_are_found_by_scanning_their_folder() -> None:
    """A channel is one file: its settings are declared there and nowhere else."""
    assert {"slack", "teams"} <= {channel.name for channel in discover()}
    declared = {s.name for s in declared_settings()}
    assert {s.name for c in discover() for fallback in (False, True) for s in c.settings(fallback=fallback)} < declared
    assert {s.name for tracker in tickets.discover() for s in tracker.settings()} < declared


def test_every_setting_is_declared_once() -> None:
    """No two channels or trackers read the same variable without knowing of each other."""
    names = [setting.name for setting in declared_settings()]
    assert len(names) == len(set(names))


def test_a_variable_that_the_file_refers_to_is_no_misspelling() -> None:
    """Whoever keeps a second token under a name of their own is not told that it is unknown."""
    assert (
        misspelt_settings({"PULLMEDIC_ONCALL_TOKEN": "x"}, declared_settings(), used=["PULLMEDIC_ONCALL_TOKEN"]) == ()
    )
