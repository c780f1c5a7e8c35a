"""The append-only event table: receipt instants, insertion, what was there already (ADR-0004)."""

import enum
import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.errors import UniqueViolation

STATEMENT_TIMEOUT_MS: Final = 10_000
"""A close waits for ingest transactions that began before its cutoff: they must end."""


Identity = tuple[int, int, datetime, bytes]
"""What may exist once: organization, member, instant, hash of source and id."""


class AlreadyRecorded(Exception):
    """Something of a batch is in the table already, so that its transaction is over."""


class NewEvent(NamedTuple):
    """A row for the event table; `ordinal` is its place in the batch.

    `event_key` is an `event_digest`, the 16 bytes of the column's UUID.
    """

    organization_id: int
    member_id: int
    occurred_at: datetime
    event_key: bytes
    kind: str
    machine_id: int
    idle_timeout_seconds: int
    received_at: datetime
    source: str
    event_id: str
    ordinal: int

    @property
    def identity(self) -> Identity:
        """The key of the table."""
        return self[:4]

    @property
    def content(self) -> tuple[str, int, int]:
        """What must agree when the identity arrives again."""
        return self.kind, self.machine_id, self.idle_timeout_seconds


class Stored(enum.Enum):
    """What was found under the identity of an event that was not inserted."""

    SAME = "same"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The instants at which this transaction receives, by organization; `now` is the least."""

    now: datetime
    received_at: dict[int, datetime]


def event_digest(source: str, event_id: str) -> bytes:
    """Return the 128-bit hash of the length-prefixed (source, id)."""
    source_bytes = source.encode()
    prefixed = len(source_bytes).to_bytes(4, "big") + source_bytes + event_id.encode()
    return hashlib.blake2b(prefixed, digest_size=16).digest()


def is_deadlock(error: Exception) -> bool:
    """Say whether the database chose this transaction as a deadlock's victim."""
    return getattr(error.__cause__, "sqlstate", None) == "40P01"


def is_missing_partition(error: Exception) -> bool:
    """Say whether a row met a month without a partition (23514 that names no constraint)."""
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    return (
        getattr(cause, "sqlstate", None) == "23514"
        and diagnosis is not None
        and diagnosis.constraint_name is None
    )


def take_receipt(organization_ids: Sequence[int]) -> Receipt:
    """Assign `received_at` from the database's clock, never below an organization's last cutoff.

    The transaction id is taken in a statement of its own before the clock is read: a close
    that reads the clock later sees this transaction as running, and waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), pg_current_xact_id()",
            [str(STATEMENT_TIMEOUT_MS)],
        )
        cursor.execute(
            """
            SELECT account.organization_id,
                   greatest(instant.now, account.last_cutoff),
                   instant.now
              FROM (SELECT clock_timestamp() AS now) instant
              LEFT JOIN billing_billingaccount account
                ON account.organization_id = ANY(%s)
            """,
            [list(organization_ids)],
        )
        rows = cursor.fetchall()
    received_at = {organization_id: received for organization_id, received, _ in rows}
    return Receipt(now=rows[0][2], received_at=received_at)


_COLUMNS: Final = (
    "organization_id, member_id, occurred_at, event_key, kind, machine_id, "
    "idle_timeout_seconds, received_at, source, event_id"
)
_TYPES: Final = (
    "bigint",
    "bigint",
    "timestamptz",
    "uuid",
    "text",
    "smallint",
    "smallint",
    "timestamptz",
    "text",
    "text",
    "integer",
)
# A digest's bytes are a UUID on the wire, without a UUID object for each event.
_COPIED_TYPES: Final = [
    {"smallint": "int2", "uuid": "bytea"}.get(name, name) for name in _TYPES[:-1]
]
_ARRAYS: Final = ", ".join(f"%s::{name}[]" for name in _TYPES)

# Without ORDER BY, overlapping batches deadlock (7 of 12 tries; with it none). What comes back
# is usually nothing: keys of every row would cost the client as much as making the rows.
_INSERT: Final = f"""
    WITH batch ({_COLUMNS}, ordinal) AS MATERIALIZED (
        SELECT * FROM unnest({_ARRAYS})
    ), inserted AS (
        INSERT INTO billing_sessionevent ({_COLUMNS})
        SELECT {_COLUMNS} FROM batch
         ORDER BY organization_id, member_id, occurred_at, event_key, ordinal
        ON CONFLICT DO NOTHING
        RETURNING organization_id, member_id, occurred_at, event_key
    ), marked AS (
        INSERT INTO billing_streammark (organization_id, member_id, since, until)
        SELECT organization_id, member_id, min(occurred_at), max(occurred_at)
          FROM inserted
         GROUP BY organization_id, member_id, date_trunc('day', occurred_at, 'UTC')
    )
    SELECT ordinal FROM batch
    EXCEPT
    SELECT min(ordinal) FROM batch
      JOIN inserted USING (organization_id, member_id, occurred_at, event_key)
     GROUP BY organization_id, member_id, occurred_at, event_key
