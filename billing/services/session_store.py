"""Writes what a fold found in place of what stood there, set by set (ADR-0003).

Sessions are deleted, then changed, then inserted; the exclusion constraint that forbids two
sessions of a member to overlap is checked at the end of the transaction. What stands there is
asked first: most of what a fold writes is new.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing.domain.instants import datetime_of
from billing.domain.records import Calendar, Record, cut
from billing.domain.session_facts import SessionFacts, session_id
from billing.domain.sessions import FOLD_VERSION
from billing.domain.stream_fold import BEGINNING, Part
from billing.services.arrays import array_literal, array_literals, instant_sql
from orgs.domain.attribution import team_at

ROWS_AT_ONCE: Final = 20_000
"""Buffered rows at which they are written: bounds the memory of a fold."""

_ALWAYS: Final = 1 << 55
"""An instant after every event: in the year 3111, as far ahead as `BEGINNING` is back."""


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
    """Buffers parts of folds and writes them together; call `flush` at the end.

    It never writes while parts are put: their events may still be coming from the database.
    """

    _ranges: list[tuple[Any, ...]] = field(default_factory=list)
    _sessions: list[tuple[Any, ...]] = field(default_factory=list)
    _stretches: list[tuple[Any, ...]] = field(default_factory=list)
    _records: list[tuple[Any, ...]] = field(default_factory=list)
    _replaced: list[tuple[Any, ...]] = field(default_factory=list)

    def put(self, part: Part, *, context: StreamContext) -> None:
        """Make the rows of a part of a stream's fold."""
        self._ranges.append(
            (
                context.organization_id,
                context.member_id,
                part.since,
                _ALWAYS if part.until is None else part.until,
            )
        )
        for position, facts in enumerate(part.sessions):
            is_resumed = position == 0 and part.resumed is not None
            self._add(facts, part=part if is_resumed else None, context=context)

    @property
    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The buffered rows, in the order of the columns that are written.

        Instants are microseconds, keys the hexadecimal text of an uuid: both are what is
        written, and made once.
        """
        return {"session": self._sessions, "stretch": self._stretches, "record": self._records}

    def _add(self, facts: SessionFacts, *, part: Part | None, context: StreamContext) -> None:
        key = session_id(
            organization_id=context.organization_id,
            member_id=context.member_id,
            started_at=facts.started_at,
        ).hex
        team_id = team_at(context.teams, datetime_of(facts.started_at))
        machine_id = context.machine_ids[facts.machine]
        records = cut(facts, calendar=context.calendar, carry=part.carry if part else None)
        first_day = records[0].day
        self._replaced.append(
            (key, facts.stretches[0].started_at, first_day.date, first_day.start)
        )
        owner = (context.organization_id, context.member_id, team_id, machine_id)
        self._sessions.append(
            (
                key,
                *owner,
                facts.started_at,
                facts.active_until,
                facts.terminated_at,
                facts.end_reason,
                facts.bridged_us,
                facts.waiting_us,
                facts.event_count,
                FOLD_VERSION,
            )
        )
        self._stretches.extend((key, *stretch) for stretch in facts.stretches)
        self._records.extend(_record_row(record, key, owner) for record in records)

    def flush_when_full(self) -> None:
        """Write what is buffered, when enough has come together."""
        if len(self._sessions) + len(self._stretches) >= ROWS_AT_ONCE:
            self.flush()

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
        stored = self._stored(cursor)
        if stored:  # a stream that grows has nothing to take away, or its open session's end
            kept = {row[0] for row in self._sessions}
            self._clear(cursor, stored=stored, vanished=stored - kept)
        if not self._sessions:
            return
        cursor.execute(_UPSERT_SESSIONS, array_literals(self._sessions, width=13))
        cursor.execute(_INSERT_STRETCHES, array_literals(self._stretches, width=5))
        cursor.execute(_INSERT_RECORDS, array_literals(self._records, width=10))

    def _stored(self, cursor: CursorWrapper) -> set[str]:
        """Return the keys of the sessions that stand where these are put."""
        cursor.execute(_STORED_SESSIONS, array_literals(self._ranges, width=4))
        return {key.hex for (key,) in cursor.fetchall()}

    def _clear(self, cursor: CursorWrapper, *, stored: set[str], vanished: set[str]) -> None:
        replaced = [row for row in self._replaced if row[0] in stored]
        replaced += [(key, BEGINNING, date.min, BEGINNING) for key in vanished]
        keys, stretch_starts, days, day_starts = array_literals(replaced, width=4)
        cursor.execute(_DELETE_STRETCHES, [keys, stretch_starts])
        cursor.execute(_DELETE_RECORDS, [keys, days, day_starts])
        if vanished:
            cursor.execute(_DELETE_SESSIONS, [array_literal(list(vanished))])


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


_STORED_SESSIONS: Final = f"""
    SELECT session.id
      FROM (SELECT organization_id, member_id, {instant_sql("since")} AS since,
                   {instant_sql("until")} AS until
              FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
                   AS replaced (organization_id, member_id, since, until)) replaced
      JOIN billing_offloadsession session USING (organization_id, member_id)
     WHERE session.started_at >= replaced.since
       AND session.started_at < replaced.until
