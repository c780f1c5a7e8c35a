"""Writes what a fold found in place of what stood there, set by set (ADR-0003).

Sessions are deleted, then changed, then inserted; the exclusion constraint that forbids two
sessions of a member to overlap is checked at the end of the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing.domain.instants import datetime_of
from billing.domain.records import Calendar, Record, cut
from billing.domain.session_facts import SessionFacts, session_id
from billing.domain.sessions import FOLD_VERSION
from billing.domain.stream_fold import BEGINNING, Part
from billing.services.arrays import array_literal, array_literals
from orgs.domain.attribution import team_at

ROWS_AT_ONCE: Final = 20_000
"""Buffered rows at which they are written: bounds the memory of a fold."""

_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamContext:
    """What the rows of a stream's sessions need beside the facts."""

    organization_id: int
    member_id: int
    calendar: Calendar
    machine_ids: dict[str, int]
    teams: Sequence[tuple[datetime, int]]
    """The member's primary teams as (since, team id), oldest first."""


@dataclass(kw_only=True, slots=True)
class SessionStore:
    """Buffers parts of folds and writes them together; call `flush` at the end."""

    _ranges: list[tuple[Any, ...]] = field(default_factory=list)
    _sessions: list[tuple[Any, ...]] = field(default_factory=list)
    _stretches: list[tuple[Any, ...]] = field(default_factory=list)
    _records: list[tuple[Any, ...]] = field(default_factory=list)
    _replaced: list[tuple[Any, ...]] = field(default_factory=list)

    def put(self, part: Part, *, context: StreamContext) -> None:
        """Take a part of a stream's fold; writes when enough has come together."""
        self.take(part, context=context)
        if len(self._sessions) + len(self._stretches) >= ROWS_AT_ONCE:
            self.flush()

    def take(self, part: Part, *, context: StreamContext) -> None:
        """Make the rows of a part, and only buffer them."""
        self._ranges.append(
            (
                context.organization_id,
                context.member_id,
                _FIRST if part.since <= BEGINNING else datetime_of(part.since),
                _LAST if part.until is None else datetime_of(part.until),
            )
        )
        for position, facts in enumerate(part.sessions):
            is_resumed = position == 0 and part.resumed is not None
            self._add(facts, part=part if is_resumed else None, context=context)

    @property
    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The buffered rows, in the order of the columns that are written."""
        return {"session": self._sessions, "stretch": self._stretches, "record": self._records}

    def _add(self, facts: SessionFacts, *, part: Part | None, context: StreamContext) -> None:
        started_at = datetime_of(facts.started_at)
        key = session_id(
            organization_id=context.organization_id,
            member_id=context.member_id,
            started_at=facts.started_at,
        )
        team_id = team_at(context.teams, started_at)
        machine_id = context.machine_ids[facts.machine]
        records = cut(facts, calendar=context.calendar, carry=part.carry if part else None)
        self._replaced.append(
            (
                key,
                datetime_of(facts.stretches[0].started_at),
                records[0].day.date,
                datetime_of(records[0].day.start),
            )
        )
        owner = (context.organization_id, context.member_id, team_id, machine_id)
        self._sessions.append(
            (
                key,
                *owner,
                started_at,
                datetime_of(facts.active_until),
                None if facts.terminated_at is None else datetime_of(facts.terminated_at),
                facts.end_reason,
                facts.bridged_us,
                facts.waiting_us,
                facts.event_count,
                FOLD_VERSION,
            )
        )
        for stretch in facts.stretches:
            idle_at = None if stretch.idle_at is None else datetime_of(stretch.idle_at)
            self._stretches.append(
                (
                    key,
                    datetime_of(stretch.started_at),
                    datetime_of(stretch.active_until),
                    idle_at,
                    stretch.idle_timeout,
                )
            )
        self._records.extend(_record_row(record, key, owner) for record in records)

    def flush(self) -> None:
        """Write what is buffered."""
        if not self._ranges:
            return
        with connection.cursor() as cursor:
            self._write(cursor)
        for rows in (
            self._ranges,
            self._sessions,
            self._stretches,
            self._records,
            self._replaced,
        ):
            rows.clear()

    def _write(self, cursor: CursorWrapper) -> None:
        kept = [row[0] for row in self._sessions]
        cursor.execute(
            _DELETE_SESSIONS, [*array_literals(self._ranges, width=4), array_literal(kept)]
        )
        vanished = [(row[0], _FIRST, date.min, _FIRST) for row in cursor.fetchall()]
        keys, stretch_starts, days, day_starts = array_literals(
            [*self._replaced, *vanished], width=4
        )
        cursor.execute(_DELETE_STRETCHES, [keys, stretch_starts])
        cursor.execute(_DELETE_RECORDS, [keys, days, day_starts])
        if not self._sessions:
            return
        cursor.execute(_UPSERT_SESSIONS, array_literals(self._sessions, width=13))
        cursor.execute(_INSERT_STRETCHES, array_literals(self._stretches, width=5))
        cursor.execute(_INSERT_RECORDS, array_literals(self._records, width=10))


def _record_row(record: Record, key: object, owner: tuple[object, ...]) -> tuple[Any, ...]:
    return (
        key,
        *owner,
        record.day.period_id,
        record.day.date,
        record.working_us,
        record.bridged_us,
        record.waiting_us,
    )


_DELETE_SESSIONS: Final = """
    DELETE FROM billing_offloadsession session
     USING unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
           AS replaced (organization_id, member_id, since, until)
     WHERE session.organization_id = replaced.organization_id
       AND session.member_id = replaced.member_id
       AND session.started_at >= replaced.since
       AND session.started_at < replaced.until
       AND session.id <> ALL (%s::uuid[])
    RETURNING session.id
