"""`/teams`: made, changed, put in order; every list whole, every mistake at its place."""

import json

import pytest
import time_machine

from orgs.domain.roles import Scope
from orgs.models import AuditEvent, Team, TeamMembership
from tests.factories.orgs import NOW, make_token
from tests.factories.policy import everything_stored, held, join, save, timeout
from tests.orgs.api.callers import BASE, Scene

pytestmark = pytest.mark.django_db
BACKEND = {
    "slug": "backend",
    "name": "Backend",
    "priority": 1,
    "member_count": 2,
    "leads": ["lead@acme.example"],
}
FRONT = {"slug": "front", "name": "Front", "priority": 2, "member_count": 0, "leads": []}


@pytest.fixture
def scene():
    with time_machine.travel(NOW, tick=False):
        yield Scene()


@pytest.fixture
def owner(scene):
    return scene.as_("owner")


def send(client, method, path, body):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.generic(method, BASE + path, text, content_type="application/json")


def errors_of(answer):
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def members_of(slug):
    rows = TeamMembership.objects.filter(team__slug=slug, team__organization__slug="acme")
    return dict(rows.values_list("member__email", "is_lead"))


def test_teams_are_listed_in_the_order_in_which_they_speak(owner, django_assert_num_queries):
    owner.get(f"{BASE}/teams")
    # session, user, member; teams with counts, leads
    with django_assert_num_queries(5):
        document = owner.get(f"{BASE}/teams").json()
    assert document == {"results": [BACKEND, FRONT], "next": None}


def test_pages_of_teams_join(owner):
    first = owner.get(f"{BASE}/teams?page_size=1").json()
    second = owner.get(first["next"]).json()
    assert [first["results"], second["results"]] == [[BACKEND], [FRONT]]
    assert second["next"] is None


def test_a_member_sees_the_teams_they_are_in(scene):
    assert scene.as_("member").get(f"{BASE}/teams").json()["results"] == [BACKEND]
    assert scene.as_("billing_manager").get(f"{BASE}/teams").json()["results"] == []


def test_who_has_left_is_not_counted_and_leads_nothing(scene, owner):
    type(scene.lead).objects.filter(pk=scene.lead.pk).update(status="removed")
    assert owner.get(f"{BASE}/teams/backend").json() == BACKEND | {"member_count": 1, "leads": []}


def test_a_team_is_made_last_in_the_order(owner):
    answer = send(owner, "POST", "/teams", {"slug": "ops", "name": " 运维 "})
    made = {"slug": "ops", "name": "运维", "priority": 3, "member_count": 0, "leads": []}
    assert (answer.status_code, answer.json()) == (201, made)
    assert answer["Location"] == "/api/v1/organizations/acme/teams/ops"
    assert owner.get(answer["Location"]).json() == made
    assert send(owner, "POST", "/teams", {"slug": "bare"}).json()["name"] == "bare"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/slug", "required")]),
        ({"slug": ""}, [("/slug", "required")]),
        ({"slug": 7}, [("/slug", "invalid_text")]),
        ({"slug": "Back end"}, [("/slug", "invalid_slug")]),
        ({"slug": "order"}, [("/slug", "invalid_slug")]),
        ({"slug": "x" * 64}, [("/slug", "invalid_text")]),
        ({"slug": "x", "name": "a\u0000b"}, [("/name", "invalid_text")]),
        ({"slug": "x", "name": "x" * 201}, [("/name", "invalid_text")]),
        ({"slug": "x", "members": []}, [("/members", "unknown_field")]),
    ],
)
def test_a_team_that_cannot_be_is_refused_at_its_place(owner, body, errors):
    stored = everything_stored()
    answer = send(owner, "POST", "/teams", body)
    assert (answer.status_code, errors_of(answer)) == (400, errors)
    assert everything_stored() == stored


def test_a_slug_is_taken_once(owner):
    answer = send(owner, "POST", "/teams", {"slug": "backend"})
    assert (answer.status_code, answer.json()["code"]) == (409, "team_exists")


def test_members_and_leads_are_set_whole_by_address_or_id(scene, owner):
    [bo] = join(scene.acme, "bo")
    answer = send(
        owner,
        "PATCH",
        "/teams/backend",
        {"name": "Back", "members": ["MEI@acme.example", bo.pk], "leads": [str(bo.pk)]},
    )
    assert answer.json() == BACKEND | {"name": "Back", "leads": ["bo@acme.example"]}
    assert members_of("backend") == {"mei@acme.example": False, "bo@acme.example": True}
    events = AuditEvent.objects.order_by("-sequence").values_list("action", flat=True)[:2]
    assert list(events) == ["team.members_changed", "team.renamed"]


