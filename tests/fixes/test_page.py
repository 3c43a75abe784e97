"""The incident's page over HTTP: who sees it, who decides, what a form can do and what it cannot."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fix_story import FIXER, FixStory, write_policy
from page_story import (
    ADDRESS,
    APPROVERS,
    APPROVING_ROLE,
    KIM,
    NOBODY,
    TENANT,
    Got,
    get,
    later,
    page_story,
    post,
    send,
    stored,
)

from responders.fixes.audit import AuditEntry, AuditKind
from responders.fixes.record import FixState
from responders.fixes.values import NotFixed
from sandbox.app_service import SignedIn, platform_environment
from sandbox.playing import APP, fresh_host, variables

pytestmark = pytest.mark.slow

HEADLINE = "gpu-train may not pull from halvorsenimages"
OTHER_TENANT = "99999999-0000-4000-8000-000000000099"


def state(it: FixStory) -> FixState | None:
    """Return where the fix stands."""
    fix = it.fix()
    return fix.state if fix is not None else None


def refusals(it: FixStory) -> list[AuditEntry]:
    """Return what the audit says of attempts."""
    return [entry for entry in it.audit() if entry.kind == AuditKind.REFUSAL]


def untouched(it: FixStory) -> None:
    """Nothing was decided and nothing written."""
    assert state(it) is FixState.WAITING
    assert it.writes == []
    assert [one for one in it.host.invocations if one.error] == []


def cookie(answer: Got) -> str:
    """Return what a browser keeps of an answer, to be sent again."""
    return answer.headers["set-cookie"].partition(";")[0]


# --- who is there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_platform_authentication_every_identity_header_is_refused(tmp_path: Path, method: str) -> None:
    """Anybody can write the header then: nothing is shown, nothing decided, and the page says what to do."""
    with page_story(tmp_path, on=False) as it:
        it.fail()
        before = stored(it)
        answer = send(it, method, who=KIM, body="action=approve" if method == "POST" else "", Origin=ADDRESS)
        assert answer.status == 403
        assert stored(it) == before
        untouched(it)
        if method != "HEAD":
            assert "they were not believed" in answer.page.text
            assert "switch on authentication with Microsoft Entra" in answer.page.text
            assert HEADLINE not in answer.body
            assert answer.page.forms == {}


def test_without_platform_authentication_a_visitor_reads_what_to_do(tmp_path: Path) -> None:
    """It is not spoken of headers to somebody who sent none."""
    with page_story(tmp_path, on=False) as it:
        it.fail()
        answer = get(it, who=None)
        assert answer.status == 403
        assert "Sign-in is not switched on" in answer.page.text
        assert "your request came" not in answer.page.text.lower()


@pytest.mark.parametrize("value", ["false", "0", "", "yes"])
def test_authentication_counts_as_on_only_where_the_platform_says_so(tmp_path: Path, value: str) -> None:
    """Any other value than *True* leaves the headers unbelieved."""
    with page_story(tmp_path, settings={"WEBSITE_AUTH_ENABLED": value}) as it:
        it.fail()
        assert get(it).status == 403


def test_the_word_of_the_platform_counts_only_where_the_platform_runs_the_app(tmp_path: Path) -> None:
    """On a developer's machine or in somebody's container the variable is anybody's."""
    with page_story(tmp_path, settings={"WEBSITE_POD_NAME": ""}) as it:
        it.fail()
        answer = get(it)
        assert answer.status == 403
        assert "they were not believed" in answer.page.text
        assert HEADLINE not in answer.body