"""

_DELETE_STRETCHES: Final = """
    DELETE FROM billing_sessionstretch stretch
     USING unnest(%s::uuid[], %s::timestamptz[]) AS replaced (session_id, since)
     WHERE stretch.session_id = replaced.session_id AND stretch.started_at >= replaced.since
"""

# At a change of the billing zone a date may lie in two periods: the part in the earlier one stays.
_DELETE_RECORDS: Final = """
    DELETE FROM billing_usagerecord record
     USING unnest(%s::uuid[], %s::date[], %s::timestamptz[])
           AS replaced (session_id, since, begins_at),
           billing_billingperiod period
     WHERE record.session_id = replaced.session_id
       AND record.day >= replaced.since
       AND period.id = record.period_id
       AND period.ends_at > replaced.begins_at
"""

_UPSERT_SESSIONS: Final = """
    INSERT INTO billing_offloadsession AS session
           (id, organization_id, member_id, team_id, machine_id, started_at, active_until,
            terminated_at, end_reason, bridged_us, waiting_us, event_count, fold_version,
            policy_revision, outside_policy)
    SELECT folded.*, held.revision,
           CASE WHEN NOT held.is_offload_enabled THEN 'offload_disabled'
                WHEN machine.gpu <> '' AND NOT held.is_gpu_enabled THEN 'gpu_disabled'
                ELSE '' END
      FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
                  %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::text[],
                  %s::bigint[], %s::bigint[], %s::int[], %s::smallint[])
           AS folded (id, organization_id, member_id, team_id, machine_id, started_at,
                      active_until, terminated_at, end_reason, bridged_us, waiting_us,
                      event_count, fold_version)
      JOIN billing_machine machine ON machine.id = folded.machine_id
      LEFT JOIN LATERAL (
           SELECT revision, is_offload_enabled, is_gpu_enabled
             FROM orgs_settingsversion
            WHERE organization_id = folded.organization_id
              AND member_id = folded.member_id
              AND since <= folded.started_at
            ORDER BY id DESC
            LIMIT 1) held ON true
    ON CONFLICT (id) DO UPDATE
       SET team_id = excluded.team_id,
           machine_id = excluded.machine_id,
           active_until = excluded.active_until,
           terminated_at = excluded.terminated_at,
           end_reason = excluded.end_reason,
           bridged_us = excluded.bridged_us,
           waiting_us = excluded.waiting_us,
           event_count = excluded.event_count,
           fold_version = excluded.fold_version,
           policy_revision = excluded.policy_revision,
           outside_policy = excluded.outside_policy
     WHERE (session.team_id, session.machine_id, session.active_until, session.terminated_at,
            session.end_reason, session.bridged_us, session.waiting_us, session.event_count,
            session.fold_version, session.policy_revision, session.outside_policy)
           IS DISTINCT FROM
           (excluded.team_id, excluded.machine_id, excluded.active_until, excluded.terminated_at,
            excluded.end_reason, excluded.bridged_us, excluded.waiting_us, excluded.event_count,
            excluded.fold_version, excluded.policy_revision, excluded.outside_policy)
"""

_INSERT_STRETCHES: Final = """
    INSERT INTO billing_sessionstretch
           (session_id, started_at, active_until, idle_at, idle_timeout_seconds)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                         %s::smallint[])
"""

_INSERT_RECORDS: Final = """
    INSERT INTO billing_usagerecord
           (session_id, organization_id, member_id, team_id, machine_id, period_id, day,
            working_us, bridged_us, waiting_us)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
                         %s::bigint[], %s::date[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
