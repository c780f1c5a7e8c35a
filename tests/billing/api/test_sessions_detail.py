"""`/sessions/{id}`: one session with its line of time, its events and its invoices."""

import pytest
import time_machine

from orgs.domain.roles import Scope
from tests.factories.scene import AS_OF, make_scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("frozen"),
]
ADDRESS = "/api/v1/organizations/acme/sessions"


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


def test_a_session_explains_itself(client, scene, reader):
    invoice = scene.close("2026-03")
    found = client.get(ADDRESS, {"state": "ended", "team": "backend"}, headers=reader).json()
    address = f"{ADDRESS}/{found['results'][0]['id']}"
    document = client.get(address, headers=scene.token(Scope.USAGE_READ, Scope.BILLING_READ))
    document = document.json()
    received = [event.pop("received_at") for event in document["events"]]
    assert all(at.endswith("Z") for at in received)
    assert document == found["results"][0] | {
        "waiting_seconds": "600",
        "end_reason": None,
        "policy_revision": 2,
        "outside_policy": None,
        "gaps": [
            {
                "started_at": "2026-03-02T01:15:00Z",
                "ended_at": "2026-03-02T01:18:00Z",
                "seconds": "180",
            }
        ],
        "segments": [
            {
                "kind": kind,
                "started_at": f"2026-03-02T01:{start}:00Z",
                "ended_at": f"2026-03-02T01:{end}:00Z",
                "seconds": seconds,
            }
            for kind, start, end, seconds in [
                ("working", "00", "10", "600"),
                ("waiting", "10", "15", "300"),
                ("bridged", "15", "18", "180"),
                ("waiting", "18", "23", "300"),
                ("idle", "23", "28", "300"),
            ]
        ],
        "segments_next": None,
        "events": [
            {
                "time": f"2026-03-02T01:{minute}Z",
                "kind": "active",
                "machine": "cpu-4x8",
                "idle_timeout_seconds": 300,
                "source": "/test",
                "id": f"active {seconds} cpu-4x8 300",
            }
            for minute, seconds in [
                ("00:00", 0),
                ("02:30", 150),
                ("05:00", 300),
                ("07:30", 450),
                ("10:00", 600),
                ("18:00", 1080),
            ]
        ],
        "events_next": None,
        "invoices": [
            {"number": invoice.number, "line": 1, "day": "2026-03-02", "quantity_seconds": "1380"}
        ],
    }


def test_the_events_of_a_session_are_paged(client, scene, reader):
    found = client.get(ADDRESS, {"state": "ended", "team": "backend"}, headers=reader).json()
    address, times = f"{ADDRESS}/{found['results'][0]['id']}?page_size=4", []
    while address:
        page = client.get(address, headers=reader).json()
        times += [event["time"][14:19] for event in page["events"]]
        address = page["events_next"]
    assert times == ["00:00", "02:30", "05:00", "07:30", "10:00", "18:00"]


def test_who_may_not_see_money_sees_no_invoices(client, scene, reader):
    scene.close("2026-03")
    session_id = client.get(ADDRESS, headers=reader).json()["results"][-1]["id"]
    assert client.get(f"{ADDRESS}/{session_id}", headers=reader).json()["invoices"] is None


@pytest.mark.parametrize(
    "query", [{"segments_from": "x"}, {"segments_from": "-1"}, {"cursor": "x"}]
)
def test_a_session_with_a_senseless_query_is_refused(client, scene, reader, query):
    session_id = client.get(ADDRESS, headers=reader).json()["results"][0]["id"]
    assert client.get(f"{ADDRESS}/{session_id}", query, headers=reader).status_code == 400


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "x", "%00", "1"])
def test_a_session_that_does_not_exist_is_404(client, scene, reader, name):
    answer = client.get(f"{ADDRESS}/{name}", headers=reader)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
