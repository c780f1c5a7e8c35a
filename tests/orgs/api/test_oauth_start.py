"""The start of a Desktop's sign-in over HTTP: RFC 8628, 3.1 and 3.2; RFC 8414."""

import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.test import Client
from django.utils.http import urlencode

from orgs.access import oauth
from orgs.domain import device_sign_in
from orgs.models import AuditEvent, DeviceSignIn
from orgs.services import device_sign_ins
from tests.factories.devices import ADDRESS, DESKTOP, FORM, ask, error_of, post_form, start
from tests.factories.orgs import NOW

pytestmark = pytest.mark.django_db
START = "/oauth/device/code"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


def test_the_metadata_leads_to_the_endpoints(client, settings):
    settings.BASE_URL = "https://offload.example"
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.json() == {
        "issuer": "https://offload.example",
        "device_authorization_endpoint": "https://offload.example/oauth/device/code",
        "token_endpoint": "https://offload.example/oauth/token",
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:device_code"],
        "response_types_supported": [],
        "scopes_supported": ["desktop"],
        "token_endpoint_auth_methods_supported": ["none"],
        "ui_locales_supported": ["zh-Hans", "en"],
    }


def test_a_start_is_answered_with_codes(settings):
    settings.BASE_URL = "https://offload.example"
    answer = ask()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    codes = answer.json()
    assert len(codes.pop("device_code")) == 30
    user_code = codes.pop("user_code")
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", user_code)
    assert codes == {
        "verification_uri": "https://offload.example/device/",
        "verification_uri_complete": f"https://offload.example/device/?user_code={user_code}",
        "expires_in": 600,
        "interval": 5,
    }


def test_a_start_is_kept_with_where_it_came_from_and_only_the_hash_of_its_code():
    codes = start()
    row = DeviceSignIn.objects.values().get()
    assert codes["device_code"] not in repr(row)
    assert (row["client_id"], row["state"]) == ("docker-desktop", "pending")
    assert (row["device_id"], row["device_name"]) == ("6f1c7a9e-mei", "Mei 的 MacBook")
    assert (row["os"], row["desktop_version"]) == ("macOS 26.1", "4.50.0")
    assert (row["address"], row["user_agent"]) == (ADDRESS, "Docker-Desktop/4.50.0")
    assert (row["started_at"], row["expires_at"]) == (NOW, NOW + timedelta(minutes=10))
    assert row["organization_id"] is None
    assert not AuditEvent.objects.exists()


def test_each_start_has_codes_of_its_own():
    first, second = start(), start()
    assert first["device_code"] != second["device_code"]
    assert first["user_code"] != second["user_code"]


def test_a_start_is_logged(monkeypatch):
    said = []
    log = SimpleNamespace(info=lambda event, **more: said.append((event, more)))
    monkeypatch.setattr("orgs.api.oauth.log", log)
    start()
    assert said == [
        (
            "device_sign_in_started",
            {
                "sign_in": DeviceSignIn.objects.get().pk,
                "client_id": "docker-desktop",
                "address": ADDRESS,
                "user_agent": "Docker-Desktop/4.50.0",
            },
        )
    ]


@pytest.mark.parametrize("changes", [{"scope": "desktop"}, {"scope": ""}, {"device_name": None}])
def test_what_may_be_left_out_or_said_is_taken(changes):
    assert ask(**changes).status_code == 200


def test_text_is_trimmed_and_a_charset_is_no_offence():
    body = urlencode(DESKTOP | {"device_name": "  Mei  "})
    answer = Client().post(START, body, content_type=f"{FORM}; charset=UTF-8")
    assert answer.status_code == 200
    assert DeviceSignIn.objects.get().device_name == "Mei"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client_id": None}, (400, "invalid_request")),
        ({"client_id": ""}, (400, "invalid_request")),
        ({"client_id": "podman-desktop"}, (401, "invalid_client")),
        ({"client_id": "docker-desktop\x00"}, (401, "invalid_client")),
        ({"client_id": ["docker-desktop", "docker-desktop"]}, (400, "invalid_request")),
        ({"scope": "desktop policy:write"}, (400, "invalid_scope")),
        ({"scope": ["desktop", "desktop"]}, (400, "invalid_request")),
        ({"device_id": None}, (400, "invalid_request")),
        ({"device_id": "x" * 129}, (400, "invalid_request")),
        ({"device_id": "a\x00b"}, (400, "invalid_request")),
        ({"device_id": ["a", "b"]}, (400, "invalid_request")),
        ({"device_name": "\u202egpj.exe"}, (400, "invalid_request")),
        ({"device_name": "名" * 129}, (400, "invalid_request")),
        ({"os": "x" * 15_000}, (400, "invalid_request")),
        ({"os": "x" * 20_000}, (413, "invalid_request")),
        ({"desktop_version": "4\n5"}, (400, "invalid_request")),
        ({f"field{n}": n for n in range(1_500)}, (413, "invalid_request")),
    ],
)
def test_a_bad_start_is_refused_in_oauths_words_and_leaves_nothing(changes, refusal):
    answer = ask(**changes)
    assert error_of(answer) == refusal
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert not DeviceSignIn.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(DESKTOP), "application/json"),
        ("", FORM),
        ("\x00\xff%ZZ&&==", FORM),
        (urlencode(DESKTOP), f"{FORM}; charset=utf-7"),
        ("&".join(f"{n:x}=" for n in range(1_100)), FORM),
        (urlencode(DESKTOP), ""),
    ],
)
def test_a_body_that_is_no_form_is_refused(body, content_type):
    answer = Client().post(START, body, content_type=content_type)
    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("field", ["scopes", "client", "user", "created", "extra_credentials"])
def test_a_field_that_is_called_like_the_librarys_own_state_is_not_taken_for_it(field):
    assert ask(**{field: "policy:write"}).status_code == 200


def test_parameters_of_the_address_are_not_read():
    answer = post_form(f"{START}?{urlencode(DESKTOP)}", {})
    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("path", [START, "/oauth/token"])
def test_only_post_starts_or_polls(client, path):
    assert client.get(path).status_code == 405


def test_a_code_that_is_taken_is_made_anew(monkeypatch):
    made = iter(["WDJB-MJHT", "WDJB-MJHT", "BCDF-GHJK"])
    monkeypatch.setattr(oauth, "_make_user_code", lambda: next(made))
    assert start()["user_code"] == "WDJB-MJHT"
    assert start()["user_code"] == "BCDF-GHJK"
    assert DeviceSignIn.objects.count() == 2


def test_codes_that_are_always_taken_end_in_a_refusal(monkeypatch):
    monkeypatch.setattr(oauth, "_make_user_code", lambda: "WDJB-MJHT")
    start()
    assert error_of(ask()) == (503, "temporarily_unavailable")
    assert DeviceSignIn.objects.count() == 1


def test_one_address_starts_so_many_and_no_more(monkeypatch):
    assert device_sign_in.STARTS_OF_ADDRESS == 600
    monkeypatch.setattr(device_sign_ins, "STARTS_OF_ADDRESS", 3)
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            start()
            clock.shift(timedelta(minutes=2))
        answer = ask()
        assert error_of(answer) == (429, "temporarily_unavailable")
        assert answer["Retry-After"] == "600"
        other = post_form(START, DESKTOP, REMOTE_ADDR="198.51.100.9")
        assert other.status_code == 200
        clock.move_to(datetime(2026, 11, 24, 9, 10, tzinfo=UTC))
        assert ask().status_code == 200
