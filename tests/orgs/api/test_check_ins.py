"""`POST /desktop/check-ins` and the organization's list of devices."""

import json

import pytest

from orgs.domain.device_sign_in import DeviceFacts
from orgs.domain.roles import Role, Scope
from orgs.models import Device
from orgs.services.audit import recording
from orgs.services.devices import register_device
from orgs.services.tokens import create_token
from tests.factories.desktops import add_member
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization, make_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/desktop/check-ins"
SAYS = {
    "device_id": "laptop-1",
    "name": "mei-laptop",
    "os": "macOS 15.6",
    "desktop_version": "4.52.1",
    "applied_revision": 2,
    "drift": [],
}


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return add_member(acme, "mei@acme.example")


def headers(organization, *scopes, member=None):
    made = make_token(organization, *scopes, member=member)
    return {"Authorization": f"Bearer {made.text}"}


@pytest.fixture
def desktop(acme, mei):
    return headers(acme, Scope.DESKTOP, member=mei)


def send(client, body, desktop):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(URL, text, content_type="application/json", headers=desktop)


def test_a_device_says_what_it_has_applied_and_hears_how_it_stands(client, desktop, mei):
    answer = send(client, SAYS, desktop)
    assert (answer.status_code, answer.json()) == (200, {"compliance": "in_sync", "revision": 2})
    behind = send(client, SAYS | {"applied_revision": 1}, desktop)
    assert behind.json() == {"compliance": "pending", "revision": 2}
    drifted = send(client, SAYS | {"drift": ["gpu_enabled"]}, desktop)
    assert drifted.json()["compliance"] == "drifted"
    assert Device.objects.get().member_id == mei.pk


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/device_id"]),
        (SAYS | {"device_id": ""}, ["/device_id"]),
        (SAYS | {"device_id": "x" * 129}, ["/device_id"]),
        (SAYS | {"name": "a\u0000b", "os": 7}, ["/name", "/os"]),
        (SAYS | {"applied_revision": True}, ["/applied_revision"]),
        (SAYS | {"applied_revision": 2**31}, ["/applied_revision"]),
        (SAYS | {"applied_revision": 1.5}, ["/applied_revision"]),
        (SAYS | {"drift": "gpu_enabled"}, ["/drift"]),
        (SAYS | {"drift": ["everything"]}, ["/drift"]),
        (SAYS | {"drift": [["gpu_enabled"]]}, ["/drift"]),
        (SAYS | {"a/b~": 1}, ["/a~1b~0"]),
    ],
)
def test_what_cannot_be_kept_is_named(client, desktop, body, pointers):
    answer = send(client, body, desktop)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[]", 400),
        ("", 400),
        ("{", 400),
        (b"\xff", 400),
        ('{"device_id":"' + "x" * 5000 + '"}', 413),
    ],
)
def test_what_is_no_check_in_is_refused(client, desktop, body, status):
    assert send(client, body, desktop).status_code == status


def test_a_token_of_a_device_speaks_for_no_other(client, acme, mei):
    with recording(actor=OPERATOR, at=NOW) as trail:
        facts = DeviceFacts(device_id="laptop-1", name="", os="", desktop_version="")
        device = register_device(trail=trail, member=mei, facts=facts)
        made = create_token(
            trail=trail,
            organization_id=acme.pk,
            scopes=frozenset({Scope.DESKTOP}),
            member=mei,
            device=device,
        )
    bound = {"Authorization": f"Bearer {made.text}"}
    assert send(client, SAYS, bound).status_code == 200
    refused = send(client, SAYS | {"device_id": "laptop-2"}, bound)
    assert (refused.status_code, refused.json()["code"]) == (409, "other_device")


def test_only_desktops_check_in(client, acme):
    assert client.post(URL, "{}", content_type="application/json").status_code == 401
    owner = headers(acme, Scope.POLICY_READ)
    assert send(client, SAYS, owner).status_code == 403


def test_devices_are_listed_and_signed_out(client, acme, desktop, mei):
    send(client, SAYS, desktop)
    policy_admin = make_member(acme, "pa@acme.example", role=Role.POLICY_ADMIN)
    reader = headers(acme, Scope.POLICY_READ, Scope.POLICY_WRITE, member=policy_admin)
    address = "/api/v1/organizations/acme/devices"
    listed = client.get(address, headers=reader)
    (row,) = listed.json()["results"]
    assert (row["member"], row["compliance"], row["applied_revision"], row["revision"]) == (
        "mei@acme.example",
        "in_sync",
        2,
        2,
    )
    assert client.get(f"{address}?member=nobody@x.example", headers=reader).status_code == 400
    assert client.get(f"{address}?cursor=x", headers=reader).status_code == 400
    assert client.get(address, headers=desktop).status_code == 403

    assert client.delete(f"{address}/{row['id']}", headers=reader).status_code == 204
    assert client.delete(f"{address}/{row['id']}", headers=reader).status_code == 404
    assert client.get(address, headers=reader).json()["results"] == []
    removed = send(client, SAYS, desktop)
    assert (removed.status_code, removed.json()["code"]) == (409, "device_removed")


def test_devices_of_others_are_not_there(client, acme, desktop, mei):
    send(client, SAYS, desktop)
    beta = make_organization("beta").organization
    stranger = headers(beta, Scope.POLICY_READ, Scope.POLICY_WRITE)
    number = Device.objects.get().pk
    assert client.get("/api/v1/organizations/acme/devices", headers=stranger).status_code == 404
    address = f"/api/v1/organizations/beta/devices/{number}"
    assert client.delete(address, headers=stranger).status_code == 404
    assert Device.objects.get().removed_at is None
