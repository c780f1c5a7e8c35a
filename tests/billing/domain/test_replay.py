"""The replay: worked cases, windows and instants, and what it cannot tell."""

import pytest

from billing.domain.replay import (
    BEGINNING,
    RecordedStretch,
    replay,
    replay_as_recorded,
    resumes_cut,
)
from tests.billing.domain.naive_fold import Word
from tests.billing.domain.naive_replay import naive_replay
from tests.billing.domain.recorded_streams import parts, recorded
from tests.billing.domain.strategies import EVENING
from tests.billing.domain.worked_cases import LONG_AFTER, active, ended, idle, us

# what, events, another timeout,
# sessions before and after as (start, end, waiting, bridged), resumes cut and gained
CASES = [
    (
        "a shorter timeout bills less where the pause is longer than it and the window",
        active(0, 300, 600, 1500, t=600),
        60,
        [(0, 2100, 1200, 300)],
        [(0, 660, 60, 0), (1500, 1560, 60, 0)],
        (1, 0),
    ),
    (
        "a shorter timeout saves but the last wait where the gap is bridged",
        active(0, 300, 600, 960, t=600),
        60,
        [(0, 1560, 960, 0)],
        [(0, 1020, 120, 300)],
        (0, 0),
    ),
    (
        "a microsecond more and the session is cut",
        active(0, 300, 600, "960.000001", t=600),
        60,
        [(0, "1560.000001", "960.000001", 0)],
        [(0, 660, 60, 0), ("960.000001", "1020.000001", 60, 0)],
        (1, 0),
    ),
    (
        "a longer timeout keeps what was lost, and bills the pause",
        active(0, 30, 500, t=60),
        600,
        [(0, 90, 60, 0), (500, 560, 60, 0)],
        [(0, 1100, 1070, 0)],
        (0, 1),
    ),
    (
        "nothing is saved inside a stretch",
        active(0, 1801, 3602, t=3600),
        10,
        [(0, 7202, 3600, 0)],
        [(0, 3612, 10, 0)],
        (0, 0),
    ),
    (
        "a microsecond beyond the promise it is a pause",
        active(0, "1801.000001", t=3600),
        10,
        [(0, "5401.000001", "5401.000001", 0)],
        [(0, 10, 10, 0), ("1801.000001", "1811.000001", 10, 0)],
        (1, 0),
    ),
    (
        "a recorded idle is the old timer's",
        active(0, t=600) + idle(40) + active(400, t=600),
        60,
        [(0, 1000, 1000, 0)],
        [(0, 60, 60, 0), (400, 460, 60, 0)],
        (1, 0),
    ),
    (
        "a recorded idle breaks no promise: activity may have gone on",
        active(0, t=3600) + idle(40) + active(1801, t=3600),
        10,
        [(0, 5401, 3600, 0)],
        [(0, 1811, 10, 0)],
        (0, 0),
    ),
    (
        "after an ended it is another session under any timeout",
        active(0) + ended(40) + active(41),
        3600,
        [(0, 40, 40, 0), (41, 341, 300, 0)],
        [(0, 40, 40, 0), (41, 3641, 3600, 0)],
        (0, 0),
    ),
    (
        "the timer may fire before the ended",
        active(0, t=600) + ended(200) + active(250, t=600),
        60,
        [(0, 200, 200, 0), (250, 850, 600, 0)],
        [(0, 60, 60, 0), (250, 310, 60, 0)],
        (0, 0),
    ),
    (
        "an ended while idle would have ended it while active",
        active(0, t=60) + ended(360),
        3600,
        [(0, 60, 60, 0)],
        [(0, 360, 360, 0)],
        (0, 0),
    ),
    (
        "an ended after the purge ended nothing",
        active(0, t=60) + ended("360.000001"),
        3600,
        [(0, 60, 60, 0)],
        [(0, 3600, 3600, 0)],
        (0, 0),
    ),
    (
        "another machine would have ended what went on",
        active(0, t=60) + active(500, t=60, on="gpu"),
        3600,
        [(0, 60, 60, 0), (500, 560, 60, 0)],
        [(0, 500, 500, 0), (500, 4100, 3600, 0)],
        (0, 0),
    ),
    (
        "a wait that another machine cuts short",
        active(0, t=600) + active(100, t=600, on="gpu") + active(150, t=600),
        60,
        [(0, 100, 100, 0), (100, 150, 50, 0), (150, 750, 600, 0)],
        [(0, 60, 60, 0), (100, 150, 50, 0), (150, 210, 60, 0)],
        (0, 0),
    ),
    ("nothing comes of nothing", (), 60, [], [], (0, 0)),
]


def words_of(told) -> list[Word]:
    return [Word(each.kind, us(each.at), each.on, each.t) for each in told]


def in_us(rows) -> list[tuple[int, ...]]:
    return [tuple(us(value) for value in row) for row in rows]


