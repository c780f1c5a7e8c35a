"""Whatever is sent to the addresses that write: refused in order, nothing written, never a 500."""

import json

import pytest
import time_machine
from django.test import Client

from orgs.models import Entitlement
from tests.factories.orgs import NOW
from tests.factories.policy import ask, everything_stored
from tests.orgs.api.callers import BASE, Scene

pytestmark = pytest.mark.django_db

WRITES = [
    ("PUT", "/policy"),
    ("POST", "/policy/rollback"),
    ("POST", "/teams"),
    ("PATCH", "/teams/backend"),
    ("PUT", "/teams/order"),
    ("PUT", "/teams/backend/policy"),
    ("POST", "/teams/backend/policy/rollback"),
    ("POST", "/exceptions"),
    ("POST", "/exceptions/{wish}/approve"),
    ("PATCH", "/products/offload"),
]
FIELDS = (
    *("settings", "reason", "revision", "slug", "name", "members", "leads", "teams", "member"),
    *("setting", "rule", "expires_at", "note", "enabled"),
)
VALUES = [
    None,
    True,
    -1,
    10**40,
    1.5,
    1e308,
    "",
    "a\u0000b",
    "\u202e\u2028",
    "x" * 5000,
    [],
    [[]],
    {},
    {"a": {"a": {"a": {}}}},
    {"idle_timeout_seconds": {"maximum": 10**40}},
    {"idle_timeout_seconds": []},
    {"offload_enabled": {"state": {}}},
]
RAW = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b'{"reason": "\xff"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "a lone surrogate": b'{"reason": "\\ud800"}',
    "a lone surrogate as name": b'{"\\ud800": 1}',
    "not a number": b'{"revision": NaN}',
    "an endless number": b'{"revision": 1e999999}',
    "many digits": b'{"revision": ' + b"9" * 10_000 + b"}",
    "deep": b'{"settings": ' * 5000 + b"1" + b"}" * 5000,
    "deep lists": b"[" * 20_000 + b"]" * 20_000,
    "huge": b'{"reason": "' + b"x" * (2 * 1024 * 1024) + b'"}',
    "a long name": b'{"' + b"x" * 3000 + b'": 1}',
    "a name to be escaped": b'{"a/b~c\\n\\u0000": 1}',
}


@pytest.fixture
def scene():
    with time_machine.travel(NOW, tick=False):
        yield Scene()


@pytest.fixture
def send(scene):
    wish = ask(scene.mei, "gpu_enabled", {"state": "enabled"})
    client = scene.as_("owner")
    client.raise_request_exception = False

    def call(method, path, body, *, content_type="application/json", **headers):
        return client.generic(
            method,
            BASE + path.format(wish=wish.pk),
            body,
            content_type=content_type,
            headers={"If-Match": '"1"'} | headers,
        )

    return call


def stored():
    return everything_stored() | {"Entitlement": list(Entitlement.objects.order_by("pk").values())}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_what_is_no_document_is_refused(send, method, path):
    before = stored()
    for name, body in RAW.items():
        answer = send(method, path, body)
        # an approval needs no body
        allowed = {200} if (name, path) == ("nothing", "/exceptions/{wish}/approve") else set()
        assert answer.status_code in {400, 413} | allowed, (name, answer.content[:200])
        if answer.status_code == 200:
            before = stored()
            continue
        assert answer["Content-Type"] == "application/problem+json", name
        assert answer.json()["code"]
        assert len(answer.content) < 10_000, name
    assert stored() == before


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_every_field_of_any_wrong_kind_is_refused(send, method, path):
    before = stored()
    for field in FIELDS:
        for value in VALUES:
            answer = send(method, path, json.dumps({field: value}))
            assert answer.status_code in {200, 400, 409, 412, 413}, (field, value)
            if answer.status_code == 200:
                assert (field, value) in HARMLESS[path]
                before = stored()
    assert stored() == before


# what is no mistake
HARMLESS = {
    "/policy": [],
    "/policy/rollback": [],
    "/teams": [],
    "/teams/backend": [("members", []), ("leads", [])],
    "/teams/order": [],
    "/teams/backend/policy": [],
    "/teams/backend/policy/rollback": [],
    "/exceptions": [],
    "/exceptions/{wish}/approve": [("note", "")],
    "/products/offload": [("enabled", True)],
}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_only_json_is_read(send, method, path):
    before = stored()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = send(method, path, b"a=b", content_type=content_type)
        assert answer.status_code in {400, 415}, content_type
    chunked = send(method, path, b"{}", **{"Transfer-Encoding": "chunked"})
    assert chunked.status_code == 411
    assert stored() == before


def test_the_last_of_two_equal_names_counts_and_is_checked(send):
    answer = send("PUT", "/policy", b'{"settings": {}, "settings": {"volume": 1}}')
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
        400,
        "/settings/volume",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/teams/%00",
        "/teams/" + "x" * 3000,
        "/teams/..%2f..",
        "/teams/%00/policy",
        "/members/-1",
        "/members/%00",
        "/members/" + "9" * 4000,
        "/exceptions/" + "9" * 4000,
        "/exceptions/x/approve",
        "/products/%00",
        "/members/1/effective-settings/x",
    ],
)
def test_an_address_that_names_nothing_is_404(scene, path):
    client = scene.as_("owner")
    client.raise_request_exception = False
    answer = client.get(BASE + path)
    assert answer.status_code in {404, 405}
    assert answer["Content-Type"] == "application/problem+json"


def test_nobody_learns_of_an_organization_by_its_refusals(scene):
    client = Client(raise_request_exception=False)
    assert client.get(f"{BASE}/teams").status_code == 401
    stranger = scene.as_("stranger")
    nowhere = BASE.replace("acme", "nowhere")
    answers = [stranger.get(f"{base}/teams") for base in (BASE, nowhere)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
