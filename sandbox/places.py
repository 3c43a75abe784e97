"""The settings that let the product write to every channel and tracker that the sandbox simulates, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.services import discord, event_grid, github, jira, servicenow, webhook_receiver

if TYPE_CHECKING:
    from sandbox.server import Sandbox

__all__ = ["PLACES", "settings_of"]


def settings_of(sandbox: Sandbox) -> Mapping[str, Mapping[str, str]]:
    """Return the environment variables of each place, by the name that the product has for it.

    Every secret among them holds the sandbox's sentinel, but for the key of the signed webhook, which is made of it.
    """
    workspace, azure = sandbox.slack_workspace, sandbox.azure
    fields = {
        "slack": {"webhook_url": sandbox.slack_webhook_url},
        "slack_bot": {
            "token": workspace.token,
            "channel_id": next(iter(workspace.channels)),
            "signing_secret": workspace.signing_secret,
        },
        "teams": {"webhook_url": sandbox.teams_webhook_url},
        "webhook": {"url": webhook_receiver.webhook_url(azure), "secret": webhook_receiver.secret(azure)},
        "event_grid": {"endpoint": event_grid.ENDPOINT, "access_key": sandbox.sentinel},
        "apprise": {"url": discord.apprise_url(azure, "discord")},
        "github": {"repository": github.REPOSITORY, "token": sandbox.sentinel},
        "azure_devops": {"organization": "halvorsen", "project": "ML Platform"},
        "jira": {
            "site": jira.HOST.partition(".")[0],
            "email": jira.EMAIL,
            "project": jira.PROJECT,
            "api_token": sandbox.sentinel,
        },
        "servicenow": {
            "instance": servicenow.HOST.partition(".")[0],
            "user": servicenow.USER,
            "password": sandbox.sentinel,
        },
    }
    return {
        name: {f"PULLMEDIC_{name.upper()}_{field.upper()}": value for field, value in each.items()}
        for name, each in fields.items()
    }


PLACES = (
    *("apprise", "event_grid", "slack", "slack_bot", "teams", "webhook"),
    *("azure_devops", "github", "jira", "servicenow"),
)
"""The names of all of them."""
