"""The stream process: hints to whom they concern, an end for whom the token opens nothing."""

import http.client
import json
from datetime import UTC, datetime, timedelta

import pytest

from orgs.domain.roles import Scope
from orgs.domain.rules import Setting
from orgs.models import AccessToken, Member
from orgs.services.effective_settings import bump_generation
from orgs.services.exceptions import grant_exception
from orgs.services.tokens import revoke_token
from tests.clients.stream_reader import Stream
from tests.factories.desktops import add_member, in_recording, put_policy
from tests.factories.orgs import make_member, make_organization, make_token

pytestmark = pytest.mark.django_db(transaction=True)


def now():
    return datetime.now(UTC)  # noqa: TID251 - the processes have the machine's clock


@pytest.fixture
def acme(live):
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return add_member(acme, "mei@acme.example")


@pytest.fixture
def connect(live):
    """Opens streams and closes them at the end."""
    opened = []

    def connect(token, *, base=live.stream_url, method="GET"):
        opened.append(Stream(base, token, method=method))
        return opened[-1]

    yield connect
    for stream in opened:
        stream.close()


@pytest.fixture
def listen(connect):
    """Opens a stream with a new token of a member."""

    def listen(member, **given):
        made = make_token(member.organization, Scope.DESKTOP, member=member, **given)
        stream = connect(made.text)
        stream.token = made
        return stream

    return listen


def revision(stream):
    event = stream.next()
    assert event is not None
    assert event.name == "revision"
    document = json.loads(event.data)
    assert set(document) == {"revision"}
    return document["revision"]


def settings(live, stream, **headers):
    """The settings as the web process answers them, by the same token."""
    connection = http.client.HTTPConnection(live.url.removeprefix("http://"), timeout=30)
    authorization = {"Authorization": f"Bearer {stream.token.text}"}
    connection.request("GET", "/api/v1/desktop/settings", headers=authorization | headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers["ETag"], json.loads(body) if body else None


def test_a_stream_begins_with_what_holds_and_how_to_come_back(live, listen, mei):
    stream = listen(mei)
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert revision(stream) == settings(live, stream)[2]["revision"]
    assert 1_000 <= stream.retry <= 10_000


def test_a_change_is_hinted_to_whom_it_concerns_and_the_poll_then_sees_it(live, listen, acme, mei):
    hao = add_member(acme, "hao@acme.example")
    of_mei, of_hao = listen(mei), listen(hao)
    known, _ = revision(of_mei), revision(of_hao)
    _, etag, _ = settings(live, of_mei)
    assert settings(live, of_mei, **{"If-None-Match": etag})[0] == 304

    in_recording(
        now(),
        lambda trail: grant_exception(
            trail=trail,
            member=mei,
            setting=Setting.IDLE_TIMEOUT_SECONDS,
            rule={"default": 1200},
            reason="a long build",
            expires_at=now() + timedelta(hours=1),
        ),
    )
    hinted = revision(of_mei)
    assert hinted > known
    # whoever follows the hint at once finds the change: no process answers the old any more
    status, _, document = settings(live, of_mei, **{"If-None-Match": etag})
    assert status == 200
    assert document["revision"] == hinted
    assert document["settings"]["idle_timeout_seconds"]["value"] == 1200

    put_policy(acme, {"gpu_enabled": {"state": "enabled"}}, at=now())
    # hao hears of this one, and has not heard of mei's
    assert revision(of_hao) == revision(of_mei) == hinted + 2


def test_an_exception_that_ends_is_hinted_with_nothing_that_runs_then(listen, mei):
    stream = listen(mei)
    known = revision(stream)
    at = now()
    in_recording(
        at,
        lambda trail: grant_exception(
            trail=trail,
            member=mei,
            setting=Setting.IDLE_TIMEOUT_SECONDS,
            rule={"default": 1200},
            reason="a short build",
            expires_at=at + timedelta(seconds=3),
        ),
    )
    assert revision(stream) == known + 1
    assert revision(stream) == known + 2


def test_a_new_address_is_hinted_though_the_revision_is_the_same(listen, acme, mei):
    stream = listen(mei)
    known = revision(stream)
    Member.objects.filter(pk=mei.pk).update(email="mei.li@acme.example")
    bump_generation(organization_id=acme.pk)
    assert revision(stream) == known


def bye(stream):
    event = stream.next()
    assert event is not None
    assert event.name == "bye"
    assert stream.next() is None
    return json.loads(event.data)


def test_a_revoked_token_ends_its_stream_alone(listen, acme, mei):
    stream, beside = listen(mei), listen(mei)
    revision(stream)
    revision(beside)
    in_recording(
        now(),
        lambda trail: revoke_token(
            trail=trail, organization_id=acme.pk, token_id=stream.token.token.pk
        ),
    )
    assert bye(stream) == {"reason": "token_revoked"}
    put_policy(acme, {"gpu_enabled": {"state": "enabled"}}, at=now())
    revision(beside)


def test_a_member_who_is_removed_hears_no_more(listen, acme, mei):
    stream = listen(mei)
    revision(stream)
    Member.objects.filter(pk=mei.pk).update(status=Member.Status.REMOVED)
    bump_generation(organization_id=acme.pk)
    assert bye(stream) == {"reason": "token_revoked"}


def test_a_token_that_expires_ends_its_stream(listen, mei):
    stream = listen(mei, made_at=now(), lifetime=timedelta(seconds=3))
    revision(stream)
    assert bye(stream) == {"reason": "token_expired"}


def test_a_token_has_two_streams_at_the_most(connect, listen, mei):
    first = listen(mei)
    second = connect(first.token.text)
    third = connect(first.token.text)
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert json.loads(third.body())["code"] == "too_many_streams"
    assert 5 <= int(third.headers["retry-after"]) <= 30
    assert third.headers["content-type"] == "application/problem+json"
    # a place that is given back is there again
    second.close()
    statuses = set()
    while 200 not in statuses:
        again = connect(first.token.text)
        statuses.add(again.status)
        again.close()
    assert statuses <= {200, 429}


def test_a_member_who_came_by_other_means_gets_settings(listen, acme):
    assert revision(listen(make_member(acme, "old@acme.example"))) > 0


def test_the_last_use_is_noted(listen, mei):
    stream = listen(mei)
    revision(stream)
    assert AccessToken.objects.get(pk=stream.token.token.pk).last_used_at is not None


@pytest.mark.parametrize("token", [None, "", "x", "ofd_" + "0" * 49])
def test_without_a_good_token_there_is_no_stream(connect, acme, token):
    stream = connect(token)
    assert stream.status == 401
    assert stream.headers["www-authenticate"].startswith('Bearer realm="api"')
    assert json.loads(stream.body())["status"] == 401


def test_another_kind_of_token_opens_no_stream(connect, acme):
    for scope in (Scope.POLICY_READ, Scope.METERING_WRITE):
        assert connect(make_token(acme, scope).text).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE", "NONSENSE"])
def test_a_stream_is_only_read(connect, acme, method):
    stream = connect("x", method=method)
    assert stream.status == 405
    assert stream.headers["allow"] == "GET"


def test_the_stream_process_serves_nothing_else(live):
    host = live.stream_url.removeprefix("http://")
    for path, status in (
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 404),
        ("/api/v1/desktop/settings", 404),
        ("/accounts/login/", 404),
        ("/api/v1/desktop/stream/", 404),
    ):
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("GET", path)
        assert connection.getresponse().status == status
        connection.close()


