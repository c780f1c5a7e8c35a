"""What the database holds of a stream, in the form in which the domain tests compare it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import count

from billing.domain.events import Event, Kind
from billing.domain.instants import datetime_of, instant_of
from billing.domain.records import Calendar
from billing.domain.session_facts import Stretch, session_id
from billing.selectors.calendars import get_calendars
from billing.services.ingest import IngestScope, Reported, ingest_events
from orgs.models import Member
from tests.billing.domain.stored_stream import Kept, from_scratch
from tests.billing.services.threads import rows

_names = count()
SCOPE = IngestScope(organization_id=None, may_backfill=True)


def tell(member: Member, events: Sequence[Event]) -> None:
    """Report events of a member, each under an id of its own."""
    name = f"{next(_names)}-"
    reported = [
        Reported(
            ordinal, f"{name}{ordinal}", "/r", Kind(event.kind).wire, datetime_of(event.at),
            member.organization.slug, member.email, event.machine, event.idle_timeout,
        )
        for ordinal, event in enumerate(events)
    ]  # fmt: skip
    result = ingest_events(reported, scope=SCOPE)
    assert (result.rejected, result.conflicts) == (0, 0), result.verdicts


def should_be(member: Member, events: Iterable[Event]) -> dict[int, Kept]:
    """Return what one fold of all these events finds."""
    owner = member.organization_id
    return from_scratch(events, calendar=get_calendars([owner])[owner])


def is_kept(member: Member) -> dict[int, Kept]:
    """Return what is stored, its keys checked."""
    owner = (member.organization_id, member.pk)
    kept = {}
    stretches, records = _stretches(owner), _records(owner)
    calendar = get_calendars([owner[0]])[owner[0]]
    for row in rows(
        """
        SELECT session.id, started_at, machine.name, active_until, terminated_at, end_reason,
               bridged_us, waiting_us, event_count
          FROM billing_offloadsession session
          JOIN billing_machine machine ON machine.id = session.machine_id
         WHERE organization_id = %s AND member_id = %s
        """,
        owner,
    ):
        key, started_at, machine, active_until, terminated_at, *rest = row
        start = instant_of(started_at)
        assert key == session_id(organization_id=owner[0], member_id=owner[1], started_at=start)
        kept[start] = Kept(
            machine,
            instant_of(active_until),
            None if terminated_at is None else instant_of(terminated_at),
            *rest,
            stretches=tuple(stretches.get(key, ())),
            records=_in_order(
                records.get(key, {}), calendar, start=start, stop=instant_of(active_until)
            ),
        )
    return kept


def _stretches(owner: tuple[int, int]) -> dict:
    found: dict = {}
    for key, started_at, active_until, idle_at, timeout in rows(
        """
        SELECT session.id, stretch.started_at, stretch.active_until, stretch.idle_at,
               stretch.idle_timeout_seconds
          FROM billing_sessionstretch stretch
          JOIN billing_offloadsession session ON session.id = stretch.session_id
         WHERE organization_id = %s AND member_id = %s
         ORDER BY stretch.started_at
        """,
        owner,
    ):
        idle = None if idle_at is None else instant_of(idle_at)
        stretch = Stretch(instant_of(started_at), instant_of(active_until), idle, timeout)
        found.setdefault(key, []).append(stretch)
    return found


def _records(owner: tuple[int, int]) -> dict:
    found: dict = {}
    for key, period, day, working, bridged, waiting in rows(
        """
        SELECT session_id, period_id, day, working_us, bridged_us, waiting_us
          FROM billing_usagerecord WHERE organization_id = %s AND member_id = %s
        """,
        owner,
    ):
        sums = (working + bridged, bridged, working - waiting)
        found.setdefault(key, {})[period, day] = sums
    return found


def _in_order(stored: dict, calendar: Calendar, *, start: int, stop: int) -> tuple:
    """Return a session's records in order, one for each day it touches and no other."""
    days = [calendar.day_of(start)]
    while days[-1].end < stop:
        days.append(calendar.day_of(days[-1].end))
    assert len(stored) == len(days), (stored, days)
    return tuple(
        (day.period_id, day.date, day.start, *stored[day.period_id, day.date]) for day in days
    )


def microseconds(**duration: float) -> int:
    """Return a duration in microseconds."""
    return timedelta(**duration) // timedelta(microseconds=1)
