"""Bearer tokens over HTTP, on a REST framework view and on a plain one."""

from datetime import timedelta

import pytest

from orgs.domain.roles import Role, Scope
from orgs.models import AccessToken
from tests.factories.orgs import NOW, make_member, make_organization, make_token

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
ADDRESS = "/api/v1/organizations/acme/money"


@pytest.fixture
def acme():
    return make_organization("acme").organization


def get(client, address, text=None):
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    return client.get(address, headers=headers)


@pytest.mark.parametrize("address", [ADDRESS, "/api/v1/meter", "/api/v1/organizations/none"])
def test_without_a_token_the_way_to_sign_in_is_named(client, acme, address):
    answer = get(client, address)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("address", [ADDRESS, "/api/v1/meter"])
@pytest.mark.parametrize("text", ["", "x", "ofo_" + "0" * 49, "é"])
def test_a_bad_token_is_401(client, acme, address, text):
    answer = get(client, address, text)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answer.json()["code"] == "token_invalid"


def test_another_scheme_is_no_token(client, acme):
    answer = client.get(ADDRESS, headers={"Authorization": "Basic b3duZXI6eA=="})
    assert answer.json()["code"] == "not_authenticated"


def test_expired_and_revoked_tokens_say_so(client, acme):
    day = timedelta(days=1)
    text = make_token(acme, Scope.BILLING_READ, made_at=NOW - 3 * day, lifetime=day).text
    assert get(client, ADDRESS, text).json()["code"] == "token_expired"
    AccessToken.objects.update(revoked_at=NOW - 3 * day)
    answer = get(client, ADDRESS, text)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


def test_the_right_scope_opens(client, acme):
    answer = get(client, ADDRESS, make_token(acme, Scope.BILLING_READ).text)
    assert (answer.status_code, answer.json()) == (200, {"organization": "acme"})


def test_the_scheme_is_case_insensitive(client, acme):
    text = make_token(acme, Scope.BILLING_READ).text
    assert client.get(ADDRESS, headers={"Authorization": f"bearer {text}"}).status_code == 200


@pytest.mark.parametrize("scope", [Scope.USAGE_READ, Scope.METERING_WRITE])
def test_a_right_token_without_the_scope_is_403(client, acme, scope):
    answer = get(client, ADDRESS, make_token(acme, scope).text)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_scope_never_exceeds_the_members_role(client, acme):
    member = make_member(acme, "mei@acme.example", role=Role.POLICY_ADMIN)
    answer = get(client, ADDRESS, make_token(acme, Scope.BILLING_READ, member=member).text)
    assert answer.status_code == 403


@pytest.mark.parametrize("scope", [Scope.BILLING_READ, Scope.METERING_WRITE])
def test_another_organizations_token_meets_nothing(client, acme, scope):
    other = make_organization("other").organization
    text = make_token(other, scope).text
    answer = get(client, ADDRESS, text)
    assert (answer.status_code, answer.json()) == (404, get(client, ADDRESS + "x", text).json())


def test_a_plain_view_takes_a_metering_token(client, acme):
    answer = get(client, "/api/v1/meter", make_token(acme, Scope.METERING_WRITE).text)
    assert (answer.status_code, answer.content.decode()) == (200, str(acme.pk))
    answer = get(client, "/api/v1/meter", make_token(None, Scope.METERING_WRITE).text)
    assert (answer.status_code, answer.content.decode()) == (200, "None")


def test_a_plain_view_refuses_the_wrong_scope_and_answers_problems(client, acme):
    answer = get(client, "/api/v1/meter", make_token(acme, Scope.USAGE_READ).text)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    answer = get(client, "/api/v1/meter?fail=1", make_token(acme, Scope.METERING_WRITE).text)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_deep"


def test_a_request_with_a_token_costs_two_queries_and_one_when_it_is_busy(
    client, acme, django_assert_num_queries
):
    text = make_token(acme, Scope.METERING_WRITE).text
    with django_assert_num_queries(2):  # the token, its last use
        get(client, "/api/v1/meter", text)
    with django_assert_num_queries(1):
        get(client, "/api/v1/meter", text)
