"""`/exceptions`, `/products`, `/members/{id}/effective-settings`."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from orgs.domain.roles import Role, Scope
from orgs.models import Entitlement, PolicyException
from tests.factories.desktops import add_member
from tests.factories.orgs import make_member, make_organization, make_token, make_user

pytestmark = pytest.mark.django_db
BASE = "/api/v1/organizations/acme"


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return add_member(acme, "mei@acme.example")


@pytest.fixture
def owner(client, acme):
    made = make_token(
        acme, Scope.POLICY_READ, Scope.POLICY_WRITE, member=acme.members.get(role="owner")
    )
    return {"Authorization": f"Bearer {made.text}"}


def send(client, method, url, body, headers=None):
    return client.generic(
        method, BASE + url, json.dumps(body), content_type="application/json", headers=headers
    )


def wish(**changes):
    return {
        "setting": "gpu_enabled",
        "rule": {"state": "enabled"},
        "reason": "A trial",
        "expires_at": (timezone.now() + timedelta(days=7)).isoformat(),
    } | changes


def test_an_owner_grants_and_ends_an_exception(client, owner, mei):
    made = send(client, "POST", "/exceptions", wish(member=mei.email), owner)
    assert made.status_code == 201
    document = made.json()
    assert (document["state"], document["member"]) == ("granted", mei.email)
    effective = client.get(f"{BASE}/members/{mei.pk}/effective-settings", headers=owner).json()
    assert effective["settings"]["gpu_enabled"]["value"] is True
    assert effective["settings"]["gpu_enabled"]["reasons"] == ["EXCEPTION"]
    assert effective["until"] is not None
    last = effective["trace"]["gpu_enabled"][-1]
    assert last == {
        "level": "exception",
        "name": str(document["id"]),
        "said": "enabled",
        "outcome": "won",
        "reason": "EXCEPTION",
    }

    ended = send(client, "POST", f"/exceptions/{document['id']}/revoke", {"note": "Over"}, owner)
    assert (ended.status_code, ended.json()["state"]) == (200, "revoked")
    again = send(client, "POST", f"/exceptions/{document['id']}/revoke", {}, owner)
    assert (again.status_code, again.json()["code"]) == (409, "not_open")
    effective = client.get(f"{BASE}/members/{mei.pk}/effective-settings", headers=owner).json()
    assert effective["settings"]["gpu_enabled"]["value"] is False


def test_a_member_asks_in_the_browser_and_an_owner_approves(client, owner, acme, mei):
    user = make_user("lena@acme.example")
    lena = make_member(acme, user.email, user=user)
    client.force_login(user)
    asked = send(client, "POST", "/exceptions", wish())
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    number = asked.json()["id"]
    twice = send(client, "POST", "/exceptions", wish())
    assert (twice.status_code, twice.json()["code"]) == (409, "request_exists")
    assert send(client, "POST", "/exceptions", wish(member=mei.email)).status_code == 403
    assert send(client, "POST", f"/exceptions/{number}/approve", {}).status_code == 403
    assert [row["id"] for row in client.get(f"{BASE}/exceptions").json()["results"]] == [number]
    client.logout()

    approved = send(client, "POST", f"/exceptions/{number}/approve", {"note": "Yes"}, owner)
    assert (approved.json()["state"], approved.json()["decision_note"]) == ("granted", "Yes")
    assert PolicyException.objects.get().member_id == lena.pk


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"setting": "volume"}, ["/setting"]),
        ({"rule": {"state": "on"}}, ["/rule/state"]),
        ({"rule": None}, ["/rule"]),
        ({"setting": "idle_timeout_seconds", "rule": {"maximum": 3601}}, ["/rule/maximum"]),
        ({"setting": "idle_timeout_seconds", "rule": {}}, ["/rule"]),
        ({"reason": " "}, ["/reason"]),
        ({"expires_at": "2030-01-01"}, ["/expires_at"]),
        ({"expires_at": "2999-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"expires_at": 7}, ["/expires_at"]),
        ({"member": "nobody@x.example"}, ["/member"]),
        ({"more": 1}, ["/more"]),
    ],
)
def test_each_mistake_has_its_pointer(client, owner, mei, changes, pointers):
    answer = send(client, "POST", "/exceptions", wish(member=mei.email) | changes, owner)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert not PolicyException.objects.exists()


def test_other_organizations_find_nothing(client, owner, mei):
    number = send(client, "POST", "/exceptions", wish(member=mei.email), owner).json()["id"]
    beta = make_organization("beta").organization
    made = make_token(beta, Scope.POLICY_READ, Scope.POLICY_WRITE)
    theirs = {"Authorization": f"Bearer {made.text}"}
    url = f"/api/v1/organizations/beta/exceptions/{number}"
    assert client.get(url, headers=theirs).status_code == 404
    answer = client.post(f"{url}/revoke", headers=theirs)
    assert answer.status_code == 404
    assert client.get(f"{BASE}/exceptions", headers=theirs).status_code == 404
    url = f"/api/v1/organizations/beta/members/{mei.pk}/effective-settings"
    assert client.get(url, headers=theirs).status_code == 404
    assert PolicyException.objects.get().state == "granted"


def test_a_member_reads_their_own_settings_only(client, acme, mei):
    user = make_user("lena@acme.example")
    lena = make_member(acme, user.email, user=user)
    client.force_login(user)
    own = client.get(f"{BASE}/members/{lena.pk}/effective-settings")
    assert own.status_code == 200
    assert own.json()["settings"]["idle_timeout_seconds"]["value"] == 300
    assert client.get(f"{BASE}/members/{mei.pk}/effective-settings").status_code == 403


def test_switching_offload_off_reaches_every_desktop(client, owner, acme, mei):
    off = send(client, "PATCH", "/products/offload", {"enabled": False, "reason": "Pause"}, owner)
    assert (off.status_code, off.json()) == (
        200,
        {"product": "offload", "entitled": True, "enabled": False},
    )
    effective = client.get(f"{BASE}/members/{mei.pk}/effective-settings", headers=owner).json()
    assert effective["settings"]["offload_enabled"]["reasons"] == ["ENTITLEMENT_OFF"]
    listed = client.get(f"{BASE}/products", headers=owner).json()["results"]
    assert {"product": "offload", "entitled": True, "enabled": False} in listed
    assert len(listed) == 6


@pytest.mark.parametrize(
    ("product", "body", "status"),
    [
        ("offload", {}, 400),
        ("offload", {"enabled": 1}, 400),
        ("offload", {"enabled": True, "x": 1}, 400),
        ("nothing", {"enabled": True}, 404),
    ],
)
def test_what_is_no_switch_is_refused(client, owner, product, body, status):
    answer = send(client, "PATCH", f"/products/{product}", body, owner)
    assert answer.status_code == status


def test_what_the_subscription_does_not_bring_stays_off(client, owner, acme):
    Entitlement.objects.filter(organization=acme, product="offload").update(
        is_entitled=False, is_enabled=False
    )
    answer = send(client, "PATCH", "/products/offload", {"enabled": True}, owner)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_entitled")


def test_a_policy_admin_does_not_switch_products(client, acme):
    admin = make_member(acme, "pa@acme.example", role=Role.POLICY_ADMIN)
    made = make_token(acme, Scope.POLICY_WRITE, member=admin)
    headers = {"Authorization": f"Bearer {made.text}"}
    answer = send(client, "PATCH", "/products/offload", {"enabled": False}, headers)
    assert answer.status_code == 403
    assert Entitlement.objects.get(organization=acme, product="offload").is_enabled


def test_filters_leave_those_that_fit(client, owner, acme, mei):
    bo = add_member(acme, "bo@acme.example")
    gpu = send(client, "POST", "/exceptions", wish(member=mei.email), owner).json()["id"]
    rule = {"setting": "idle_timeout_seconds", "rule": {"maximum": 3600}}
    time = send(client, "POST", "/exceptions", wish(member=str(bo.pk)) | rule, owner).json()["id"]
    send(client, "POST", f"/exceptions/{time}/revoke", {}, owner)

    def found(query):
        answer = client.get(f"{BASE}/exceptions?{query}", headers=owner)
        return [row["id"] for row in answer.json()["results"]]

    assert found("") == [time, gpu]
    assert found("state=granted") == [gpu]
    assert found("state=revoked") == [time]
    assert found("setting=gpu_enabled") == [gpu]
    assert found(f"member={bo.pk}") == found("member=BO@acme.example") == [time]
    assert found("member=nobody@acme.example") == []
    assert found("member=bo@acme.example&setting=gpu_enabled") == []
    for query in ("state=lost", "setting=volume", "member=%00", "cursor=x"):
        assert client.get(f"{BASE}/exceptions?{query}", headers=owner).status_code == 400


def test_who_may_not_grant_may_name_themself_only(client, acme, mei):
    made = make_token(acme, Scope.DESKTOP, member=mei)
    desktop = {"Authorization": f"Bearer {made.text}"}
    for other in ("owner@acme.example", "nobody@acme.example", None, 0, True, {}):
        answer = send(client, "POST", "/exceptions", wish(member=other), desktop)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    asked = send(client, "POST", "/exceptions", wish(member=mei.email), desktop)
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    number = asked.json()["id"]
    back = send(client, "POST", f"/exceptions/{number}/withdraw", {}, desktop)
    assert (back.status_code, back.json()["state"]) == (200, "withdrawn")


def test_a_token_of_nobody_has_to_name_the_member(client, acme, mei):
    made = make_token(acme, Scope.POLICY_WRITE)
    headers = {"Authorization": f"Bearer {made.text}"}
    answer = send(client, "POST", "/exceptions", wish(), headers)
    assert answer.status_code in {400, 403}
    granted = send(client, "POST", "/exceptions", wish(member=mei.email), headers).json()
    assert (granted["state"], granted["decided_by"]) == ("granted", None)
