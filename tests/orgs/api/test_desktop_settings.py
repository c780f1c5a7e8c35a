"""`GET /desktop/settings`: the document, its ETag, and what the unchanged poll costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from orgs.domain.roles import Role, Scope
from orgs.models import AccessToken, SettingsVersion
from orgs.services.tokens import revoke_token
from tests.factories.desktops import SETTINGS, add_member, in_recording, put_policy, sign_in
from tests.factories.orgs import NOW, make_member, make_organization, make_token, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def acme(clock):
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return sign_in(add_member(acme, "mei@acme.example"))


def test_the_document_is_the_contracts(acme, mei, clock, settings):
    settings.DESKTOP_STREAM_URL = "https://stream.offload.example/api/v1/desktop/stream"
    put_policy(
        acme,
        {
            "offload_enabled": {"state": "enabled"},
            "idle_timeout_seconds": {"minimum": 60, "maximum": 900, "default": 300},
            "gpu_enabled": {"state": "always_disabled"},
        },
        at=clock.now,
    )
    assert mei.choose({"idle_timeout_seconds": 1200}).status_code == 200
    answer = mei.poll()
    assert answer.json() == {
        "organization": "acme",
        "user": "mei@acme.example",
        "revision": 4,  # the owner's settings, mei's, the policy, the choice
        "settings": {
            "offload_enabled": {
                "value": True,
                "state": "enabled",
                "locked": False,
                "chosen": None,
                "source": {"level": "organization", "name": "acme"},
                "reasons": ["ORGANIZATION_DEFAULT"],
            },
            "idle_timeout_seconds": {
                "value": 900,
                "minimum": 60,
                "maximum": 900,
                "default": 300,
                "locked": False,
                "chosen": 1200,
                "source": {"level": "user"},
                "reasons": ["USER_CHOICE", "CLAMPED_TO_MAXIMUM"],
            },
            "gpu_enabled": {
                "value": False,
                "state": "always_disabled",
                "locked": True,
                "chosen": None,
                "source": {"level": "organization", "name": "acme"},
                "reasons": ["LOCKED_BY_ORGANIZATION"],
            },
        },
        "spending": {"state": "ok"},
        "poll": {"after_seconds": 300, "jitter": 0.2},
        "stream": {"url": "https://stream.offload.example/api/v1/desktop/stream"},
        "messages": [],
    }
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Vary"] == "Authorization"
    assert len(answer["ETag"]) == 34


def test_the_unchanged_poll_is_304_without_a_query(mei, django_assert_num_queries):
    first = mei.poll()
    with django_assert_num_queries(0):
        answer = mei.poll()
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == first["ETag"]
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Vary"] == "Authorization"
    assert "Content-Type" not in answer


def test_after_a_second_all_polls_together_cost_one_query(
    mei, acme, clock, django_assert_num_queries
):
    hao = sign_in(add_member(acme, "hao@acme.example"))
    clock.forward()
    mei.poll()
    hao.poll()
    clock.forward()
    with django_assert_num_queries(1):
        assert (mei.poll().status_code, hao.poll().status_code) == (304, 304)
        assert (mei.poll().status_code, hao.poll().status_code) == (304, 304)


def test_a_poll_that_has_to_look_costs_the_token_and_the_settings(
    mei, clock, django_assert_num_queries
):
    mei.poll()
    with django_assert_num_queries(2):
        assert mei.client.get(SETTINGS, headers=mei.headers).status_code == 200


@pytest.mark.parametrize(
    ("presented", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ('W/"other",W/{etag} , "third"', 304),
        ("*", 304),
        (" {etag} ", 304),
        ("", 200),
        ('"other"', 200),
        ('W/"other", "third"', 200),
        ("{unquoted}", 200),
        ("{etag}x", 200),
        ('"' + "a" * 5000, 200),
        ("," * 1000, 200),
        ("é\x7f", 200),
    ],
)
@pytest.mark.parametrize("is_remembered", [True, False])
def test_if_none_match(mei, clock, presented, status, is_remembered):
    etag = mei.poll()["ETag"]
    if not is_remembered:
        AccessToken.objects.update(expires_at=NOW + HOUR)
        mei.client.get(SETTINGS, headers=mei.headers)  # remembered up to then
        clock.forward(HOUR.total_seconds() - 1)
        AccessToken.objects.update(expires_at=None)
        clock.forward(2)
    text = presented.format(etag=etag, unquoted=etag.strip('"'))
    answer = mei.client.get(SETTINGS, headers=mei.headers | {"If-None-Match": text})
    assert answer.status_code == status
    assert answer["ETag"] == etag


def test_a_head_tells_the_same_without_a_body(mei):
    etag = mei.poll()["ETag"]
    answer = mei.client.head(SETTINGS, headers=mei.headers)
    assert (answer.status_code, answer["ETag"]) == (200, etag)
    answer = mei.client.head(SETTINGS, headers=mei.headers | {"If-None-Match": etag})
    assert answer.status_code == 304


@pytest.mark.parametrize("text", ["", "x", "ofd_" + "0" * 49, "é", "\x00"])
def test_a_bad_token_is_401(mei, text):
    etag = mei.poll()["ETag"]
    headers = {"Authorization": f"Bearer {text}", "If-None-Match": etag}
    answer = mei.client.get(SETTINGS, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_case_insensitive(mei, scheme):
    mei.poll()
    mei.headers["Authorization"] = mei.headers["Authorization"].replace("Bearer", scheme)
    assert mei.poll().status_code == 304
    mei.etag = ""
    assert mei.poll().status_code == 200


def test_only_a_desktop_token_opens_it(acme, clock, client):
    assert client.get(SETTINGS).status_code == 401
    assert client.get(SETTINGS, headers={"Authorization": "Basic eDp4"}).status_code == 401
    member = make_member(acme, "lena@acme.example", role=Role.OWNER)
    for token in (
        make_token(acme, Scope.POLICY_READ),
        make_token(acme, Scope.POLICY_READ, member=member),
        make_token(acme, Scope.METERING_WRITE),
        make_token(None, Scope.METERING_WRITE),
    ):
        answer = client.get(SETTINGS, headers={"Authorization": f"Bearer {token.text}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_browser_session_is_not_a_desktop(acme, clock, client):
    user = make_user("hao@acme.example")
    make_member(acme, user.email, user=user)
    client.force_login(user)
    assert client.get(SETTINGS).status_code == 401
    assert client.patch("/api/v1/desktop/preferences").status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_settings_are_only_read(mei, method):
    answer = getattr(Client(), method)(SETTINGS, headers=mei.headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_two_organizations_are_two_desktops(acme, mei, clock):
    other = make_organization("other").organization
    same_person = sign_in(add_member(other, "mei@acme.example"))
    assert same_person.poll().json()["organization"] == "other"
    assert mei.poll().json()["organization"] == "acme"
    # one's ETag is worth nothing with the other's token
    same_person.etag = mei.etag
    assert same_person.poll().status_code == 200


def test_a_member_who_came_by_other_means_gets_settings_once(acme, clock):
    imported = make_member(acme, "old@acme.example")
    desktop = sign_in(imported)
    assert not SettingsVersion.objects.filter(member=imported).exists()
    assert desktop.poll().json()["settings"]["offload_enabled"]["value"] is True
    for _ in range(3):
        clock.forward()
        assert desktop.poll().status_code == 304
    assert SettingsVersion.objects.filter(member=imported).count() == 1


def test_the_web_process_sends_a_listener_to_the_stream(client, settings):
    settings.DESKTOP_STREAM_URL = "https://stream.offload.example/api/v1/desktop/stream"
    answer = client.get("/api/v1/desktop/stream", headers={"Accept-Language": "en"})
    assert answer.status_code == 421
    assert answer["Location"] == "https://stream.offload.example/api/v1/desktop/stream"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Wrong process",
        "status": 421,
        "detail": ("The stream is at https://stream.offload.example/api/v1/desktop/stream."),
        "code": "wrong_process",
    }


class TestLastUse:
    """A poll that the database does not hear of is noted all the same."""

    def last_use(self, desktop):
        return AccessToken.objects.get(pk=desktop.token_id).last_used_at

    def test_it_is_noted_at_once_and_again_after_a_minute(self, mei, clock):
        mei.poll()
        assert self.last_use(mei) == NOW
        clock.forward(59)
        assert mei.poll().status_code == 304
        assert self.last_use(mei) == NOW
        clock.forward(1)
        assert mei.poll().status_code == 304
        assert self.last_use(mei) == NOW + timedelta(seconds=60)

    def test_all_uses_of_a_second_are_one_statement(
        self, acme, mei, clock, django_assert_num_queries
    ):
        hao = sign_in(add_member(acme, "hao@acme.example"))
        clock.forward()
        mei.poll()
        hao.poll()
        clock.forward(300)
        assert mei.poll().status_code == 304  # reads the generations, notes its own use
        assert hao.poll().status_code == 304
        clock.forward()
        with django_assert_num_queries(2):  # the uses, the generations
            assert mei.poll().status_code == 304
        assert self.last_use(mei) == NOW + timedelta(seconds=301.01)
        assert self.last_use(hao) == NOW + timedelta(seconds=302.02)


class TestRaces:
    """What changes while an answer is made is seen by the next poll."""

    @pytest.fixture
    def meanwhile(self):
        """Run something just before the settings are read, as another process would."""

        def meanwhile(do):
            pending = [do]

            def wrapper(execute, sql, params, many, context):
                if 'FROM "orgs_settingsversion"' in sql and pending:
                    pending.pop()()
                return execute(sql, params, many, context)

            return connection.execute_wrapper(wrapper)

        return meanwhile

    def test_a_token_that_is_revoked_while_its_settings_are_read(
        self, acme, mei, clock, meanwhile
    ):
        def revoke():
            in_recording(
                clock.now,
                lambda trail: revoke_token(
                    trail=trail, organization_id=acme.pk, token_id=mei.token_id
                ),
            )
            clock.forward()  # so that whoever asks now reads the new generation

        with meanwhile(revoke):
            assert mei.poll().status_code == 200
        clock.forward()
        assert mei.poll().status_code == 401

    def test_an_address_that_changes_while_the_settings_are_read(
        self, acme, mei, clock, meanwhile
    ):
        from orgs.services.effective_settings import bump_generation

        def rename():
            type(mei.member).objects.filter(pk=mei.member.pk).update(email="mei.li@acme.example")
            bump_generation(organization_id=acme.pk)
            clock.forward()

        with meanwhile(rename):
            assert mei.poll().json()["user"] == "mei@acme.example"
        clock.forward()
        assert mei.poll().json()["user"] == "mei.li@acme.example"
