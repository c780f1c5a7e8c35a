"""Months of the event table (ADR-0007)."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction

_LOCK_KEY = 0x6F66_6C70  # "oflp": one maker of partitions at a time


def create_months(instants: Iterable[datetime]) -> list[str]:
    """Create the partitions that hold these instants, and return the names of new ones.

    A month is made as a table of its own and attached: `PARTITION OF` would make running
    ingest wait. Months are months of UTC.
    """
    months = sorted({(at.year, at.month) for at in (i.astimezone(UTC) for i in instants)})
    return [name for year, month in months if (name := _create_month(year, month)) is not None]


def _create_month(year: int, month: int) -> str | None:
    name = f"billing_sessionevent_{year:04d}_{month:02d}"
    start = f"{year:04d}-{month:02d}-01 00:00:00+00"
    next_year, next_month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December
    end = f"{next_year:04d}-{next_month:02d}-01 00:00:00+00"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return None
        cursor.execute(f"CREATE TABLE {name} (LIKE billing_sessionevent INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE billing_sessionevent ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{start}') TO ('{end}')"
        )
        cursor.execute(_GUARDED)
        if cursor.fetchone() is not None:
            cursor.execute(
                f"CREATE TRIGGER {name}_refuses_truncate BEFORE TRUNCATE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    return name


# Row triggers are cloned to a partition, a statement's are not: it gets the same guard as the
# whole table has.
_GUARDED = """
    SELECT FROM pg_trigger
     WHERE tgrelid = 'billing_sessionevent'::regclass
       AND tgname = 'billing_sessionevent_refuses_truncate'
"""
