"""The fold: the worked cases, the naive fold, and what must hold for every stream."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.sessions import CONTINUITY_WINDOW_US, Event, Kind, fold
from tests.billing.domain import continuity_document
from tests.billing.domain.naive_fold import TURN, Word, naive_fold
from tests.billing.domain.strategies import (
    EVENING,
    instants_of,
    streams,
    streams_and_instants,
    told_to_the_product,
)
from tests.billing.domain.worked_boundaries import GROUPS
from tests.billing.domain.worked_cases import STATED, Case, us

CASES = [*STATED, *(case for cases in GROUPS.values() for case in cases)]
# The naive fold's words for why a session ended, in the product's.
REASONS = {None: "", "expired": "", "ended": "ended", "machine": "machine_changed"}
SAID_IN_SECONDS = ("idles_at", "idle_since", "ended_at", "purges_at")
thorough = settings(max_examples=600, deadline=None)


def words_of(case: Case) -> list[Word]:
    return [Word(told.kind, us(told.at), told.on, told.t) for told in case.events]


def expected_of(case: Case) -> list[dict]:
    rows = []
    for session in case.sessions:
        said = {
            name: us(value) if name in SAID_IN_SECONDS and value is not None else value
            for name, value in session.said.items()
        }
        rows.append(
            {
                "started_at": us(session.start),
                "active_until": us(session.until),
                "machine": session.on,
                "billable": us(session.billed),
                "bridged": us(session.bridged),
                "working": us(session.billed) - us(session.bridged),
                **said,
            }
        )
    return rows


def facts(session) -> dict:
    """Return the product's session under the names of the naive one."""
    return {
        "started_at": session.started_at,
        "active_until": session.active_until,
        "machine": session.machine,
        "state": session.state,
        "reason": session.end_reason,
        "idles_at": session.idles_at,
        "idle_since": session.idle_since if session.state == "idle" else None,
        "ended_at": session.ended_at,
        "purges_at": session.purges_at,
        "working": session.working_us,
        "bridged": session.bridged_us,
        "waiting": session.waiting_us,
        "billable": session.billable_us,
        "stretches": [tuple(stretch) for stretch in session.stretches],
    }


def naive_facts(session) -> dict:
    known = {name: getattr(session, name) for name in vars(session)}
    return {
        **known,
        "reason": REASONS[session.reason],
        "stretches": [tuple(stretch) for stretch in session.stretches],
    }


def without_counts(sessions) -> list:
    """Return sessions but for their number of events, which duplicates of one content raise.

    The fold knows no identity: events that are the same by identity never reach it.
    """
    return [replace(session, event_count=1) for session in sessions]


