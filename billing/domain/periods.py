"""Days and months: the one place of the product that computes them.

Instants are `int` microseconds since 1970-01-01T00:00:00Z, durations are `int` microseconds.
A zone is the IANA name of an organization's billing time zone. Ranges are half open,
`[start, end)`. Nothing is rounded here: the parts of a range add up to it exactly.

The rule of the day: a day runs from the first instant that has its local date to the first
instant of the next existing local date. So a day may last 22, 23, 23.5, 24.5, 25, 26 or 47 hours,
its midnight may happen twice (the first one counts) or never, and a date that the zone skipped is
no day at all. Where clocks are set back across a midnight, the minutes that show the old date
again belong to the new day: days follow each other and never interleave.

A **stored** period is never recomputed. The functions below make new periods and cut time into
days; bounds, zone and label of a period that exists are read from its row.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.domain.instants import DAY_US, SECOND_US

# Before 1900 most zones kept local mean time, after 2200 nobody knows their rules; a metered
# instant outside is a mistake of the caller, and the bound keeps every loop below finite.
FIRST_YEAR = 1900
LAST_YEAR = 2199

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86_400
_FIRST_SECOND = (date(FIRST_YEAR, 1, 1).toordinal() - _EPOCH_ORDINAL) * _DAY_SECONDS
_LAST_SECOND = (date(LAST_YEAR + 1, 1, 1).toordinal() - _EPOCH_ORDINAL) * _DAY_SECONDS
# Days are looked up in tables that span 32 days each: built in well under a millisecond when a
# zone and a stretch of time are first met, large enough that one table serves a whole month.
_TABLE_SECONDS = 32 * _DAY_SECONDS
_TABLE_US = _TABLE_SECONDS * SECOND_US
_TABLES_KEPT = 1_024  # about 6 kB each
# A day lasts 49 hours at most and a clock is set back by 24 hours at most; four days before the
# table the running maximum of local dates is therefore settled when the table begins.
_MARGIN_SECONDS = 4 * _DAY_SECONDS
# Far below the shortest time between two changes of one zone: 4 days, Freetown in 1939. A test
# compares every zone of the database with a walk along the line of time.
_SAMPLE_SECONDS = 6 * 3_600
# Names that a machine's database may carry and that are no places: they mean what that machine
# is set to, or nothing, so the same name could cut other days elsewhere.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_NO_PLACE_PREFIXES = ("posix/", "right/")


class UnknownZoneError(ValueError):
    """The name is not the name of a time zone in the IANA database."""


class InstantOutOfRangeError(ValueError):
    """The instant or date lies outside the years 1900 to 2199."""


class InvalidRangeError(ValueError):
    """A range ends before it starts, or is empty where a span of time is needed."""


class Day(NamedTuple):
    """A local day, or the part of one that lies in a range: `date`, `[start, end)`."""

    date: date
    start: int
    end: int


class Period(NamedTuple):
    """A billing period: the range `[start, end)`, its zone, and its month as `YYYY-MM`."""

    start: int
    end: int
    zone: str
    label: str


class _Table(NamedTuple):
    starts: tuple[int, ...]
    days: tuple[Day, ...]


def check_zone(zone: str) -> str:
    """Return the name, which must be a zone of the IANA database.

    `localtime`, `Factory`, `posix/…` and `right/…` (leap seconds counted) are refused.

    Raises:
        UnknownZoneError: the zone does not exist.
    """
    _zone_info(zone)
    return zone


def day_of(instant: int, *, zone: str) -> Day:
    """Return the whole local day that holds the instant.

    Costs one cached lookup and a bisection, well under a microsecond: made for the fold.

    Raises:
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    table = _table(zone, instant // _TABLE_US)
    return table.days[bisect_right(table.starts, instant) - 1]


def first_instant(day: date, *, zone: str) -> int:
    """Return the instant at which the local date `day` begins.

    For a date that the zone skipped it is the first instant of the next existing date, so that
    "from this date on" has a meaning for every date.

    Raises:
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    # Local time is never more than a day away from UTC, so three days earlier lie before `day`.
    found = day_of((day.toordinal() - _EPOCH_ORDINAL - 3) * DAY_US, zone=zone)
    while found.date < day:
        found = day_of(found.end, zone=zone)
    return found.start


def days(start: int, end: int, *, zone: str) -> list[Day]:
    """Return the pieces of `[start, end)` by local day, in order, none empty.

    The pieces tile the range: the sum of their lengths is `end - start` exactly. An empty range
    has no pieces. Cut a range that crosses a period's bound at that bound first, each part in
    its period's zone.

    Raises:
        InvalidRangeError: the range ends before it starts.
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    if start >= end:
        if start == end:
            return []
        raise InvalidRangeError(f"a range cannot end ({end}) before it starts ({start})")
    day = day_of(start, zone=zone)
    pieces = []
    while day.end < end:
        pieces.append(Day(day.date, start, day.end))
        start = day.end
        day = day_of(start, zone=zone)
    pieces.append(Day(day.date, start, end))
    return pieces


def month_bounds(year: int, month: int, *, zone: str) -> tuple[int, int]:
    """Return `[start, end)` of a calendar month: the first instants of it and of the next.

    Raises:
        ValueError: the month is not in 1..12.
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    first = date(year, month, 1)
    return first_instant(first, zone=zone), first_instant(_months_on(first, 1), zone=zone)


def period_at(instant: int, *, zone: str) -> Period:
    """Return the calendar month that holds the instant, as a period.

    Raises:
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    return _month(day_of(instant, zone=zone).date.replace(day=1), zone)


def months_covering(start: int, end: int, *, zone: str) -> list[Period]:
    """Return the calendar months that touch `[start, end)`, in order, without a gap.

    Raises:
        InvalidRangeError: the range is empty.
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    if start >= end:
        raise InvalidRangeError(f"no month covers an empty range ({start}, {end})")
    periods = [period_at(start, zone=zone)]
    while periods[-1].end < end:
        periods.append(next_period(periods[-1], zone=zone))
    return periods


def next_period(previous: Period, *, zone: str) -> Period:
    """Return the period that follows: the next label, ending at that month's end in `zone`.

    It begins where the last one ended, also when the zone has changed since; the day at that
    seam is cut there.

    Raises:
        InvalidRangeError: the last period ends after that month.
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    first = _months_on(_first_of(previous.label), 1)
    end = first_instant(_months_on(first, 1), zone=zone)
    return _between(previous.end, end, zone, first)


def previous_period(following: Period, *, zone: str) -> Period:
    """Return the period before, for laying periods back to an older first event.

    It begins at the start of the month before in `zone` and ends where the following one
    starts.

    Raises:
        InvalidRangeError: the following period starts before that month.
        UnknownZoneError: the zone does not exist.
        InstantOutOfRangeError: outside the years 1900 to 2199.
    """
    first = _months_on(_first_of(following.label), -1)
    return _between(first_instant(first, zone=zone), following.start, zone, first)


def _between(start: int, end: int, zone: str, first: date) -> Period:
    if start >= end:
        raise InvalidRangeError(f"the period {_label(first)} in {zone} would be empty")
    return Period(start, end, zone, _label(first))


def _month(first: date, zone: str) -> Period:
    start, end = month_bounds(first.year, first.month, zone=zone)
    return Period(start, end, zone, _label(first))


def _label(day: date) -> str:
    return f"{day.year:04d}-{day.month:02d}"


def _first_of(label: str) -> date:
    return date(int(label[:4]), int(label[5:]), 1)


def _months_on(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _zone_info(zone: str) -> ZoneInfo:
    if zone in _NO_PLACES or zone.startswith(_NO_PLACE_PREFIXES):
        raise UnknownZoneError(f"not a time zone: {zone!r}")
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZoneError(f"not a time zone: {zone!r}") from error


@lru_cache(maxsize=_TABLES_KEPT)
def _table(zone: str, number: int) -> _Table:
    """Return the days that touch the table's span, each whole, in order."""
    zone_info = _zone_info(zone)
    begin = number * _TABLE_SECONDS
    end = begin + _TABLE_SECONDS
    if not _FIRST_SECOND <= begin < _LAST_SECOND:
        raise InstantOutOfRangeError(f"not in the years {FIRST_YEAR} to {LAST_YEAR}: {begin} s")
    offsets = _offsets(zone_info, begin - _MARGIN_SECONDS, end + _MARGIN_SECONDS)
    starts = _day_starts(offsets, end + _MARGIN_SECONDS)
    found = [
        Day(date.fromordinal(_EPOCH_ORDINAL + day), start * SECOND_US, following * SECOND_US)
        for (start, day), (following, _) in pairwise(starts)
        if following > begin and start < end
    ]
    return _Table(tuple(day.start for day in found), tuple(found))


def _day_starts(offsets: list[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Return (second, day number) at which each local date is met for the first time.

    Follows the running maximum of local dates through stretches of one offset, which is the rule
    of the day itself: a date that is jumped over never starts, a date that returns does not start
    again.
    """
    starts: list[tuple[int, int]] = []
    latest = (offsets[0][0] + offsets[0][1]) // _DAY_SECONDS
    bounds = [since for since, _ in offsets[1:]] + [end]
    for (since, offset), until in zip(offsets, bounds, strict=True):
        shown = (since + offset) // _DAY_SECONDS
        if shown > latest:  # clocks were set forward past a midnight
            starts.append((since, shown))
            latest = shown
        last = (until - 1 + offset) // _DAY_SECONDS
        starts.extend((day * _DAY_SECONDS - offset, day) for day in range(latest + 1, last + 1))
        latest = max(latest, last)
    return starts


def _offsets(zone_info: ZoneInfo, begin: int, end: int) -> list[tuple[int, int]]:
    """Return (second, offset in seconds) of each stretch of one offset in `[begin, end)`."""
    found = [(begin, _offset(zone_info, begin))]
    for low in range(begin, end, _SAMPLE_SECONDS):
        high = low + _SAMPLE_SECONDS
        offset = _offset(zone_info, high)
        if offset != found[-1][1]:
            found.append((_change(zone_info, low, high), offset))
    return found


def _change(zone_info: ZoneInfo, low: int, high: int) -> int:
    """Return the first second of `(low, high]` that has the offset of `high`."""
    offset = _offset(zone_info, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone_info, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(zone_info: ZoneInfo, second: int) -> int:
    shown = (_EPOCH + timedelta(seconds=second)).astimezone(zone_info)
    offset = shown.utcoffset()
    if offset is None:  # pragma: no cover - every zone of the database has one
        raise UnknownZoneError(f"no offset: {zone_info.key!r}")
    return offset // timedelta(seconds=1)
