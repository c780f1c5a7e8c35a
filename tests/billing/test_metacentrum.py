"""A real trace through the whole house, against computations that share nothing with it.

17,900 jobs of 75 users of the Czech national grid, 31 December 2012 to April 2013. The test
reads the file by itself, unites each user's running intervals and joins those whose idle gap is
at most 300 s: no event, no fold, no calendar of the product. aw-core's `heartbeat_reduce` says
the same of the events as they are stored.
"""

import gzip
import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from billing.domain.instants import instant_of
from billing.models import Invoice, InvoiceLine, OffloadSession, SessionEvent, UsageRecord
from orgs.models import Member
from tests.billing.domain.outside_folds import spans_by_heartbeats
from tests.factories.usage import make_customer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # one after the other: each keeps a core and the database busy
    pytest.mark.xdist_group("trace"),
]

SECOND = 1_000_000
WINDOW = 300
MONTHS = ["2012-12", "2013-01", "2013-02", "2013-03", "2013-04"]

# What each idle timeout costs by month, at 0.42 USD an hour: worked out from the file by hand of a
# script of its own, seconds times price, rounded once.
INVOICES = {
    300: ["0.45", "4008.96", "5190.82", "5546.17", "1059.60"],
    3600: ["0.45", "4070.43", "5268.74", "5675.28", "1067.30"],
}


@pytest.fixture
def trace():
    directory = os.environ.get("OFFLOAD_TRACE_DIR")
    path = Path(directory or ".") / "metacentrum-2013.swf.gz"
    if not directory or not path.is_file():
        pytest.skip("no trace: OFFLOAD_TRACE_DIR does not name a directory with it")
    before = event_months()
    yield path
    with connection.cursor() as cursor:  # the table is not Django's to empty
        cursor.execute("TRUNCATE billing_sessionevent")
        for month in event_months() - before:
            cursor.execute(f"DROP TABLE {month}")


def event_months() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'billing_sessionevent'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def grid():
    return make_customer("grid").organization


def call(command: str, *arguments) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def imported(trace: Path, *arguments) -> dict:
    return json.loads(call("import_swf", trace, "--organization=grid", "--json", *arguments))


def running(trace: Path, *, jobs: int | None = None) -> dict[str, list[tuple[int, int]]]:
    """The jobs' [begin, end) in seconds by the user's address, straight from the file."""
    found = defaultdict(list)
    with gzip.open(trace, "rt") as lines:
        for number, line in enumerate(lines):
            if number == jobs:
                break
            fields = line.split()
            submit, wait, run, user = (int(fields[place]) for place in (1, 2, 3, 11))
            if run > 0 and user >= 0:
                begin = submit + max(wait, 0)
                found[f"u{user}@grid.example"].append((begin, begin + run))
    return found


def joined(intervals: list[tuple[int, int]], *, idle_timeout: int) -> list[tuple[int, int]]:
    """Sessions in seconds: an interval keeps running for the timeout, short gaps are bridged."""
    sessions: list[list[int]] = []
    for begin, end in sorted(intervals):
        if sessions and begin - sessions[-1][1] <= WINDOW:
            sessions[-1][1] = max(sessions[-1][1], end + idle_timeout)
        else:
            sessions.append([begin, end + idle_timeout])
    return [(begin, end) for begin, end in sessions]


def by_month(sessions: list[tuple[int, int]]) -> dict[str, int]:
    """Seconds of sessions in each calendar month of UTC."""
    bounds = [datetime(2012, 12, 1, tzinfo=UTC)]
    bounds += [datetime(2013, month, 1, tzinfo=UTC) for month in range(1, 6)]
    months = {}
    for label, start, end in zip(MONTHS, bounds, bounds[1:], strict=False):
        first, last = int(start.timestamp()), int(end.timestamp())
        months[label] = sum(max(0, min(e, last) - max(b, first)) for b, e in sessions)
    return months