def test_readiness_of_the_stream_needs_no_broker(live):
    connection = http.client.HTTPConnection(live.stream_url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/readyz")
    assert json.loads(connection.getresponse().read())["checks"] == {
        "database": "ok",
        "migrations": "ok",
    }
    connection.close()


def test_the_web_process_never_holds_a_stream(live, connect, mei):
    made = make_token(mei.organization, Scope.DESKTOP, member=mei)
    stream = connect(made.text, base=live.url)
    assert stream.status == 421
    assert stream.headers["location"] == f"{live.stream_url}/api/v1/desktop/stream"


def test_choices_and_polls_need_no_redis(live, mei):
    made = make_token(mei.organization, Scope.DESKTOP, member=mei)
    headers = {"Authorization": f"Bearer {made.text}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(live.url.removeprefix("http://"), timeout=30)

    def ask(method, path, body=None, **more):
        connection.request(method, f"/api/v1/desktop/{path}", body, headers | more)
        answer = connection.getresponse()
        answer.read()
        return answer

    chosen = ask("PATCH", "preferences", '{"idle_timeout_seconds": 600}')
    assert chosen.status == 200
    etag = {"If-None-Match": chosen.headers["ETag"]}
    assert [ask("GET", "settings", **etag).status for _ in range(20)] == [304] * 20
    in_recording(
        now(),
        lambda trail: revoke_token(
            trail=trail, organization_id=mei.organization_id, token_id=made.token.pk
        ),
    )
    while (answer := ask("GET", "settings", **etag)).status == 304:
        pass
    assert answer.status == 401
    connection.close()
