"""Who comes into a page of an organization, and into its API by a browser session."""

import pytest
from django.test import Client

from orgs.domain.roles import Role
from tests.factories.orgs import make_member, make_organization, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
PAGE = "/o/acme/money/"
API = "/api/v1/organizations/acme/money"


@pytest.fixture
def acme():
    return make_organization("acme").organization


def sign_in(client, organization, role, *, status="active"):
    user = make_user(f"{role.value}@x.example")
    make_member(organization, user.email, role=role, status=status, user=user)
    client.force_login(user)


def test_anonymous_people_go_to_the_sign_in(client, acme):
    answer = client.get(PAGE + "?month=2026-10")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/o/acme/money/%3Fmonth%3D2026-10"


@pytest.mark.parametrize("role", [Role.OWNER, Role.BILLING_MANAGER, Role.AUDITOR])
def test_a_member_with_the_right_comes_in(client, acme, role):
    sign_in(client, acme, role)
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert answer.content.decode() == f"acme {role.value} {role.value}@x.example ({role.value})"
    assert client.get(API).json() == {"organization": "acme"}
    assert client.head(API).status_code == 200


@pytest.mark.parametrize("role", [Role.POLICY_ADMIN, Role.MEMBER])
def test_a_member_without_the_right_is_told(client, acme, role):
    sign_in(client, acme, role)
    assert client.get(PAGE).status_code == 403
    answer = client.get(API)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("status", ["invited", "removed"])
def test_someone_who_is_no_active_member_meets_nothing(client, acme, status):
    sign_in(client, acme, Role.OWNER, status=status)
    assert client.get(PAGE).status_code == 404
    assert client.get(API).status_code == 404


def test_a_stranger_cannot_tell_an_organization_from_none(client, acme):
    sign_in(client, make_organization("other").organization, Role.OWNER)
    assert client.get(PAGE).status_code == 404
    assert client.get("/o/none/money/").status_code == 404
    there, nowhere = client.get(API), client.get("/api/v1/organizations/none/money")
    assert (there.status_code, there.content) == (404, nowhere.content)


def test_a_superuser_is_a_stranger_too(client, acme):
    user = make_user("root@x.example")
    user.is_superuser = user.is_staff = True
    user.save()
    client.force_login(user)
    assert client.get(PAGE).status_code == 404


def test_a_browser_session_writes_only_with_its_csrf_token(acme):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, acme, Role.OWNER)
    answer = client.post(API, {"limit": 1}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(
        API, {"limit": 1}, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )
    assert (answer.status_code, answer.json()) == (200, {"limit": 1})
