"""`/sessions`: who sees which, how they look at an instant, and what the filters leave."""

import pytest
import time_machine

from orgs.domain.roles import Role, Scope
from orgs.models import TeamMembership
from tests.factories.orgs import make_member, make_organization, make_token
from tests.factories.scene import AS_OF, MEI_AT, make_scene
from tests.factories.usage import fold, report

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("frozen"),
]
ADDRESS = "/api/v1/organizations/acme/sessions"

MEI_NOW = {
    "member": "mei@acme.example",
    "team": "backend",
    "machine": "cpu-4x8",
    "started_at": "2026-04-20T08:58:00Z",
    "ended_at": None,
    "state": "active",
    "idles_at": "2026-04-20T09:03:00Z",
    "purges_at": None,
    "billable_seconds": "120",
    "working_seconds": "120",
    "bridged_seconds": "0",
    "event_count": 1,
}
LENA_NOW = {
    "member": "lena@acme.example",
    "team": "backend",
    "machine": "cpu-2x4",
    "started_at": "2026-04-20T08:50:00Z",
    "ended_at": None,
    "state": "idle",
    "idles_at": None,
    "purges_at": "2026-04-20T09:00:00Z",
    "billable_seconds": "300",
    "working_seconds": "300",
    "bridged_seconds": "0",
    "event_count": 1,
}
HAO = {
    "member": "hao@acme.example",
    "team": None,
    "machine": "gpu-l4",
    "started_at": "2026-03-31T15:50:00Z",
    "ended_at": "2026-03-31T16:10:00Z",
    "state": "ended",
    "idles_at": None,
    "purges_at": "2026-03-31T16:15:00Z",
    "billable_seconds": "1200",
    "working_seconds": "1200",
    "bridged_seconds": "0",
    "event_count": 1,
}
MEI = {
    "member": "mei@acme.example",
    "team": "backend",
    "machine": "cpu-4x8",
    "started_at": "2026-03-02T01:00:00Z",
    "ended_at": "2026-03-02T01:23:00Z",
    "state": "ended",
    "idles_at": None,
    "purges_at": "2026-03-02T01:28:00Z",
    "billable_seconds": "1380",
    "working_seconds": "1200",
    "bridged_seconds": "180",
    "event_count": 6,
}
ALL = [MEI_NOW, LENA_NOW, HAO, MEI]


@pytest.fixture
def frozen():
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def scene():
    return make_scene()


@pytest.fixture
def reader(scene):
    return scene.token(Scope.USAGE_READ)


def listed(client, headers, query=None) -> list[dict]:
    answer = client.get(ADDRESS, query or {}, headers=headers)
    assert answer.status_code == 200, answer.content
    rows = answer.json()["results"]
    for row in rows:
        del row["id"]
    return rows


def test_sessions_come_newest_first_as_they_look_now(client, scene, reader):
    assert listed(client, reader) == ALL


def test_the_list_takes_a_fixed_number_of_queries(
    client, scene, reader, django_assert_num_queries
):
    client.get(ADDRESS, headers=reader)
    # token, organization, sessions with member, team and machine
    with django_assert_num_queries(3):
        client.get(ADDRESS, headers=reader)
    # and the zone for days, the member for an address
    query = {"from": "2026-03-01", "member": "mei@acme.example", "page_size": "1"}
    with django_assert_num_queries(5):
        client.get(ADDRESS, query, headers=reader)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({"state": "active"}, [MEI_NOW]),
        ({"state": "idle"}, [LENA_NOW]),
        ({"state": "ended"}, [HAO, MEI]),
        ({"member": "HAO@acme.example"}, [HAO]),
        ({"member": "nobody@acme.example"}, []),
        ({"member": "99999999999999999999"}, []),
        ({"team": "backend"}, [MEI_NOW, LENA_NOW, MEI]),
        ({"team": "other"}, []),
        ({"machine": "gpu-l4"}, [HAO]),
        ({"machine": "cpu-4x8", "state": "ended"}, [MEI]),
        # a session counts if it overlaps; the end it has is its last instant
        ({"from": "2026-03-31T16:09:59.999999Z"}, [MEI_NOW, LENA_NOW, HAO]),
        ({"from": "2026-03-31T16:10:00Z"}, [MEI_NOW, LENA_NOW]),
        ({"to": "2026-03-31T15:50:00Z"}, [MEI]),
        ({"to": "2026-03-31T23:50:00.000001+08:00"}, [HAO, MEI]),
        # days of the billing zone, both included
        ({"from": "2026-04-01", "to": "2026-04-01"}, [HAO]),
        ({"from": "2026-03-31", "to": "2026-03-31"}, [HAO]),
        ({"from": "2026-03-02", "to": "2026-03-30"}, [MEI]),
        ({"from": "2026-04-02", "to": "2026-04-19"}, []),
    ],
)
def test_filters(client, scene, reader, query, left):
    assert listed(client, reader, query) == left


def test_a_member_is_also_found_by_id(client, scene, reader):
    assert listed(client, reader, {"member": str(scene.hao.pk)}) == [HAO]


