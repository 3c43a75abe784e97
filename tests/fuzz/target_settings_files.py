"""A settings file of any text: it loads, each problem has its place, no secret shows, and doubt leaves fixes off."""

from __future__ import annotations

from datetime import UTC, datetime

from drawing import SECRET, Draw

from responders.fixes.values import FixMode
from responders.settings import Document, load_settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ENVIRONMENT = {
    "PULLMEDIC_SLACK_WEBHOOK_URL": f"https://hooks.slack.com/services/T0/B0/{SECRET}",
    "PULLMEDIC_VISION_URL": f"https://hooks.slack.com/services/T0/B1/{SECRET}",
    "PULLMEDIC_FIXER_CLIENT_ID": "00000000-0000-0000-0000-00000000000f",
}
WHOLE = """
[destinations.vision]
channel = "slack"
webhook_url = { env = "PULLMEDIC_VISION_URL" }
[defaults]
to = ["slack"]
fallback = ["vision"]
[[routes]]
name = "by day"
when = { workspaces = ["ws-*"], hours = "08:00-18:00", days = ["mon-fri"], timezone = "Europe/Berlin" }
to = ["vision", "default"]
continue = true
[[silences]]
until = 2026-12-01T18:00:00+01:00
reason = "the registry moves"
when = { causes = ["tag-absent"] }
[incidents]
keep_for = "90d"
[fixes]
mode = "approve"
registries = ["/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"]
principals = ["00000000-0000-0000-0000-0000000000aa"]
[fixes.approvers]
groups = ["11111111-2222-3333-4444-555555555555"]
"""
SEEDS = (
    WHOLE.encode(),
    b"a=" + b"[" * 3000,
    b"[a.b.c]\nx = {y = {z = {}}}\n" * 3,
    b'[fixes]\nmode = "auto"\nper_day = 99999999999999999999\nper_registry = -1\n',
    b"[incidents]\nkeep_for = '" + b"9" * 400 + b"d'\n",
)
TOKENS = (
    *(b"[fixes]\n", b"mode = 'auto'\n", b"[[routes]]\n", b"= 9999-12-31T23:59:59-14:00", b"= nan", b"= [[]]", b"= {}"),
    *(
        b'"""',
        b"'''",
        b"\\u0000",
        b"\\U0001F600",
        b"99999999999999999999",
        b"env = ",
        b"[destinations.",
        b"timezone = 'a/b'",
    ),
)


def fuzz(data: bytes) -> None:
    """Hold loading to its promise."""
    text = Draw(data).rest().decode("utf-8", "replace")
    found = load_settings(ENVIRONMENT, document=Document("settings.toml", text), now=NOW)
    shown = "\n".join(map(str, found.problems)) + repr(found.destinations) + repr(found)
    assert SECRET not in shown
    assert all(problem.setting for problem in found.problems)
    assert found.destinations
    assert all(len(str(problem)) < 2_000 for problem in found.problems)
    of_fixes = [problem for problem in found.problems if "fixes" in str(problem) and not problem.warning]
    assert found.fixes.mode in (FixMode.OFF, FixMode.PROPOSE) or not of_fixes
