"""The memory of polls stays within its bound and keeps who polls."""

from datetime import timedelta

import pytest
import time_machine

from orgs.access.desktop_polls import PollMemory
from orgs.models import AccessToken
from tests.factories.orgs import NOW


def token(number: int, *, expires_at=None) -> AccessToken:
    return AccessToken(
        pk=number,
        organization_id=7,
        secret_hash=key(number),
        expires_at=expires_at,
    )


def key(number: int) -> bytes:
    return number.to_bytes(32)


@pytest.fixture
def memory():
    memory = PollMemory(entries_at_most=3)
    memory.generations._read = lambda: {7: 5}
    return memory


def keep(memory, number, *, etag='"e"', generation=5, valid_until=None, expires_at=None):
    memory.remember(
        token(number, expires_at=expires_at),
        etag=etag,
        generation=generation,
        valid_until=valid_until,
    )


def kept(memory, *numbers):
    return [number for number in numbers if memory.find_etag(key(number)) is not None]


def test_it_forgets_who_has_not_asked_for_longest(memory):
    with time_machine.travel(NOW, tick=False) as traveller:
        for number in (1, 2, 3):
            keep(memory, number)
        traveller.shift(61)
        assert kept(memory, 1) == [1]
        keep(memory, 4)
        assert kept(memory, 1, 2, 3, 4) == [1, 3, 4]
        assert len(memory._entries) == 3


def test_a_token_takes_one_place_however_often_it_is_remembered(memory):
    for _ in range(5):
        keep(memory, 1, etag='"old"')
    keep(memory, 1, etag='"new"')
    keep(memory, 2)
    assert memory.find_etag(key(1)) == '"new"'
    assert len(memory._entries) == 2


def test_an_entry_of_another_generation_is_not_used(memory):
    keep(memory, 1, generation=4)
    assert memory.find_etag(key(1)) is None


def test_an_entry_ends_with_the_settings_or_the_token_whichever_is_first(memory):
    soon, late = NOW + timedelta(seconds=10), NOW + timedelta(seconds=20)
    with time_machine.travel(NOW, tick=False) as traveller:
        keep(memory, 1, valid_until=soon, expires_at=late)
        keep(memory, 2, valid_until=late, expires_at=soon)
        keep(memory, 3, valid_until=late)
        traveller.shift(9.999)
        assert kept(memory, 1, 2, 3) == [1, 2, 3]
        traveller.shift(0.001)
        assert kept(memory, 1, 2, 3) == [3]


def test_a_poll_while_the_database_is_away_is_503(memory, monkeypatch, client):
    from django.db import OperationalError

    from orgs.access import desktop_polls

    def away():
        raise OperationalError

    keep(memory, 1)
    memory.generations._read = away
    monkeypatch.setattr(desktop_polls, "MEMORY", memory)
    monkeypatch.setattr(desktop_polls, "hash_of", lambda text: key(1))
    answer = client.get(
        desktop_polls.SETTINGS_PATH,
        headers={"Authorization": "Bearer x", "If-None-Match": '"e"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "not_available")
    assert answer["Retry-After"] == "5"
