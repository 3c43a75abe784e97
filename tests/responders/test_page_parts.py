"""The page's pure parts: identities, tokens, builders, and what is shown of each state of a fix."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import fix_samples as fixes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from responders.blocks import Block, Code, Kind, Pair, Report, Text
from responders.declarations import Secret
from responders.fixes.audit import AuditEntry
from responders.fixes.record import Decision, FixState, Via
from responders.fixes.seen import see
from responders.fixes.values import Approvers
from responders.pages.html import element, void
from responders.pages.identity import Person, Stranger, Unknown, identify, may_see, why_not
from responders.pages.render import Action, Form, View, render_incident, render_problem
from responders.pages.serving import Request, Rules, serve
from responders.pages.style import HEADERS, STYLE
from responders.pages.tokens import LASTS, Bound, Broken, Expired, Spoken, issue, read_said, say, verify, why_foreign
from responders.store import StoreUnavailable
from responders.wording import clean, cut
from sandbox.app_service import SignedIn, platform_environment
from tests.page_reading import Read

ADDRESS = "https://pullmedic.example.net"
KEY = "a-key-of-the-page-that-is-long-enough-0001"
TENANT = "10101010-0000-4000-8000-000000000010"
APPROVING_GROUP = "20202020-0000-4000-8000-000000000020"
APPROVING_ROLE = "Pullmedic.Approver"
KIM = SignedIn(oid="30303030-0000-4000-8000-000000000030", tenant=TENANT, groups=[APPROVING_GROUP])
NOW = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
SECRET = Secret(KEY)
ON = platform_environment(TENANT)
APPROVERS = Approvers(groups=frozenset({APPROVING_GROUP}), app_roles=frozenset({APPROVING_ROLE}))
BOUND = Bound(incident_id="f1-1", digest="0123456789abcdef", action="approve", person_id=KIM.oid)
HOSTILE = st.text(alphabet=st.sampled_from("<>&\"'/=! \n\t\x00\x1b\u202e\ud800ax-"))
ALLOWED = frozenset(
    (
        *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer", "section", "div"),
        *("h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "span", "strong", "bdi", "time"),
        *("details", "summary", "pre", "code", "figure", "figcaption", "form", "input", "label", "button"),
    )
)


# --- identity ---------------------------------------------------------------------------------------------


def person(**changes: Any) -> Person:
    """Return Kim, with changes."""
    found = identify(replace(KIM, **changes).headers, ON)
    assert isinstance(found, Person)
    return found


def test_claims_are_read_by_both_of_their_names() -> None:
    """The platform maps some of them, and can be told not to."""
    claims = {
        "oid": KIM.oid.upper(),
        "tid": TENANT,
        "name": "Kim",
        "groups": APPROVING_GROUP.upper(),
        "roles": "Reader",
    }
    principal = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims.items()]}
    header = base64.b64encode(json.dumps(principal).encode()).decode()
    found = identify({"x-ms-client-principal": header}, ON)
    assert found == Person(
        id=KIM.oid,
        name="Kim",
        tenant=TENANT,
        home=True,
        groups=frozenset({APPROVING_GROUP}),
        roles=frozenset({"Reader"}),
    )


def test_a_group_is_no_role_and_a_role_is_no_group() -> None:
    """Whoever may name an app role cannot name it after a group."""
    assert why_not(person(groups=[APPROVING_ROLE], roles=()), APPROVERS)
    assert why_not(person(groups=(), roles=[APPROVING_GROUP]), APPROVERS)
    assert why_not(person(groups=(), roles=[APPROVING_ROLE]), APPROVERS) == ""
    assert why_not(person(groups=(), roles=[APPROVING_ROLE.upper()]), APPROVERS)


@given(
    st.dictionaries(st.sampled_from(["X-MS-CLIENT-PRINCIPAL", "x-ms-client-principal-id", "Cookie"]), st.text()),
    st.sampled_from(["", "False", "true1", "1", "on"]),
)
def test_while_authentication_is_off_nobody_is_ever_known(headers: dict[str, str], value: str) -> None:
    """Whatever the headers say."""
    environ = {**ON, "WEBSITE_AUTH_ENABLED": value}
    found = identify(headers | KIM.headers, environ)
    assert found == Stranger(Unknown.AUTHENTICATION_OFF, forged=True)
    assert not isinstance(identify(headers, environ), Person)


@pytest.mark.parametrize("name", ["WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "LEGION_SERVICE_HOST"])
def test_each_plan_names_its_instance_in_its_own_way(name: str) -> None:
    """One of the names is enough, an empty one is none."""
    without = {key: value for key, value in ON.items() if key != "WEBSITE_POD_NAME"}
    assert isinstance(identify(KIM.headers, {**without, name: "1"}), Person)
    off = Stranger(Unknown.AUTHENTICATION_OFF, forged=True)
    assert identify(KIM.headers, without) == identify(KIM.headers, {**without, name: ""}) == off
    assert identify(KIM.headers, {**without, "CONTAINER_NAME": "1"}) == off


@given(
    st.sampled_from(["", "null", "{", "[]", "1", '"x"', "[" * 100_000])
    | st.sampled_from([None, 1, [], {}, "https://login.microsoftonline.com/common/v2.0", TENANT + "/" + KIM.oid]).map(
        lambda issuer: json.dumps(
            {"identityProviders": {"azureActiveDirectory": {"registration": {"openIdIssuer": issuer}}}}
        )
    )
)
def test_a_configuration_that_names_no_single_tenant_binds_nobody_to_one(configuration: str) -> None:
    """Then incidents are for the approvers' groups alone."""
    environ = {**ON, "WEBSITE_AUTH_OPENID_ISSUER": "", "WEBSITE_AUTH_V2_CONFIG_JSON": configuration}
    found = identify(KIM.headers, environ)
    assert isinstance(found, Person)
    assert not found.home
    assert may_see(found, APPROVERS)
    assert not may_see(replace(found, groups=frozenset(), roles=APPROVERS.app_roles), APPROVERS)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8), st.binary())
