"""The replay of any stream: against the fold, against a naive one from events, and by itself."""

from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing.domain.events import Event, Kind
from billing.domain.replay import (
    BEGINNING,
    ReplayedSession,
    replay,
    replay_as_recorded,
    resumes_cut,
)
from billing.domain.sessions import fold
from tests.billing.domain.naive_fold import Word
from tests.billing.domain.naive_replay import naive_replay
from tests.billing.domain.recorded_streams import recorded
from tests.billing.domain.strategies import (
    TIMEOUTS,
    instants_of,
    streams,
    streams_and_instants,
    told_to_the_product,
)

WITHOUT_IDLE = ("active", "active", "active", "ended")
thorough = settings(max_examples=600, deadline=None)
any_timeout = st.sampled_from([*TIMEOUTS, 30, 301, 900])


def described(sessions: list[ReplayedSession]) -> list[tuple]:
    return [
        (one.started_at, one.active_until, one.machine, one.working_us, one.waiting_us,
         one.bridged_us)
        for one in sessions
    ]  # fmt: skip


def no_tie_of_machines(words: list[Word]) -> bool:
    """Whether no two machines are active at one instant: the first may leave no trace."""
    machines: dict[int, set[str]] = {}
    for word in words:
        if word.kind == "active":
            machines.setdefault(word.at, set()).add(word.machine)
    return all(len(named) == 1 for named in machines.values())


@thorough
@given(streams_and_instants(kinds=WITHOUT_IDLE))
def test_under_the_recorded_timeouts_it_is_the_recorded_fold(stream_and_instant):
    words, as_of = stream_and_instant
    sessions = fold(told_to_the_product(words), as_of=as_of)
    assert described(replay_as_recorded(recorded(words, as_of), since=BEGINNING, as_of=as_of)) == [
        (one.started_at, one.active_until, one.machine, one.working_us, one.waiting_us,
         one.bridged_us)
        for one in sessions
    ]  # fmt: skip


@thorough
@given(streams_and_instants(), any_timeout)
def test_it_is_the_fold_of_what_a_runner_would_have_reported(stream_and_instant, timeout):
    """The product's own fold of made-up events; its stretches are longer, so not the waiting."""
    words, as_of = stream_and_instant
    stretches = recorded(words, as_of)
    found = replay(stretches, idle_timeout=timeout, since=BEGINNING, as_of=as_of)
    events = []
    for one, other in pairwise([*stretches, None]):
        until = one.active_until
        holds = other is not None and one.terminated_at is None and one.machine == other.machine
        if holds and other.started_at - until <= one.idle_timeout * 500_000 + 1_000_000:
            until = other.started_at
        ticks = {*range(one.started_at, until, timeout * 500_000), until}
        events += [Event(at, Kind.ACTIVE, one.machine, timeout) for at in ticks]
        # an ended at the instant of the last active would be heard before it
        if one.terminated_at is not None and one.terminated_at > one.active_until:
            events.append(Event(one.terminated_at, Kind.ENDED, one.machine, timeout))
    assert [(*row[:4], row[5]) for row in described(found)] == [
        (one.started_at, one.active_until, one.machine, one.working_us, one.bridged_us)
        for one in fold(events, as_of=as_of)
    ]


@thorough
@given(streams_and_instants(), st.one_of(st.none(), any_timeout))
def test_the_naive_replay_of_the_events_finds_the_same(stream_and_instant, timeout):
    words, as_of = stream_and_instant
    assume(no_tie_of_machines(words))
    stretches = recorded(words, as_of)
    window = {"since": BEGINNING, "as_of": as_of}
    if timeout is None:
        found = replay_as_recorded(stretches, **window)
    else:
        found = replay(stretches, idle_timeout=timeout, **window)
    assert described(found) == [
        (one.started_at, one.active_until, one.machine, one.working, one.waiting, one.bridged)
        for one in naive_replay(words, timeout=timeout, as_of=as_of)
    ]


@thorough
@given(streams_and_instants(), any_timeout, any_timeout)
def test_a_longer_timeout_never_bills_less_and_never_makes_more_sessions(
    stream_and_instant, one, other
):
    words, as_of = stream_and_instant
    stretches = recorded(words, as_of)
    window = {"since": BEGINNING, "as_of": as_of}
    short = replay(stretches, idle_timeout=min(one, other), **window)
    long = replay(stretches, idle_timeout=max(one, other), **window)
    for session in short:
        assert any(
            kept.started_at <= session.started_at and session.active_until <= kept.active_until
            for kept in long
        )
    assert len(long) <= len(short)
    assert resumes_cut(before=long, after=short, since=BEGINNING) == len(short) - len(long)
    assert resumes_cut(before=short, after=long, since=BEGINNING) == 0


@thorough
@given(streams_and_instants())
def test_as_recorded_never_bills_less_than_was_billed(stream_and_instant):
    """A timer that an idle forestalled bills its whole wait."""
    words, as_of = stream_and_instant
    found = replay_as_recorded(recorded(words, as_of), since=BEGINNING, as_of=as_of)
    for session in fold(told_to_the_product(words), as_of=as_of):
        assert any(
            one.started_at <= session.started_at and session.active_until <= one.active_until
            for one in found
        )


@thorough
@given(streams(), any_timeout, st.data())
def test_time_takes_nothing_back(words, timeout, data):
    sooner, later = sorted((data.draw(instants_of(words)), data.draw(instants_of(words))))
    stretches = recorded(words, later)
    early = replay(stretches, idle_timeout=timeout, since=BEGINNING, as_of=sooner)
    late = {
        one.started_at: one
        for one in replay(stretches, idle_timeout=timeout, since=BEGINNING, as_of=later)
    }
    assert all(one.active_until <= late[one.started_at].active_until for one in early)


@thorough
@given(streams_and_instants(), any_timeout, st.randoms(use_true_random=False), st.data())
def test_the_order_of_the_stretches_means_nothing_and_a_window_only_cuts(
    stream_and_instant, timeout, random, data
):
    words, as_of = stream_and_instant
    stretches = recorded(words, as_of)
    whole = replay(stretches, idle_timeout=timeout, since=BEGINNING, as_of=as_of)
    random.shuffle(stretches)
    assert replay(stretches, idle_timeout=timeout, since=BEGINNING, as_of=as_of) == whole
    since = data.draw(instants_of(words))
    cut = replay(stretches, idle_timeout=timeout, since=since, as_of=as_of)
    assert [(one.started_at, one.active_until, one.machine) for one in cut] == [
        (max(one.started_at, since), one.active_until, one.machine)
        for one in whole
        if one.active_until > max(one.started_at, since)
    ]
    for one in cut:
        assert one.waiting_us >= 0
        assert one.bridged_us >= 0
        assert one.waiting_us + one.bridged_us <= one.billable_us