def test_the_tenant_is_found_where_the_platform_tells_no_issuer_alone(tmp_path: Path) -> None:
    """Its whole configuration has the issuer as well: roles count, and another tenant's people see nothing."""
    told = platform_environment(TENANT)["WEBSITE_AUTH_OPENID_ISSUER"]
    registration = {"registration": {"clientId": "x", "openIdIssuer": told}}
    whole = json.dumps({"platform": {"enabled": True}, "identityProviders": {"azureActiveDirectory": registration}})
    with page_story(tmp_path, settings={"WEBSITE_AUTH_OPENID_ISSUER": "", "WEBSITE_AUTH_V2_CONFIG_JSON": whole}) as it:
        it.fail()
        by_role = replace(KIM, groups=(), roles=[APPROVING_ROLE])
        assert get(it, who=by_role).page.forms.keys() == {"approve", "reject"}
        assert get(it, who=NOBODY).status == 200
        assert get(it, who=replace(by_role, tenant=OTHER_TENANT)).status == 403


def test_who_is_not_signed_in_is_sent_to_the_sign_in(tmp_path: Path) -> None:
    """The way back is the page itself."""
    with page_story(tmp_path) as it:
        it.fail()
        answer = get(it, who=None)
        assert answer.status == 401
        (link,) = [a.attributes["href"] for a in answer.page.root.each("a") if a.text == "Sign in"]
        wanted = f"/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fincidents%2F{it.incident().id}"
        assert link == wanted
        assert HEADLINE not in answer.body


@pytest.mark.parametrize(
    "who",
    [
        replace(KIM, provider="github"),
        replace(KIM, tenant=OTHER_TENANT),
        replace(KIM, tenant=""),
        replace(KIM, oid="somebody"),
        replace(KIM, extra=[("oid", NOBODY.oid)]),
    ],
    ids=["provider", "tenant", "no tenant", "no object id", "two object ids"],
)
def test_who_cannot_be_told_sees_nothing(tmp_path: Path, who: SignedIn) -> None:
    """One person of the app's own tenant, named by Microsoft Entra, or nobody."""
    with page_story(tmp_path) as it:
        it.fail()
        answer = get(it, who=who)
        assert answer.status == 403
        assert HEADLINE not in answer.body


@pytest.mark.parametrize("header", ["%%%", "bm8ganNvbg==", "W10=", "e30=", "A" * 200_000])
def test_a_header_that_cannot_be_read_names_nobody(tmp_path: Path, header: str) -> None:
    """No guess is made."""
    with page_story(tmp_path) as it:
        it.fail()
        connection = {"X_MS_CLIENT_PRINCIPAL": header[:60_000]}
        assert get(it, who=None, **connection).status == 403


# --- who decides ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", [KIM, replace(KIM, groups=(), roles=[APPROVING_ROLE])], ids=["by a group", "by an app role"]
)
def test_the_page_makes_exactly_one_assignment(tmp_path: Path, who: SignedIn) -> None:
    """Seen, approved, written by the fixer alone, recorded with the name, verified, told on the page."""
    with page_story(tmp_path) as it:
        it.fail()
        shown = get(it, who=who)
        assert shown.status == 200
        answer = post(it, shown.page.forms["approve"], who=who)
        assert (answer.status, answer.headers["location"]) == (303, f"/api/incidents/{it.incident().id}")
        (write,) = it.writes
        assert write.caller == FIXER
        approval = next(entry for entry in it.audit() if entry.kind == AuditKind.APPROVAL)
        assert (approval.by, approval.via) == (f"Kim Berg ({KIM.oid})", "the incident's page")
        after = get(it, who=who, Cookie=cookie(answer))
        assert "The fix is approved. It is applied now" in after.page.text
        again = get(it, who=who, Cookie=cookie(after))
        assert "The fix is approved. It is applied now" not in again.page.text
        it.let_pass(minutes=2)
        assert state(it) is FixState.VERIFIED
        assert "Verified: the right counts" in get(it, who=who).page.text
        assert it.sandbox.violations == []
        assert [one for one in it.host.invocations if one.error] == []


