"""B2: one process folds a million waiting events; against DuckDB, the same events in memory."""

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.report import Row
from tests.bench.workload import (
    TIMEOUT,
    Customer,
    Happening,
    happenings,
    load,
    make_customer,
)

MEMBERS = 1_000
EVENTS_EACH = 1_000
MEMORY_MB = 300

# The same rule by window functions: what lies between an `active` and the next event, the gap
# to the next `active`, sessions by a running sum, and each session's share of its days.
FOLD = f"""
    CREATE TABLE sessions AS
    WITH activity AS (
        SELECT member, happened, kind,
               lead(happened) OVER stream AS next_at, lead(kind) OVER stream AS next_kind,
               sum((kind = 'ended')::int) OVER stream AS terminations
          FROM events
        WINDOW stream AS (PARTITION BY member ORDER BY happened)
    ), reach AS (
        SELECT member, happened, terminations,
               least(happened + {TIMEOUT * 1_000_000}, coalesce(next_at, 9e15::BIGINT)) AS until
          FROM activity WHERE kind = 'active'
    ), linked AS (
        SELECT *, lag(until) OVER stream AS idle_at,
               terminations IS DISTINCT FROM lag(terminations) OVER stream
               OR happened - lag(until) OVER stream > 300000000 AS begins
          FROM reach
        WINDOW stream AS (PARTITION BY member ORDER BY happened)
    ), numbered AS (
        SELECT *, sum(begins::int) OVER (PARTITION BY member ORDER BY happened) AS number
          FROM linked
    )
    SELECT member, number, min(happened) AS start, max(until) AS stop, count(*) AS events,
           sum(CASE WHEN begins THEN 0 ELSE happened - idle_at END) AS bridged
      FROM numbered GROUP BY member, number
"""


def run() -> list[Row]:
    """Fold the same events twice; both must find the same billable time."""
    now = datetime.now(UTC)
    customer = make_customer("backlog", members=MEMBERS, now=now)
    events = happenings(
        members=MEMBERS, each=EVENTS_EACH, since=now - timedelta(days=80), name="backlog"
    )
    load(customer, events)
    duckdb_seconds, duckdb_billed = _duckdb(events)
    del events
    seconds, memory = _worker(customer, now=now)
    _same(duckdb_billed, customer)
    total = MEMBERS * EVENTS_EACH
    return [
        Row(
            "B2",
            "fold of 1 M waiting events ÷ DuckDB in memory",
            f"{duckdb_seconds / seconds:.3f} (1/{seconds / duckdb_seconds:.1f})",
            "≥ 0.125 (1/8)",
            f"{total / seconds:,.0f} events/s with sessions, stretches and records stored, DuckDB "
            f"{total / duckdb_seconds:,.0f} events/s; {MEMBERS:,} members",
        ),
        Row(
            "B2",
            "peak memory of the folding process",
            f"{memory:.0f} MB",
            f"≤ {MEMORY_MB} MB",
            "resident, the interpreter and Django included",
        ),
    ]


def _worker(customer: Customer, *, now: datetime) -> tuple[float, float]:
    """Return seconds and peak MB of a fresh process that folds what waits."""
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.backlog", str(customer.id), now.isoformat()],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    seconds, memory = answer.stdout.split()
    return float(seconds), float(memory)


def _duckdb(events: list[Happening]) -> tuple[float, dict[int, int]]:
    """Return the seconds of the fold alone, and what it bills each member."""
    import duckdb

    from billing.domain.instants import instant_of

    with tempfile.TemporaryDirectory() as directory, duckdb.connect() as connection:
        file = Path(directory) / "events.csv"
        with file.open("w", encoding="ascii") as output:
            for event in events:
                output.write(f"{event.member},{instant_of(event.at)},{event.kind}\n")
        connection.execute("CREATE TABLE events (member BIGINT, happened BIGINT, kind VARCHAR)")
        connection.execute(f"COPY events FROM '{file}' (FORMAT csv, HEADER false)")
        begun = time.perf_counter()
        connection.execute(FOLD)
        seconds = time.perf_counter() - begun
        billed = connection.execute(
            "SELECT member, sum(stop - start)::BIGINT FROM sessions GROUP BY member"
        ).fetchall()
    return seconds, dict(billed)


def _same(billed: dict[int, int], customer: Customer) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT member_id, sum(working_us + bridged_us)::bigint FROM billing_usagerecord "
            "WHERE organization_id = %s GROUP BY member_id",
            [customer.id],
        )
        stored = dict(cursor.fetchall())
    assert stored == {customer.members[member]: sum_ for member, sum_ in billed.items()}


def _fold_and_tell() -> None:
    import django

    django.setup()

    from billing.services.sessions import fold_all

    begun = time.perf_counter()
    fold_all(as_of=datetime.fromisoformat(sys.argv[2]), organization_id=int(sys.argv[1]))
    seconds = time.perf_counter() - begun
    # Not getrusage: its maximum begins with what the parent process had when it forked.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(seconds, int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    _fold_and_tell()
