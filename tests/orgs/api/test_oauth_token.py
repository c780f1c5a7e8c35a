"""From the codes to a token over HTTP, with a person between: RFC 8628, 3.3 to 3.5."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from oauthlib.oauth2 import DeviceClient

from orgs.domain.roles import Scope
from orgs.models import AccessToken, AuditEvent, Device, DeviceSignIn
from orgs.selectors.audit import verify_chain
from orgs.selectors.tokens import TokenRefused, get_token, token_actor
from orgs.services.audit import recording
from orgs.services.organizations import set_device_sign_in
from tests.factories.devices import (
    FORM,
    GRANT,
    approve,
    decide,
    enter,
    error_of,
    make_person,
    poll,
    post_form,
    start,
)
from tests.factories.orgs import NOW, OPERATOR, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(client, clock, acme):
    user, [member] = make_person("mei@acme.example", acme)
    client.force_login(user)
    return member


def switch_off(organization, *, is_enabled=False):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return set_device_sign_in(
            trail=trail, organization_id=organization.pk, is_enabled=is_enabled
        )


def poll_as_it_is(body):
    return Client().post("/oauth/token", body, content_type=FORM)


def test_a_client_that_we_did_not_write_signs_in(client, clock, acme, mei):
    codes = start()
    desktop = DeviceClient("docker-desktop")
    body = desktop.prepare_request_body(codes["device_code"], include_client_id=True)
    assert error_of(poll_as_it_is(body)) == (400, "authorization_pending")

    approve(client, codes["user_code"])
    clock.shift(timedelta(seconds=5))
    answer = poll_as_it_is(body)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    token = desktop.parse_request_body_response(answer.content.decode())
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 90 * 24 * 3600
    assert token["scope"] == ["desktop"]
    assert token["access_token"].startswith("ofd_")
    assert set(token) >= {"access_token", "token_type", "expires_in", "scope"}
    assert "refresh_token" not in token

    kept = get_token(token["access_token"], at=NOW + timedelta(days=89))
    actor = token_actor(kept)
    assert (actor.organization_id, actor.member_id) == (acme.pk, mei.pk)
    assert actor.scopes == {Scope.DESKTOP}
    device = Device.objects.get()
    assert kept.device == device
    assert (device.member, device.device_id, device.name) == (
        mei,
        "6f1c7a9e-mei",
        "Mei 的 MacBook",
    )
    assert (device.os, device.desktop_version) == ("macOS 26.1", "4.50.0")
    assert device.first_seen_at == NOW + timedelta(seconds=5)
    assert (device.last_seen_at, device.applied_revision, device.drift) == (None, None, [])
    assert token["access_token"] not in repr(list(AccessToken.objects.values()))


def test_the_flow_stands_in_the_chain_of_the_organization(client, clock, acme, mei):
    codes = start()
    clock.shift(timedelta(minutes=2))
    sign_in = approve(client, codes["user_code"])
    clock.shift(timedelta(seconds=5))
    token = get_token(poll(codes["device_code"]).json()["access_token"], at=NOW)
    events = {event.action: event for event in AuditEvent.objects.filter(target_kind__in=[
        "device_sign_in", "device", "token"
    ])}  # fmt: skip
    assert list(events) == [
        "device_sign_in.started",
        "device_sign_in.approved",
        "device.signed_in",
        "token.created",
    ]
    assert {(e.actor_kind, e.actor_member_id) for e in events.values()} == {("user", mei.pk)}
    started = events["device_sign_in.started"]
    assert started.diff == {
        "client_id": [None, "docker-desktop"],
        "started_at": [None, "2026-11-24T09:00:00+00:00"],
        "os": [None, "macOS 26.1"],
        "desktop_version": [None, "4.50.0"],
    }
    assert dict(started.personal_values.values_list("name", "value")) == {
        "address": "203.0.113.7",
        "user_agent": "Docker-Desktop/4.50.0",
        "device_id": "6f1c7a9e-mei",
        "device_name": "Mei 的 MacBook",
    }
    assert events["device_sign_in.approved"].diff == {"member_id": [None, mei.pk]}
    assert events["device_sign_in.approved"].target_id == str(sign_in.pk)
    assert events["token.created"].diff["device_id"] == [None, token.device_id]
    assert "203.0.113.7" not in str(list(AuditEvent.objects.values("diff")))
    assert verify_chain(organization_id=acme.pk) == []


def test_who_polls_too_often_is_slowed_down_more_each_time(clock):
    code = start()["device_code"]
    assert error_of(poll(code)) == (400, "authorization_pending")
    clock.shift(timedelta(seconds=3))
    assert error_of(poll(code)) == (400, "slow_down")
    clock.shift(timedelta(seconds=5))
    assert error_of(poll(code)) == (400, "slow_down")
    clock.shift(timedelta(seconds=15))
    assert error_of(poll(code)) == (400, "authorization_pending")
    assert DeviceSignIn.objects.get().interval_seconds == 15


def test_a_code_lives_for_ten_minutes(client, clock, mei):
    codes = start()
    approve(client, codes["user_code"])
    clock.shift(timedelta(minutes=10))
    assert error_of(poll(codes["device_code"])) == (400, "expired_token")
    assert not AccessToken.objects.exists()
    assert not Device.objects.exists()


def test_a_denied_code_stays_denied(client, clock, acme, mei):
    codes = start()
    sign_in = enter(client, codes["user_code"])
    decide(client, sign_in, "deny")
    for _ in range(2):
        assert error_of(poll(codes["device_code"])) == (400, "access_denied")
    assert list(
        AuditEvent.objects.filter(target_kind="device_sign_in").values_list("action", flat=True)
    ) == ["device_sign_in.started", "device_sign_in.denied"]
    decide(client, sign_in, "approve", "acme")
    assert error_of(poll(codes["device_code"])) == (400, "access_denied")


def test_a_code_is_good_for_one_token(client, clock, mei):
    codes = start()
    approve(client, codes["user_code"])
    assert poll(codes["device_code"]).status_code == 200
    assert error_of(poll(codes["device_code"])) == (400, "invalid_grant")
    clock.shift(timedelta(minutes=11))
    assert error_of(poll(codes["device_code"])) == (400, "invalid_grant")
    assert AccessToken.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"grant_type": None}, (400, "invalid_request")),
        ({"grant_type": "authorization_code"}, (400, "unsupported_grant_type")),
        ({"grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
        ({"grant_type": [GRANT, GRANT]}, (400, "invalid_request")),
        ({"client_id": None}, (401, "invalid_client")),
        ({"client_id": "podman-desktop"}, (401, "invalid_client")),
        ({"scope": "policy:write"}, (400, "invalid_scope")),
        ({"device_code": None}, (400, "invalid_request")),
        ({"device_code": ""}, (400, "invalid_request")),
        ({"device_code": "unknown"}, (400, "invalid_grant")),
        ({"device_code": "\x00"}, (400, "invalid_grant")),
        ({"device_code": "x" * 16_000}, (400, "invalid_grant")),
        ({"device_code": "x" * 17_000}, (413, "invalid_request")),
    ],
)
def test_a_bad_poll_is_refused_and_spends_nothing(client, mei, changes, refusal):
    codes = start()
    approve(client, codes["user_code"])
    answer = poll(codes["device_code"], **changes)
    assert error_of(answer) == refusal
    assert answer["Cache-Control"] == "no-store"
    assert not AccessToken.objects.exists()
    assert poll(codes["device_code"]).status_code == 200


def test_a_code_that_is_sent_twice_is_refused(client, mei):
    codes = start()
    approve(client, codes["user_code"])
    twice = [codes["device_code"], codes["device_code"]]
    assert error_of(poll(codes["device_code"], device_code=twice)) == (400, "invalid_request")


def test_empty_fields_count_as_not_sent(client, mei):
    codes = start()
    approve(client, codes["user_code"])
    assert poll(codes["device_code"], scope="", client_secret="").status_code == 200


@pytest.mark.parametrize("field", ["scopes", "created", "client", "expires_in", "access_token"])
def test_a_field_cannot_take_the_place_of_the_librarys_state(client, mei, field):
    codes = start()
    approve(client, codes["user_code"])
    answer = poll(codes["device_code"], **{field: "policy:write"})
    assert answer.json()["scope"] == "desktop"
    assert answer.json()["access_token"].startswith("ofd_")


def test_the_user_code_fetches_nothing(client, mei):
    codes = start()
    approve(client, codes["user_code"])
    for code in (codes["user_code"], codes["user_code"].replace("-", "")):
        assert error_of(poll(code)) == (400, "invalid_grant")


def test_another_client_cannot_fetch_the_token(client, mei, monkeypatch):
    codes = start()
    approve(client, codes["user_code"])
    monkeypatch.setattr("orgs.access.oauth.CLIENTS", {"docker-desktop": "", "other": ""})
    assert error_of(poll(codes["device_code"], client_id="other")) == (400, "invalid_grant")


@pytest.mark.parametrize("status", ["removed", "invited"])
def test_a_member_who_leaves_before_the_exchange_gets_no_token(client, acme, mei, status):
    codes = start()
    approve(client, codes["user_code"])
    mei.status = status
    mei.save()
    for _ in range(2):
        assert error_of(poll(codes["device_code"])) == (400, "access_denied")
    assert not AccessToken.objects.exists()
    assert not Device.objects.exists()
    last = AuditEvent.objects.order_by("sequence").last()
    assert (last.action, last.diff) == ("device_sign_in.refused", {"member_id": [None, mei.pk]})


def test_a_switch_that_goes_off_before_the_exchange_refuses_it(client, acme, mei):
    codes = start()
    approve(client, codes["user_code"])
    assert switch_off(acme)
    assert error_of(poll(codes["device_code"])) == (400, "access_denied")
    switch_off(acme, is_enabled=True)
    assert error_of(poll(codes["device_code"])) == (400, "access_denied")
    assert not AccessToken.objects.exists()


def test_a_token_ends_with_the_membership(client, clock, mei):
    codes = start()
    approve(client, codes["user_code"])
    text = poll(codes["device_code"]).json()["access_token"]
    headers = {"Authorization": f"Bearer {text}"}
    # a desktop token opens the Desktop's own calls only, but it is known
    assert client.get("/api/v1/organizations/acme", headers=headers).status_code == 403
    mei.status = "removed"
    mei.save()
    answer = client.get("/api/v1/organizations/acme", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


def test_a_new_sign_in_ends_the_devices_earlier_token(client, clock, mei):
    texts = []
    for version in ("4.50.0", "4.51.0"):
        codes = start(desktop_version=version, device_name=f"Desktop {version}")
        approve(client, codes["user_code"])
        texts.append(poll(codes["device_code"]).json()["access_token"])
        clock.shift(timedelta(hours=1))
    other = start(device_id="another device")
    approve(client, other["user_code"])
    texts.append(poll(other["device_code"]).json()["access_token"])

    with pytest.raises(TokenRefused, match="revoked"):
        get_token(texts[0], at=NOW)
    assert get_token(texts[1], at=NOW).device.name == "Desktop 4.51.0"
    assert get_token(texts[2], at=NOW).device.device_id == "another device"
    first = Device.objects.get(device_id="6f1c7a9e-mei")
    assert (first.first_seen_at, first.desktop_version) == (NOW, "4.51.0")
    again = AuditEvent.objects.filter(action="device.signed_in").order_by("sequence")[1]
    assert again.diff["desktop_version"] == ["4.50.0", "4.51.0"]


def test_a_person_of_two_organizations_has_a_device_and_a_token_in_each(client, clock, acme):
    other = make_organization("other").organization
    user, members = make_person("mei@acme.example", acme, other)
    client.force_login(user)
    tokens = []
    for slug in ("acme", "other"):
        codes = start()
        approve(client, codes["user_code"], slug)
        text = poll(codes["device_code"]).json()["access_token"]
        tokens.append(get_token(text, at=NOW))
    assert [token.member for token in tokens] == members
    assert [token.organization for token in tokens] == [acme, other]
    assert len({token.device_id for token in tokens}) == 2
    assert get_token(text, at=NOW).revoked_at is None


def test_a_token_request_does_not_need_the_browsers_session(client, mei):
    codes = start()
    approve(client, codes["user_code"])
    answer = post_form(
        "/oauth/token",
        {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "docker-desktop"},
        HTTP_ORIGIN="https://evil.example",
    )
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