def stored() -> dict[str, list[tuple[int, int]]]:
    """The product's sessions by address: (start, end) in microseconds, in order."""
    found = defaultdict(list)
    rows = OffloadSession.objects.order_by("started_at").values_list(
        "member__email", "started_at", "active_until"
    )
    for email, started_at, active_until in rows:
        found[email].append((instant_of(started_at), instant_of(active_until)))
    return found


def in_microseconds(sessions: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(begin * SECOND, end * SECOND) for begin, end in sessions]


def assert_that_the_product_agrees(trace: Path, grid, *, idle_timeout: int) -> None:
    call("fold_sessions", "--organization=grid")
    expected = {
        email: joined(intervals, idle_timeout=idle_timeout)
        for email, intervals in running(trace).items()
    }
    assert len(expected) == 75
    assert stored() == {email: in_microseconds(spans) for email, spans in expected.items()}

    call("close_periods", "--organization=grid")
    months = by_month([span for spans in expected.values() for span in spans])
    lines = InvoiceLine.objects.filter(invoice__organization=grid).order_by("invoice__sequence")
    billed = lines.values_list("invoice__period__label", "quantity_us")
    assert list(billed) == [(label, months[label] * SECOND) for label in MONTHS]
    records = defaultdict(int)
    for label, working, bridged in UsageRecord.objects.values_list(
        "period__label", "working_us", "bridged_us"
    ):
        records[label] += working + bridged
    assert dict(records) == {label: months[label] * SECOND for label in MONTHS}
    invoices = Invoice.objects.filter(organization=grid).order_by("sequence")
    assert [invoice.total for invoice in invoices] == [
        Decimal(amount) for amount in INVOICES[idle_timeout]
    ]
    assert [invoice.period.label for invoice in invoices] == MONTHS

    assert call("verify_ledger", "--organization=grid") == "The ledger holds (1 organizations).\n"
    assert call("rebuild_sessions", "--organization=grid", "--check") == (
        "Sessions and records are what the events say.\n"
    )


def assert_that_aw_core_agrees(*, idle_timeout: int) -> None:
    sessions = stored()
    for member in Member.objects.filter(email__startswith="u"):
        instants = SessionEvent.objects.filter(member_id=member.pk).order_by("occurred_at")
        beats = [instant_of(at) for at in instants.values_list("occurred_at", flat=True)]
        spans = spans_by_heartbeats(beats, idle_timeout=idle_timeout)
        assert [tuple(span) for span in spans] == sessions[member.email]


def test_the_whole_trace_with_the_longest_idle_timeout(trace, grid):
    found = imported(trace, "--idle-timeout=3600")
    assert (found["users"], found["jobs"], found["rejected_count"]) == (75, 17_900, 0)
    assert found["accepted"] == found["events"]
    assert_that_the_product_agrees(trace, grid, idle_timeout=3600)
    assert_that_aw_core_agrees(idle_timeout=3600)


@pytest.mark.prove
def test_the_whole_trace_with_the_usual_idle_timeout(trace, grid):
    found = imported(trace)
    assert (found["events"], found["accepted"], found["users"]) == (903_308, 903_308, 75)
    assert_that_the_product_agrees(trace, grid, idle_timeout=300)
    assert_that_aw_core_agrees(idle_timeout=300)
    again = imported(trace)
    assert (again["accepted"], again["duplicates"]) == (0, 903_308)
    assert call("verify_ledger", "--organization=grid") == "The ledger holds (1 organizations).\n"


def test_the_first_fifty_jobs_with_the_shortest_idle_timeout(trace, grid):
    imported(trace, "--idle-timeout=10", "--limit=50")
    call("fold_sessions", "--organization=grid")
    jobs = running(trace, jobs=50)
    assert stored() == {
        email: in_microseconds(joined(intervals, idle_timeout=10))
        for email, intervals in jobs.items()
    }
    assert_that_aw_core_agrees(idle_timeout=10)
