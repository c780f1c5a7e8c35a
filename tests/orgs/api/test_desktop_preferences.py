"""`PATCH /desktop/preferences`: choices are stored as chosen, or refused with the place."""

import json

import pytest

from orgs.models import AuditEvent, Member, MemberChoices
from tests.factories.desktops import add_member, put_policy, sign_in
from tests.factories.orgs import make_organization

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/desktop/preferences"


@pytest.fixture
def acme(clock):
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return sign_in(add_member(acme, "mei@acme.example"))


def chosen():
    row = MemberChoices.objects.get()
    return row.offload_enabled, row.idle_timeout_seconds, row.gpu_enabled


def test_the_answer_is_the_new_document_with_its_etag(mei):
    answer = mei.choose({"idle_timeout_seconds": 900, "gpu_enabled": True})
    assert answer.status_code == 200
    settings = answer.json()["settings"]
    assert settings["idle_timeout_seconds"]["value"] == 900
    assert settings["idle_timeout_seconds"]["reasons"] == ["USER_CHOICE"]
    assert settings["gpu_enabled"]["value"] is True
    mei.poll()
    assert (mei.etag, mei.document) == (answer["ETag"], answer.json())


def test_a_choice_is_kept_as_chosen_and_comes_back(acme, mei, clock):
    put_policy(acme, {"idle_timeout_seconds": {"maximum": 600}}, at=clock.now)
    timeout = mei.choose({"idle_timeout_seconds": 1200}).json()["settings"]["idle_timeout_seconds"]
    assert (timeout["value"], timeout["chosen"]) == (600, 1200)
    assert timeout["reasons"] == ["USER_CHOICE", "CLAMPED_TO_MAXIMUM"]
    put_policy(acme, {"idle_timeout_seconds": {"maximum": 3600}}, at=clock.now)
    clock.forward()
    mei.poll()
    assert mei.document["settings"]["idle_timeout_seconds"]["value"] == 1200


def test_null_takes_a_choice_back_and_what_is_left_out_stays(mei):
    mei.choose({"idle_timeout_seconds": 900, "gpu_enabled": True})
    answer = mei.choose({"idle_timeout_seconds": None})
    timeout = answer.json()["settings"]["idle_timeout_seconds"]
    assert (timeout["value"], timeout["chosen"]) == (300, None)
    assert chosen() == (None, None, True)


def test_nothing_chosen_changes_nothing(mei):
    etag = mei.poll()["ETag"]
    answer = mei.choose({})
    assert (answer.status_code, answer["ETag"]) == (200, etag)
    assert mei.choose({"gpu_enabled": None})["ETag"] == etag
    assert not MemberChoices.objects.exists()


def test_it_is_recorded_as_the_tokens_deed(mei):
    mei.choose({"gpu_enabled": True})
    event = AuditEvent.objects.get(action="settings.chosen")
    assert (event.actor_kind, event.actor_token_id) == ("token", mei.token_id)
    assert event.diff == {"gpu_enabled": [None, True]}


@pytest.mark.parametrize("value", [False, None])
def test_a_locked_setting_refuses_a_choice(acme, mei, clock, value):
    put_policy(acme, {"gpu_enabled": {"state": "always_enabled"}}, at=clock.now)
    answer = mei.choose({"gpu_enabled": value, "idle_timeout_seconds": 900})
    assert (answer.status_code, answer.json()["code"]) == (409, "setting_locked")
    assert answer.json()["errors"] == [
        {
            "pointer": "/gpu_enabled",
            "code": "setting_locked",
            "detail": "gpu_enabled is locked by your organization.",
        }
    ]
    assert not MemberChoices.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"idle_timeout_seconds": 9}, "/idle_timeout_seconds", "out_of_bounds"),
        ({"idle_timeout_seconds": 3601}, "/idle_timeout_seconds", "out_of_bounds"),
        ({"idle_timeout_seconds": -(10**30)}, "/idle_timeout_seconds", None),
        ({"idle_timeout_seconds": 300.0}, "/idle_timeout_seconds", "not_a_number"),
        ({"idle_timeout_seconds": "300"}, "/idle_timeout_seconds", "not_a_number"),
        ({"idle_timeout_seconds": True}, "/idle_timeout_seconds", "not_a_number"),
        ({"offload_enabled": 1}, "/offload_enabled", "not_a_boolean"),
        ({"offload_enabled": "true"}, "/offload_enabled", "not_a_boolean"),
        ({"gpu_enabled": {"state": "enabled"}}, "/gpu_enabled", "not_a_boolean"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"a/b~c": 1}, "/a~1b~0c", "unknown_field"),
        ({"": 1}, "/", "unknown_field"),
        ({"\u0000\u202e": 1}, "/\u0000\u202e", "unknown_field"),
        ([], "", "not_an_object"),
        ("gpu_enabled", "", "not_an_object"),
        (None, "", "not_an_object"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_its_place(mei, body, pointer, code):
    answer = mei.choose(json.dumps(body))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert code is None or error["code"] == code
    assert not MemberChoices.objects.exists()


def test_all_mistakes_are_told_at_once(mei):
    answer = mei.choose({"idle_timeout_seconds": 1, "gpu_enabled": 2, "x": 3})
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/idle_timeout_seconds",
        "/gpu_enabled",
        "/x",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"not json",
        b'{"gpu_enabled": NaN}',
        b'{"gpu_enabled": true,}',
        b'{"\xff": 1}',
        b'{"\\ud800": 1}',
        b"[" * 4000,
        b'{"a":' * 800,
        b"\xef\xbb\xbf{}",
    ],
    ids=["open", "empty", "words", "nan", "comma", "utf8", "surrogate", "deep", "deeper", "bom"],
)
def test_a_body_that_is_no_json_is_400(mei, body):
    answer = mei.client.generic(
        "PATCH", ADDRESS, body, content_type="application/json", headers=mei.headers
    )
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] in {"malformed_json", "invalid"}
    assert not MemberChoices.objects.exists()


def test_a_body_that_is_too_large_is_413(mei):
    answer = mei.choose(json.dumps({"gpu_enabled": True, "x": "a" * 4096}))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_another_media_type_is_415(mei, kind):
    answer = mei.client.generic(
        "PATCH", ADDRESS, b"gpu_enabled=true", content_type=kind, headers=mei.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_body_of_unknown_length_is_not_lost_in_silence(mei):
    answer = mei.choose({"gpu_enabled": True}, HTTP_TRANSFER_ENCODING="chunked")
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_who_leaves_meanwhile_is_signed_out(mei, monkeypatch):
    """Between the token's check and the choice: the row as the service finds it counts."""
    from orgs.api import desktop

    choose = desktop.choose

    def leave_and_choose(**given):
        Member.objects.filter(pk=mei.member.pk).update(status=Member.Status.REMOVED)
        choose(**given)

    monkeypatch.setattr(desktop, "choose", leave_and_choose)
    answer = mei.choose({"gpu_enabled": True})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert not MemberChoices.objects.exists()


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_only_patch(mei, method):
    assert getattr(mei.client, method)(ADDRESS, headers=mei.headers).status_code == 405