def test_pages_join_to_the_list(client, scene, reader):
    address, rows = f"{ADDRESS}?page_size=1&state=ended", []
    while address:
        page = client.get(address, headers=reader).json()
        assert len(page["results"]) == 1
        rows += [row["started_at"] for row in page["results"]]
        address = page["next"]
    assert rows == [HAO["started_at"], MEI["started_at"]]


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"state": "dead"}, ["state"]),
        ({"from": "yesterday"}, ["from"]),
        ({"from": "2026-02-30"}, ["from"]),
        ({"from": "0001-01-01"}, ["from"]),
        ({"to": "9999-12-31"}, ["to"]),
        ({"to": "9999-12-31T23:59:59-23:59"}, ["to"]),
        ({"from": "0001-01-01T00:00:00+23:59"}, ["from"]),
        ({"from": "2026-03-01T00:00:00"}, ["from"]),
        ({"from": "2026-03-01T25:00:00Z"}, ["from"]),
        ({"from": "2026-03-02", "to": "2026-03-01"}, ["to"]),
        ({"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, ["to"]),
        ({"member": "a\0b"}, ["member"]),
        ({"machine": "x" * 255}, ["machine"]),
        ({"state": "\0", "from": "\0", "to": ""}, ["from", "to", "state"]),
        ({"page_size": "0"}, ["page_size"]),
        ({"cursor": ""}, ["cursor"]),
        ({"cursor": "\0"}, ["cursor"]),
        ({"cursor": "nonsense"}, ["cursor"]),
        ({"cursor": "WyJ4Il0="}, ["cursor"]),  # ["x"]
        ({"cursor": "WyJ4IiwgInkiXQ=="}, ["cursor"]),  # ["x", "y"]
        ({"cursor": "WzEsIDJd"}, ["cursor"]),  # [1, 2]
        ({"cursor": "e30="}, ["cursor"]),  # {}
        ({"cursor": "W1tb" * 300}, ["cursor"]),
        ({"cursor": "x" * 5000}, ["cursor"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client, scene, reader, query, pointers):
    answer = client.get(ADDRESS, query, headers=reader)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == "invalid"
    assert [error["pointer"] for error in document["errors"]] == pointers


def test_without_a_token_it_is_401(client, scene):
    assert client.get(ADDRESS).status_code == 401
    assert client.get(f"{ADDRESS}/{scene.mei.pk}").status_code == 404  # no such address


@pytest.mark.parametrize(
    "scope", [Scope.POLICY_READ, Scope.BILLING_READ, Scope.METERING_WRITE, Scope.AUDIT_READ]
)
def test_without_the_scope_it_is_403(client, scene, scope):
    answer = client.get(ADDRESS, headers=scene.token(scope))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_another_organizations_token_finds_nothing(client, scene, reader):
    other = make_organization("other").organization
    headers = {"Authorization": f"Bearer {make_token(other, Scope.USAGE_READ).text}"}
    session_id = client.get(ADDRESS, headers=reader).json()["results"][0]["id"]
    assert client.get(ADDRESS, headers=headers).status_code == 404
    assert client.get(f"{ADDRESS}/{session_id}", headers=headers).status_code == 404
    theirs = f"/api/v1/organizations/other/sessions/{session_id}"
    assert client.get(theirs, headers=headers).status_code == 404


@pytest.mark.parametrize(
    "role", [Role.OWNER, Role.POLICY_ADMIN, Role.BILLING_MANAGER, Role.AUDITOR]
)
def test_who_reads_all_sessions_reads_all(client, scene, role):
    scene.sign_in(client, role)
    assert listed(client, {}) == ALL


def test_a_developer_reads_their_own_and_a_lead_their_teams(client, scene):
    member = scene.sign_in(client, Role.MEMBER)
    assert listed(client, {}) == []
    desktop = scene.token(Scope.DESKTOP, member=scene.hao)
    assert listed(client, desktop) == [HAO]
    TeamMembership.objects.create(
        organization=scene.customer.organization,
        team=scene.mei.team_assignments.get().team,
        member=member,
        is_lead=True,
    )
    assert listed(client, {}) == [MEI_NOW, LENA_NOW, MEI]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_sessions_are_only_read(client, scene, reader, method):
    answer = getattr(client, method)(ADDRESS, headers=reader)
    assert (answer.status_code, answer["Allow"]) == (405, "GET")


def test_many_sessions_of_one_instant_are_all_listed(client, scene, reader):
    for number in range(7):
        member = make_member(scene.customer.organization, f"m{number}@acme.example")
        report(
            scene.customer,
            [("active", 0), ("ended", 10)],
            origin=MEI_AT,
            subject=member.email,
        )
    fold(scene.customer)
    address, members = f"{ADDRESS}?page_size=2&state=ended", []
    while address:
        page = client.get(address, headers=reader).json()
        members += [row["member"] for row in page["results"]]
        address = page["next"]
    assert sorted(members) == sorted(
        ["hao@acme.example", "mei@acme.example", *(f"m{n}@acme.example" for n in range(7))]
    )
