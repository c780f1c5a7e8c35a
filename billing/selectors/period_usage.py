"""The use of one billing period, from exactly the events received before a cutoff (ADR-0006)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from billing.domain.events import MAXIMUM_IDLE_TIMEOUT
from billing.domain.instants import datetime_of, instant_of
from billing.domain.rating import UsageAtom
from billing.domain.records import Calendar, cut
from billing.domain.session_facts import CONTINUITY_WINDOW_US, SessionFacts, session_id
from billing.domain.stream_fold import BEGINNING
from billing.models import BillingPeriod
from billing.selectors.calendars import get_calendars
from billing.selectors.refold import refold
from billing.selectors.session_starts import last_starts_before
from billing.selectors.stream_events import MachineNames, StreamRange
from orgs.domain.attribution import team_at
from orgs.selectors.teams import list_team_assignments

_TOUCHES: Final = timedelta(microseconds=CONTINUITY_WINDOW_US)
"""An event this long after a period's end may still bridge a gap that began inside."""

_REACH: Final = timedelta(seconds=MAXIMUM_IDLE_TIMEOUT) + _TOUCHES
"""A billed instant has an `active` less than the longest idle timeout and a gap before it."""


def usage_at_cutoff(period: BillingPeriod, *, cutoff: datetime) -> list[UsageAtom]:
    """Return the use inside `period` as the events received before `cutoff` have it.

    Stored records where they are the fold of exactly these events; streams with events that
    are not folded yet, or that came later, are folded anew in memory. Read it in one
    snapshot (REPEATABLE READ), after `take_cutoff` has returned.
    """
    unsure = _unsure_streams(period, cutoff=cutoff)
    return [
        *_stored(period, without=unsure.keys()),
        *_refolded(period, unsure, cutoff=cutoff),
    ]


def usage_from_events(period: BillingPeriod, *, cutoff: datetime) -> list[UsageAtom]:
    """Return the same from events alone, believing nothing that is stored beside them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT member_id FROM billing_sessionevent
             WHERE organization_id = %s AND occurred_at >= %s AND occurred_at < %s
               AND received_at < %s
            """,
            [period.organization_id, period.starts_at - _REACH, period.ends_at, cutoff],
        )
        members = {member_id: BEGINNING for (member_id,) in cursor.fetchall()}
    return list(_walked(period, members, cutoff=cutoff))


def _unsure_streams(period: BillingPeriod, *, cutoff: datetime) -> dict[int, datetime]:
    """Return, by member, the earliest event that stored records may not show as of the cutoff."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT member_id, min(since) FROM (
                SELECT member_id, since FROM billing_streammark
                 WHERE organization_id = %(organization)s AND since <= %(until)s
                UNION ALL
                SELECT member_id, occurred_at FROM billing_sessionevent
                 WHERE organization_id = %(organization)s AND occurred_at <= %(until)s
                   AND received_at >= %(cutoff)s) unsure
             GROUP BY member_id
            """,
            {
                "organization": period.organization_id,
                "until": period.ends_at + _TOUCHES,
                "cutoff": cutoff,
            },
        )
        return dict(cursor.fetchall())


def _stored(period: BillingPeriod, *, without: Collection[int]) -> Iterator[UsageAtom]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT record.session_id, session.started_at, record.day, record.member_id,
                   record.team_id, machine.name, record.working_us + record.bridged_us
              FROM billing_usagerecord record
              JOIN billing_offloadsession session ON session.id = record.session_id
              JOIN billing_machine machine ON machine.id = record.machine_id
             WHERE record.organization_id = %s AND record.period_id = %s
               AND record.member_id <> ALL (%s::bigint[])
            """,
            [period.organization_id, period.pk, list(without)],
        )
        for session, started_at, *rest in cursor.fetchall():
            yield UsageAtom(session, instant_of(started_at), *rest)


def _refolded(
    period: BillingPeriod, unsure: dict[int, datetime], *, cutoff: datetime
) -> Iterator[UsageAtom]:
    """Walk unsure streams from the last stored session before the period and before the doubt."""
    reliable = {
        (period.organization_id, member_id): instant_of(min(since, period.starts_at))
        for member_id, since in unsure.items()
    }
    starts = last_starts_before(reliable)
    restarts = {stream[1]: starts.get(stream, instant) for stream, instant in reliable.items()}
    return _walked(period, restarts, cutoff=cutoff)


def _walked(
    period: BillingPeriod, since: dict[int, int], *, cutoff: datetime
) -> Iterator[UsageAtom]:
    calendar = get_calendars([period.organization_id])[period.organization_id]
    teams = list_team_assignments(list(since))
    until = instant_of(period.ends_at + _TOUCHES)
    ranges = [
        StreamRange(period.organization_id, member_id, instant, until)
        for member_id, instant in sorted(since.items())
    ]
    for stream, sessions in refold(ranges, machines=MachineNames(), received_before=cutoff):
        assigned = teams.get(stream.member_id, ())
        for facts in sessions:
            yield from _atoms(
                facts, stream=stream, period=period, calendar=calendar, assigned=assigned
            )


def _atoms(
    facts: SessionFacts,
    *,
    stream: StreamRange,
    period: BillingPeriod,
    calendar: Calendar,
    assigned: Sequence[tuple[datetime, int]],
) -> Iterator[UsageAtom]:
    if facts.active_until <= instant_of(period.starts_at):
        return
    for record in cut(facts, calendar=calendar):
        if record.day.period_id == period.pk:
            yield UsageAtom(
                session_id(
                    organization_id=stream.organization_id,
                    member_id=stream.member_id,
                    started_at=facts.started_at,
                ),
                facts.started_at,
                record.day.date,
                stream.member_id,
                team_at(assigned, datetime_of(facts.started_at)),
                facts.machine,
                record.billable_us,
            )
