"""The window of a replay: whole local days up to an instant, and the days in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from billing.domain.instants import DAY_US, datetime_of, instant_of
from billing.domain.records import Calendar, StoredPeriod
from billing.models import BillingPeriod

REPLAY_DAYS: Final = 30
"""Local days of a replay, the day of `as_of` the last: their cost is about that of a month."""

_MORE_THAN_THE_WINDOW_US: Final = (REPLAY_DAYS + 4) * DAY_US
"""A day may last two, and a change of the zone may repeat one."""

_NO_PERIOD: Final = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayWindow:
    """`[since, until)`, us UTC: the local days from `first` to `last`, the last cut at `until`."""

    since: int
    until: int
    first: date
    last: date
    calendar: Calendar

    def dates(self) -> list[date]:
        """Return every date from `first` to `last`."""
        return [self.first + timedelta(days=number) for number in range(REPLAY_DAYS)]


def get_replay_window(*, organization_id: int, zone: str, as_of: datetime) -> ReplayWindow:
    """Return the last `REPLAY_DAYS` local days up to `as_of`; one query.

    Days are those of the stored billing periods, as usage records have them. Where none is stored
    (before the first, or the next month just begun) they are those of `zone`.
    """
    until = instant_of(as_of)
    begin = until - _MORE_THAN_THE_WINDOW_US
    calendar = Calendar(_covering(_stored(organization_id, begin), begin, until + 1, zone=zone))
    day = calendar.day_of(until)
    first = day.date - timedelta(days=REPLAY_DAYS - 1)
    since = begin
    while (earlier := calendar.day_of(since)).date < first:
        since = earlier.end
    return ReplayWindow(since=since, until=until, first=first, last=day.date, calendar=calendar)


def _stored(organization_id: int, begin: int) -> list[StoredPeriod]:
    rows = (
        BillingPeriod.objects.filter(
            organization_id=organization_id, ends_at__gt=datetime_of(begin)
        )
        .order_by("starts_at")
        .values_list("id", "starts_at", "ends_at", "zone")
    )
    return [
        StoredPeriod(period_id, instant_of(starts_at), instant_of(ends_at), zone)
        for period_id, starts_at, ends_at, zone in rows
    ]


def _covering(
    stored: Sequence[StoredPeriod], begin: int, end: int, *, zone: str
) -> list[StoredPeriod]:
    """Return the periods with what is missing to reach from `begin` to `end`."""
    if not stored:
        return [StoredPeriod(_NO_PERIOD, begin, end, zone)]
    return [
        StoredPeriod(_NO_PERIOD, min(begin, stored[0].start), stored[0].start, zone),
        *stored,
        StoredPeriod(_NO_PERIOD, stored[-1].end, max(end, stored[-1].end), zone),
    ]
