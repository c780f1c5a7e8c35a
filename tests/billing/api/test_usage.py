"""`/usage`: grouped, exact, up to now; money only for who may see it."""

import pytest
import time_machine

from orgs.domain.roles import Role, Scope
from tests.factories.orgs import make_organization, make_token
from tests.factories.scene import AS_OF, make_scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("frozen"),
]
ADDRESS = "/api/v1/organizations/acme/usage"
BOTH = {"from": "2026-03-01", "to": "2026-04-20"}


@pytest.fixture
def frozen():
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def scene():
    return make_scene()


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def use(billable, working, waiting, bridged, amount) -> dict:
    return {
        "billable_seconds": billable,
        "working_seconds": working,
        "waiting_seconds": waiting,
        "bridged_seconds": bridged,
        "estimated_amount": amount,
    }


def asked(client, headers, **query) -> dict:
    answer = client.get(ADDRESS, query, headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_month_by_day_is_the_default(client, scene):
    assert asked(client, scene.token(Scope.BILLING_READ)) == {
        "results": [
            {"day": "2026-04-01"} | use("600", "600", "600", "0", usd("0.27")),
            {"day": "2026-04-20"} | use("420", "420", "420", "0", usd("0.03")),
        ],
        "next": None,
        # lena 300 s at 0.21, mei 120 s at 0.42, hao 600 s at 1.60: 0.02 + 0.01 + 0.27
        "total": use("1020", "1020", "1020", "0", usd("0.30")),
        "group_by": "day",
        "from": "2026-04-01",
        "to": "2026-04-20",
        "zone": "Asia/Shanghai",
        "as_of": "2026-04-20T09:00:00Z",
    }


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("team", [(None, "1200"), ("backend", "1800")]),
        ("machine", [("cpu-2x4", "300"), ("cpu-4x8", "1500"), ("gpu-l4", "1200")]),
        (
            "member",
            [
                ("hao@acme.example", "1200"),
                ("lena@acme.example", "300"),
                ("mei@acme.example", "1500"),
            ],
        ),
        (
            "day",
            [
                ("2026-03-02", "1380"),
                ("2026-03-31", "600"),
                ("2026-04-01", "600"),
                ("2026-04-20", "420"),
            ],
        ),
    ],
)
def test_groups(client, scene, group_by, groups):
    document = asked(client, scene.token(Scope.USAGE_READ), group_by=group_by, **BOTH)
    assert [(row[group_by], row["billable_seconds"]) for row in document["results"]] == groups
    assert document["total"] == use("3000", "2820", "2220", "180", None)


def test_groups_are_paged_by_name(client, scene):
    headers = scene.token(Scope.USAGE_READ)
    query = "&".join(f"{name}={value}" for name, value in BOTH.items())
    address, members = f"{ADDRESS}?group_by=member&page_size=2&{query}", []
    while address:
        page = client.get(address, headers=headers).json()
        assert page["total"]["billable_seconds"] == "3000"
        members.append([row["member"] for row in page["results"]])
        address = page["next"]
    assert members == [["hao@acme.example", "lena@acme.example"], ["mei@acme.example"]]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ({"member": "MEI@acme.example"}, "1500"),
        ({"team": "backend"}, "1800"),
        ({"machine": "gpu-l4"}, "1200"),
        ({"machine": "gpu-l4", "to": "2026-03-31"}, "600"),
        ({"team": "nobody"}, "0"),
    ],
)
def test_filters(client, scene, query, seconds):
    document = asked(client, scene.token(Scope.USAGE_READ), **(BOTH | query))
    assert document["total"]["billable_seconds"] == seconds


def test_the_report_takes_a_fixed_number_of_queries(client, scene, django_assert_num_queries):
    headers = scene.token(Scope.BILLING_READ)
    client.get(ADDRESS, headers=headers)
    # token, organization, zone, rate cards, prices, machines, records, running sessions
    with django_assert_num_queries(8):
        client.get(ADDRESS, BOTH | {"group_by": "member"}, headers=headers)


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"group_by": "hour"}, ["group_by"]),
        ({"from": "x", "to": "2026-04-31"}, ["from", "to"]),
        ({"from": "2026-04-20T00:00:00Z"}, ["from"]),
        ({"from": "2026-04-02", "to": "2026-04-01"}, ["to"]),
        ({"from": "2025-01-01", "to": "2026-04-01"}, ["to"]),
        ({"from": "1800-01-01"}, ["from"]),
        ({"to": "9999-12-31"}, ["to"]),
        ({"member": "\0"}, ["member"]),
        ({"cursor": "x"}, ["cursor"]),
        ({"cursor": "WyJ4IiwgInkiXQ=="}, ["cursor"]),  # ["x", "y"]
        ({"page_size": "1001"}, ["page_size"]),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client, scene, query, pointers):
    answer = client.get(ADDRESS, query, headers=scene.token(Scope.USAGE_READ))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_a_range_that_lies_ahead_is_empty(client, scene):
    document = asked(client, scene.token(Scope.BILLING_READ), **{"from": "2027-01-01"})
    assert (document["from"], document["to"], document["results"]) == (
        "2027-01-01",
        "2027-01-01",
        [],
    )


@pytest.mark.parametrize(
    ("role", "amount"),
    [
        (Role.OWNER, usd("0.30")),
        (Role.BILLING_MANAGER, usd("0.30")),
        (Role.AUDITOR, usd("0.30")),
        (Role.POLICY_ADMIN, None),
    ],
)
def test_money_is_for_those_who_may_see_it(client, scene, role, amount):
    scene.sign_in(client, role)
    assert asked(client, {})["total"] == use("1020", "1020", "1020", "0", amount)


def test_a_developer_sees_their_own_use_without_money(client, scene):
    scene.sign_in(client, Role.MEMBER)
    assert asked(client, {}, **BOTH)["total"] == use("0", "0", "0", "0", None)
    own = asked(client, scene.token(Scope.DESKTOP, member=scene.hao), **BOTH)
    assert own["total"] == use("1200", "1200", "1200", "0", None)


def test_refusals(client, scene):
    assert client.get(ADDRESS).status_code == 401
    assert client.get(ADDRESS, headers=scene.token(Scope.POLICY_READ)).status_code == 403
    other = make_organization("other").organization
    headers = {"Authorization": f"Bearer {make_token(other, Scope.USAGE_READ).text}"}
    assert client.get(ADDRESS, headers=headers).status_code == 404
    assert client.post(ADDRESS, headers=scene.token(Scope.USAGE_READ)).status_code == 405
