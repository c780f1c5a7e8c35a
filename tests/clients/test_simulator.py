"""The parts of the simulated Desktop that a server's answers decide."""

import io
import json
from random import Random
from threading import Event
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from clients.desktop_simulator import __main__ as program
from clients.desktop_simulator import desktop as desktop_module
from clients.desktop_simulator.day import plan
from clients.desktop_simulator.desktop import Desktop, Habits
from clients.desktop_simulator.hints import read_events
from clients.desktop_simulator.report import Report
from clients.desktop_simulator.server import Answer, NoAnswer
from clients.desktop_simulator.sign_in import (
    Device,
    Endpoints,
    SignInFailed,
    discover,
    sign_in,
)
from tests.clients.scripted_server import scripted

DEVICE = Device(device_id="d-1", name="mei's", os="linux", desktop_version="4.50.0")
DOCUMENT = {
    "user": "mei@acme.example",
    "revision": 7,
    "poll": {"after_seconds": 300, "jitter": 0.2},
}


class Scripted:
    """A server that gives these answers, one after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def get(self, path, headers):
        self.asked.append(headers)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        pass


def answer(status, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=json.dumps(body).encode())


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(desktop_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def make_desktop(*answers):
    return Desktop(
        server=Scripted(*answers),
        token="ofd_x",
        device=DEVICE,
        report=Report(io.StringIO()),
        habits=Habits(),
        random=Random(1),
    )


def due_in(desktop, clock):
    return desktop._due_at - clock.now


def test_the_next_poll_is_within_the_jitter(clock):
    desktop = make_desktop(*[answer(200, DOCUMENT, etag='"a"')] * 50)
    waits = []
    for _ in range(50):
        desktop._ask("poll")
        waits.append(due_in(desktop, clock))
    assert min(waits) >= 240
    assert max(waits) <= 360
    assert max(waits) - min(waits) > 60


def test_it_asks_with_the_etag_that_it_was_given(clock):
    desktop = make_desktop(answer(200, DOCUMENT, etag='"a"'), answer(304))
    desktop._ask("start")
    desktop._ask("poll")
    assert [headers.get("If-None-Match") for headers in desktop.server.asked] == [None, '"a"']
    assert desktop.revision == 7


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_even_when_a_hint_comes(clock, status):
    desktop = make_desktop(answer(status, retry_after="90"))
    desktop._ask("poll")
    assert 90 <= due_in(desktop, clock) <= 108
    desktop.hint("hint")
    assert due_in(desktop, clock) >= 90


def test_failures_wait_twice_as_long_each_time_up_to_a_minute(clock):
    desktop = make_desktop(*[NoAnswer("away"), answer(500)] * 4)
    waits = []
    for _ in range(8):
        desktop._ask("retry")
        waits.append(due_in(desktop, clock))
    for wait, least in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert least <= wait <= 1.2 * least


def test_a_hint_makes_it_ask_soon_but_not_at_once_with_all_others(clock):
    desktops = [make_desktop(answer(200, DOCUMENT, etag='"a"')) for _ in range(20)]
    for number, desktop in enumerate(desktops):
        desktop.random = Random(number)
        desktop._ask("start")
        desktop.hint("hint")
    waits = [due_in(desktop, clock) for desktop in desktops]
    assert max(waits) <= 1.0
    assert max(waits) - min(waits) > 0.5


def test_a_hint_that_comes_while_the_answer_is_under_way_is_not_lost(clock):
    desktop = make_desktop()

    def hinted_meanwhile(path, headers):
        desktop.hint("hint")
        return answer(200, DOCUMENT, etag='"a"')

    desktop.server = SimpleNamespace(get=hinted_meanwhile)
    desktop._ask("poll")
    assert due_in(desktop, clock) <= 1.0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_the_end(clock, status):
    desktop = make_desktop(answer(status, {"code": "token_revoked"}))
    desktop.sync(Event())
    assert desktop.is_signed_out


def test_the_events_of_a_stream():
    text = (
        b'retry: 4210\n\n: comment\n\nid: 42\nevent: revision\ndata: {"revision":42}\n\n'
        b"data: a\r\ndata:b\r\n\r\nretry: x\nevent: nothing\n\nevent: bye\ndata: {}\n\n"
        b"event: cut off\ndata: never"
    )
    events = list(read_events(io.BytesIO(text)))
    assert [(e.name, e.data, e.retry_milliseconds) for e in events] == [
        ("", "", 4210),
        ("", "", None),
        ("revision", '{"revision":42}', None),
        ("message", "a\nb", None),
        ("bye", "{}", None),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_day_is_in_order_and_within_its_hours(seed):
    stretches = list(plan(Random(seed), hours=8))
    assert len(stretches) > 10
    ends = 0.0
    for stretch in stretches:
        assert ends < stretch.begin <= stretch.end <= 8 * 3600
        ends = stretch.end


class TestSignIn:
    """The device flow, against a server that says what RFC 8628 lets one say."""

    START = {
        "device_code": "dc",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://offload.example/device",
        "verification_uri_complete": "https://offload.example/device?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 5,
    }

    def sign_in(self, *polls, start=START):
        """Sign in; return the token, what was shown, the waits, and what was asked."""
        shown, waits = [], []
        with scripted({"/code": [(200, start)], "/token": list(polls)}) as server:
            token = sign_in(
                Endpoints(device_authorization=f"{server.url}/code", token=f"{server.url}/token"),
                client_id="docker-desktop",
                device=DEVICE,
                show=shown.append,
                wait=waits.append,
            )
            return token, shown, waits, server.asked

    def test_a_person_approves_after_a_while(self):
        token, shown, waits, asked = self.sign_in(
            (400, {"error": "authorization_pending"}),
            (400, {"error": "slow_down"}),
            (400, {"error": "authorization_pending"}),
            (200, {"access_token": "ofd_new", "token_type": "Bearer"}),
        )
        assert token == "ofd_new"
        assert [prompt.user_code for prompt in shown] == ["WDJB-MJHT"]
        assert waits == [5, 5, 10, 10]
        path, form = asked[0]
        assert (path, parse_qs(form)) == (
            "/code",
            {
                "client_id": ["docker-desktop"],
                "scope": ["desktop"],
                "device_id": ["d-1"],
                "device_name": ["mei's"],
                "os": ["linux"],
                "desktop_version": ["4.50.0"],
            },
        )
        assert {path for path, _ in asked[1:]} == {"/token"}
        assert parse_qs(asked[1][1]) == {
            "grant_type": ["urn:ietf:params:oauth:grant-type:device_code"],
            "device_code": ["dc"],
            "client_id": ["docker-desktop"],
        }

    @pytest.mark.parametrize(
        ("poll", "why"),
        [
            ((400, {"error": "access_denied"}), "access_denied"),
            ((400, {"error": "expired_token", "error_description": "Too late."}), "Too late."),
            ((400, {"error": "invalid_grant"}), "invalid_grant"),
            ((200, {}), "the server granted, and sent no token"),
            ((404, None), "status 404"),
        ],
    )
    def test_a_refusal_ends_it_with_its_reason(self, poll, why):
        with pytest.raises(SignInFailed) as caught:
            self.sign_in(poll)
        assert str(caught.value) == why

    def test_it_gives_up_when_the_code_has_expired(self):
        pending = (400, {"error": "authorization_pending"})
        with pytest.raises(SignInFailed, match="the code has expired"):
            self.sign_in(*[pending] * 4, start=self.START | {"expires_in": 20})

    @pytest.mark.parametrize("start", [None, [], {}, START | {"expires_in": "soon"}])
    def test_an_answer_of_another_shape(self, start):
        with pytest.raises(SignInFailed, match="not of RFC 8628"):
            self.sign_in(start=start)

    def test_the_endpoints_come_from_the_metadata(self):
        metadata = {
            "device_authorization_endpoint": "https://offload.example/oauth/device/code",
            "token_endpoint": "https://offload.example/oauth/token",
        }
        path = "/.well-known/oauth-authorization-server"
        with scripted({path: [(200, metadata), (200, {}), (404, None)]}) as server:
            assert discover(server.url) == Endpoints(
                device_authorization="https://offload.example/oauth/device/code",
                token="https://offload.example/oauth/token",
            )
            with pytest.raises(SignInFailed, match="names no device_authorization_endpoint"):
                discover(server.url)
            with pytest.raises(SignInFailed, match="status 404"):
                discover(server.url)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--server", "ftp://x"], "error: 'ftp://x' is no http:// or https:// address"),
        (["--tokens-file", "/nonexistent"], "No such file"),
        (["--token-endpoint", "http://x/t"], "come together"),
        (["--server", "http://127.0.0.1:1"], "refused"),
    ],
)
def test_what_cannot_begin_is_one_line(capsys, arguments, line):
    assert program.main(arguments) == 1
    said = capsys.readouterr()
    assert line in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize("option", ["--speed=0.5", "--hours=0", "--duration=-1", "--poll-after=0"])
def test_numbers_that_make_no_sense_are_refused(capsys, option):
    with pytest.raises(SystemExit):
        program.main([option])
    assert "must be" in capsys.readouterr().err