def test_who_may_not_decide_sees_the_page_without_a_form_and_is_recorded(tmp_path: Path) -> None:
    """A form of somebody else's page is no help either."""
    with page_story(tmp_path) as it:
        it.fail()
        page = get(it, who=NOBODY).page
        assert HEADLINE in page.text
        assert "none of the groups" in page.text
        assert page.forms == {}
        answer = post(it, get(it).page.forms["approve"], who=NOBODY)
        assert answer.status == 403
        assert "recorded with your name" in answer.page.text
        (refusal,) = refusals(it)
        assert (refusal.by, refusal.via) == (f"Sam Voss ({NOBODY.oid})", "the incident's page")
        untouched(it)


def test_who_lost_the_right_while_reading_decides_nothing(tmp_path: Path) -> None:
    """The form was theirs; whether they may decide is asked when it is sent."""
    with page_story(tmp_path) as it:
        it.fail()
        answer = post(it, get(it).page.forms["approve"], who=replace(KIM, groups=()))
        assert answer.status == 403
        assert "You may not decide on this fix" in answer.page.text
        assert len(refusals(it)) == 1
        untouched(it)


@pytest.mark.parametrize("claim", [("hasgroups", "true"), ("_claim_names", '{"groups":"src1"}')])
def test_more_groups_than_a_sign_in_carries_are_no_membership(tmp_path: Path, claim: tuple[str, str]) -> None:
    """It cannot be told, so it is said, and app roles are named as the way out."""
    with page_story(tmp_path) as it:
        it.fail()
        who = replace(NOBODY, extra=[claim])
        page = get(it, who=who).page
        assert "more groups than a sign-in can carry" in page.text
        assert "app role" in page.text
        assert page.forms == {}
        assert get(it, who=replace(who, roles=[APPROVING_ROLE])).page.forms.keys() == {"approve", "reject"}


def test_where_any_tenant_signs_in_only_a_group_of_the_approvers_counts(tmp_path: Path) -> None:
    """Others see nothing: a role could be given by the administrators of any tenant, a group's id is of one alone."""
    issuer = {"WEBSITE_AUTH_OPENID_ISSUER": "https://login.microsoftonline.com/common/v2.0"}
    with page_story(tmp_path, settings=issuer) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        for who in (replace(KIM, groups=(), roles=[APPROVING_ROLE], tenant=OTHER_TENANT), NOBODY):
            for answer in (get(it, who=who), post(it, form, who=who)):
                assert answer.status == 403
                assert "not bound to one tenant" in answer.page.text
                assert HEADLINE not in answer.body
        untouched(it)
        assert get(it).page.forms.keys() == {"approve", "reject"}


def test_where_nobody_is_named_nobody_decides(tmp_path: Path) -> None:
    """Slack's list gives no right on the page."""
    with page_story(tmp_path, approvers={"slack": APPROVERS["slack"]}) as it:
        it.fail()
        page = get(it).page
        assert page.forms == {}
        assert "Nobody is named" in page.text
        assert "by a button in Slack: AcrPull" in it.text


def test_without_a_key_the_page_shows_and_decides_nothing(tmp_path: Path) -> None:
    """It says which settings are missing."""
    with page_story(tmp_path, settings={"PULLMEDIC_PAGE_KEY": ""}) as it:
        it.fail()
        page = get(it).page
        assert page.forms == {}
        assert "PULLMEDIC_PAGE_KEY" in page.text
        assert post(it, {"action": "approve"}).status == 403
        untouched(it)


# --- forms ------------------------------------------------------------------------------------------------


def test_get_and_head_change_nothing(tmp_path: Path) -> None:
    """Whatever the address carries: store, audit, queues and Azure are as before."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        before, audit, calls = stored(it), it.audit(), len(it.sandbox.calls)
        target = f"{it.incident().id}?" + "&".join(f"{name}={value}" for name, value in form.items())
        for method in ("GET", "HEAD"):
            for incident in (it.incident().id, target):
                answer = send(it, method, incident=incident, Origin=ADDRESS)
                assert answer.status == 200
                assert (answer.body == "") == (method == "HEAD")
        assert (stored(it), it.audit(), len(it.sandbox.calls)) == (before, audit, calls)
        assert it.host.waiting("fixes") == it.host.waiting("notices") == []
        untouched(it)


def test_a_form_counts_once(tmp_path: Path) -> None:
    """Sent twice, one after the other and at once: one assignment, and the second is told."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: post(it, form).status, range(4)))
        assert statuses == [303, 409, 409, 409]
        late = post(it, form)
        assert late.status == 409
        assert "sent before" in late.page.text
        assert len(it.assignments) == 1


