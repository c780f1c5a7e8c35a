"""Folding as events come: any batches in any order leave what one fold of all of them leaves."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from billing.domain.events import Event, Kind
from billing.domain.sessions import Walk, in_order
from tests.billing.domain.naive_fold import SECOND
from tests.billing.domain.remembered_streams import RememberedStream
from tests.billing.domain.strategies import EVENING, streams, told_to_the_product

HOUR = 3_600 * SECOND


def at_the_border(words) -> list[Event]:
    """Return the events around the midnight at which days and billing periods meet."""
    events = told_to_the_product(words)
    middle = events[len(events) // 2].at if events else EVENING
    return [moved._replace(at=moved.at + EVENING - middle) for moved in events]


@st.composite
def arrivals(draw) -> list[list[Event]]:
    """Return a stream as batches: in order, or with any number of events late."""
    events = at_the_border(draw(streams()))
    if draw(st.booleans()):
        events = draw(st.permutations(events))
    elif events and draw(st.booleans()):
        late = events.pop(draw(st.integers(0, len(events) - 1)))
        events.append(late)
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=5)))
    return [
        events[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True)
    ]


def check(batches: list[list[Event]], *, at_once: int) -> None:
    stream = RememberedStream(at_once=at_once)
    for batch in batches:
        stream.receive(batch)
        stream.fold()
        assert stream.stored() == stream.at_one_go()


@settings(max_examples=600, deadline=None)
@given(arrivals(), st.sampled_from([1, 2, 3, 500]))
def test_any_arrival_leaves_what_one_fold_leaves(batches, at_once):
    event(f"batches: {len([batch for batch in batches if batch])}")
    check(batches, at_once=at_once)


@pytest.mark.prove
@settings(max_examples=20_000, deadline=None)
@given(arrivals(), st.sampled_from([1, 2, 3, 500]))
def test_very_many_arrivals_leave_what_one_fold_leaves(batches, at_once):
    check(batches, at_once=at_once)


@settings(max_examples=300, deadline=None)
@given(arrivals(), st.lists(st.booleans(), min_size=6, max_size=6))
def test_folds_between_the_batches_do_not_matter(batches, folds):
    """Marks of several batches may be worked off together, late ones and new ones at once."""
    stream = RememberedStream(at_once=2)
    for batch, fold_now in zip(batches, folds, strict=False):
        stream.receive(batch)
        if fold_now:
            stream.fold()
    stream.fold()
    assert stream.stored() == stream.at_one_go()


@settings(max_examples=200, deadline=None)
@given(arrivals())
def test_records_add_up_to_their_session(batches):
    stream = RememberedStream(at_once=500)
    for batch in batches:
        stream.receive(batch)
        stream.fold()
    for facts, records in stream.stored():
        assert sum(record.billable_us for record in records) == facts.billable_us
        assert sum(record.bridged_us for record in records) == facts.bridged_us
        assert sum(record.waiting_us for record in records) == facts.waiting_us
        for record in records:
            assert 0 < record.billable_us <= record.day.end - record.day.start
            assert 0 <= record.waiting_us <= record.working_us


@settings(max_examples=300, deadline=None)
@given(streams(), st.data())
def test_portions_of_whole_instants_do_not_matter_to_a_walk(words, data):
    events = in_order(told_to_the_product(words))
    places = [n for n in range(1, len(events)) if events[n].at != events[n - 1].at]
    cuts = sorted(data.draw(st.sets(st.sampled_from(places)))) if places else []
    whole, walk = Walk(), Walk()
    whole.feed(events)
    for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True):
        walk.feed(events[start:stop])
    assert walk.sessions() == whole.sessions()
    assert walk.open_session == whole.open_session


def busy_stream(hours: int) -> RememberedStream:
    """Return a stream of sessions of a quarter of an hour, one an hour, folded in order."""
    stream = RememberedStream(at_once=500)
    for hour in range(hours):
        stream.receive(
            [
                Event(EVENING + hour * HOUR + minute * 60 * SECOND, Kind.ACTIVE, "cpu-4x8", 120)
                for minute in range(15)
            ]
        )
    stream.fold()
    return stream


@pytest.mark.parametrize("hours", [10, 200])
def test_a_new_event_reads_itself_and_the_last_instant(hours):
    stream = busy_stream(hours)
    stream.receive([Event(EVENING + hours * HOUR, Kind.ACTIVE, "cpu-4x8", 120)])
    assert stream.fold() == 2


@pytest.mark.parametrize("hours", [40, 200])
def test_a_late_event_reads_no_more_than_it_touches_whatever_the_history(hours):
    stream = busy_stream(hours)
    stream.at_once = 20
    late = Event(EVENING + 20 * HOUR + 30 * 60 * SECOND, Kind.ACTIVE, "cpu-4x8", 120)
    stream.receive([late])
    # The 15 of the hour it falls into, itself, and the rest of one read: the next session's begin.
    assert stream.fold() == 20
    assert stream.stored() == stream.at_one_go()
