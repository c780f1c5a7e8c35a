"""Every address of policy, teams, members, exceptions and products, by everybody."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from orgs.models import Entitlement
from orgs.selectors.policies import get_policy
from tests.factories.orgs import NOW
from tests.factories.policy import ask, everything_stored, grant
from tests.orgs.api.callers import BASE, EVERYBODY, TOKENS, USERS, Scene

pytestmark = pytest.mark.django_db
JSON = "application/json"


class Call(NamedTuple):
    """A request, the status for those who may, who they are, and who gets 404 instead of 403."""

    method: str
    path: str
    status: int
    may: str
    finds_nothing: str = ""
    body: Any = None
    if_match: Callable[[Scene], str] | None = None


POLICY_READERS = "owner policy_admin auditor policy:read"
POLICY_WRITERS = "owner policy_admin policy:write"
TEAM_WRITERS = "owner members:write"
ORGANIZATION_TOKENS = " ".join(
    token for token in TOKENS if token not in {"desktop", "metering:write"}
)
ALL_USERS = " ".join(USERS)
SETTINGS = {"idle_timeout_seconds": {"minimum": 60, "maximum": 240}}
WISH = {
    "member": "mei@acme.example",
    "setting": "idle_timeout_seconds",
    "rule": {"maximum": 3600},
    "reason": "long tests",
    "expires_at": "2026-12-24T00:00:00Z",
}


def of_organization(scene):
    return f'"{get_policy(organization_id=scene.acme.pk).revision}"'


def of_team(scene):
    revision = get_policy(organization_id=scene.acme.pk, team_id=scene.backend.pk).revision
    return f'"{revision}"'


CALLS = [
    Call("get", "/policy", 200, POLICY_READERS),
    Call(
        "put",
        "/policy",
        200,
        POLICY_WRITERS,
        body={"settings": SETTINGS, "reason": "x"},
        if_match=of_organization,
    ),
    Call("get", "/policy/revisions", 200, POLICY_READERS),
    Call(
        "post",
        "/policy/rollback",
        200,
        POLICY_WRITERS,
        body={"revision": 1},
        if_match=of_organization,
    ),
    Call("get", "/teams", 200, f"{ALL_USERS} members:read desktop"),
    Call("post", "/teams", 201, TEAM_WRITERS, body={"slug": "ops"}),
    Call("put", "/teams/order", 200, TEAM_WRITERS, body={"teams": ["front", "backend"]}),
    Call(
        "get",
        "/teams/backend",
        200,
        "owner policy_admin auditor lead member members:read desktop",
        finds_nothing="billing_manager",
    ),
    Call("patch", "/teams/backend", 200, TEAM_WRITERS, body={"name": "Back", "leads": []}),
    Call("get", "/teams/backend/policy", 200, f"{POLICY_READERS} lead"),
    Call("get", "/teams/front/policy", 200, POLICY_READERS),
    Call(
        "put",
        "/teams/backend/policy",
        200,
        f"{POLICY_WRITERS} lead",
        body={"settings": SETTINGS, "reason": "x"},
        if_match=of_team,
    ),
    Call("get", "/teams/backend/policy/revisions", 200, f"{POLICY_READERS} lead"),
    Call(
        "post",
        "/teams/backend/policy/rollback",
        200,
        f"{POLICY_WRITERS} lead",
        body={"revision": 0},  # filled in below
        if_match=of_team,
    ),
    Call("get", "/members", 200, f"{ALL_USERS} members:read desktop"),
    Call(
        "get",
        "/members/{mei}",
        200,
        "owner policy_admin auditor lead member members:read desktop",
    ),
    Call(
        "get",
        "/members/{mei}/effective-settings",
        200,
        f"{POLICY_READERS} lead member desktop",
    ),
    Call("get", "/exceptions", 200, f"{ALL_USERS} policy:read desktop"),
    Call("post", "/exceptions", 201, f"{POLICY_WRITERS} member desktop", body=WISH),
    Call(
        "get",
        "/exceptions/{wish}",
        200,
        f"{POLICY_READERS} lead member desktop",
        finds_nothing="billing_manager",
    ),
    Call("post", "/exceptions/{wish}/approve", 200, POLICY_WRITERS, body={"note": "x"}),
    Call("post", "/exceptions/{wish}/refuse", 200, POLICY_WRITERS, body={"note": "x"}),
    Call("post", "/exceptions/{given}/revoke", 200, POLICY_WRITERS, body={"note": "x"}),
    Call(
        "post",
        "/exceptions/{wish}/withdraw",
        200,
        "member desktop",
        finds_nothing="billing_manager",
    ),
    Call("get", "/products", 200, f"{ALL_USERS} {ORGANIZATION_TOKENS}"),
    Call("patch", "/products/offload", 200, "owner policy:write", body={"enabled": False}),
]


@pytest.fixture
def scene():
    with time_machine.travel(NOW, tick=False):
        yield Scene()


def send(client, call, path, scene):
    headers = {"If-Match": call.if_match(scene)} if call.if_match else {}
    body = call.body
    if path.endswith("/teams/backend/policy/rollback"):
        earlier = scene.backend.policy_revisions.order_by("revision").first()
        body = {"revision": earlier.revision}
    more = {} if call.method == "get" else {"data": body, "content_type": JSON}
    return getattr(client, call.method)(BASE + path, headers=headers, **more)


def everything():
    return everything_stored() | {"Entitlement": list(Entitlement.objects.order_by("pk").values())}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_who_may_and_who_may_not(scene, call):
    wish = ask(scene.mei, "gpu_enabled", {"state": "enabled"})
    given = grant(scene.mei, "gpu_enabled", {"state": "enabled"})
    path = call.path.format(mei=scene.mei.pk, wish=wish.pk, given=given.pk)
    expected = dict.fromkeys(EVERYBODY, 403)
    expected |= dict.fromkeys(call.may.split(), call.status)
    expected |= dict.fromkeys(call.finds_nothing.split(), 404)
    expected |= {"anonymous": 401, "stranger": 404, "other token": 404}
    clients = {name: scene.as_(name) for name in EVERYBODY}
    stored = everything()
    found = {}
    for name, client in clients.items():
        savepoint = transaction.savepoint()
        answer = send(client, call, path, scene)
        if answer.status_code != call.status:
            assert everything() == stored, name
            assert answer["Content-Type"] == "application/problem+json"
            assert "mei" not in answer.content.decode()
        transaction.savepoint_rollback(savepoint)
        found[name] = answer.status_code
    assert found == expected


@pytest.mark.parametrize(
    "path",
    [
        "/members/{member}",
        "/members/{member}/effective-settings",
        "/exceptions/{number}",
        "/teams/elsewhere",
        "/teams/elsewhere/policy",
        "/teams/elsewhere/policy/revisions",
        "/members/99999999999999999999",
        "/members/99999999999999999999/effective-settings",
        "/exceptions/99999999999999999999",
    ],
)
def test_what_is_of_another_organization_or_nowhere_is_404(scene, path):
    owner = type(scene.mei).objects.get(email="owner@other.example")
    row = grant(owner, "gpu_enabled", {"state": "enabled"})
    address = BASE + path.format(member=owner.pk, number=row.pk)
    answer = scene.as_("owner").get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("step", ["approve", "refuse", "revoke", "withdraw"])
def test_another_organizations_exception_is_not_decided_here(scene, step):
    owner = type(scene.mei).objects.get(email="owner@other.example")
    rows = [
        ask(owner, "gpu_enabled", {"state": "enabled"}),
        grant(owner, "gpu_enabled", {"state": "enabled"}),
    ]
    client = scene.as_("owner")
    stored = everything()
    for row in rows:
        assert client.post(f"{BASE}/exceptions/{row.pk}/{step}").status_code == 404
    assert everything() == stored


def test_a_lead_has_no_say_in_another_team(scene):
    lead = scene.as_("lead")
    save = {"data": {"settings": {}}, "content_type": JSON, "headers": {"If-Match": '"0"'}}
    for slug in ("front", "nowhere"):
        assert lead.get(f"{BASE}/teams/{slug}/policy").status_code == 403
        assert lead.put(f"{BASE}/teams/{slug}/policy", **save).status_code == 403


def test_the_browser_sends_its_csrf_token(scene):
    scene.as_("owner")
    client = Client(enforce_csrf_checks=True)
    client.force_login(type(scene.mei).objects.get(email="owner@acme.example").user)
    stored = everything()
    answer = client.patch(f"{BASE}/products/offload", {"enabled": False}, content_type=JSON)
    assert (answer.status_code, everything()) == (403, stored)