def test_a_form_expires(tmp_path: Path) -> None:
    """After a quarter of an hour the page has to be read again."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        it.let_pass(minutes=15)
        answer = post(it, form)
        assert answer.status == 409
        assert "expired" in answer.page.text
        untouched(it)
        assert post(it, get(it).page.forms["approve"]).status == 303


def _changed(form: dict[str, str], **changes: str) -> dict[str, str]:
    return {**form, **changes}


def test_a_form_is_of_one_person_one_plan_and_one_decision(tmp_path: Path) -> None:
    """Whatever is changed in it, or whoever else sends it: refused and recorded, and nothing is written."""
    with page_story(tmp_path) as it:
        it.fail()
        forms = get(it).page.forms
        form = forms["approve"]
        ends, once, mac = form["token"].split(".")
        bad: list[tuple[dict[str, str], SignedIn]] = [
            (form, replace(KIM, oid=NOBODY.oid)),
            (_changed(form, digest="0" * 16), KIM),
            (_changed(form, action="reject"), KIM),
            (_changed(form, action="undo"), KIM),
            (_changed(form, token=forms["reject"]["token"]), KIM),
            (_changed(form, token=f"{int(ends) + 600}.{once}.{mac}"), KIM),
            (_changed(form, token=f"{ends}.{once[::-1]}.{mac}"), KIM),
            (_changed(form, token=f"{ends}.{once}.{'0' * 64}"), KIM),
            (_changed(form, token=""), KIM),
        ]
        for fields, who in bad:
            answer = post(it, fields, who=who)
            assert answer.status == 403, fields
            assert "Nothing was changed" in answer.page.text
        assert len(refusals(it)) == len(bad)
        untouched(it)


def test_a_form_of_one_incident_decides_on_no_other(tmp_path: Path) -> None:
    """Both have a plan that waits."""
    with page_story(tmp_path) as it:
        it.fail()
        first = it.incident().id
        it.fail_too("run_elsewhere")
        other = it.fix("gpu-other")
        assert other is not None
        assert other.state is FixState.WAITING
        form = get(it, incident=first).page.forms["approve"]
        assert post(it, form, incident=other.incident_id).status == 403
        assert post(it, get(it, incident=other.incident_id).page.forms["approve"], incident=first).status == 403
        untouched(it)


_FOREIGN: dict[str, dict[str, Any]] = {
    "another origin": {"Origin": "https://evil.example"},
    "an origin that begins alike": {"Origin": f"{ADDRESS}.evil.example"},
    "no encryption": {"Origin": ADDRESS.replace("https", "http")},
    "an opaque origin": {"Origin": "null"},
    "another site": {"Sec_Fetch_Site": "cross-site"},
    "another host of the site": {"Sec_Fetch_Site": "same-site"},
    "another page": {"Origin": "", "Referer": "https://evil.example/api/incidents/x"},
    "no page at all": {"Origin": "", "Sec_Fetch_Site": ""},
}


@pytest.mark.parametrize("what", _FOREIGN)
def test_a_form_of_another_site_is_refused(tmp_path: Path, what: str) -> None:
    """Even with the person's own session and a token that is good."""
    with page_story(tmp_path) as it:
        it.fail()
        answer = post(it, get(it).page.forms["approve"], **_FOREIGN[what])
        assert answer.status == 403
        assert "does not come from this page" in answer.page.text
        assert [entry.by for entry in refusals(it)] == [f"Kim Berg ({KIM.oid})"]
        untouched(it)


