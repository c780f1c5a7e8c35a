"""Sessions and records computed anew from the raw events, or compared with them."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from billing.domain.instants import instant_of, instant_text
from billing.domain.stream_fold import BEGINNING, Part
from billing.selectors.calendars import get_calendars
from billing.selectors.refold import refold
from billing.selectors.stream_events import MachineNames, StreamRange
from billing.services.session_store import SessionStore, StreamContext
from billing.services.sessions import FoldResult, fold_all
from orgs.selectors.teams import list_team_assignments

DIFFERENCES_SHOWN: Final = 50


def rebuild_sessions(*, organization_id: int, as_of: datetime) -> FoldResult:
    """Forget every checkpoint of the organization and fold all its events from the beginning.

    Sessions keep their ids; those that no events support vanish. Other work goes on meanwhile.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM billing_stream WHERE organization_id = %s ORDER BY id FOR UPDATE",
            [organization_id],
        )
        cursor.execute(
            "UPDATE billing_stream SET folded_until = NULL, checkpoint = NULL "
            "WHERE organization_id = %s",
            [organization_id],
        )
        cursor.execute(
            """
            INSERT INTO billing_streammark (organization_id, member_id, since, until)
            SELECT organization_id, member_id, min(occurred_at), max(occurred_at)
              FROM billing_sessionevent
             WHERE organization_id = %s
             GROUP BY organization_id, member_id
            """,
            [organization_id],
        )
    return fold_all(as_of=as_of, organization_id=organization_id)


def session_differences(*, organization_id: int, as_of: datetime) -> Iterator[str]:
    """Yield where stored sessions, stretches and records are not what the raw events say.

    One snapshot. Streams with events that are still waiting to be folded are left out: they
    differ by nature. The number shown is bounded, the number compared is not.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = _differences(organization_id, as_of=as_of)
        yield from islice(found, DIFFERENCES_SHOWN)
        if next(found, None) is not None:
            yield "… and more"


def _differences(organization_id: int, *, as_of: datetime) -> Iterator[str]:
    machines = MachineNames()
    calendar = get_calendars([organization_id])[organization_id]
    members = _settled_members(organization_id, as_of=as_of)
    teams = list_team_assignments(members)
    ranges = [
        StreamRange(organization_id, member_id, BEGINNING, instant_of(as_of))
        for member_id in members
    ]
    for stream, sessions in refold(ranges, machines=machines):
        store = SessionStore()
        store.put(
            Part(since=BEGINNING, until=None, sessions=sessions),
            context=StreamContext(
                organization_id=organization_id,
                member_id=stream.member_id,
                calendar=calendar,
                machine_ids=machines.ids,
                teams=teams.get(stream.member_id, ()),
            ),
        )
        for name, query in _STORED.items():
            expected = set(store.rows[name])
            stored = _rows(query, organization_id, stream.member_id)
            for row in sorted(expected - stored, key=repr):
                yield f"member {stream.member_id}: missing {name} {_readable(row, name)}"
            for row in sorted(stored - expected, key=repr):
                yield f"member {stream.member_id}: unfounded {name} {_readable(row, name)}"


def _settled_members(organization_id: int, *, as_of: datetime) -> list[int]:
    """Return members with events or sessions, without those whose events wait for the fold."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT member_id FROM (
                SELECT member_id FROM billing_sessionevent
                 WHERE organization_id = %(organization)s
                UNION
                SELECT member_id FROM billing_offloadsession
                 WHERE organization_id = %(organization)s) known
             WHERE NOT EXISTS (SELECT FROM billing_streammark mark
                                WHERE mark.organization_id = %(organization)s
                                  AND mark.member_id = known.member_id
                                  AND mark.since <= %(as_of)s)
             ORDER BY member_id
            """,
            {"organization": organization_id, "as_of": as_of},
        )
        return [member_id for (member_id,) in cursor.fetchall()]


def _rows(query: str, organization_id: int, member_id: int) -> set[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [organization_id, member_id])
        return {tuple(map(_as_folded, row)) for row in cursor}


def _as_folded(value: Any) -> Any:
    """Return a stored value as `SessionStore` makes it."""
    if isinstance(value, UUID):
        return value.hex
    return instant_of(value) if isinstance(value, datetime) else value


def _readable(row: tuple[Any, ...], name: str) -> str:
    columns = _INSTANTS[name]
    return ", ".join(
        instant_text(value) if place in columns and value is not None else str(value)
        for place, value in enumerate(row)
    )


_INSTANTS: Final = {"session": (5, 6, 7), "stretch": (1, 2, 3), "record": ()}
"""Which columns of a row are instants."""


_STORED: Final = {
    "session": """
        SELECT id, organization_id, member_id, team_id, machine_id, started_at, active_until,
               terminated_at, end_reason, bridged_us, waiting_us, event_count, fold_version
          FROM billing_offloadsession WHERE organization_id = %s AND member_id = %s
    """,
    "stretch": """
        SELECT stretch.session_id, stretch.started_at, stretch.active_until, stretch.idle_at,
               stretch.idle_timeout_seconds
          FROM billing_sessionstretch stretch
          JOIN billing_offloadsession session ON session.id = stretch.session_id
         WHERE session.organization_id = %s AND session.member_id = %s
    """,
    "record": """
        SELECT session_id, organization_id, member_id, team_id, machine_id, period_id, day,
               working_us, bridged_us, waiting_us
          FROM billing_usagerecord WHERE organization_id = %s AND member_id = %s
    """,
}
