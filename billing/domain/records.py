"""Usage records: a session cut into the days of its billing periods, exactly.

The day is the atom of money: it lies in one billing period and under one rate card version.
The sum of a session's records is the session, to the microsecond.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from billing.domain.periods import day_of
from billing.domain.session_facts import OpenSession, SessionFacts, Stretch


class StoredPeriod(NamedTuple):
    """A billing period as it is stored: id, `[start, end)` in microseconds UTC, its zone."""

    id: int
    start: int
    end: int
    zone: str


class RecordDay(NamedTuple):
    """The part of a local day that lies in one billing period: `[start, end)`, us UTC."""

    period_id: int
    date: date
    start: int
    end: int


class Record(NamedTuple):
    """A session's share of one day, in microseconds; `billable = working + bridged`."""

    day: RecordDay
    billable_us: int
    bridged_us: int
    activity_us: int

    @property
    def working_us(self) -> int:
        """Billable time that is not a bridged gap."""
        return self.billable_us - self.bridged_us

    @property
    def waiting_us(self) -> int:
        """The part of working time after the last activity of a stretch."""
        return self.working_us - self.activity_us


class Carry(NamedTuple):
    """What lies in the day of `position` before `position`: the sums a resumed cut starts from.

    It makes a further event cost the same however long the session has lasted.
    """

    position: int
    bridged_us: int
    activity_us: int


class UncoveredInstantError(LookupError):
    """No billing period covers an instant that has use in it."""


class Calendar:
    """The days of an organization's stored billing periods."""

    __slots__ = ("_last", "_periods", "_starts")

    def __init__(self, periods: Sequence[StoredPeriod]) -> None:
        self._periods = sorted(periods, key=lambda period: period.start)
        self._starts = [period.start for period in self._periods]
        self._last: RecordDay | None = None

    def covers(self, start: int, end: int) -> bool:
        """Say whether stored periods reach from `start` to `end` (they leave no holes)."""
        return bool(self._periods) and (
            self._periods[0].start <= start and end <= self._periods[-1].end
        )

    def day_of(self, instant: int) -> RecordDay:
        """Return the day that holds `instant`, cut at its period's borders.

        Raises:
            UncoveredInstantError: no stored period holds the instant.
        """
        last = self._last
        if last is not None and last.start <= instant < last.end:
            return last
        index = bisect_right(self._starts, instant) - 1
        if index < 0 or instant >= self._periods[index].end:
            message = f"no billing period covers {instant} us"
            raise UncoveredInstantError(message)
        period = self._periods[index]
        day = day_of(instant, zone=period.zone)
        self._last = RecordDay(
            period_id=period.id,
            date=day.date,
            start=max(day.start, period.start),
            end=min(day.end, period.end),
        )
        return self._last


def cut(facts: SessionFacts, *, calendar: Calendar, carry: Carry | None = None) -> list[Record]:
    """Cut a session into records, one for each day it touches, none of no length.

    With `carry` (facts of a resumed walk) only the days from that of `carry.position` on are
    returned: the days before it are as they were.

    Raises:
        UncoveredInstantError: no stored period holds a part of the session.
    """
    end = facts.active_until
    first = calendar.day_of(facts.started_at if carry is None else carry.position)
    if carry is None and end <= first.end:
        return [Record(first, end - facts.started_at, facts.bridged_us, facts.activity_us)]
    days = [first]
    while days[-1].end < end:
        days.append(calendar.day_of(days[-1].end))
    activity = [0] * len(days)
    bridged = [0] * len(days)
    position = facts.started_at
    if carry is not None:
        position, bridged[0], activity[0] = carry
    index = 0
    for start, stop, is_gap in _parts(facts.stretches, since=position):
        while days[index].end <= start:
            index += 1
        sums = bridged if is_gap else activity
        _spread(start, stop, days=days, index=index, sums=sums)
    return [
        Record(day, min(end, day.end) - max(facts.started_at, day.start), gaps, active)
        for day, gaps, active in zip(days, bridged, activity, strict=True)
    ]


def carry_at(
    state: OpenSession,
    finished: Sequence[Stretch],
    *,
    calendar: Calendar,
    carry: Carry | None = None,
) -> Carry:
    """Return the sums from which cutting `state` can be resumed.

    `finished` are the stretches of this session that the walk has closed since `carry` (or
    since its start); the current one is in `state`.
    """
    day = calendar.day_of(state.last_at)
    position = max(state.stretch_at, day.start)
    bridged = activity = 0
    since = state.started_at
    if carry is not None:
        since = carry.position
        if day.start <= carry.position:
            bridged, activity = carry.bridged_us, carry.activity_us
    current = Stretch(state.stretch_at, position, None, state.idle_timeout)
    for start, stop, is_gap in _parts((*finished, current), since=max(since, day.start)):
        length = min(stop, position) - start
        if is_gap:
            bridged += length
        else:
            activity += length
    return Carry(position, bridged, activity)


def _parts(stretches: Sequence[Stretch], *, since: int) -> Iterator[tuple[int, int, bool]]:
    """Yield activity and bridged gaps after `since`, in order, as (start, stop, is a gap)."""
    idle_at: int | None = None
    for stretch in stretches:
        if idle_at is not None and stretch.started_at > max(idle_at, since):
            yield max(idle_at, since), stretch.started_at, True
        if stretch.active_until > max(stretch.started_at, since):
            yield max(stretch.started_at, since), stretch.active_until, False
        idle_at = stretch.idle_at


def _spread(
    start: int, stop: int, *, days: Sequence[RecordDay], index: int, sums: list[int]
) -> None:
    while start < stop:
        end = min(stop, days[index].end)
        sums[index] += end - start
        start = end
        index += 1