def test_a_browser_that_sends_only_the_referrer_is_understood(tmp_path: Path) -> None:
    """Older ones send no origin with a form."""
    with page_story(tmp_path) as it:
        it.fail()
        came_from = f"{ADDRESS}/api/incidents/{it.incident().id}"
        answer = post(it, get(it).page.forms["approve"], Origin="", Sec_Fetch_Site="", Referer=came_from)
        assert answer.status == 303
        assert len(it.assignments) == 1


@pytest.mark.parametrize(
    "change", ["unconfirmed", "unknown action", "field twice", "reason", "too long", "type", "no digest"]
)
def test_a_form_that_is_not_as_the_page_made_it_is_refused_in_words(tmp_path: Path, change: str) -> None:
    """Without the box ticked it is said what to do; it can be sent again afterwards."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        more: dict[str, Any] = {}
        fields: Any = dict(form)
        if change == "unconfirmed":
            del fields["confirmed"]
        elif change == "unknown action":
            fields["action"] = "delete"
        elif change == "field twice":
            fields = [*form.items(), ("action", "reject")]
        elif change == "too long":
            fields["token"] = "1" * 9000
        elif change == "reason":
            fields["reason"] = "an approval has none"
        elif change == "type":
            more["Content_Type"] = "text/plain"
        else:
            fields["digest"] = "x"
        answer = post(it, fields, **more)
        assert answer.status == 400
        assert ("not ticked" in answer.page.text) == (change == "unconfirmed")
        untouched(it)
        assert post(it, form).status == 303


# --- what can be decided ----------------------------------------------------------------------------------


def test_rejected_on_the_page_nothing_is_written(tmp_path: Path) -> None:
    """The message says who."""
    with page_story(tmp_path) as it:
        it.fail()
        assert post(it, get(it).page.forms["reject"]).status == 303
        assert state(it) is FixState.REJECTED
        assert it.writes == []
        page = get(it).page
        assert page.forms == {}
        assert "Rejected by Kim Berg" in page.text
        assert "Rejected by Kim Berg" in it.text


def test_a_rejection_can_say_why_and_the_words_stay_words(tmp_path: Path) -> None:
    """In the audit, on the page and in messages: bounded, without markup, secrets, or a command to be pasted."""
    secret = "c2VjcmV0LW9mLXRoZS13b3JsZC1uby1vbmUtc2VlcyE="
    said = f"Wrong team: az role assignment\ncreate <b>x</b>\u202e https://a.blob.core.windows.net/c?sig={secret} "
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["reject"]
        assert form["reason"] == ""
        assert post(it, {**form, "reason": said + "\U0001f389" * 300}).status == 303
        fix = it.fix()
        assert fix is not None
        assert fix.decision is not None
        assert fix.decision.why.startswith("Wrong team: az role assignment create <b>x</b>")
        assert len(fix.decision.why.encode("utf-16-le")) <= 2 * 300
        (entry,) = [entry for entry in it.audit() if entry.kind == AuditKind.REFUSAL]
        assert entry.why == f"rejected: {fix.decision.why}"
        shown = get(it)
        assert "They said: Wrong team: az role assignment create <b>x</b>" in shown.page.text
        assert "b" not in shown.page.names()
        assert not any("Wrong team" in code.text for code in shown.page.root.each("code"))
        assert "They said: Wrong team" in it.text
        assert secret not in "\n".join((*stored(it), shown.body, it.text))
        assert it.writes == []


def test_undone_on_the_page_exactly_what_was_added_goes(tmp_path: Path) -> None:
    """One write and one removal of the same id; the history tells both."""
    with page_story(tmp_path) as it:
        it.fail()
        post(it, get(it).page.forms["approve"])
        it.let_pass(minutes=2)
        page = get(it).page
        assert page.forms.keys() == {"undo"}
        assert post(it, page.forms["undo"]).status == 303
        assert state(it) is FixState.UNDONE
        assert [(write.method, write.path) for write in it.writes] == [
            ("PUT", it.assignments[0]),
            ("DELETE", it.assignments[0]),
        ]
        after = get(it).page
        assert after.forms == {}
        assert "Taken back" in after.text
        for word in ("Plan", "Approval", "Request", "Answer", "Verification", "Undo"):
            assert word in after.text


def test_what_was_decided_in_slack_meanwhile_is_told(tmp_path: Path) -> None:
    """The form that is still open decides nothing."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["reject"]
        it.press("pullmedic_approve")
        answer = post(it, form)
        assert answer.status == 409
        assert "nothing to decide any more" in answer.page.text
        assert len(it.assignments) == 1
        assert state(it) is FixState.APPLIED


