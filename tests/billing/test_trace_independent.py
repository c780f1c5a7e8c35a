"""A real workload, without a database: the product's seconds and those of programs by others.

The trace is that of the Czech national grid; all is compared to the microsecond, session by
session. aw-core joins the very events that the import sends; DuckDB reads the file itself and does
everything again in SQL, from the lines to the sessions. The written-out sums are aw-core's.
"""

import gzip
import os
from itertools import groupby
from pathlib import Path

import duckdb
import pytest

from billing.domain.sessions import Event, Kind, fold
from billing.domain.swf import Trace, count_events, events_of, read_trace, split_lines
from tests.billing.domain.outside_folds import SECOND, spans_by_heartbeats, spans_by_sql

NAME = "metacentrum-2013.swf.gz"
MACHINE = "cpu-4x8"
LONG_AFTER = 4_102_444_800 * SECOND  # 2100-01-01
BLOCK_BYTES = 1 << 16
FIRST_JOBS = 50

# The header is empty and every line is whole, so SQL may read the file in its plainest way.
EVENTS_SQL = """
    CREATE OR REPLACE TABLE events AS
    WITH fields AS (
        SELECT string_split(line, ' ') AS field
          FROM read_csv($file, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '',
                        escape = '', header = false, auto_detect = false)
    ),
    jobs AS (
        SELECT field[12]::BIGINT AS stream,
               (field[2]::BIGINT + greatest(field[3]::BIGINT, 0)) * 1000000 AS begins,
               begins + field[4]::BIGINT * 1000000 AS ends
          FROM fields
         WHERE field[4]::BIGINT > 0 AND field[12]::BIGINT >= 0
    ),
    covered AS (
        SELECT *, max(ends) OVER (PARTITION BY stream ORDER BY begins, ends
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
          FROM jobs
    ),
    numbered AS (
        SELECT *, count(*) FILTER (until IS NULL OR begins > until)
                  OVER (PARTITION BY stream ORDER BY begins, ends ROWS UNBOUNDED PRECEDING) AS run
          FROM covered
    ),
    runs AS (
        SELECT stream, min(begins) AS begins, max(ends) AS ends FROM numbered GROUP BY stream, run
    )
    SELECT stream, unnest(range(begins, ends, $timeout_us // 2)) AS instant,
           $timeout_us::BIGINT AS timeout_us FROM runs
     UNION ALL
    SELECT stream, ends, $timeout_us FROM runs
"""


@pytest.fixture(scope="module")
def trace_path() -> Path:
    directory = os.environ.get("OFFLOAD_TRACE_DIR")
    if not directory:
        pytest.skip(f"OFFLOAD_TRACE_DIR is not set; it names the directory of {NAME}")
    path = Path(directory) / NAME
    if not path.is_file():
        pytest.skip(f"no {NAME} in OFFLOAD_TRACE_DIR ({directory})")
    return path


def read(path: Path, *, limit: int | None = None) -> Trace:
    with gzip.open(path) as file:
        return read_trace(
            lines=split_lines(iter(lambda: file.read(BLOCK_BYTES), b"")), limit=limit
        )


@pytest.fixture(scope="module")
def trace(trace_path) -> Trace:
    return read(trace_path)


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def instants_by_user(trace: Trace, *, idle_timeout: int) -> dict[int, list[int]]:
    events = events_of(trace=trace, idle_timeout=idle_timeout)
    return {
        user: [activity.at for activity in told]
        for user, told in groupby(events, key=lambda activity: activity.user)
    }


def folded(instants: list[int], *, idle_timeout: int) -> list:
    events = [Event(at, Kind.ACTIVE, MACHINE, idle_timeout) for at in instants]
    return fold(events, as_of=LONG_AFTER)


def check_against_heartbeats(trace: Trace, *, idle_timeout: int) -> int:
    """Compare every session of every user; return how many microseconds are billed in all."""
    billed = 0
    for user, instants in instants_by_user(trace, idle_timeout=idle_timeout).items():
        sessions = folded(instants, idle_timeout=idle_timeout)
        spans = spans_by_heartbeats(instants, idle_timeout=idle_timeout)
        assert [(s.started_at, s.active_until) for s in sessions] == spans, f"user {user}"
        total = sum(span.active_until - span.started_at for span in spans)
        assert sum(session.billable_us for session in sessions) == total, f"user {user}"
        billed += total
    return billed


def test_the_trace_is_read_whole(trace):
    assert trace.job_count == 17_900
    assert sum(trace.skipped.values()) == 2
    assert trace.rejected_count == 0
    assert set(trace.groups.values()) == {(1,)}


def test_heartbeats_agree_at_an_hour(trace):
    assert count_events(trace=trace, idle_timeout=3600) == 77_817
    assert check_against_heartbeats(trace, idle_timeout=3600) == 137_847_413 * SECOND


@pytest.mark.prove
def test_heartbeats_agree_at_five_minutes(trace):
    assert count_events(trace=trace, idle_timeout=300) == 903_308
    assert check_against_heartbeats(trace, idle_timeout=300) == 135_480_039 * SECOND


@pytest.mark.prove
def test_heartbeats_agree_at_ten_seconds_on_the_first_jobs(trace_path):
    trace = read(trace_path, limit=FIRST_JOBS)
    assert trace.job_count == FIRST_JOBS
    assert count_events(trace=trace, idle_timeout=10) == 301_651
    assert check_against_heartbeats(trace, idle_timeout=10) == 1_508_280 * SECOND


@pytest.mark.parametrize("idle_timeout", [300, 3600])
def test_sql_agrees_from_the_file_to_the_sessions(trace_path, trace, database, idle_timeout):
    database.execute(EVENTS_SQL, {"file": str(trace_path), "timeout_us": idle_timeout * SECOND})
    instants = instants_by_user(trace, idle_timeout=idle_timeout)
    told = database.execute("SELECT stream, instant FROM events ORDER BY ALL").fetchall()
    assert len(told) == count_events(trace=trace, idle_timeout=idle_timeout)
    assert told == [(user, at) for user, all_of_user in instants.items() for at in all_of_user]

    found = spans_by_sql(database)
    assert found.keys() == instants.keys()
    for user, spans in found.items():
        sessions = folded(instants[user], idle_timeout=idle_timeout)
        assert [(s.started_at, s.active_until, s.bridged_us) for s in sessions] == spans
