"""Activity stretches and waiting: worked cases, in seconds, written out by hand."""

import pytest

from billing.domain.sessions import fold
from tests.billing.domain.naive_fold import Word, naive_fold
from tests.billing.domain.strategies import told_to_the_product
from tests.billing.domain.worked_cases import LONG_AFTER, active, ended, idle, us

# what, events, stretches as (first active, last active, no longer active at, timeout), waiting
CASES = [
    (
        "half a timeout and one second apart: one stretch",
        active(0, 6, t=10),
        [(0, 6, 16, 10)],
        10,
    ),
    (
        "a microsecond further apart: two, and the wait between them",
        active(0, "6.000001", t=10),
        [(0, 0, None, 10), ("6.000001", "6.000001", "16.000001", 10)],
        "16.000001",
    ),
    (
        "half of an odd timeout is exact",
        active(0, "6.5", "13.000001", t=11),
        [(0, "6.5", None, 11), ("13.000001", "13.000001", "24.000001", 11)],
        "17.500001",
    ),
    (
        "going idle in between parts what is near",
        active(0) + idle(2) + active(4),
        [(0, 0, 2, 300), (4, 4, 304, 300)],
        302,
    ),
    (
        "an idle at the instant of an active parts, too",
        active(0) + idle(2) + active(2),
        [(0, 0, 2, 300), (2, 2, 302, 300)],
        302,
    ),
    (
        "the earlier event's timeout decides: the longer one first",
        active(0, t=600) + active(301, t=10),
        [(0, 301, 311, 10)],
        10,
    ),
    (
        "the earlier event's timeout decides: the shorter one first",
        active(0, t=10) + active(7, t=600),
        [(0, 0, None, 10), (7, 7, 607, 600)],
        607,
    ),
    (
        "at the deadline it was idle for no time",
        active(0, 10, t=10),
        [(0, 0, 10, 10), (10, 10, 20, 10)],
        20,
    ),
    (
        "a bridged gap is no waiting",
        active(0, 5, 100, t=10),
        [(0, 5, 15, 10), (100, 100, 110, 10)],
        20,
    ),
    (
        "ended while active",
        active(0, 100) + ended(120),
        [(0, 100, 120, 300)],
        20,
    ),
    (
        "another machine while active",
        active(0, 100) + active(130, on="gpu"),
        [(0, 100, 130, 300)],
        30,
    ),
]


def seconds(instant):
    return None if instant is None else us(instant)


@pytest.mark.parametrize(
    ("events", "stretches", "waiting"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_stretches_of_the_first_session(events, stretches, waiting):
    words = [Word(told.kind, us(told.at), told.on, told.t) for told in events]
    expected = [
        (us(start), us(until), seconds(stop), timeout) for start, until, stop, timeout in stretches
    ]
    session = fold(told_to_the_product(words), as_of=us(LONG_AFTER))[0]
    assert [tuple(stretch) for stretch in session.stretches] == expected
    assert session.waiting_us == us(waiting)

    naive = naive_fold(words, as_of=us(LONG_AFTER))[0]
    assert [tuple(stretch) for stretch in naive.stretches] == expected
    assert naive.waiting == us(waiting)


def test_a_running_wait_counts_so_far_and_becomes_activity():
    events = told_to_the_product(
        [Word("active", us(at), "cpu", 300) for at in (0, 100)],
    )
    [before] = fold(events, as_of=us(99))
    assert [tuple(s) for s in before.stretches] == [(0, 0, None, 300)]
    assert before.waiting_us == us(99)
    [after] = fold(events, as_of=us(100))
    assert [tuple(s) for s in after.stretches] == [(0, us(100), None, 300)]
    assert after.waiting_us == 0