def test_a_policy_that_was_taken_back_decides_nothing(tmp_path: Path) -> None:
    """A form from before shows what is no more."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        it.set_policy(approvers=APPROVERS, mode="propose")
        answer = post(it, form)
        assert answer.status == 409
        assert it.writes == []
        assert get(it).page.forms == {}


@pytest.mark.parametrize("what", ["the policy was taken back", "the time is over"])
def test_what_cannot_be_decided_any_more_has_no_form(tmp_path: Path, what: str) -> None:
    """Even before a timer notices it."""
    with page_story(tmp_path) as it:
        it.fail()
        if what == "the time is over":
            later(it, hours=24)
        else:
            write_policy(it.folder, {"approvers": APPROVERS, "mode": "propose"})
            later(it, minutes=2)
        assert state(it) is FixState.WAITING
        assert get(it).page.forms == {}


def test_what_was_approved_is_held_against_the_world_of_that_moment(tmp_path: Path) -> None:
    """Somebody granted the role between plan and approval: nothing is written, and the page says why."""
    with page_story(tmp_path) as it:
        it.fail()
        form = get(it).page.forms["approve"]
        plan = it.fix()
        assert plan is not None
        assert plan.plan is not None
        it.grant(plan.plan.principal_id, "AcrPull")
        post(it, form)
        fix = it.fix()
        assert fix is not None
        assert fix.reason == NotFixed.GRANTED_SINCE
        assert it.assignments == []
        assert "the right is there meanwhile" in get(it).page.text


# --- what is shown ----------------------------------------------------------------------------------------


def test_the_page_has_diagnosis_chain_evidence_plan_and_history(tmp_path: Path) -> None:
    """In the order in which a person reads, with the exact request at hand."""
    with page_story(tmp_path) as it:
        it.fail()
        page = get(it).page
        headings = [element.text for element in page.root.each("h2")]
        assert headings[:5] == ["Next step", "Fix", "Identity, role, registry", "Why", "Other ways out"]
        assert headings[-1] == "History"
        assert HEADLINE in next(page.root.each("h1")).text
        fix = it.fix()
        assert fix is not None
        assert fix.plan is not None
        codes = [element.text for element in page.root.each("code")]
        assert fix.plan.request in codes
        assert any("oauth2/exchange: status 401" in code for code in codes)
        captions = [element.text for element in page.root.each("figcaption")]
        assert any("line 6" in caption for caption in captions)
        chain = next(element for element in page.root.each("ol") if element.attributes.get("class") == "chain")
        assert [item.text.split()[0] for item in chain.each("li")] == ["compute", "no", "registry"]
        for words in (*fix.plan.before, *fix.plan.after):
            assert words in page.text


@pytest.mark.parametrize("name", ["abac-registry-ignores-acrpull", "hostile-names", "role-assignments-unreadable"])
def test_other_incidents_have_sound_pages(tmp_path: Path, name: str) -> None:
    """Whatever the diagnosis: one heading, what to do, and nothing that a reader of pages stumbles over."""
    with page_story(tmp_path, name) as it:
        it.fail()
        page = get(it).page
        assert len(list(page.root.each("h1"))) == 1
        assert next(page.root.each("h2")).text == "Next step"
        assert (page.forms != {}) == (name == "abac-registry-ignores-acrpull")


def test_a_run_that_could_not_be_diagnosed_has_a_page(tmp_path: Path) -> None:
    """It says why; there is no evidence to quote."""
    with page_story(tmp_path) as it:
        it.host.put("failed-runs-poison", "no message of ours")
        it.host.drain()
        page = get(it).page
        assert "No diagnosis" in page.text
        assert page.forms == {}


def test_a_resolved_incident_keeps_its_whole_page(tmp_path: Path) -> None:
    """A message leaves most of it out; the page is where it is looked up."""
    with page_story(tmp_path) as it:
        it.fail()
        post(it, get(it).page.forms["approve"])
        it.let_pass(minutes=2)
        it.let_pass(hours=80)
        assert not it.incident().open
        page = get(it).page
        assert "Incident: resolved" in page.text
        assert "Identity, role, registry" in page.text
        assert page.forms.keys() == {"undo"}


def test_an_incident_without_a_fix_has_its_page_as_well(tmp_path: Path) -> None:
    """The diagnosis is worth a page whether or not anything can be repaired."""
    with page_story(tmp_path, mode="off") as it:
        it.fail()
        page = get(it).page
        assert HEADLINE in page.text
        assert page.forms == {}
        assert "Nothing was planned or decided yet" in page.text


@pytest.mark.parametrize("incident", ["0000000000000000-1", "..%2F..%2Fetc", "%3Cscript%3E", "x" * 200, "a%00b", "-1"])
def test_unknown_and_malformed_ids_are_answered_alike(tmp_path: Path, incident: str) -> None:
    """Nobody learns from the answer what an id looks like."""
    with page_story(tmp_path) as it:
        it.fail()
        usual = get(it, incident="ffffffffffffffff-9")
        found = get(it, incident=incident)
        assert usual.status == found.status == 404
        assert found.body == usual.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_answered(tmp_path: Path, method: str) -> None:
    """Nothing but reading and sending a form."""
    with page_story(tmp_path) as it:
        it.fail()
        assert send(it, method).status == 405
        untouched(it)


def test_names_of_others_are_text(tmp_path: Path) -> None:
    """Markup in a person's name, an experiment and a log is shown as it stands, and does nothing."""
    markup = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    who = replace(KIM, name=f"Kim {markup}")
    with page_story(tmp_path) as it:
        run: Any = it.scenario.run
        run["experiment"] = f"blades {markup}"
        run["error"]["message"] += f"\nError response from daemon: denied {markup}\u202e"
        it.fail()
        answer = get(it, who=who)
        assert answer.page.names().isdisjoint({"script", "img", "iframe", "object", "svg"})
        assert f"blades {markup}" in answer.page.text
        assert f"Kim {markup}" in answer.page.text
        assert "\u202e" not in answer.body
        sent = post(it, answer.page.forms["approve"], who=who)
        assert sent.status == 303
        after = get(it, who=who, Cookie=cookie(sent))
        assert after.page.names() <= answer.page.names() | {"div"}


def test_every_answer_tells_the_browser_what_it_may_not_do(tmp_path: Path) -> None:
    """Pages and refusals alike: no script, no frame, no cache, no other address for the form."""
    with page_story(tmp_path) as it:
        it.fail()
        for answer in (get(it), get(it, who=None), get(it, incident="none"), post(it, {}), send(it, "HEAD")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            for part in ("frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"):
                assert part in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"


# --- where it is served -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "served"), [("", True), ("all", True), ("fix", True), ("diagnose", False)])
def test_the_page_is_in_the_app_that_makes_fixes(part: str, served: bool) -> None:  # noqa: FBT001
    """In a split deployment the other app has no page."""
    with variables({"PULLMEDIC_PART": part}), fresh_host(APP) as host:
        assert ("incident_page" in host.functions) is served
