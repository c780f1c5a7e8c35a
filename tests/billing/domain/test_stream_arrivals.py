"""A stream folded bit by bit is the stream folded at once, whatever the order of arrival."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.events import Event, Kind
from billing.domain.records import Calendar, StoredPeriod
from tests.billing.domain.stored_stream import StoredStream, from_scratch
from tests.billing.domain.strategies import EVENING, streams, told_to_the_product

SECOND = 1_000_000
DAY = 86_400 * SECOND
ACTIVE, IDLE, ENDED = Kind.ACTIVE.value, Kind.IDLE.value, Kind.ENDED.value
CPU = "cpu-4x8"


@st.composite
def calendars(draw: st.DrawFn, events: list[Event]) -> Calendar:
    """Two periods whose seam, with or without a change of zone, lies at or near an event."""
    around = draw(st.sampled_from([event.at for event in events])) if events else EVENING
    seam = around + draw(st.sampled_from([-SECOND, -1, 0, 1, 150 * SECOND, 600 * SECOND]))
    first, second = draw(
        st.sampled_from(
            [
                ("UTC", "UTC"),
                ("Asia/Shanghai", "America/Havana"),  # the date at the seam comes twice
                ("America/Havana", "Asia/Shanghai"),
                ("Australia/Lord_Howe", "UTC"),
            ]
        )
    )
    return Calendar(
        [
            StoredPeriod(7, seam - 400 * DAY, seam, first),
            StoredPeriod(3, seam, seam + 400 * DAY, second),
        ]
    )


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]], Calendar, list[int]]:
    """A stream, how it arrives, the days it is cut into, how much is read at once."""
    words = draw(streams())
    if draw(st.booleans()):  # a second part, later: sessions that nothing touches
        pause = draw(st.sampled_from([301, 3_901, 7_200])) * SECOND
        shift = (words[-1].at - EVENING if words else 0) + pause
        words += [word._replace(at=word.at + shift) for word in draw(streams())]
    events = told_to_the_product(words)
    order = draw(st.permutations(events))
    batches: list[list[Event]] = []
    while order:
        size = draw(st.integers(1, len(order)))
        batches.append(order[:size])
        order = order[size:]
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 5, 50]), min_size=1, max_size=2))
    return events, batches, draw(calendars(events)), sizes


@settings(max_examples=500, deadline=None)
@given(arrivals(), st.data())
def test_any_order_of_arrival_gives_the_fold_of_the_whole(arrived, data):
    _, batches, calendar, sizes = arrived
    stream = StoredStream(calendar=calendar, at_once=sizes)
    for number, batch in enumerate(batches):
        stream.receive(batch)
        if number < len(batches) - 1 and not data.draw(st.booleans()):
            continue  # waits for the next fold, under a mark of its own
        stream.fold()
        assert stream.sessions == from_scratch(stream.events, calendar=calendar)


@settings(max_examples=100, deadline=None)
@given(arrivals())
def test_folding_again_without_news_changes_nothing(arrived):
    events, _, calendar, sizes = arrived
    if not events:
        return
    stream = StoredStream(calendar=calendar, at_once=sizes)
    stream.receive(events)
    stream.fold()
    before = dict(stream.sessions), stream.checkpoint
    stream.marks = [(min(events)[0], max(events)[0]), (events[-1].at, events[-1].at)]
    stream.fold()
    assert (stream.sessions, stream.checkpoint) == before


def actives(*seconds: float, timeout: int = 300, machine: str = CPU) -> list[Event]:
    return [Event(EVENING + int(second * SECOND), ACTIVE, machine, timeout) for second in seconds]


def word(kind: int, second: float, machine: str = CPU) -> Event:
    return Event(EVENING + int(second * SECOND), kind, machine, 300)


def folded(*batches: list[Event], at_once: tuple[int, ...] = (2, 3)) -> StoredStream:
    whole = Calendar([StoredPeriod(1, EVENING - 400 * DAY, EVENING + 400 * DAY, "UTC")])
    stream = StoredStream(calendar=whole, at_once=at_once)
    for batch in batches:
        stream.receive(batch)
        stream.fold()
    return stream


def spans(stream: StoredStream) -> list[tuple[float, float]]:
    return [
        ((start - EVENING) / SECOND, (entry.active_until - EVENING) / SECOND)
        for start, entry in sorted(stream.sessions.items())
    ]


def test_a_late_event_joins_two_sessions():
    stream = folded(actives(0, 1_000, 9_000))
    assert spans(stream) == [(0, 300), (1_000, 1_300), (9_000, 9_300)]
    stream.receive(actives(600))
    stream.fold()
    stream.receive(actives(800))
    stream.fold()
    assert spans(stream) == [(0, 1_300), (9_000, 9_300)]


def test_a_late_end_splits_a_session():
    stream = folded(actives(0, 150, 300, 9_000), [word(ENDED, 200)])
    assert spans(stream) == [(0, 200), (300, 600), (9_000, 9_300)]


def test_a_late_idle_opens_a_gap_that_splits():
    stream = folded(actives(0, 400, timeout=600), [word(IDLE, 40)])
    assert spans(stream) == [(0, 40), (400, 1_000)]


def test_late_words_remove_a_session():
    stream = folded(actives(100, 9_000), [word(ENDED, 100)])
    assert spans(stream) == [(100, 400), (9_000, 9_300)]  # taken before the active of its instant
    # At 100 a machine later in name order takes over: the first one has no length any more.
    stream.receive([Event(EVENING + 100 * SECOND, ACTIVE, "gpu-l4", 300)])
    stream.fold()
    assert [entry.machine for _, entry in sorted(stream.sessions.items())] == ["gpu-l4", CPU]
    # An active before it swallows the start of the second session.
    stream.receive(actives(8_900))
    stream.fold()
    assert spans(stream) == [(100, 400), (8_900, 9_300)]


def test_late_events_before_everything():
    stream = folded(actives(1_000), actives(0), actives(-5_000))
    assert spans(stream) == [(-5_000, -4_700), (0, 300), (1_000, 1_300)]


def test_late_and_new_events_together():
    stream = folded(actives(0, 2_000, 9_000), actives(2_100, 9_100, 9_200))
    assert spans(stream) == [(0, 300), (2_000, 2_400), (9_000, 9_500)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_ties_at_the_checkpoint_arrive_one_by_one(order):
    instant = [
        word(IDLE, 100),
        word(ENDED, 100),
        *actives(100, machine="cpu-16x32"),
        *actives(100, timeout=10),
    ]
    stream = folded(actives(0), *([instant[place]] for place in order), at_once=(1,))
    assert spans(stream) == [(0, 100), (100, 110)]
    assert stream.sessions == from_scratch(stream.events, calendar=stream.calendar)


@pytest.mark.parametrize("at_once", [(1,), (2,), (3,), (7,), (1, 100)])
def test_a_chunk_never_splits_an_instant(at_once):
    events = [
        Event(EVENING + second * SECOND, ACTIVE, machine, timeout)
        for second in (0, 10, 20)
        for machine in (CPU, "gpu-l4")
        for timeout in (300, 10)
    ]
    stream = folded(events, at_once=at_once)
    assert spans(stream) == [(0, 10), (10, 20), (20, 30)]
    assert {entry.machine for entry in stream.sessions.values()} == {"gpu-l4"}


def test_an_event_in_order_reads_itself_and_the_last_instant():
    stream = folded(actives(*range(0, 150_000, 150)), actives(150_000), at_once=(50,))
    assert stream.read == 2
    stream.receive(actives(150_100))
    stream.fold()
    assert stream.read == 2


def test_a_late_event_reads_the_sessions_it_touches():
    starts = range(0, 200 * 3_000, 3_000)  # 200 sessions of 10 events; the 50th gets one more
    stream = folded(actives(*(start + 150 * n for start in starts for n in range(10))))
    stream.at_once = (15, 20_000)
    stream.receive(actives(50 * 3_000 + 1_400))
    stream.fold()
    assert stream.read == 15 + 1  # one round, and the last instant


def test_a_session_of_10_000_stretches_takes_an_event_at_the_price_of_one():
    # Every 600 s with T = 300: gaps of exactly 300 s, all bridged, over 69 days.
    stream = folded(actives(*range(0, 10_000 * 600, 600)), at_once=(20_000,))
    (entry,) = stream.sessions.values()
    assert len(entry.stretches) == 10_000
    assert entry.bridged_us == 9_999 * 300 * SECOND
    stream.receive(actives(10_000 * 600))
    stream.fold()
    assert stream.read == 2
    assert stream.checkpoint.open_session.event_count == 10_000
    assert stream.sessions == from_scratch(stream.events, calendar=stream.calendar)
