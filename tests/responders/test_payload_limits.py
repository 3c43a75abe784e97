"""Thousands of generated notices through every channel: each within its service's limits, and none can break out.

``PULLMEDIC_NOTICES=10000`` makes it ten thousand.

The generator is seeded, so a failure comes back. It draws what real reports are made of (long logs, names with markup,
commands, chains of many checks) and what they are not (every plane of Unicode, controls, one endless word).
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import notice_samples as notices
import pytest
import responder_samples as samples
from test_slack import check_limits, texts
from test_teams import members, shown

from responders.blocks import Block, Code, Kind, Line, Pair, Report, Text
from responders.channels import apprise, event_grid, slack, teams, webhook
from responders.notices import Notice, NoticeKind
from responders.sending import encode
from responders.teams_callback import LONGEST_CALLBACK
from sandbox.services import teams as simulated_teams

COUNT = int(os.environ.get("PULLMEDIC_NOTICES", "2000"))
BATCH = 500
_PIECES = (
    *("@everyone", "<!channel>", "<@U0123>", "<at>Dana</at>", "<!subteam^S1>", "@here", "#general"),
    *("https://evil.example/a?b=c", "http://evil.example", "[x](https://evil.example)", "<https://evil.example|x>"),
    *("**b**", "_i_", "`c`", "```", "~~s~~", "> q", "# h", "- l", "1. l", "---", "\\", "\\_", "&lt;", "&amp;", "|"),
    *('{"type":"TextBlock"}', '"}],"body":[', "${x}", "{{x}}", "%s", "\x1b[31m", "\u202e", "\ud800", "\x00", "\u2028"),
    *("halvorsenimages.azurecr.io/turbines/train:4.2", "unauthorized: authentication required", "0f1e2d3c"),
    *("é", "漢字", "😀", "👩‍👩‍👧", "\u0301", "ﷺ", "\U0010ffff", "\ufeff"),
)
_MOST_LINES = (2, 2, 2, 3, 3, 6, 6, 6, 30)  # thousands are to be looked at: few of them are long


def text(draw: random.Random) -> str:
    """Return a text: empty, short, long, of pieces that mean ill, or of any characters at all."""
    match draw.randrange(8):
        case 0:
            return ""
        case 1:
            return "".join(chr(draw.randrange(0x110000)) for _ in range(draw.randrange(200)))
        case 2:
            return draw.choice(_PIECES) * draw.choice([1, 1, 40, 40, 40, 1000])
        case 3:
            return "\n".join(draw.choice(_PIECES) for _ in range(draw.choice([2, 9, 90])))
        case _:
            return " ".join(draw.choice(_PIECES) for _ in range(draw.randrange(1, 30)))


def line(draw: random.Random) -> Line:
    """Return a line of any kind."""
    kind = draw.randrange(3)
    if kind == 0:
        return Text(text(draw))
    return Pair(text(draw), text(draw)) if kind == 1 else Code(text(draw), text(draw))


def block(draw: random.Random, most: int) -> Block:
    """Return a block of up to ``most`` lines."""
    return Block(draw.choice(list(Kind)), tuple(line(draw) for _ in range(draw.randrange(most))))


def generated(seed: int, count: int) -> Iterator[Notice]:
    """Yield ``count`` notices, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - it draws examples
    for _ in range(count):
        report = Report(
            headline=text(draw),
            next_step=block(draw, 6),
            verdict=text(draw),
            status=draw.choice(["confirmed", "likely", "possible", None]),
            blocks=tuple(block(draw, draw.choice(_MOST_LINES)) for _ in range(draw.randrange(6))),
            run_url=draw.choice(["", "https://ml.azure.com/runs/a?wsid=/b", f"https://ml.azure.com/{text(draw)}"]),
            stored_as=text(draw),
            page_url=draw.choice(["", "https://app.example/api/incidents/f1-1", f"https://app.example/{text(draw)}"]),
        )
        facts = notices.incident(
            target=text(draw),
            runs=tuple(text(draw) for _ in range(draw.randrange(15))),
            count=draw.randrange(10**6),
            last_at=samples.NOW + timedelta(seconds=draw.randrange(10**6)),
            fix=draw.choice([None, notices.fix_summary(text(draw))]),
        )
        yield Notice(
            kind=draw.choice(list(NoticeKind)),
            key=f"k-{draw.randrange(10**9)}",
            report=report,
            incident=draw.choice([None, facts]),
            possible_repeat=draw.random() < 0.5,
        )


def check_teams(notice: Notice) -> None:
    """Within 20,000 bytes with its callback, of known elements, with no markup of others left alive."""
    payload: Any = teams.render(notice)
    assert len(encode(payload)) <= teams.MAX_BYTES - LONGEST_CALLBACK
    assert list(simulated_teams._problems(payload, 0)) == []
    for said in shown(payload):
        plain = re.sub(r"\\[\\`*_\[\]~:\-+=#.)]", "", said)
        assert not re.search(r"[<>`*_\[\]~]|://", plain)
    assert {m["url"] for m in members(payload) if "url" in m} <= {notice.report.run_url, notice.report.page_url}
    assert len(encode(teams.minimal(notice))) <= 18_000


def check_slack(notice: Notice) -> None:
    """Within Slack's limits, by its own SDK's validators; the one angle bracket is that of the run's link."""
    payload = slack.render(notice)
    check_limits(payload)
    for said in texts(payload):
        assert "<" not in re.sub(r"^<https://[^<>|\s]+\|[^<>|]+>$", "", said, flags=re.MULTILINE)


def check_others(notice: Notice) -> None:
    """The machines' forms within their sizes; the plain one within a short message, calling nobody."""
    assert len(encode(webhook.render(notice, now=samples.NOW))) <= webhook.MAX_BYTES
    assert len(encode(event_grid.render(notice))) <= 24_000
    words = apprise.render(notice, apprise.Room(title=0, body=2_000))
    assert len(words.body.encode("utf-8", "replace")) <= 2_000
    assert "://" not in notices.without_links(words.body, notice.report)
    assert not re.search(r"@(?!sha256:|\u2060|…)|<[@!#/A-Za-z]", words.body)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(COUNT // BATCH))
def test_thousands_of_notices_keep_every_limit(batch: int) -> None:
    """Whatever a report holds, what goes over the wire is taken, and shows other people's words as words."""
    for number, notice in enumerate(generated(batch, BATCH)):
        try:
            check_teams(notice)
            check_slack(notice)
            check_others(notice)
        except AssertionError as error:
            raise AssertionError(f"notice {number} of batch {batch}") from error


def test_the_generator_reaches_what_it_is_for() -> None:
    """Among a few hundred there are some that must be cut, some that fit, every kind, and every sort of line."""
    some = list(generated(1, 200))
    sizes = [len(encode(teams.render(notice))) for notice in some]
    assert max(sizes) > 17_000
    assert min(sizes) < 3_000
    assert {notice.kind for notice in some} == set(NoticeKind)
    assert {type(one) for notice in some for part in notice.report.blocks for one in part.lines} == {Text, Pair, Code}
