"""The incident's page in a real browser: sizes, colours, keyboard, names for assistive technology, no script at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, chromium
from fix_story import FixStory
from page_story import ADDRESS, KIM, NOBODY, page_story

from responders.fixes.audit import AuditKind
from responders.fixes.record import FixState
from sandbox.app_service import AppService

pytestmark = pytest.mark.slow

HOST = ADDRESS.removeprefix("https://")
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
_WIDE = """[...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
_CONTROLS = "a, button, summary, input:not([type=hidden])"
_FOCUSED = """(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return {name: e.tagName.toLowerCase(), id: e.id, text: e.textContent.trim(), width: parseFloat(s.outlineWidth),
          style: s.outlineStyle, colour: s.outlineColor, top: r.top, bottom: r.bottom, left: r.left,
          high: innerHeight, place: r.top + scrollY};
})()"""


@dataclass
class Seat:
    """A browser before the page."""

    it: FixStory
    platform: AppService
    tab: Chromium

    @property
    def address(self) -> str:
        """The page's."""
        return f"{ADDRESS}/api/incidents/{self.it.incident().id}"

    def stops(self) -> Iterator[dict[str, Any]]:
        """Yield what each press of Tab leads to, until it leaves the page."""
        for _ in range(60):
            self.tab.press("Tab")
            found = self.tab.look(_FOCUSED)
            if found["name"] == "body":
                return
            yield found
        pytest.fail("the keyboard never leaves the page")

    def walk_to(self, *, id_: str = "", text: str = "") -> None:
        """Press Tab until something is focused."""
        assert any((id_ and stop["id"] == id_) or (text and stop["text"] == text) for stop in self.stops())


@contextmanager
def seat(folder: Path, **more: Any) -> Iterator[Seat]:
    """Start the app, the platform before it, and a browser without script in which Kim is signed in."""
    with page_story(folder, **more) as it:
        it.fail()
        url = it.host.url("incident_page", incident_id="none")
        with AppService(url, HOST) as platform, chromium(folder, proxy=platform.proxy_url) as tab:
            platform.person = KIM
            tab.without_script()
            yield Seat(it, platform, tab)


def opened(place: Seat) -> None:
    """Unfold everything, as a reader can."""
    place.tab.look("document.querySelectorAll('details').forEach(e => e.open = true)")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_can_be_walked_through_with_the_keyboard(tmp_path: Path, size: str, dark: bool) -> None:  # noqa: FBT001
    """Nothing overflows, folded or not; every control is reached in reading order, with a focus that can be seen."""
    with seat(tmp_path) as place:
        tab = place.tab
        tab.size(*SIZES[size], dark=dark)
        tab.open(place.address)
        ground = tab.look("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) is dark
        assert tab.look(_WIDE) == []
        stops = list(place.stops())
        texts = [stop["text"] or stop["id"] for stop in stops]
        assert texts[:8] == [
            "Skip to the content",
            "Approve or reject it below",
            "The exact request to Azure",
            "confirm-approve",
            "Approve the fix",
            "reason",
            "confirm-reject",
            "Reject the fix",
        ]
        assert texts[-1] == "Open the run in the studio"
        assert texts == tab.look(
            f"[...document.querySelectorAll('{_CONTROLS}')].map(e => e.textContent.trim() || e.id)"
        )
        for stop in stops:
            assert stop["style"] == "solid", stop
            assert stop["width"] >= 2, stop
            assert stop["colour"] != ground, stop
            assert stop["left"] >= 0, stop
            assert 0 <= stop["top"] < stop["bottom"] <= stop["high"], stop
        places = [stop["place"] for stop in stops[1:]]
        assert size != "phone" or places == sorted(places)
        opened(place)
        assert tab.look(_WIDE) == []
        assert tab.look("document.documentElement.scrollWidth <= innerWidth")
        assert tab.troubles == []


def test_assistive_technology_is_told_a_name_for_everything(tmp_path: Path) -> None:
    """Controls, regions, the language; the box says what is confirmed."""
    with seat(tmp_path) as place:
        place.tab.size(*SIZES["desktop"])
        place.tab.open(place.address)
        controls = place.tab.controls()
        assert all(name for role, name in controls if role != "main"), controls
        assert ("textbox", "Reason (optional)") in controls
        boxes = [name for role, name in controls if role == "checkbox"]
        assert len(boxes) == 2
        assert boxes[0].startswith("Yes, write this role assignment: AcrPull on halvorsenimages")
        assert place.tab.look("document.documentElement.lang") == "en"
        roles = place.tab.roles()
        assert {"banner", "main", "contentinfo", "form", "region", "heading", "list"} <= {role for role, _ in roles}
        assert all(name for role, name in roles if role in {"form", "region"}), roles


def test_approved_and_undone_by_keyboard_alone_without_script(tmp_path: Path) -> None:
    """Read, tick, send; what came of it is shown once; the box has to be ticked."""
    with seat(tmp_path) as place:
        tab, it = place.tab, place.it
        tab.size(*SIZES["phone"])
        tab.open(place.address)
        place.walk_to(text="Approve the fix")
        tab.press("Enter")
        assert [request.method for request in place.platform.requests if request.method == "POST"] == []
        tab.open(place.address)
        place.walk_to(id_="confirm-approve")
        tab.press("Space")
        tab.press("Tab")
        tab.press("Enter")
        tab.shown()
        assert tab.look("location.href") == place.address
        assert tab.look("document.querySelector('[role=status]').textContent").startswith("The fix is approved")
        assert tab.look("document.title").startswith("The fix is approved")
        it.host.drain()
        assert len(it.assignments) == 1
        tab.open(place.address)
        assert tab.look("document.querySelector('[role=status]')") is None
        it.let_pass(minutes=2)
        tab.open(place.address)
        place.walk_to(id_="confirm-undo")
        tab.press("Space")
        tab.press("Tab")
        tab.press("Enter")
        tab.shown()
        it.host.drain()
        fix = it.fix()
        assert fix is not None
        assert fix.state is FixState.UNDONE
        assert [write.method for write in it.writes] == ["PUT", "DELETE"]
        assert tab.troubles == []


def test_rejected_with_a_reason_by_keyboard_alone_without_script(tmp_path: Path) -> None:
    """Enter in the line of the reason sends nothing before the box is ticked."""
    with seat(tmp_path) as place:
        tab, it = place.tab, place.it
        tab.size(*SIZES["phone"])
        tab.open(place.address)
        place.walk_to(id_="reason")
        tab.write("The team moves to another registry")
        tab.press("Enter")
        assert [request.method for request in place.platform.requests if request.method == "POST"] == []
        tab.press("Space")
        tab.press("Tab")
        tab.press("Enter")
        tab.shown()
        it.host.drain()
        assert tab.look("document.querySelector('[role=status]').textContent").startswith("Noted: the fix is rejected")
        assert "They said: The team moves to another registry" in tab.look("document.body.textContent")
        assert it.writes == []
        assert tab.troubles == []


def test_on_paper_there_is_nothing_to_press(tmp_path: Path) -> None:
    """What was found and planned is there; forms, and words about them, are not."""
    with seat(tmp_path) as place:
        place.tab.size(*SIZES["desktop"])
        place.tab.open(place.address)
        seen = "['.deciding', '.to-decide', '.skip', '.change', '#history'].map(it => document.querySelector(it)"
        assert place.tab.look(f"{seen}.checkVisibility())") == [True] * 5
        place.tab.on_paper()
        assert place.tab.look(f"{seen}.checkVisibility())") == [False, False, False, True, True]


def test_a_page_of_another_site_can_send_the_form_and_reaches_nothing(tmp_path: Path) -> None:
    """With the person's own session, in their own browser: refused by where it comes from, and recorded."""
    with seat(tmp_path) as place:
        tab, it = place.tab, place.it
        tab.open(place.address)
        fields = tab.look(
            "Object.fromEntries([...document.forms[0].elements].filter(e => e.name).map(e => [e.name, e.value]))"
        )
        inputs = "".join(f"<input name={name} value={value}>" for name, value in fields.items())
        evil = f"data:text/html,<form method=post action={place.address}>{inputs}<button>x</button></form>"
        tab.open(evil)
        tab.press("Tab")
        for _ in fields:
            tab.press("Tab")
        tab.press("Enter")
        tab.shown()
        assert tab.look("document.querySelector('h1').textContent") == "The form does not come from this page"
        it.host.drain()
        assert it.writes == []
        assert AuditKind.REFUSAL in {entry.kind for entry in it.audit()}


def test_no_page_can_frame_it(tmp_path: Path) -> None:
    """Nobody is led to press a button that they do not see."""
    with seat(tmp_path) as place:
        place.tab.open(f"data:text/html,<iframe src={place.address}></iframe>")
        assert any("frame-ancestors" in it or "X-Frame-Options" in it for it in place.tab.troubles)


def test_a_reader_who_may_not_decide_gets_the_whole_page_and_no_control_for_it(tmp_path: Path) -> None:
    """Nothing that cannot work is shown."""
    with seat(tmp_path) as place:
        place.platform.person = NOBODY
        place.tab.size(*SIZES["phone"])
        place.tab.open(place.address)
        assert not {"checkbox", "button", "textbox"} & {role for role, _ in place.tab.controls()}
        assert place.tab.look(_WIDE) == []
        assert place.tab.troubles == []


def test_very_long_words_do_not_widen_it(tmp_path: Path) -> None:
    """Names and log lines of others, without a blank in them."""
    long = "x" * 300
    with page_story(tmp_path) as it:
        run: Any = it.scenario.run
        run["experiment"] = long
        run["error"]["message"] += f"\nError response from daemon: unauthorized {long * 3}"
        it.fail()
        url = it.host.url("incident_page", incident_id="none")
        with AppService(url, HOST) as platform, chromium(tmp_path, proxy=platform.proxy_url) as tab:
            platform.person = KIM
            place = Seat(it, platform, tab)
            tab.size(*SIZES["phone"])
            tab.open(place.address)
            opened(place)
            assert long in tab.look("document.body.textContent")
            assert tab.look(_WIDE) == []