"""  # noqa: S608 - constants


def append_new(events: Sequence[NewEvent]) -> None:
    """Insert and mark events of which none is recorded: COPY, twice as fast as `append`.

    Nearly every batch is new as a whole. Rows go in the order of their key here too, so that
    overlapping batches wait for each other instead of deadlocking.

    Raises:
        AlreadyRecorded: one is there already, or stands twice among `events`; nothing can be
            written in this transaction any more.
        IntegrityError: see `is_missing_partition`.
    """
    if not events:
        return
    with connection.cursor() as cursor:
        in_order = sorted(events)
        try:
            with (
                connection.wrap_database_errors,  # Django's own of psycopg's, as for statements
                cursor.copy(
                    f"COPY billing_sessionevent ({_COLUMNS}) FROM STDIN (FORMAT binary)"
                ) as copy,
            ):
                copy.set_types(_COPIED_TYPES)
                for event in in_order:
                    copy.write_row(event[:-1])
        except IntegrityError as error:
            if isinstance(error.__cause__, UniqueViolation):
                raise AlreadyRecorded from error
            raise
        _mark(cursor, in_order)


def _mark(cursor: CursorWrapper, in_order: Sequence[NewEvent]) -> None:
    """Mark each day (UTC) of each stream, from its first to its last event in the batch."""
    marks: list[tuple[int, int, datetime, datetime]] = []
    for (organization_id, member_id, _), events in groupby(in_order, key=_stream_day):
        first, *others = events
        last = others[-1] if others else first
        marks.append((organization_id, member_id, first.occurred_at, last.occurred_at))
    cursor.execute(
        """
        INSERT INTO billing_streammark (organization_id, member_id, since, until)
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        """,
        _columns(marks),
    )


def _stream_day(event: NewEvent) -> tuple[int, int, int]:
    return event[0], event[1], event[2].toordinal()


def append(events: Sequence[NewEvent]) -> list[tuple[NewEvent, Stored]]:
    """Insert the events that are new and mark their streams; return the others, in order.

    What stands in their place is looked up by a second statement: under a concurrent insert of
    the same identity one statement would see neither its own row nor the other's. Conflicts go
    to quarantine.
    """
    if not events:
        return []
    with connection.cursor() as cursor:
        ordinals = _insert(cursor, events)
        if not ordinals:
            return []
        rest = [event for event in events if event.ordinal in ordinals]
        found = _find(cursor, rest)
        others = [
            (event, Stored.SAME if found[event.identity] == event.content else Stored.OTHER)
            for event in rest
        ]
        conflicts = [event for event, stored in others if stored is Stored.OTHER]
        if conflicts:
            _quarantine(cursor, conflicts)
    return others


def _insert(cursor: CursorWrapper, events: Sequence[NewEvent]) -> set[int]:
    """Return the ordinals of the events that were not inserted."""
    cursor.execute(_INSERT, _columns(events))
    return {ordinal for (ordinal,) in cursor.fetchall()}


def _find(
    cursor: CursorWrapper, events: Sequence[NewEvent]
) -> dict[Identity, tuple[str, int, int]]:
    identities = _columns({event.identity for event in events})
    cursor.execute(
        """
        SELECT organization_id, member_id, occurred_at, event_key,
               kind, machine_id, idle_timeout_seconds
          FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::uuid[])
               AS identity (organization_id, member_id, occurred_at, event_key)
          JOIN billing_sessionevent
         USING (organization_id, member_id, occurred_at, event_key)
        """,
        identities,
    )
    return {(*row[:3], row[3].bytes): row[4:] for row in cursor.fetchall()}


def _quarantine(cursor: CursorWrapper, events: Sequence[NewEvent]) -> None:
    cursor.execute(
        f"""
        INSERT INTO billing_quarantine ({_COLUMNS})
        SELECT {_COLUMNS} FROM unnest({_ARRAYS}) AS batch ({_COLUMNS}, ordinal)
         ORDER BY ordinal
        ON CONFLICT DO NOTHING
        """,  # noqa: S608 - constants
        _columns(events),
    )


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [[_sent(value) for value in column] for column in zip(*rows, strict=True)]


def _sent(value: object) -> object:
    return uuid.UUID(bytes=value) if isinstance(value, bytes) else value