def test_no_header_makes_it_fail(claims: Any, raw: bytes) -> None:
    """What cannot be read names nobody."""
    for said in (json.dumps({"auth_typ": "aad", "claims": claims}).encode(), json.dumps([claims]).encode(), raw):
        header = base64.b64encode(said).decode()
        assert isinstance(identify({"X-MS-CLIENT-PRINCIPAL": header}, ON), Stranger)


def test_an_endless_header_is_not_read() -> None:
    """It is far longer than what a sign-in can carry."""
    many = replace(KIM, groups=[f"{number:032x}" for number in range(9_000)])
    assert identify(many.headers, ON) == Stranger(Unknown.UNREADABLE)


# --- tokens -----------------------------------------------------------------------------------------------


@given(st.sampled_from(["incident_id", "digest", "action", "person_id"]), st.text())
def test_a_token_is_good_for_what_it_was_made_for_alone(member: str, other: str) -> None:
    """For nothing that differs in any part."""
    token = issue(BOUND, key=SECRET, now=NOW)
    assert verify(token, BOUND, key=SECRET, now=NOW).startswith("page-form/")
    changed = replace(BOUND, **{member: other})
    if changed != BOUND:
        with pytest.raises(Broken):
            verify(token, changed, key=SECRET, now=NOW)


def test_parts_of_a_token_do_not_run_into_each_other() -> None:
    """The same characters, parted elsewhere, are something else."""
    token = issue(replace(BOUND, incident_id="ab", digest="c"), key=SECRET, now=NOW)
    with pytest.raises(Broken):
        verify(token, replace(BOUND, incident_id="a", digest="bc"), key=SECRET, now=NOW)


def test_a_token_ends_and_needs_its_key() -> None:
    """At its last second it is over; with another key it never was one."""
    token = issue(BOUND, key=SECRET, now=NOW)
    verify(token, BOUND, key=SECRET, now=NOW + LASTS - timedelta(seconds=1))
    with pytest.raises(Expired):
        verify(token, BOUND, key=SECRET, now=NOW + LASTS)
    with pytest.raises(Broken):
        verify(token, BOUND, key=Secret(KEY[::-1]), now=NOW)


def test_no_two_tokens_are_alike() -> None:
    """Each is claimed under a name of its own."""
    names = {verify(issue(BOUND, key=SECRET, now=NOW), BOUND, key=SECRET, now=NOW) for _ in range(50)}
    assert len(names) == 50