def chosen(rows: list[dict], expected: list[dict]) -> list[dict]:
    """Return of each row what the expectation at its place speaks about."""
    return [
        {name: row[name] for name in (expected[n] if n < len(expected) else row)}
        for n, row in enumerate(rows)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_worked_cases(case):
    expected = expected_of(case)
    sessions = fold(told_to_the_product(words_of(case)), as_of=us(case.as_of))
    assert chosen([facts(session) for session in sessions], expected) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_worked_cases_hold_for_the_naive_fold(case):
    expected = expected_of(case)
    sessions = naive_fold(words_of(case), as_of=us(case.as_of))
    assert chosen([naive_facts(session) for session in sessions], expected) == expected


def test_worked_cases_have_names_of_their_own():
    assert len({case.what for case in CASES}) == len(CASES)


def test_the_document_shows_the_worked_cases():
    document = continuity_document.DOCUMENT.read_text(encoding="utf-8")
    _, shown, _ = continuity_document.parts_of(document)
    assert shown == continuity_document.tables(), (
        "run: python -m tests.billing.domain.continuity_document"
    )


def test_numbers_of_the_kinds_are_the_order_of_ties():
    assert {kind.name.lower(): int(kind) for kind in Kind} == TURN


@thorough
@given(streams_and_instants())
def test_agrees_with_the_naive_fold(stream_and_instant):
    words, as_of = stream_and_instant
    ours = [facts(session) for session in fold(told_to_the_product(words), as_of=as_of)]
    assert ours == [naive_facts(session) for session in naive_fold(words, as_of=as_of)]


@thorough
@given(streams_and_instants(timeouts=(10,), machines=("cpu-4x8", "cpu-16x32")))
def test_agrees_with_the_naive_fold_where_streams_are_dense(stream_and_instant):
    words, as_of = stream_and_instant
    ours = [facts(session) for session in fold(told_to_the_product(words), as_of=as_of)]
    assert ours == [naive_facts(session) for session in naive_fold(words, as_of=as_of)]


@pytest.mark.prove
@settings(max_examples=30_000, deadline=None)
@given(streams_and_instants())
def test_agrees_with_the_naive_fold_on_very_many_streams(stream_and_instant):
    words, as_of = stream_and_instant
    ours = [facts(session) for session in fold(told_to_the_product(words), as_of=as_of)]
    assert ours == [naive_facts(session) for session in naive_fold(words, as_of=as_of)]


@thorough
@given(streams_and_instants(), st.randoms(use_true_random=False), st.data())
def test_only_the_set_of_events_matters(stream_and_instant, random, data):
    words, as_of = stream_and_instant
    events = told_to_the_product(words)
    again = data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    mixed = [*events, *again]
    random.shuffle(mixed)
    assert without_counts(fold(iter(mixed), as_of=as_of)) == without_counts(
        fold(events, as_of=as_of)
    )


@given(streams_and_instants())
def test_events_after_as_of_are_unheard(stream_and_instant):
    words, as_of = stream_and_instant
    heard = [word for word in words if word.at <= as_of]
    expected = fold(told_to_the_product(heard), as_of=as_of)
    assert fold(told_to_the_product(words), as_of=as_of) == expected


@given(streams_and_instants(), st.integers(min_value=-EVENING, max_value=EVENING))
def test_the_place_on_the_line_of_time_does_not_matter(stream_and_instant, by):
    words, as_of = stream_and_instant
    here = fold(told_to_the_product(words), as_of=as_of)
    moved = [word._replace(at=word.at + by) for word in words]
    there = fold(told_to_the_product(moved), as_of=as_of + by)
    assert [
        (s.started_at + by, s.active_until + by, s.working_us, s.bridged_us) for s in here
    ] == [(s.started_at, s.active_until, s.working_us, s.bridged_us) for s in there]


@thorough
@given(streams_and_instants())
def test_durations_add_up(stream_and_instant):
    words, as_of = stream_and_instant
    for session in fold(told_to_the_product(words), as_of=as_of):
        span = session.active_until - session.started_at
        assert session.billable_us == span == session.working_us + session.bridged_us
        assert 0 <= session.waiting_us <= session.working_us
        assert session.bridged_us >= 0
        assert session.active_until <= as_of
        assert span > 0
        engaged = sum(stretch.active_until - stretch.started_at for stretch in session.stretches)
        assert session.waiting_us == session.working_us - engaged


@thorough
@given(streams_and_instants())
def test_stretches_lie_in_their_session_in_order(stream_and_instant):
    words, as_of = stream_and_instant
    for session in fold(told_to_the_product(words), as_of=as_of):
        first, *_, last = [session.stretches[0], *session.stretches]
        assert session.started_at == first.started_at
        assert last.active_until <= session.active_until
        for stretch in session.stretches:
            assert stretch.started_at <= stretch.active_until
            assert stretch.idle_at is None or stretch.active_until <= stretch.idle_at
        for one, other in pairwise(session.stretches):
            assert one.active_until < other.started_at
            assert one.idle_at is None or one.idle_at <= other.started_at


@thorough
@given(streams_and_instants())
def test_no_overbilling(stream_and_instant):
    """Spans never overlap, and lie apart unless an `ended` or another machine stands between."""
    words, as_of = stream_and_instant
    sessions = fold(told_to_the_product(words), as_of=as_of)
    for one, other in pairwise(sessions):
        assert one.active_until <= other.started_at
        apart = other.started_at - one.active_until > CONTINUITY_WINDOW_US
        between = [word for word in words if one.active_until <= word.at <= other.started_at]
        assert apart or any(
            word.kind == "ended" or word.machine != one.machine for word in between
        )


@thorough
@given(streams_and_instants())
def test_only_the_last_session_is_open(stream_and_instant):
    words, as_of = stream_and_instant
    sessions = fold(told_to_the_product(words), as_of=as_of)
    assert all(session.state == "ended" for session in sessions[:-1])
    for session in sessions:
        if session.state == "active":
            assert session.active_until == as_of < session.idles_at
            assert session.purges_at is None
        elif session.state == "idle":
            assert session.idle_since == session.active_until <= as_of <= session.purges_at
            assert session.purges_at - session.idle_since == CONTINUITY_WINDOW_US
            assert session.idles_at is None
        else:
            assert session.active_until <= session.purges_at <= as_of
            assert session.purges_at - session.active_until <= CONTINUITY_WINDOW_US
            assert session.idles_at is None


@thorough
@given(streams(), st.data())
def test_time_takes_nothing_back(words, data):
    """What is billed as of one instant is billed as of every later one; what has ended is fixed.

    Not so the waiting: activity may still turn it into a stretch.
    """
    sooner, later = sorted((data.draw(instants_of(words)), data.draw(instants_of(words))))
    events = told_to_the_product(words)
    after = {session.started_at: session for session in fold(events, as_of=later)}
    for session in fold(events, as_of=sooner):
        grown = after[session.started_at]
        assert grown.machine == session.machine
        assert grown.active_until >= session.active_until
        assert grown.working_us >= session.working_us
        assert grown.bridged_us >= session.bridged_us
        if session.state == "ended":
            assert grown == session


@thorough
@given(streams_and_instants())
def test_counts_the_events_that_made_the_session(stream_and_instant):
    words, as_of = stream_and_instant
    heard = [word for word in words if word.at <= as_of]
    sessions = fold(told_to_the_product(words), as_of=as_of)
    assert sum(session.event_count for session in sessions) <= len(heard)
    for session in sessions:
        inside = [
            word
            for word in heard
            if word.kind == "active"
            and word.machine == session.machine
            and session.started_at < word.at < session.active_until
        ]
        assert session.event_count >= 1 + len(inside)


def test_nothing_comes_of_nothing():
    assert fold([], as_of=EVENING) == []
    assert fold([Event(EVENING, Kind.IDLE, "cpu-4x8", 300)], as_of=EVENING) == []
