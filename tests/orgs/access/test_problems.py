"""Every refusal of the API has one shape, in both languages."""

import pytest
from django.test import Client

from orgs.domain.roles import Role, Scope
from tests.factories.orgs import make_member, make_organization, make_token, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
MONEY = "/api/v1/organizations/acme/money"


@pytest.fixture
def owner_client():
    acme = make_organization("acme").organization
    user = make_user("mei@acme.example")
    make_member(acme, user.email, role=Role.OWNER, user=user)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def post(client, content, content_type="application/json"):
    return client.post(MONEY, content, content_type=content_type)


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda c: c.get("/api/v1/nothing"), 404, "not_found"),
        (lambda c: c.get("/api/v1/organizations/none"), 404, "not_found"),
        (lambda c: c.delete(MONEY), 405, "method_not_allowed"),
        (lambda c: c.options(MONEY), 405, "method_not_allowed"),
        (lambda c: post(c, "{"), 400, "malformed_request"),
        (lambda c: post(c, b'{"limit": "\xff"}'), 400, "malformed_request"),
        (lambda c: post(c, "[]"), 400, "invalid"),
        (lambda c: post(c, "limit: 1", "text/yaml"), 415, "unsupported_media_type"),
        (lambda c: c.get(MONEY, headers={"Accept": "text/csv"}), 406, "not_acceptable"),
        (lambda c: c.get("/api/v1/forgotten"), 403, "forbidden"),
        (lambda c: c.get("/api/v1/broken"), 500, "internal_error"),
        (lambda c: c.get("/api/v1/list?cursor=x"), 400, "invalid"),
        (lambda c: c.get("/api/v1/list?cursor=%FF"), 400, "invalid"),
        (lambda c: c.get("/api/v1/list?page_size=1001"), 400, "invalid"),
    ],
)
def test_every_refusal_is_a_problem(owner_client, ask, status, code):
    answer = ask(owner_client)
    document = answer.json()
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert list(document)[:5] == ["type", "title", "status", "detail", "code"]
    assert (document["type"], document["status"], document["code"]) == (
        "about:blank",
        status,
        code,
    )
    assert document["detail"]


def test_an_internal_error_says_nothing_of_its_cause(owner_client):
    assert owner_client.get("/api/v1/broken").json() == {
        "type": "about:blank",
        "title": "内部错误",
        "status": 500,
        "detail": "Something went wrong on our side.",
        "code": "internal_error",
    }


def test_a_405_names_what_is_allowed(owner_client):
    assert owner_client.delete(MONEY)["Allow"] == "GET, POST"


def test_each_field_is_pointed_at(owner_client):
    answer = post(owner_client, '{"limit": -1, "notify": ["mei@acme.example", "nobody"]}')
    document = answer.json()
    assert document["code"] == "invalid"
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [
        ("/limit", "min_value"),
        ("/notify/1", "invalid"),
    ]
    assert all(error["detail"] for error in document["errors"])


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Not found"),
        ("en-GB,en;q=0.9", "Not found"),
        ("zh-Hans", "找不到"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "找不到"),
        ("fr", "找不到"),
    ],
)
@pytest.mark.parametrize("address", ["/api/v1/nothing", "/api/v1/organizations/none"])
def test_the_title_follows_the_language_and_the_code_does_not(client, address, language, title):
    text = make_token(make_organization("acme").organization, Scope.USAGE_READ).text
    answer = client.get(
        address, headers={"Accept-Language": language, "Authorization": f"Bearer {text}"}
    )
    assert answer.json()["title"] == title
    assert answer.json()["code"] == "not_found"


def test_a_persons_choice_stands_above_the_browsers(owner_client):
    owner_client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    del owner_client.cookies["django_language"]
    answer = owner_client.get("/api/v1/organizations/none", headers={"Accept-Language": "zh-Hans"})
    assert answer.json()["title"] == "Not found"


def test_a_page_that_is_not_there_is_a_page(owner_client):
    answer = owner_client.get("/nothing/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