@pytest.mark.parametrize(
    ("told", "timeout", "before", "after", "resumes"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_worked_cases(told, timeout, before, after, resumes):
    window = {"since": BEGINNING, "as_of": us(LONG_AFTER)}
    stretches = recorded(words_of(told), us(LONG_AFTER))
    as_it_was = replay_as_recorded(stretches, **window)
    as_it_would_be = replay(stretches, idle_timeout=timeout, **window)
    assert parts(as_it_was) == in_us(before)
    assert parts(as_it_would_be) == in_us(after)
    assert resumes == (
        resumes_cut(before=as_it_was, after=as_it_would_be, since=BEGINNING),
        resumes_cut(before=as_it_would_be, after=as_it_was, since=BEGINNING),
    )


@pytest.mark.parametrize(
    ("as_of", "sessions"),
    [
        (0, []),
        (25, [(0, 25, 0, 0)]),  # what the stretch says beyond is unheard
        (40, [(0, 40, 10, 0)]),
        (90, [(0, 90, 60, 0)]),
        (389, [(0, 90, 60, 0)]),  # an open gap is not billed
        (390, [(0, 390, 60, 300)]),  # the activity at this instant counts
        (391, [(0, 391, 61, 300)]),
        (500, [(0, 450, 120, 300)]),
    ],
)
def test_time_that_has_not_come_is_not_billed(as_of, sessions):
    stretches = [
        RecordedStretch(0, us(30), "cpu", 300),
        RecordedStretch(us(390), us(390), "cpu", 9),
    ]
    found = replay(stretches, idle_timeout=60, since=BEGINNING, as_of=us(as_of))
    assert parts(found) == in_us(sessions)


@pytest.mark.parametrize(
    ("since", "sessions"),
    [
        (0, [(0, 450, 120, 300), (2000, 2060, 60, 0)]),
        (20, [(20, 450, 120, 300), (2000, 2060, 60, 0)]),
        (50, [(50, 450, 100, 300), (2000, 2060, 60, 0)]),
        (100, [(100, 450, 60, 290), (2000, 2060, 60, 0)]),
        (449, [(449, 450, 1, 0), (2000, 2060, 60, 0)]),
        (450, [(2000, 2060, 60, 0)]),
        (2060, []),
    ],
)
def test_a_window_cuts_what_began_before(since, sessions):
    stretches = [
        RecordedStretch(0, us(30), "cpu", 300),
        RecordedStretch(us(390), us(390), "cpu", 300),
        RecordedStretch(us(2000), us(2000), "cpu", 300),
    ]
    found = replay(stretches, idle_timeout=60, since=us(since), as_of=us(LONG_AFTER))
    assert parts(found) == in_us(sessions)


def test_a_session_that_reaches_into_the_window_is_no_resume():
    stretches = [RecordedStretch(0, 0, "cpu", 600), RecordedStretch(us(1000), us(1000), "cpu", 60)]
    window = {"since": us(500), "as_of": us(LONG_AFTER)}
    before = replay_as_recorded(stretches, **window)
    after = replay(stretches, idle_timeout=60, **window)
    assert parts(before) == in_us([(500, 600, 100, 0), (1000, 1060, 60, 0)])
    assert parts(after) == in_us([(1000, 1060, 60, 0)])
    assert resumes_cut(before=before, after=after, since=us(500)) == 0
    assert resumes_cut(before=after, after=before, since=us(500)) == 0


def test_a_machine_that_is_named_at_one_instant_only_leaves_no_trace():
    """What the stretches cannot tell: at 1000 the gpu ended the cpu, for no time at all."""
    words = words_of(active(0, 1000, t=60) + active(1000, t=60, on="a-gpu"))
    as_of = us(LONG_AFTER)
    found = replay(recorded(words, as_of), idle_timeout=3600, since=BEGINNING, as_of=as_of)
    assert parts(found) == in_us([(0, 4600, 4600, 0)])
    naive = naive_replay(words, timeout=3600, as_of=as_of)
    assert [(one.started_at, one.active_until) for one in naive] == in_us(
        [(0, 1000), (1000, 4600)]
    )


def test_a_longer_timeout_may_bridge_less_and_wait_less():
    """So the parts follow no rule of their own: the sum does."""
    stretches = [
        RecordedStretch(0, 0, "cpu", 600),
        RecordedStretch(us(350), us(350), "cpu", 600),
        RecordedStretch(us(800), us(800), "cpu", 600),
    ]
    window = {"since": BEGINNING, "as_of": us(801)}
    sums = [
        (sum(one.waiting_us for one in found), sum(one.bridged_us for one in found))
        for found in (replay(stretches, idle_timeout=t, **window) for t in (10, 60, 200, 600))
    ]
    assert sums == in_us([(21, 0), (121, 290), (401, 400), (801, 0)])


def test_a_stream_without_use_has_no_replay():
    assert replay_as_recorded([], since=EVENING, as_of=EVENING) == []
