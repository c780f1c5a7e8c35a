"""`/members` and what holds for each of them."""

from datetime import timedelta

import pytest
import time_machine

from orgs.domain.roles import Role
from tests.factories.orgs import NOW, make_member
from tests.factories.policy import DAY, choose_as, grant, join, save, timeout
from tests.orgs.api.callers import BASE, Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    with time_machine.travel(NOW, tick=False):
        yield Scene()


@pytest.fixture
def owner(scene):
    return scene.as_("owner")


def emails(answer):
    return [row["email"].removesuffix("@acme.example") for row in answer.json()["results"]]


def test_members_are_listed_by_address(scene, owner, django_assert_num_queries):
    owner.get(f"{BASE}/members")
    # session, user, member; members, teams
    with django_assert_num_queries(5):
        answer = owner.get(f"{BASE}/members")
    assert answer.json() == {
        "results": [
            {
                "id": scene.lead.pk,
                "email": "lead@acme.example",
                "name": "",
                "role": "member",
                "status": "active",
                "teams": ["backend"],
            },
            {
                "id": scene.mei.pk,
                "email": "mei@acme.example",
                "name": "",
                "role": "member",
                "status": "active",
                "teams": ["backend"],
            },
            {
                "id": scene.acme.members.get(role="owner").pk,
                "email": "owner@acme.example",
                "name": "",
                "role": "owner",
                "status": "active",
                "teams": [],
            },
        ],
        "next": None,
    }


def test_pages_of_members_join_and_keep_their_filter(scene, owner):
    join(scene.acme, *(f"u{number}" for number in range(5)))
    found, address = [], f"{BASE}/members?page_size=2&q=u"
    while address:
        answer = owner.get(address)
        found += emails(answer)
        address = answer.json()["next"]
    assert found == ["u0", "u1", "u2", "u3", "u4"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=EI@a", ["mei"]),
        ("q=wang", ["au"]),
        ("q=%25", []),
        ("role=auditor", ["au"]),
        ("status=invited", ["in"]),
        ("status=removed", ["gone"]),
        ("status=active", ["au", "lead", "mei", "owner"]),
        ("", ["au", "in", "lead", "mei", "owner"]),
        ("team=backend", ["lead", "mei"]),
        ("team=backend&q=lead", ["lead"]),
        ("team=nowhere", []),
    ],
)
def test_filters_leave_those_who_fit(scene, owner, query, found):
    auditor = make_member(scene.acme, "au@acme.example", role=Role.AUDITOR)
    auditor.name = "Wang Fang"
    auditor.save()
    make_member(scene.acme, "in@acme.example", status="invited")
    make_member(scene.acme, "gone@acme.example", status="removed")
    assert emails(owner.get(f"{BASE}/members?{query}")) == found


@pytest.mark.parametrize(
    "query",
    ["role=team_lead", "status=lost", "q=%00", "team=" + "x" * 300, "cursor=x", "page_size=0"],
)
def test_a_senseless_query_is_refused(owner, query):
    answer = owner.get(f"{BASE}/members?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_lead_sees_the_team_and_a_member_themself(scene):
    assert emails(scene.as_("lead").get(f"{BASE}/members")) == ["lead", "mei"]
    assert emails(scene.as_("member").get(f"{BASE}/members")) == ["mei"]
    assert emails(scene.as_("desktop").get(f"{BASE}/members")) == ["mei"]
    # a Desktop's token leads nowhere
    lead = scene.lead
    scene.mei, scene.lead = lead, scene.mei
    assert emails(scene.as_("desktop").get(f"{BASE}/members")) == ["lead"]


def test_one_who_has_left_is_shown_and_nothing_holds_for_them(scene, owner):
    type(scene.mei).objects.filter(pk=scene.mei.pk).update(status="removed")
    address = f"{BASE}/members/{scene.mei.pk}"
    assert owner.get(address).json()["status"] == "removed"
    assert owner.get(f"{address}/effective-settings").status_code == 404


def test_settings_come_with_the_ladder_that_explains_them(scene, owner):
    save(scene.acme, timeout(minimum=60, maximum=900, default=120), at=NOW - DAY)
    choose_as(scene.mei, idle_timeout_seconds=3000)
    row = grant(scene.mei, "gpu_enabled", {"state": "enabled"}, lasting=3 * DAY)
    document = owner.get(f"{BASE}/members/{scene.mei.pk}/effective-settings").json()
    assert document["member"] == "mei@acme.example"
    assert (document["since"], document["until"]) == (
        "2026-11-24T09:00:00Z",
        "2026-11-27T09:00:00Z",
    )
    assert document["spending"] == {"state": "ok"}
    timeouts = document["settings"]["idle_timeout_seconds"]
    assert (timeouts["value"], timeouts["chosen"], timeouts["maximum"]) == (300, 3000, 300)
    gpu = document["trace"]["gpu_enabled"]
    assert gpu[-1] == {
        "level": "exception",
        "name": str(row.pk),
        "said": "enabled",
        "outcome": "won",
        "reason": "EXCEPTION",
    }


def test_before_anything_was_written_settings_hold_without_a_revision(scene, owner):
    new = make_member(scene.acme, "new@acme.example")
    document = owner.get(f"{BASE}/members/{new.pk}/effective-settings").json()
    assert (document["revision"], document["since"], document["until"]) == (None, None, None)
    assert document["settings"]["idle_timeout_seconds"]["maximum"] == 900


def test_an_exception_ends_at_its_instant_here_too(scene, owner):
    row = grant(scene.mei, "gpu_enabled", {"state": "enabled"})
    address = f"{BASE}/members/{scene.mei.pk}/effective-settings"
    before = owner.get(address).json()
    with time_machine.travel(row.expires_at, tick=False):
        after = scene.as_("owner").get(address).json()
        listed = scene.as_("owner").get(f"{BASE}/exceptions?state=expired").json()["results"]
        granted = scene.as_("owner").get(f"{BASE}/exceptions?state=granted").json()["results"]
    assert before["settings"]["gpu_enabled"]["value"] is True
    assert after["settings"]["gpu_enabled"]["value"] is False
    assert after["revision"] > before["revision"]
    assert [(each["state"], each["ended_at"]) for each in listed] == [
        ("expired", (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z"))
    ]
    assert granted == []
