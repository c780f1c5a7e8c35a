"""`/desktop/session`: for a desktop token alone, as of now."""

from datetime import timedelta

import pytest
import time_machine

from orgs.domain.roles import Role, Scope
from orgs.models import Member
from tests.factories.orgs import make_member
from tests.factories.scene import AS_OF, make_scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("frozen"),
]
ADDRESS = "/api/v1/desktop/session"


@pytest.fixture
def frozen():
    with time_machine.travel(AS_OF, tick=False):
        yield


@pytest.fixture
def scene():
    return make_scene()


def seen(client, headers) -> dict:
    answer = client.get(ADDRESS, headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "private, no-store"
    return answer.json()


def test_an_active_session(client, scene):
    assert seen(client, scene.token(Scope.DESKTOP, member=scene.mei)) == {
        "state": "active",
        "started_at": "2026-04-20T08:58:00Z",
        "idles_at": "2026-04-20T09:03:00Z",
        "purges_at": None,
        "billed_seconds": "120",
        "environment": "preserved",
    }


def test_an_idle_session_at_the_last_instant_of_its_containers(client, scene):
    assert seen(client, scene.token(Scope.DESKTOP, member=scene.lena)) == {
        "state": "idle",
        "started_at": "2026-04-20T08:50:00Z",
        "idles_at": None,
        "purges_at": "2026-04-20T09:00:00Z",
        "billed_seconds": "300",
        "environment": "preserved",
    }


def test_it_goes_on_with_the_time_alone(client, scene):
    headers = scene.token(Scope.DESKTOP, member=scene.mei)
    states = []
    for seconds in (0, 180, 480, 480.000001):
        with time_machine.travel(AS_OF + timedelta(seconds=seconds), tick=False):
            document = seen(client, headers)
            states.append(
                tuple(document[key] for key in ("state", "billed_seconds", "environment"))
            )
    assert states == [
        ("active", "120", "preserved"),
        ("idle", "300", "preserved"),
        ("idle", "300", "preserved"),
        ("none", "0", "new"),
    ]


@pytest.mark.parametrize(("name", "environment"), [("hao", "new"), ("new", "none")])
def test_no_session(client, scene, name, environment):
    member = {"hao": scene.hao}.get(name) or make_member(
        scene.customer.organization, "new@acme.example"
    )
    assert seen(client, scene.token(Scope.DESKTOP, member=member)) == {
        "state": "none",
        "started_at": None,
        "idles_at": None,
        "purges_at": None,
        "billed_seconds": "0",
        "environment": environment,
    }


def test_it_takes_two_queries(client, scene, django_assert_num_queries):
    headers = scene.token(Scope.DESKTOP, member=scene.mei)
    client.get(ADDRESS, headers=headers)
    with django_assert_num_queries(2):  # token, session
        client.get(ADDRESS, headers=headers)


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_without_a_token_it_is_401_also_for_who_is_signed_in(client, scene, is_signed_in):
    if is_signed_in:
        scene.sign_in(client, Role.OWNER)
    answer = client.get(ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("text", ["", "x", "ofd_" + "0" * 49])
def test_a_bad_token_is_401(client, scene, text):
    answer = client.get(ADDRESS, headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


def test_the_token_of_somebody_who_left_opens_nothing(client, scene):
    headers = scene.token(Scope.DESKTOP, member=scene.mei)
    Member.objects.filter(pk=scene.mei.pk).update(status=Member.Status.REMOVED)
    answer = client.get(ADDRESS, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


@pytest.mark.parametrize(
    "scope", [Scope.USAGE_READ, Scope.POLICY_READ, Scope.BILLING_READ, Scope.METERING_WRITE]
)
def test_another_kind_of_token_is_403(client, scene, scope):
    answer = client.get(ADDRESS, headers=scene.token(scope))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_an_organizations_token_made_by_a_member_is_403(client, scene):
    answer = client.get(ADDRESS, headers=scene.token(Scope.USAGE_READ, member=scene.mei))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_token_of_another_organization_shows_that_one_only(client, scene):
    other = make_scene("other")
    assert seen(client, other.token(Scope.DESKTOP, member=other.hao))["environment"] == "new"
    assert seen(client, scene.token(Scope.DESKTOP, member=scene.mei))["state"] == "active"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(client, scene, method):
    headers = scene.token(Scope.DESKTOP, member=scene.mei)
    answer = getattr(client, method)(ADDRESS, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
