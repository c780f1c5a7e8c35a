"""Reading workload traces, and what a runner would have reported of them."""

from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain import swf
from billing.domain.swf import (
    Activity,
    Interval,
    Reason,
    Rejected,
    SkippedWhy,
    TraceOutOfRangeError,
    count_events,
    event_id,
    event_source,
    events_of,
    read_trace,
    shift_to,
    split_lines,
)

SECOND = 1_000_000
REAL_LINE = b"18 1357050338 1 362 1 1 1024 1 86400 419430400 1 24 1 1 -1 1 1 1 {1288} q_1d 1:ppn=1"


def line(*, submit="0", wait="0", run="60", user="7", group="1") -> bytes:
    return f"1 {submit} {wait} {run} 1 1 1 1 1 1 1 {user} {group} 1 1 1 1 1".encode()


def trace_of(*lines: bytes, limit=None):
    return read_trace(lines=lines, limit=limit)


def seconds_of(trace, *, idle_timeout, shift_us=0) -> list[tuple[int, float]]:
    events = events_of(trace=trace, idle_timeout=idle_timeout, shift_us=shift_us)
    return [(user, at / SECOND) for user, at in events]


def test_reads_a_real_line_and_not_the_site_columns():
    trace = trace_of(REAL_LINE)
    assert trace.running == {24: (Interval(1_357_050_339_000_000, 1_357_050_701_000_000),)}
    assert trace.groups == {24: (1,)}
    assert (trace.job_count, trace.rejected_count) == (1, 0)


def test_reports_the_union_of_the_running_intervals():
    trace = trace_of(
        line(submit="0", run="100"),
        line(submit="50", wait="10", run="90"),  # overlaps: 60..150
        line(submit="150", wait="-1", run="50"),  # touches: 150..200
        line(submit="201", run="10"),  # apart by a second
        line(submit="70", run="5"),  # inside
        line(submit="3", run="1", user="2"),
    )
    assert seconds_of(trace, idle_timeout=100) == [
        (2, 3),
        (2, 4),
        (7, 0),
        (7, 50),
        (7, 100),
        (7, 150),
        (7, 200),
        (7, 201),
        (7, 211),
    ]


def test_half_of_an_odd_timeout_is_exact():
    trace = trace_of(line(run="12"))
    events = list(events_of(trace=trace, idle_timeout=11))
    assert events == [
        Activity(7, 0),
        Activity(7, 5_500_000),
        Activity(7, 11_000_000),
        Activity(7, 12_000_000),
    ]


def test_events_come_one_by_one():
    year = trace_of(line(run=str(366 * 86_400)))
    assert list(islice(events_of(trace=year, idle_timeout=10), 2)) == [
        Activity(7, 0),
        Activity(7, 5 * SECOND),
    ]
    assert count_events(trace=year, idle_timeout=10) == 366 * 86_400 // 5 + 1


def test_the_header_gives_the_epoch():
    trace = trace_of(b"; Version: 2.2", b";  UnixStartTime: 1000", b"", line(submit="5"))
    assert trace.begin_at == 1005 * SECOND


