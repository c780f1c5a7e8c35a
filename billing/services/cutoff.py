"""The cutoff of a close: "received before" made final with the least locking (ADR-0004).

Ingest takes its transaction id before it reads the clock, and never receives below the last
cutoff. So whoever received before a cutoff had a transaction id when the cutoff was committed:
once no transaction of that age is running, the set of events before the cutoff is final.
"""

import time
from datetime import datetime
from typing import Final

from django.db import connection, transaction

WAIT_AT_MOST_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02


class IngestStillRunning(Exception):
    """A transaction older than the cutoff did not end in time; try again later."""


def database_now() -> datetime:
    """Return the database's clock, the only one that decides about receipt."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]


def take_cutoff(*, organization_id: int) -> datetime:
    """Commit a cutoff for the organization and wait until what was received before it is final.

    Call it outside any transaction.

    Raises:
        IngestStillRunning: an older transaction was still running after 30 s.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE billing_billingaccount
               SET last_cutoff = greatest(clock_timestamp(), last_cutoff)
             WHERE organization_id = %s
            RETURNING last_cutoff
            """,
            [organization_id],
        )
        cutoff: datetime = cursor.fetchone()[0]
    _wait_for_older_transactions()
    return cutoff


def _wait_for_older_transactions() -> None:
    deadline = time.monotonic() + WAIT_AT_MOST_SECONDS
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        limit: int = cursor.fetchone()[0]
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] >= limit:
                return
            if time.monotonic() > deadline:
                raise IngestStillRunning(f"transactions before {limit} are still running")
            time.sleep(POLL_SECONDS)