@given(st.text(max_size=400), st.booleans())
def test_what_came_of_a_form_is_told_to_its_person_on_its_incident(words: str, good: bool) -> None:  # noqa: FBT001
    """For two minutes, and to nobody else."""
    value = say(Spoken(words, good), "f1-1", KIM.oid, key=SECRET, now=NOW)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", value)
    assert len(value) < 2_200
    found = read_said(value, "f1-1", KIM.oid, key=SECRET, now=NOW)
    assert found is not None
    assert found.good is good
    assert read_said(value, "f1-2", KIM.oid, key=SECRET, now=NOW) is None
    assert read_said(value, "f1-1", TENANT, key=SECRET, now=NOW) is None
    assert read_said(value, "f1-1", KIM.oid, key=SECRET, now=NOW + timedelta(minutes=2)) is None
    assert read_said(value[:-1], "f1-1", KIM.oid, key=SECRET, now=NOW) is None


@given(st.dictionaries(st.sampled_from(["origin", "referer", "sec-fetch-site"]), st.text()))
def test_only_the_own_origin_is_not_foreign(headers: dict[str, str]) -> None:
    """Whatever else a browser says."""
    assert why_foreign(headers, ADDRESS)
    assert why_foreign({**headers, "origin": ADDRESS, "sec-fetch-site": "same-origin"}, ADDRESS) == ""


# --- builders ---------------------------------------------------------------------------------------------


@given(HOSTILE | st.text(), HOSTILE | st.text())
def test_whatever_is_put_in_comes_out_as_text(words: str, value: str) -> None:
    """As a child, as an attribute; nothing of it is markup."""
    page = Read(element("body", element("p", words, title=value), void("input", name="x", value=value)))
    (paragraph,) = page.root.each("p")
    assert page.names() == {"body", "p", "input"}
    assert paragraph.text == cut(clean(words), 6_000).text
    assert paragraph.attributes == ({"title": cut(clean(value), 6_000).text} if value else {})


# --- rendering --------------------------------------------------------------------------------------------


def view(state: FixState = FixState.WAITING, **changes: Any) -> View:
    """Return what is shown of a fix in a state."""
    fix = fixes.fix(state)
    words = changes.pop("words", "gpu-train may not pull")
    blocks = (
        Block(Kind.STATE, (Pair("Incident", words),)),
        Block(Kind.CHAIN, (Text(words), Text(f"→ {words}"))),
        Block(Kind.EVIDENCE, (Text(words), Code(words, words))),
        Block(Kind.RUN, (Pair(words, words), Text(words))),
    )
    forms = {
        True: (Form(Action.APPROVE, "0123456789abcdef", "t"), Form(Action.REJECT, "0123456789abcdef", "u")),
        False: (Form(Action.UNDO, "0123456789abcdef", "v"),) if fix.may_be_undone else (),
    }[fix.may_be_decided]
    usual = View(
        incident_id="f1-1",
        open=True,
        report=Report(headline=words, next_step=Block(Kind.NEXT_STEP, (Text(words),)), verdict="v", blocks=blocks),
        person=Person(id=KIM.oid, name=words),
        fix=fix,
        seen=see(fix, approvers=APPROVERS, page_url=fixes.PAGE),
        forms=forms if fix.plan is not None else (),
        history=(entry(words),),
    )
    return replace(usual, **changes)


def entry(words: str, number: int = 1) -> AuditEntry:
    """Return an entry of the audit."""
    return AuditEntry(
        number=number, at=NOW, kind="plan", incident_id="f1-1", by=words, why=words, key="", previous="", hash=""
    )


