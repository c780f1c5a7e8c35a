"""Seats of the stream process: how many there are, and what ends them. See also tests/clients."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from orgs.access import desktop_seats
from orgs.access.desktop_seats import Admission, Seats
from orgs.access.problems import Problem
from orgs.api import desktop_stream
from orgs.selectors.desktops import DesktopState
from orgs.selectors.tokens import TokenRefused


def run_apart(coroutine):
    """Run in a thread of its own: a browser's loop may be running in this one."""
    with ThreadPoolExecutor(max_workers=1) as apart:
        return apart.submit(asyncio.run, coroutine).result()


def admission(token_id, organization_id=7):
    return Admission(
        token_id=token_id,
        organization_id=organization_id,
        generation=1,
        revision=5,
        user="mei@acme.example",
        valid_until=None,
    )


@pytest.fixture(autouse=True)
def _no_news(monkeypatch):
    monkeypatch.setattr(desktop_seats, "_news", lambda seats: [])
    monkeypatch.setattr(desktop_seats, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(desktop_seats, "SETTLE_SECONDS", 0.0)


def refused(do) -> str:
    with pytest.raises(Problem) as caught:
        do()
    assert (caught.value.status, caught.value.code) == (429, "too_many_streams")
    assert 5 <= int(caught.value.headers["Retry-After"]) <= 30
    return caught.value.detail


def test_token_organization_and_process_have_their_limits(monkeypatch):
    monkeypatch.setattr(desktop_seats, "PER_ORGANIZATION", 3)
    monkeypatch.setattr(desktop_seats, "PER_PROCESS", 4)

    async def fill():
        seats = Seats()
        first = seats.take(admission(1))
        seats.take(admission(1))
        assert refused(lambda: seats.take(admission(1))) == "A token has 2 streams at the most."
        seats.take(admission(2))
        said = refused(lambda: seats.take(admission(3)))
        assert said == "An organization has 3 streams at the most."
        seats.take(admission(4, organization_id=8))
        said = refused(lambda: seats.take(admission(5, organization_id=9)))
        assert said == "This process has no room for another stream."
        assert refused(seats.require_room) == said
        seats.leave(first)
        seats.take(admission(3))

    run_apart(fill())


def test_nobody_looks_when_nobody_listens():
    async def come_and_go():
        seats = Seats()
        seat = seats.take(admission(1))
        watch = seats._watch
        seats.leave(seat)
        await watch
        seats.take(admission(1))
        assert seats._watch is not watch
        assert not seats._watch.done()

    run_apart(come_and_go())


def test_a_look_that_fails_is_tried_again(monkeypatch):
    looks = []
    news = DesktopState(refusal=None, revision=6, user="mei@acme.example", valid_until=None)

    def look(seats):
        looks.append(1)
        if len(looks) == 1:
            raise OperationalError
        return [(seats[0], 2, news)] if len(looks) == 2 else []

    monkeypatch.setattr(desktop_seats, "_news", look)

    async def wait():
        seats = Seats()
        seat = seats.take(admission(1))
        async with asyncio.timeout(30):
            await seat.woken.wait()
        return seat.hint, seat.farewell, seat.known.generation, seat.known.revision

    assert run_apart(wait()) == (6, None, 2, 6)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "token_revoked"),
        (
            DesktopState(
                refusal=TokenRefused("token_expired", ""), revision=5, user="", valid_until=None
            ),
            "token_expired",
        ),
    ],
)
def test_a_token_that_opens_nothing_any_more_ends_its_seat(monkeypatch, state, reason):
    monkeypatch.setattr(desktop_seats, "_news", lambda seats: [(seats[0], 2, state)])

    async def wait():
        seat = Seats().take(admission(1))
        async with asyncio.timeout(30):
            await seat.woken.wait()
        return seat.farewell

    assert run_apart(wait()) == reason


def test_without_anybody_who_looks_every_stream_ends(monkeypatch):
    def break_down(seats):
        raise ZeroDivisionError

    monkeypatch.setattr(desktop_seats, "_news", break_down)

    async def wait():
        seats = Seats()
        both = [seats.take(admission(1)), seats.take(admission(2))]
        async with asyncio.timeout(30):
            for seat in both:
                await seat.woken.wait()
        assert isinstance(seats._watch.exception(), ZeroDivisionError)
        return [seat.farewell for seat in both]

    assert run_apart(wait()) == ["restart", "restart"]


def test_a_stream_beats_while_there_is_nothing_to_say_and_ends_by_its_time(monkeypatch):
    monkeypatch.setattr(desktop_stream, "HEARTBEAT_SECONDS", 0.001)
    monkeypatch.setattr(desktop_stream, "LIFETIME_SECONDS", (0.2, 0.2))

    async def listen():
        seat = Seats().take(admission(1))
        return [text async for text in desktop_stream._events(seat)]

    first, *beats, last = run_apart(listen())
    assert first.endswith('\n\nid: 5\nevent: revision\ndata: {"revision":5}\n\n')
    assert set(beats) == {":\n\n"}
    assert last == 'event: bye\ndata: {"reason": "time_limit"}\n\n'


def test_streams_begin_with_waits_of_their_own_and_end_within_15_minutes():
    low, high = desktop_stream.LIFETIME_SECONDS
    assert low < high <= 15 * 60

    async def first_words():
        words = []
        for token_id in range(20):
            events = desktop_stream._events(Seats().take(admission(token_id)))
            words.append(await anext(events))
            await events.aclose()
        return words

    waits = {int(text.split()[1]) for text in run_apart(first_words())}
    assert len(waits) > 10
    assert min(waits) >= 1_000
    assert max(waits) <= 10_000


def test_an_end_is_the_last_word_whatever_else_was_to_be_said():
    async def listen():
        seat = Seats().take(admission(1))
        events = desktop_stream._events(seat)
        await anext(events)
        seat.tell(6)
        seat.end("token_revoked")
        seat.end("")
        return [text async for text in events]

    (bye,) = run_apart(listen())
    assert json.loads(bye.partition("data: ")[2]) == {"reason": "token_revoked"}
