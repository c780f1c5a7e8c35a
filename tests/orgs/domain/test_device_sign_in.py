from datetime import UTC, datetime, timedelta

import pytest

from orgs.domain.device_sign_in import (
    DeviceFacts,
    InvalidDevice,
    PollAnswer,
    SignInState,
    answer_poll,
    read_user_code,
    show_user_code,
    slowed,
)

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FACTS = {
    "device_id": "d1",
    "name": "Mei 的 MacBook",
    "os": "macOS 26.1",
    "desktop_version": "4.50",
}


@pytest.mark.parametrize(
    "typed",
    ["WDJBMJHT", "wdjb-mjht", " WDJB MJHT ", "WDJB–MJHT", "ｗｄｊｂ－ｍｊｈｔ"],  # noqa: RUF001 - as an input method writes it
)
def test_a_code_is_read_as_people_type_it(typed):
    assert read_user_code(typed) == "WDJBMJHT"


@pytest.mark.parametrize(
    "typed",
    ["", "WDJB", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJHТ", "x" * 10_000],  # noqa: RUF001 - a Cyrillic letter
)
def test_what_cannot_be_a_code_is_none(typed):
    assert read_user_code(typed) is None


def test_a_code_is_shown_in_two_halves():
    assert show_user_code("WDJBMJHT") == "WDJB-MJHT"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device_id", ""),
        ("device_id", "x" * 129),
        ("device_id", "a\x00b"),
        ("name", "x" * 129),
        ("name", "a\nb"),
        ("name", "safe\u202egpj.exe"),
        ("os", "x" * 65),
        ("os", "\ud800"),
        ("desktop_version", "4" * 33),
        ("desktop_version", "4.50\t"),
    ],
)
def test_a_device_says_short_printable_things(field, value):
    with pytest.raises(InvalidDevice) as refused:
        DeviceFacts(**FACTS | {field: value})
    said = "device_name" if field == "name" else field
    assert str(refused.value).startswith(said)
    assert str(refused.value).isascii()


def test_the_longest_facts_are_kept():
    facts = DeviceFacts(device_id="x" * 128, name="名" * 128, os="", desktop_version="")
    assert (len(facts.device_id), len(facts.name)) == (128, 128)


def polled(seconds, *, state=SignInState.PENDING, last=None, interval=5):
    return answer_poll(
        state=state,
        expires_at=START + timedelta(minutes=10),
        last_polled_at=None if last is None else START + timedelta(seconds=last),
        interval_seconds=interval,
        at=START + timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(
    ("seconds", "state", "answer"),
    [
        (0, SignInState.PENDING, PollAnswer.PENDING),
        (599.999999, SignInState.PENDING, PollAnswer.PENDING),
        (600, SignInState.PENDING, PollAnswer.EXPIRED),
        (599.999999, SignInState.APPROVED, PollAnswer.TOKEN),
        (600, SignInState.APPROVED, PollAnswer.EXPIRED),
        (599, SignInState.DENIED, PollAnswer.DENIED),
        (600, SignInState.DENIED, PollAnswer.EXPIRED),
        (1, SignInState.EXCHANGED, PollAnswer.UNKNOWN),
        (600, SignInState.EXCHANGED, PollAnswer.UNKNOWN),
    ],
)
def test_a_poll_is_answered_by_state_and_age(seconds, state, answer):
    assert polled(seconds, state=state) is answer


@pytest.mark.parametrize(
    ("seconds", "interval", "answer"),
    [
        (13.999999, 5, PollAnswer.SLOW_DOWN),
        (14, 5, PollAnswer.PENDING),
        (15, 5, PollAnswer.PENDING),
        (18.999999, 10, PollAnswer.SLOW_DOWN),
        (19, 10, PollAnswer.PENDING),
    ],
)
def test_who_polls_a_second_early_is_in_time_and_earlier_is_slowed_down(seconds, interval, answer):
    assert polled(seconds, last=10, interval=interval) is answer


@pytest.mark.parametrize(
    ("state", "answer"),
    [(SignInState.APPROVED, PollAnswer.TOKEN), (SignInState.DENIED, PollAnswer.DENIED)],
)
def test_what_is_decided_is_said_at_once(state, answer):
    assert polled(10.1, state=state, last=10) is answer


def test_each_slow_down_adds_five_seconds_up_to_the_codes_life():
    assert slowed(5) == 10
    assert slowed(10) == 15
    assert slowed(598) == 600
    assert slowed(600) == 600