def test_settings_follow_at_once(scene, owner):
    save(scene.acme, timeout(default=120), team=scene.frontend)
    send(owner, "PATCH", "/teams/front", {"members": ["owner@acme.example"]})
    member = scene.acme.members.get(role="owner")
    assert held(member).settings["idle_timeout_seconds"]["value"] == 120


def test_what_is_left_out_stays(owner):
    before = members_of("backend")
    stored = everything_stored()
    assert send(owner, "PATCH", "/teams/backend", {}).json() == BACKEND
    assert everything_stored() == stored
    send(owner, "PATCH", "/teams/backend", {"leads": []})
    assert members_of("backend") == dict.fromkeys(before, False)
    send(owner, "PATCH", "/teams/backend", {"members": []})
    assert members_of("backend") == {}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": ""}, [("/name", "required")]),
        ({"name": None}, [("/name", "invalid_text")]),
        ({"slug": "other"}, [("/slug", "unknown_field")]),
        ({"members": None}, [("/members", "invalid")]),
        ({"members": "mei@acme.example"}, [("/members", "invalid")]),
        ({"members": {"0": "mei@acme.example"}}, [("/members", "invalid")]),
        ({"members": ["mei@acme.example"] * 10_001}, [("/members", "invalid")]),
        ({"leads": ["mei@acme.example"] * 101}, [("/leads", "invalid")]),
        (
            {
                "members": [
                    "mei@acme.example",
                    "nobody@acme.example",
                    "owner@other.example",
                    "",
                    "a\u0000",
                    True,
                    1.5,
                    -1,
                    10**30,
                    None,
                    [],
                    {},
                    "x" * 300,
                ]
            },
            [(f"/members/{place}", "unknown_member") for place in range(1, 13)],
        ),
        ({"leads": ["owner@acme.example"]}, [("/leads", "lead_not_in_team")]),
        ({"members": [], "leads": ["mei@acme.example"]}, [("/leads", "lead_not_in_team")]),
    ],
)
def test_a_change_that_cannot_be_is_refused_at_its_place(owner, body, errors):
    stored = everything_stored()
    answer = send(owner, "PATCH", "/teams/backend", body)
    assert (answer.status_code, errors_of(answer)) == (400, errors)
    assert everything_stored() == stored


def test_who_has_left_is_not_put_in_a_team(scene, owner):
    type(scene.mei).objects.filter(pk=scene.mei.pk).update(status="removed")
    answer = send(owner, "PATCH", "/teams/front", {"members": [scene.mei.email]})
    assert errors_of(answer) == [("/members/0", "unknown_member")]


def test_one_answer_tells_of_a_hundred_mistakes(owner):
    answer = send(owner, "PATCH", "/teams/backend", {"members": ["nobody"] * 5000})
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 100)


def test_teams_are_put_in_order(scene, owner):
    answer = send(owner, "PUT", "/teams/order", {"teams": ["front", "backend"]})
    assert (answer.status_code, answer.json()) == (200, {"teams": ["front", "backend"]})
    ordered = Team.objects.filter(organization=scene.acme).order_by("priority")
    assert list(ordered.values_list("slug", flat=True)) == ["front", "backend"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/teams", "invalid")]),
        ({"teams": "backend"}, [("/teams", "invalid")]),
        ({"teams": [1, 2]}, [("/teams", "invalid")]),
        ({"teams": ["x"] * 10_001}, [("/teams", "invalid")]),
        ({"teams": ["front"]}, [("/teams", "missing_team")]),
        (
            {"teams": ["front", "x\u0000", "front", "backend"]},
            [("/teams/1", "unknown_team"), ("/teams/2", "repeated_team")],
        ),
        ({"teams": ["front", "backend"], "order": 1}, [("/order", "unknown_field")]),
    ],
)
def test_an_order_that_cannot_be_is_refused_at_its_place(owner, body, errors):
    stored = everything_stored()
    answer = send(owner, "PUT", "/teams/order", body)
    assert (answer.status_code, errors_of(answer)) == (400, errors)
    assert everything_stored() == stored


def test_a_lead_with_a_token_acts_within_its_scopes(scene, client):
    def ask(*scopes, team="backend"):
        text = make_token(scene.acme, *scopes, member=scene.lead).text
        headers = {"Authorization": f"Bearer {text}", "If-Match": '"0"'}
        address = f"{BASE}/teams/{team}/policy"
        read = client.get(address, headers=headers).status_code
        body = {"settings": {}}
        put = client.put(address, body, content_type="application/json", headers=headers)
        return read, put.status_code

    assert ask(Scope.POLICY_READ) == (200, 403)
    assert ask(Scope.POLICY_WRITE) == (403, 412)
    assert ask(Scope.POLICY_READ, Scope.POLICY_WRITE, team="front") == (403, 403)
    assert ask(Scope.DESKTOP) == (403, 403)
