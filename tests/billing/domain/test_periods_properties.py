"""Days and months: what holds for every instant and zone, and a walk along the line of time."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.instants import DAY_US, SECOND_US, datetime_of, instant_of
from billing.domain.periods import (
    day_of,
    days,
    first_instant,
    months_covering,
    next_period,
    period_at,
    previous_period,
)

MINUTE_US = 60 * SECOND_US
AWKWARD_ZONES = [
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "Pacific/Tongatapu",
]


def at(text: str) -> int:
    return instant_of(datetime.fromisoformat(text + "+00:00"))


# -- An oracle that knows nothing of offsets: it walks the line of time and reads the calendar.


def local_date(instant: int, zone: ZoneInfo) -> date:
    return datetime_of(instant).astimezone(zone).date()


def naive_first_instant(day: date, zone: ZoneInfo, *, step_us: int = MINUTE_US) -> int:
    """Walk from two days before UTC's midnight until the calendar first shows `day` or later."""
    instant = instant_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) - 2 * DAY_US
    for step in (step_us, MINUTE_US, SECOND_US):
        while local_date(instant + step, zone) < day:
            instant += step
    return instant + SECOND_US


# -- Properties

zones = st.sampled_from(AWKWARD_ZONES)
instants = st.integers(at("1970-01-01T00:00:00"), at("2038-01-01T00:00:00"))
lengths = st.one_of(st.integers(1, 3 * DAY_US), st.integers(1, 400 * DAY_US))


@given(start=instants, length=lengths, zone=zones)
@settings(max_examples=300, deadline=None)
def test_days_tile_a_range(start, length, zone):
    pieces = days(start, start + length, zone=zone)

    assert pieces[0].start == start
    assert pieces[-1].end == start + length
    assert all(before.end == after.start for before, after in pairwise(pieces))
    assert all(before.date < after.date for before, after in pairwise(pieces))
    assert all(piece.start < piece.end for piece in pieces)
    assert sum(piece.end - piece.start for piece in pieces) == length


@given(instant=instants, zone=zones)
@settings(max_examples=300, deadline=None)
def test_every_instant_has_one_day(instant, zone):
    day = day_of(instant, zone=zone)

    assert day.start <= instant < day.end
    assert day_of(day.start, zone=zone) == day_of(day.end - 1, zone=zone) == day
    assert day_of(day.end, zone=zone).start == day.end
    assert first_instant(day.date, zone=zone) == day.start
    assert local_date(day.start, ZoneInfo(zone)) == day.date


@given(start=instants, length=lengths, zone=zones)
@settings(max_examples=200, deadline=None)
def test_months_tile_and_hold_their_days(start, length, zone):
    months = months_covering(start, start + length, zone=zone)

    assert months[0].start <= start < months[0].end
    assert months[-1].start < start + length <= months[-1].end
    assert all(before.end == after.start for before, after in pairwise(months))
    assert all(before.label < after.label for before, after in pairwise(months))
    for month in months[:2]:
        dates = [day.date for day in days(month.start, month.end, zone=zone)]
        assert {f"{day:%Y-%m}" for day in dates} == {month.label}
        assert month == period_at(month.start, zone=zone) == period_at(month.end - 1, zone=zone)


@given(start=instants, changes=st.lists(zones, min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_periods_tile_whatever_zones_an_organization_moves_through(start, changes):
    periods = [period_at(start, zone=changes[0])]
    for zone in changes[1:]:
        periods.append(next_period(periods[-1], zone=zone))

    assert all(before.end == after.start for before, after in pairwise(periods))
    assert all(before.label < after.label for before, after in pairwise(periods))
    for period in periods:
        assert 26 * DAY_US < period.end - period.start < 33 * DAY_US
        following = first_instant(day_of(period.end, zone=period.zone).date, zone=period.zone)
        assert following == period.end
        back = previous_period(period, zone=changes[0])
        assert next_period(back, zone=period.zone) == period


@given(day=st.dates(date(1970, 1, 1), date(2037, 12, 31)), zone=zones)
@settings(max_examples=60, deadline=None)
def test_first_instant_equals_a_walk_along_the_line_of_time(day, zone):
    assert first_instant(day, zone=zone) == naive_first_instant(day, ZoneInfo(zone))


def month_starts(first_year: int, last_year: int) -> list[date]:
    return [date(y, m, 1) for y in range(first_year, last_year + 1) for m in range(1, 13)]


def days_around_changes(zone: ZoneInfo, first_year: int, last_year: int) -> list[date]:
    """Return the dates next to each change of the offset: where a day can be odd at all."""
    noon = datetime(first_year, 1, 1, 12, tzinfo=UTC)
    count = (date(last_year, 12, 31) - noon.date()).days
    offsets = [(noon + timedelta(days=i)).astimezone(zone).utcoffset() for i in range(count)]
    changed = [i for i in range(1, count) if offsets[i] != offsets[i - 1]]
    return [(noon + timedelta(days=i + j)).date() for i in changed for j in (-1, 0, 1)]


# The sample of the gate: every twenty-fifth zone of the database, by name.
SAMPLED_ZONES = sorted(available_timezones() - {"localtime", "Factory"})[::25]


@pytest.mark.parametrize("zone", SAMPLED_ZONES)
def test_months_of_sampled_zones_equal_a_walk(zone):
    info = ZoneInfo(zone)
    for day in month_starts(2012, 2030):
        assert first_instant(day, zone=zone) == naive_first_instant(
            day, info, step_us=15 * MINUTE_US
        ), day


@pytest.mark.prove
@pytest.mark.parametrize("zone", sorted(available_timezones() - {"localtime", "Factory"}))
def test_months_and_odd_days_of_every_zone_equal_a_walk(zone):
    info = ZoneInfo(zone)
    for day in month_starts(1970, 2030) + days_around_changes(info, 1970, 2030):
        expected = naive_first_instant(day, info, step_us=15 * MINUTE_US)
        assert first_instant(day, zone=zone) == expected, day
