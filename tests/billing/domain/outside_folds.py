"""The rule of the gap as two programs that others wrote see it, for streams of `active` only.

aw-core's `heartbeat_reduce` joins heartbeats whose distance is at most its pulse time; with the
idle timeout plus the window as pulse time its joins are the product's sessions. DuckDB says the
same in one statement of window functions. Instants and durations are `int` microseconds.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import duckdb
from aw_core.models import Event as Heartbeat
from aw_transform.heartbeats import heartbeat_reduce

SECOND = 1_000_000
WINDOW_SECONDS = 300
MILLISECOND = 1_000  # aw-core cuts instants to milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SESSIONS_SQL = f"""
    WITH heard AS (SELECT stream, instant, min(timeout_us) AS timeout_us FROM events GROUP BY ALL),
    stepped AS (
        SELECT *, instant - lag(instant + timeout_us)
                            OVER (PARTITION BY stream ORDER BY instant) AS gap
          FROM heard
    ),
    numbered AS (
        SELECT *, count(*) FILTER (gap IS NULL OR gap > {WINDOW_SECONDS * SECOND})
                  OVER (PARTITION BY stream ORDER BY instant) AS session
          FROM stepped
    )
    SELECT stream,
           min(instant) AS started_at,
           arg_max(instant + timeout_us, instant) AS active_until,
           (sum(greatest(gap, 0)) FILTER (gap <= {WINDOW_SECONDS * SECOND}))::BIGINT AS bridged_us
      FROM numbered
     GROUP BY stream, session
     ORDER BY stream, started_at
"""


class Span(NamedTuple):
    """A session of one machine's `active` events, long after them."""

    started_at: int
    active_until: int


class BridgedSpan(NamedTuple):
    """The same, and how much of it was bridged."""

    started_at: int
    active_until: int
    bridged_us: int


def spans_by_heartbeats(instants: Iterable[int], *, idle_timeout: int) -> list[Span]:
    """Return the sessions as aw-core sees them; instants in order, in whole milliseconds."""
    beats = []
    for at in instants:
        assert at % MILLISECOND == 0, "aw-core would cut this instant"
        beats.append(Heartbeat(timestamp=EPOCH + timedelta(microseconds=at)))
    joined = heartbeat_reduce(beats, pulsetime=float(idle_timeout + WINDOW_SECONDS))
    spans = []
    for one in joined:
        started_at = (one.timestamp - EPOCH) // timedelta(microseconds=1)
        lasted = one.duration // timedelta(microseconds=1)
        # The last heartbeat keeps its session active for one more idle timeout.
        spans.append(Span(started_at, started_at + lasted + idle_timeout * SECOND))
    return spans


def spans_by_sql(database: duckdb.DuckDBPyConnection) -> dict[int, list[BridgedSpan]]:
    """Return the sessions of each stream in the table `events(stream, instant, timeout_us)`."""
    found: dict[int, list[BridgedSpan]] = {}
    for stream, *span in database.execute(SESSIONS_SQL).fetchall():
        found.setdefault(stream, []).append(BridgedSpan(span[0], span[1], span[2] or 0))
    return found