"""  # noqa: S608 - constants

_DELETE_SESSIONS: Final = "DELETE FROM billing_offloadsession WHERE id = ANY (%s::uuid[])"

_DELETE_STRETCHES: Final = f"""
    DELETE FROM billing_sessionstretch stretch
     USING unnest(%s::uuid[], %s::bigint[]) AS replaced (session_id, since)
     WHERE stretch.session_id = replaced.session_id
       AND stretch.started_at >= {instant_sql("replaced.since")}
"""  # noqa: S608 - constants

# At a change of the billing zone a date may lie in two periods: the part in the earlier one stays.
_DELETE_RECORDS: Final = f"""
    DELETE FROM billing_usagerecord record
     USING unnest(%s::uuid[], %s::date[], %s::bigint[])
           AS replaced (session_id, since, begins_at),
           billing_billingperiod period
     WHERE record.session_id = replaced.session_id
       AND record.day >= replaced.since
       AND period.id = record.period_id
       AND period.ends_at > {instant_sql("replaced.begins_at")}
"""  # noqa: S608 - constants

_UPSERT_SESSIONS: Final = f"""
    INSERT INTO billing_offloadsession AS session
           (id, organization_id, member_id, team_id, machine_id, started_at, active_until,
            terminated_at, end_reason, bridged_us, waiting_us, event_count, fold_version,
            policy_revision, outside_policy)
    SELECT folded.id, folded.organization_id, folded.member_id, team_id, machine_id,
           {instant_sql("started_us")}, {instant_sql("until_us")}, {instant_sql("terminated_us")},
           end_reason, bridged_us, waiting_us, event_count, fold_version, held.revision,
           CASE WHEN NOT held.is_offload_enabled THEN 'offload_disabled'
                WHEN machine.gpu <> '' AND NOT held.is_gpu_enabled THEN 'gpu_disabled'
                ELSE '' END
      FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
                  %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
                  %s::bigint[], %s::int[], %s::smallint[])
           AS folded (id, organization_id, member_id, team_id, machine_id, started_us, until_us,
                      terminated_us, end_reason, bridged_us, waiting_us, event_count,
                      fold_version)
      JOIN billing_machine machine ON machine.id = folded.machine_id
      LEFT JOIN LATERAL (
           SELECT revision, is_offload_enabled, is_gpu_enabled
             FROM orgs_settingsversion
            WHERE organization_id = folded.organization_id
              AND member_id = folded.member_id
              AND since <= {instant_sql("folded.started_us")}
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
"""  # noqa: S608 - constants

_INSERT_STRETCHES: Final = f"""
    INSERT INTO billing_sessionstretch
           (session_id, started_at, active_until, idle_at, idle_timeout_seconds)
    SELECT session_id, {instant_sql("started_us")}, {instant_sql("until_us")},
           {instant_sql("idle_us")}, idle_timeout_seconds
      FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[])
           AS folded (session_id, started_us, until_us, idle_us, idle_timeout_seconds)
"""  # noqa: S608 - constants

_INSERT_RECORDS: Final = """
    INSERT INTO billing_usagerecord
           (session_id, organization_id, member_id, team_id, machine_id, period_id, day,
            working_us, bridged_us, waiting_us)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
                         %s::bigint[], %s::date[], %s::bigint[], %s::bigint[], %s::bigint[])
"""