@pytest.mark.parametrize("state", FixState)
def test_each_state_of_a_fix_has_a_sound_page(state: FixState) -> None:
    """Known elements alone, ids once, every label and reference leads somewhere, headings without a gap."""
    page = Read(render_incident(view(state)))
    assert page.names() <= ALLOWED
    elements = [it for name in ALLOWED for it in page.root.each(name)]
    ids = [it.attributes["id"] for it in elements if "id" in it.attributes]
    assert len(ids) == len(set(ids))
    for it in elements:
        for attribute in ("for", "aria-labelledby"):
            assert it.attributes.get(attribute, ids[0]) in ids
        if it.attributes.get("href", "").startswith("#"):
            assert it.attributes["href"][1:] in ids
    levels = [int(level) for level in re.findall(r"<h([1-6])", render_incident(view(state)))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert state.value in page.text


@given(HOSTILE, st.sampled_from(FixState))
def test_hostile_words_are_never_markup(words: str, state: FixState) -> None:
    """In any place that others can write to."""
    page = Read(render_incident(view(state, words=words, said=Spoken(words, good=False))))
    assert page.names() <= ALLOWED
    handlers = [it for name in ALLOWED for it in page.root.each(name) if any(a.startswith("on") for a in it.attributes)]
    assert handlers == []


def test_a_page_is_bounded() -> None:
    """However much there is to tell; what is left out is said."""
    blocks = (Block(Kind.EVIDENCE, tuple(Code("x" * 50_000) for _ in range(500))),)
    report = replace(view().report, blocks=blocks)
    history = [entry("y" * 4_000, number) for number in range(500)]
    html = render_incident(view(report=report, history=history))
    assert len(html) < 1_000_000
    page = Read(html)
    assert "And 440 more" in page.text
    assert "450 earlier entries are left out" in page.text


def test_a_record_that_cannot_be_read_is_said() -> None:
    """The rest of the page is still there."""
    page = Read(render_incident(view(history=None)))
    assert "cannot be read" in page.text
    assert page.forms.keys() == {"approve", "reject"}


def test_every_box_has_to_be_ticked_by_hand() -> None:
    """A browser insists on it without any script; it is never ticked beforehand."""
    for state in (FixState.WAITING, FixState.VERIFIED):
        page = Read(render_incident(view(state)))
        boxes = [it for it in page.root.each("input") if it.attributes["type"] == "checkbox"]
        assert len(boxes) == len(page.forms) > 0
        assert all("required" in box.attributes and "checked" not in box.attributes for box in boxes)


def test_the_policy_names_the_style_sheet_that_is_there() -> None:
    """It may not end the element either."""
    assert "<" not in STYLE
    assert STYLE in render_problem("x", "y")
    assert "script" not in HEADERS["Content-Security-Policy"]


_SCHEMES = re.findall(r"(--[a-z]+): (#[0-9a-f]{6})", STYLE)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_can_be_told_apart(dark: bool) -> None:  # noqa: FBT001
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for the bounds of controls and for focus."""
    half = len(_SCHEMES) // 2
    colours = dict(_SCHEMES[half:] if dark else _SCHEMES[:half])
    assert len(colours) == half
    for ground in ("--ground", "--soft"):
        for ink in ("--ink", "--quiet", "--link", "--bad", "--good"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for bound in ("--line", "--focus"):
            assert _contrast(colours[bound], colours[ground]) >= 3, (bound, ground)
    assert _contrast(colours["--on"], colours["--good"]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG's own formula."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- where the store does not answer ------------------------------------------------------------------------


class _NoStore:
    """A desk whose store is away."""

    rules = Rules(environ=ON, approvers=APPROVERS, page_url=ADDRESS, page_key=SECRET)

    def __getattr__(self, name: str) -> Any:
        def away(*_: Any) -> Any:
            raise StoreUnavailable("no answer")

        return away


@pytest.mark.parametrize(("method", "words"), [("GET", "Nothing was changed"), ("POST", "cannot be told")])
def test_without_the_store_the_page_says_what_is_known(method: str, words: str) -> None:
    """A decision may have been recorded before the store went away."""
    desk: Any = _NoStore()
    answer = serve(Request(method=method, incident_id="f1-1", headers=KIM.headers), desk)
    assert answer.status == 503
    assert words in Read(answer.body).text


def test_a_method_that_the_page_does_not_know_is_named() -> None:
    """Whatever the platform lets through."""
    desk: Any = _NoStore()
    answer = serve(Request(method="DELETE", incident_id="f1-1", headers=KIM.headers), desk)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_a_decision_names_person_and_way() -> None:
    """The object id decides who it was; the name is for people."""
    signed = SignedIn(oid=KIM.oid, tenant=TENANT, name=" Kim\n\x1b[31mBerg\u202e ")
    found = identify(signed.headers, ON)
    assert isinstance(found, Person)
    by = Decision(by_id=found.id, by=found.name, via=Via.PAGE, at=NOW)
    assert by.by_id == KIM.oid
    assert "\x1b" not in by.by
    assert "\u202e" not in by.by
    assert "\n" not in by.by