@pytest.mark.parametrize(
    ("lines", "begin_s", "bad_line"),
    [
        ([b"; UnixStartTime: soon", line()], 0, 1),
        ([b"; UnixStartTime: -5", line()], 0, 1),
        ([b"; UnixStartTime:", line()], 0, 1),
        ([b"; UnixStartTime: 99999999999999999999", line()], 0, 1),
        ([b"; UnixStartTime: 7", b"; UnixStartTime: 9", line()], 7, None),
        ([b"noise", b"; UnixStartTime: 7", line()], 7, 1),
        ([line(), b"; UnixStartTime: 7", line()], 0, None),
        ([b"\xef\xbb\xbf;unixstarttime:7 (a comment)", line()], 7, None),
    ],
)
def test_only_one_sound_start_time_before_the_first_job_counts(lines, begin_s, bad_line):
    trace = trace_of(*lines)
    assert trace.begin_at == begin_s * SECOND
    assert [rejected.line_number for rejected in trace.rejected] == (
        [bad_line] if bad_line else []
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not a job", Reason.TOO_FEW_FIELDS),
        (line().rsplit(None, 1)[0], Reason.TOO_FEW_FIELDS),
        (line(submit="-1"), Reason.SUBMIT),
        (line(submit="soon"), Reason.SUBMIT),
        (line(submit="1e3"), Reason.SUBMIT),
        (line(submit="1_000"), Reason.SUBMIT),
        (line(submit="٣"), Reason.SUBMIT),
        (line(submit="9" * 5_000), Reason.SUBMIT),
        (line(wait="-2"), Reason.WAIT),
        (line(wait="nan"), Reason.WAIT),
        (line(run="inf"), Reason.RUN),
        (line(run="0x10"), Reason.RUN),
        (line(run=""), Reason.TOO_FEW_FIELDS),
        (line(user="u7"), Reason.USER),
        (line(user="7.5"), Reason.USER),
        (line(user="2147483648"), Reason.USER),
        (line(group="staff"), Reason.GROUP),
        (line(run=str(366 * 86_400 + 1)), Reason.OUT_OF_RANGE),
        (line(submit="7258118399", run="1"), Reason.OUT_OF_RANGE),
        (line(submit="0\0"), Reason.NOT_TEXT),
        (b"\0" * 64, Reason.NOT_TEXT),
        ("1 0 0 60 1 1".encode("utf-16"), Reason.NOT_TEXT),
        (b"\xff\xfe\x80 " * 18, Reason.RUN),
        (b"9" * (swf.MOST_LINE_BYTES + 1), Reason.TOO_LONG),
        (line() + b" " * swf.MOST_LINE_BYTES, Reason.TOO_LONG),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_a_bad_line_is_named_and_its_neighbours_are_kept(bad, reason):
    trace = trace_of(line(submit="5"), bad, line(submit="500"))
    assert trace.rejected == (Rejected(2, reason),)
    assert trace.rejected_count == 1
    assert trace.running == {
        7: (Interval(5 * SECOND, 65 * SECOND), Interval(500 * SECOND, 560 * SECOND))
    }


def test_jobs_that_did_not_run_or_of_nobody_are_skipped_and_counted():
    trace = trace_of(
        line(run="0"),
        line(run="-1", submit="-1"),
        line(run="0.0000009"),
        line(user="-1"),
        line(submit="9", group="-1"),
    )
    assert trace.skipped == {SkippedWhy.NO_RUN_TIME: 3, SkippedWhy.UNKNOWN_USER: 1}
    assert trace.running == {7: (Interval(9 * SECOND, 69 * SECOND),)}
    assert trace.groups == {7: ()}
    assert (trace.job_count, trace.rejected_count) == (5, 0)


def test_fractions_are_kept_to_the_microsecond_and_cut_below():
    trace = trace_of(line(submit="0.5", wait="0.0000019", run="1.9999999", user="7.0"))
    assert trace.running == {7: (Interval(500_001, 2_500_000),)}


def test_the_first_known_group_is_the_primary_one():
    trace = trace_of(line(group="-1"), line(group="3"), line(group="1"), line(group="3"))
    assert trace.groups == {7: (3, 1)}


@pytest.mark.parametrize(
    ("limit", "jobs", "rejected"), [(0, 0, 0), (1, 1, 0), (2, 2, 1), (9, 3, 2)]
)
def test_the_limit_counts_jobs_and_reads_no_further(limit, jobs, rejected):
    trace = trace_of(line(), b"noise", line(run="0"), b"more noise", line(), limit=limit)
    assert (trace.job_count, trace.rejected_count) == (jobs, rejected)


def test_descriptions_of_bad_lines_are_bounded_but_all_are_counted(monkeypatch):
    monkeypatch.setattr(swf, "MOST_REJECTED_KEPT", 3)
    trace = trace_of(*[b"noise"] * 10)
    assert [rejected.line_number for rejected in trace.rejected] == [1, 2, 3]
    assert trace.rejected_count == 10


def test_a_shift_moves_the_first_job_to_the_start():
    trace = trace_of(line(submit="100"), line(submit="30", wait="10", user="9"), line(run="0"))
    shift_us = shift_to(trace=trace, start_at=1_000 * SECOND)
    assert shift_us == 960 * SECOND
    assert seconds_of(trace, idle_timeout=120, shift_us=shift_us) == [
        (7, 1060),
        (7, 1120),
        (9, 1000),
        (9, 1060),
    ]


def test_without_a_start_or_without_jobs_nothing_is_shifted():
    assert shift_to(trace=trace_of(line(submit="100")), start_at=None) == 0
    assert shift_to(trace=trace_of(), start_at=5) == 0
    assert list(events_of(trace=trace_of(), idle_timeout=300)) == []
    assert trace_of().begin_at is None


@pytest.mark.parametrize("start_s", [-1, 7_258_118_400 - 60])
def test_a_shift_out_of_the_known_years_is_refused(start_s):
    with pytest.raises(TraceOutOfRangeError):
        shift_to(trace=trace_of(line()), start_at=start_s * SECOND)


def test_ids_and_sources_are_the_same_at_every_import():
    assert event_id(Activity(24, 1_357_050_339_000_000)) == "u24-1357050339000000"
    assert event_source("metacentrum-2013.swf.gz") == "swf/metacentrum-2013"
    assert event_source("METACENTRUM.SWF") == "swf/METACENTRUM"
    assert event_source("my trace\n(2).swf") == "swf/my-trace--2-"
    assert len(event_source("x" * 300)) == 128


JOBS = st.lists(
    st.tuples(
        st.integers(0, 120), st.integers(-1, 20), st.integers(-1, 60), st.sampled_from([1, 2, -1])
    ),
    max_size=12,
)


def lines_of(jobs) -> list[bytes]:
    return [line(submit=s, wait=w, run=r, user=u) for s, w, r, u in jobs]


@settings(max_examples=300, deadline=None)
@given(JOBS, st.sampled_from([10, 11, 13, 60]), st.integers(0, 1_000))
def test_events_are_those_of_the_seconds_that_were_running(jobs, idle_timeout, shift_s):
    trace = trace_of(*lines_of(jobs))
    running = {
        (user, second)
        for submit, wait, run, user in jobs
        if user != -1
        for second in range(submit + max(wait, 0), submit + max(wait, 0) + run)
    }
    begins = {(u, s) for u, s in running if (u, s - 1) not in running}
    ends = {(u, s + 1) for u, s in running if (u, s + 1) not in running}
    half = idle_timeout * SECOND // 2
    events = list(events_of(trace=trace, idle_timeout=idle_timeout, shift_us=shift_s * SECOND))

    assert events == sorted(set(events))
    assert len(events) == count_events(trace=trace, idle_timeout=idle_timeout)
    told = {(user, at - shift_s * SECOND) for user, at in events}
    assert {(u, s * SECOND) for u, s in begins | ends} <= told
    for user, at in told:
        second = at // SECOND
        assert (user, second) in running or (user, second) in ends
    # Inside of a run the next word never comes later than half a timeout; steps start at begins.
    for (user, at), (next_user, next_at) in pairwise(sorted(told)):
        if user == next_user and (user, at // SECOND) in running:
            at_the_end = (user, next_at // SECOND) in ends and next_at % SECOND == 0
            assert next_at - at == half or (at_the_end and next_at - at < half)


@given(st.permutations(lines_of([(0, 0, 50, 1), (20, 5, 60, 1), (90, -1, 9, 2), (7, 0, 9, 2)])))
def test_the_order_of_the_lines_does_not_matter_to_the_events(lines):
    expected = [(1, 0), (1, 30), (1, 60), (1, 85), (2, 7), (2, 16), (2, 90), (2, 99)]
    assert seconds_of(trace_of(*lines), idle_timeout=60) == expected


@given(st.lists(st.binary(max_size=80) | st.just(line()), max_size=20))
def test_no_bytes_raise(lines):
    trace = trace_of(*lines)
    for _ in islice(events_of(trace=trace, idle_timeout=300), 1_000):
        pass


@given(
    st.lists(
        st.sampled_from([b"1", b"-1", b"0", b"1.5", b"x", b"\0", b"-", b".", b"1e9"]), max_size=20
    )
)
def test_no_fields_raise(fields):
    trace_of(b" ".join(fields))


@given(st.binary(max_size=200), st.integers(1, 40))
def test_lines_do_not_depend_on_the_blocks(content, size):
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert list(split_lines(blocks)) == expected


def test_a_giant_line_is_cut_while_it_is_read():
    most = swf.MOST_LINE_BYTES
    blocks = [b"first\n", *[b"x" * 65_536] * 40, b"\nlast"]
    assert [len(text) for text in split_lines(blocks)] == [5, most + 1, 4]
    exact = [b"y" * most + b"\n", b"z"]
    assert [len(text) for text in split_lines(exact)] == [most, 1]


def test_carriage_returns_do_not_matter():
    trace = read_trace(lines=split_lines([line(submit="5") + b"\r\n", b"\r\n" + line() + b"\r\n"]))
    assert (trace.job_count, trace.rejected_count) == (2, 0)
