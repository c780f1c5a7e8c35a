"""`/policy` and `/teams/{team}/policy`: If-Match, pointers, both versions, revisions, rollback."""

import json
from types import SimpleNamespace

import pytest

from orgs.domain.roles import Role, Scope
from orgs.domain.rules import Rules, SwitchState, TimeoutRule
from orgs.models import AuditEvent, PolicyRevision
from orgs.selectors.policies import get_policy
from tests.factories.orgs import (
    NOW,
    make_member,
    make_organization,
    make_team,
    make_token,
    make_user,
)
from tests.factories.policies import join_team, save_rules

pytestmark = pytest.mark.django_db
URL = "/api/v1/organizations/acme/policy"
SETTINGS = {
    "offload_enabled": {"state": "enabled"},
    "idle_timeout_seconds": {"minimum": 60, "maximum": 900, "default": 300, "locked": False},
    "gpu_enabled": {"state": "always_disabled"},
}


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def api(client, acme):
    """Calls of a policy admin's token."""
    admin = make_member(acme, "pa@acme.example", role=Role.POLICY_ADMIN)
    made = make_token(acme, Scope.POLICY_READ, Scope.POLICY_WRITE, member=admin)
    bearer = {"Authorization": f"Bearer {made.text}"}

    def call(method: str, url: str, body: object = None, **headers: str):
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return client.generic(
            method,
            url,
            text if body is not None else "",
            content_type="application/json",
            headers=bearer | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    return SimpleNamespace(
        get=lambda url, **more: call("GET", url, **more),
        put=lambda body, url=URL, **more: call("PUT", url, body, **more),
        post=lambda url, body, **more: call("POST", url, body, **more),
        admin=admin,
    )


def test_a_policy_is_read_changed_and_read_again(api, acme):
    first = api.get(URL)
    assert (first["ETag"], first.json()["revision"]) == ('"1"', 1)
    assert first.json()["settings"]["idle_timeout_seconds"]["maximum"] == 3600

    saved = api.put({"settings": SETTINGS, "reason": "Less waiting"}, If_Match=first["ETag"])
    assert (saved.status_code, saved.json()) == (
        200,
        {"revision": 2, "settings": SETTINGS, "reason": "Less waiting"},
    )
    assert api.get(URL)["ETag"] == saved["ETag"] == '"2"'
    row = PolicyRevision.objects.get(revision=2)
    assert (row.author_id, row.reason) == (api.admin.pk, "Less waiting")


def test_what_the_caller_has_is_not_sent_again(api, acme):
    assert api.get(URL)["Cache-Control"] == "private, no-cache"
    for presented in ('"1"', 'W/"1"', '"0", "1"', "*"):
        known = api.get(URL, If_None_Match=presented)
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", '"1"')
    assert api.get(URL, If_None_Match='"2"').status_code == 200


def test_without_if_match_nothing_is_saved(api, acme):
    refused = api.put({"settings": SETTINGS})
    assert (refused.status_code, refused.json()["code"]) == (428, "precondition_required")
    assert get_policy(organization_id=acme.pk).revision == 1


@pytest.mark.parametrize("tag", ['"7"', "x", '"1', "*", '"' + "9" * 40 + '"'])
def test_a_stale_tag_shows_what_is_in_force(api, acme, tag):
    save_rules(acme, Rules(offload_enabled=SwitchState.ALWAYS_ENABLED), at=NOW)
    refused = api.put({"settings": SETTINGS}, If_Match='"1"' if tag == '"1' else tag)
    assert (refused.status_code, refused.json()["code"]) == (412, "stale_policy")
    assert refused.json()["current"]["settings"] == {
        "offload_enabled": {"state": "always_enabled"}
    }
    assert refused["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/settings"]),
        ({"settings": SETTINGS, "extra": 1}, ["/extra"]),
        ({"settings": SETTINGS, "reason": "x" * 1001}, ["/reason"]),
        ({"settings": SETTINGS, "reason": "a\u0000"}, ["/reason"]),
        ({"settings": []}, ["/settings"]),
        ({"settings": {"offload_enabled": {"state": "on"}}}, ["/settings/offload_enabled/state"]),
        (
            {"settings": {"idle_timeout_seconds": {"minimum": 9, "maximum": 3601}}},
            [
                "/settings/idle_timeout_seconds/minimum",
                "/settings/idle_timeout_seconds/maximum",
            ],
        ),
        (
            {"settings": {"idle_timeout_seconds": {"minimum": 900, "maximum": 60}}},
            ["/settings/idle_timeout_seconds"],
        ),
        (
            {"settings": {"idle_timeout_seconds": {"maximum": 600, "default": 601}}},
            ["/settings/idle_timeout_seconds/default"],
        ),
        ({"settings": {"volume": 1}}, ["/settings/volume"]),
    ],
)
def test_each_mistake_has_its_pointer(api, acme, body, pointers):
    refused = api.put(body, If_Match='"1"')
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == pointers
    assert get_policy(organization_id=acme.pk).revision == 1


@pytest.mark.parametrize("body", ["", "[", "[1]", '"x"', b"\xff\xfe", "[" * 2000, "NaN"])
def test_what_is_no_document_is_refused(api, body):
    assert api.put(body, If_Match='"1"').status_code == 400


def test_a_body_of_any_size_is_refused_by_its_size(api):
    assert api.put(" " * 40_000, If_Match='"1"').status_code == 413


def test_saving_what_is_in_force_writes_nothing(api, acme):
    settings = api.get(URL).json()["settings"]
    before = AuditEvent.objects.count()
    again = api.put({"settings": settings, "reason": "again"}, If_Match='"1"')
    assert (again.status_code, again["ETag"]) == (200, '"1"')
    assert AuditEvent.objects.count() == before


def test_a_team_may_only_narrow_and_its_organization_may_not_leave_it_nothing(api, acme):
    make_team(acme, "backend")
    url = "/api/v1/organizations/acme/teams/backend/policy"
    save_rules(acme, Rules(idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900)), at=NOW)
    assert api.get(url).json() == {"revision": 0, "settings": {}, "reason": ""}

    wider = api.put({"settings": {"idle_timeout_seconds": {"maximum": 901}}}, url, If_Match='"0"')
    (error,) = wider.json()["errors"]
    assert (wider.status_code, error["pointer"], error["code"]) == (
        400,
        "/settings/idle_timeout_seconds/maximum",
        "wider_than_parent",
    )
    narrow = {"settings": {"idle_timeout_seconds": {"minimum": 600}}}
    assert api.put(narrow, url, If_Match='"0"').status_code == 200

    refused = api.put({"settings": {"idle_timeout_seconds": {"maximum": 300}}}, If_Match='"2"')
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == (
        "/settings/idle_timeout_seconds",
        "empty_intersection",
    )
    assert "organization acme" in error["detail"]
    assert "team backend" in error["detail"]


def test_revisions_tell_who_when_why_and_what(api, acme):
    api.put({"settings": SETTINGS, "reason": "Less"}, If_Match='"1"')
    newest, first = api.get(f"{URL}/revisions").json()["results"]
    assert (newest["revision"], newest["author"], newest["reason"]) == (
        2,
        "pa@acme.example",
        "Less",
    )
    assert newest["changes"]["offload_enabled.state"] == ["user_defined", "enabled"]
    assert (first["revision"], first["author"]) == (1, None)
    page = api.get(f"{URL}/revisions?page_size=1").json()
    assert page["results"][0]["changes"] == newest["changes"]
    following = api.get(page["next"].replace("http://testserver", "")).json()
    assert [row["revision"] for row in following["results"]] == [1]


def test_a_rollback_is_a_new_revision(api, acme):
    api.put({"settings": SETTINGS}, If_Match='"1"')
    back = api.post(f"{URL}/rollback", {"revision": 1, "reason": "Undo"}, If_Match='"2"')
    assert (back.status_code, back.json()["revision"]) == (200, 3)
    assert PolicyRevision.objects.get(revision=3).rolled_back_to == 1
    assert (
        api.post(f"{URL}/rollback", {"revision": 77}, If_Match='"3"').json()["code"]
        == "unknown_revision"
    )
    assert api.post(f"{URL}/rollback", {}, If_Match='"3"').status_code == 400
    assert api.post(f"{URL}/rollback", {"revision": 1}).status_code == 428


class TestWho:
    def bearer(self, organization, *scopes, member=None):
        made = make_token(organization, *scopes, member=member)
        return {"Authorization": f"Bearer {made.text}"}

    def test_readers_read_and_others_do_not(self, client, acme):
        make_team(acme, "backend")
        auditor = make_member(acme, "au@acme.example", role=Role.AUDITOR)
        mei = make_member(acme, "mei@acme.example")
        for url in (URL, URL.replace("policy", "teams/backend/policy"), f"{URL}/revisions"):
            reader = self.bearer(acme, Scope.POLICY_READ, member=auditor)
            assert client.get(url, headers=reader).status_code == 200
            desktop = self.bearer(acme, Scope.DESKTOP, member=mei)
            assert client.get(url, headers=desktop).status_code == 403
            usage = self.bearer(acme, Scope.USAGE_READ)
            assert client.get(url, headers=usage).status_code == 403
            assert client.get(url).status_code == 401

    def test_a_reader_does_not_write(self, client, acme):
        auditor = make_member(acme, "au@acme.example", role=Role.AUDITOR)
        both = self.bearer(acme, Scope.POLICY_READ, Scope.POLICY_WRITE, member=auditor)
        answer = client.put(
            URL,
            {"settings": SETTINGS},
            content_type="application/json",
            headers=both | {"If-Match": '"1"'},
        )
        assert answer.status_code == 403
        assert get_policy(organization_id=acme.pk).revision == 1

    def test_strangers_find_nothing(self, client, acme):
        beta = make_organization("beta").organization
        make_team(beta, "theirs")
        stranger = self.bearer(beta, Scope.POLICY_READ, Scope.POLICY_WRITE)
        assert client.get(URL, headers=stranger).status_code == 404
        own = self.bearer(acme, Scope.POLICY_READ)
        theirs = URL.replace("policy", "teams/theirs/policy")
        assert client.get(theirs, headers=own).status_code == 404

    def test_a_lead_in_the_browser_changes_their_own_team(self, client, acme):
        user = make_user("lead@acme.example")
        lead = make_member(acme, user.email, user=user)
        mine, other = make_team(acme, "mine"), make_team(acme, "other")
        join_team(lead, mine, at=NOW, is_lead=True)
        join_team(lead, other, at=NOW)
        client.force_login(user)
        body = {"settings": {"idle_timeout_seconds": {"maximum": 600}}}
        kwargs = {"content_type": "application/json", "headers": {"If-Match": '"0"'}}
        url = "/api/v1/organizations/acme/teams/{}/policy"
        assert client.put(url.format("mine"), body, **kwargs).status_code == 200
        assert client.put(url.format("other"), body, **kwargs).status_code == 403
        assert client.get(url.format("other")).status_code == 403
        assert client.get(URL).status_code == 403
        assert get_policy(organization_id=acme.pk, team_id=other.pk).revision == 0
