"""Days and months: written-out instants of awkward zones, changes of zone, refusals."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from billing.domain.instants import DAY_US, HOUR_US, datetime_of, instant_of
from billing.domain.periods import (
    Day,
    InstantOutOfRangeError,
    InvalidRangeError,
    Period,
    UnknownZoneError,
    _day_starts,
    check_zone,
    day_of,
    days,
    first_instant,
    month_bounds,
    months_covering,
    next_period,
    period_at,
    previous_period,
)


def at(text: str) -> int:
    return instant_of(datetime.fromisoformat(text + "+00:00"))


# -- Named days, instants written out


@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "hours"),
    [
        ("UTC", "2024-02-29", "2024-02-29T00:00:00", "2024-03-01T00:00:00", 24),
        ("Asia/Shanghai", "2026-11-24", "2026-11-23T16:00:00", "2026-11-24T16:00:00", 24),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00", "2026-03-09T04:00:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00", 25),
        # Midnight happens twice (01:00 becomes 00:00): the first one counts.
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00", "2024-11-04T05:00:00", 25),
        # Midnight does not happen (00:00 becomes 01:00).
        ("America/Havana", "2024-03-10", "2024-03-10T05:00:00", "2024-03-11T04:00:00", 23),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00", "2018-11-05T02:00:00", 23),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00", "2024-03-31T21:00:00", 23),
        ("America/Santiago", "2024-09-08", "2024-09-08T04:00:00", "2024-09-09T03:00:00", 23),
        # The last hour of the day happens twice (24:00 becomes 23:00).
        ("America/Sao_Paulo", "2019-02-16", "2019-02-16T02:00:00", "2019-02-17T03:00:00", 25),
        # 00:01 becomes 23:01 of the day before: the new day has begun and goes on.
        ("America/St_Johns", "2010-11-06", "2010-11-06T02:30:00", "2010-11-07T02:30:00", 24),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00", "2010-11-08T03:30:00", 25),
        # 23:30 becomes 00:30: the gap lies astride midnight.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00", "1919-04-01T04:00:00", 23.5),
        ("Australia/Lord_Howe", "2024-10-06", "2024-10-05T13:30:00", "2024-10-06T13:00:00", 23.5),
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00:00", "2024-04-07T13:30:00", 24.5),
        ("Antarctica/Troll", "2024-03-31", "2024-03-31T00:00:00", "2024-03-31T22:00:00", 22),
        ("Antarctica/Troll", "2024-10-27", "2024-10-26T22:00:00", "2024-10-28T00:00:00", 26),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00", "2011-12-30T10:00:00", 24),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T10:00:00", 24),
        # Kwajalein lived through 30 September 1969 twice.
        ("Pacific/Kwajalein", "1969-09-30", "1969-09-29T13:00:00", "1969-10-01T12:00:00", 47),
        # A long day that begins in one of the cached tables of days and ends in the next.
        ("Atlantic/Azores", "2022-10-30", "2022-10-30T00:00:00", "2022-10-31T01:00:00", 25),
        # Offsets with seconds: Liberia kept -00:44:30 until 1972.
        ("Africa/Monrovia", "1972-01-06", "1972-01-06T00:44:30", "1972-01-07T00:44:30", 24),
        ("Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30", "1972-01-08T00:00:00", 23.2583),
    ],
)
def test_day_runs_from_its_first_instant_to_that_of_the_next_date(zone, day, start, end, hours):
    expected = Day(date.fromisoformat(day), at(start), at(end))

    assert day_of(at(start), zone=zone) == expected
    assert day_of(at(end) - 1, zone=zone) == expected
    assert day_of(at(start) - 1, zone=zone).end == at(start)
    assert day_of(at(end), zone=zone).start == at(end)
    assert first_instant(expected.date, zone=zone) == at(start)
    assert (expected.end - expected.start) / HOUR_US == pytest.approx(hours, abs=0.0001)


def test_date_that_returns_stays_with_the_day_that_has_begun():
    instant = at("2010-11-07T02:45:00")

    assert datetime_of(instant).astimezone(ZoneInfo("America/St_Johns")).date() == date(
        2010, 11, 6
    )
    assert day_of(instant, zone="America/St_Johns").date == date(2010, 11, 7)


def test_zone_that_changes_its_mind_within_hours_still_has_each_day_once():
    hour, day = 3_600, 86_400
    # No zone has done this: forward past midnight, back before it, a little less far back.
    offsets = [(0, 0), (day - hour, 2 * hour), (day, -3 * hour), (day + hour, -2 * hour)]

    assert _day_starts(offsets, 3 * day) == [(day - hour, 1), (2 * day + 2 * hour, 2)]


def test_skipped_date_begins_with_the_next_one():
    assert first_instant(date(2011, 12, 30), zone="Pacific/Apia") == at("2011-12-30T10:00:00")
    assert [
        piece.date
        for piece in days(
            at("2011-12-29T20:00:00"), at("2011-12-31T00:00:00"), zone="Pacific/Apia"
        )
    ] == [date(2011, 12, 29), date(2011, 12, 31)]


@pytest.mark.parametrize(
    ("zone", "year", "month", "start", "end"),
    [
        ("UTC", 2024, 2, "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("UTC", 2026, 12, "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("Asia/Shanghai", 2026, 11, "2026-10-31T16:00:00", "2026-11-30T16:00:00"),
        ("Europe/Prague", 2013, 3, "2013-02-28T23:00:00", "2013-03-31T22:00:00"),
        # The month begins where midnight does not happen, or happens twice.
        ("America/Asuncion", 2017, 10, "2017-10-01T04:00:00", "2017-11-01T03:00:00"),
        ("America/Havana", 2020, 11, "2020-11-01T04:00:00", "2020-12-01T05:00:00"),
        ("Pacific/Apia", 2011, 12, "2011-12-01T10:00:00", "2011-12-31T10:00:00"),
    ],
)
def test_month_runs_from_its_first_instant_to_that_of_the_next(zone, year, month, start, end):
    assert month_bounds(year, month, zone=zone) == (at(start), at(end))
    period = Period(at(start), at(end), zone, f"{year}-{month:02d}")
    assert period_at(at(start), zone=zone) == period
    assert period_at(at(end) - 1, zone=zone) == period


def test_session_over_midnight_is_cut_there():
    pieces = days(
        at("2026-11-23T15:30:00"), at("2026-11-24T16:00:00.000001"), zone="Asia/Shanghai"
    )

    assert pieces == [
        Day(date(2026, 11, 23), at("2026-11-23T15:30:00"), at("2026-11-23T16:00:00")),
        Day(date(2026, 11, 24), at("2026-11-23T16:00:00"), at("2026-11-24T16:00:00")),
        Day(date(2026, 11, 25), at("2026-11-24T16:00:00"), at("2026-11-24T16:00:00.000001")),
    ]


def test_session_that_ends_at_midnight_has_no_empty_piece():
    start, end = at("2026-11-23T15:30:00"), at("2026-11-23T16:00:00")

    assert days(start, end, zone="Asia/Shanghai") == [Day(date(2026, 11, 23), start, end)]
    assert days(end, end, zone="Asia/Shanghai") == []


def test_months_of_the_metacentrum_trace():
    months = months_covering(at("2012-12-31T10:00:00"), at("2013-04-02T10:00:00"), zone="UTC")

    assert [month.label for month in months] == [
        "2012-12",
        "2013-01",
        "2013-02",
        "2013-03",
        "2013-04",
    ]
    assert months[0].start == at("2012-12-01T00:00:00")
    assert months[-1].end == at("2013-05-01T00:00:00")


# -- Change of the zone


@pytest.mark.parametrize(
    ("old", "new", "end"),
    [
        ("UTC", "Asia/Tokyo", "2026-04-30T15:00:00"),
        ("UTC", "America/New_York", "2026-05-01T04:00:00"),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-05-01T11:00:00"),
        ("Pacific/Pago_Pago", "Pacific/Kiritimati", "2026-04-30T10:00:00"),
    ],
)
def test_period_after_a_zone_change_begins_at_the_seam_and_ends_with_the_new_month(old, new, end):
    march = period_at(at("2026-03-15T00:00:00"), zone=old)
    april = next_period(march, zone=new)

    assert april == Period(march.end, at(end), new, "2026-04")
    assert next_period(april, zone=new) == period_at(at("2026-05-15T00:00:00"), zone=new)


def test_seam_day_is_cut_between_the_two_periods():
    march = period_at(at("2026-03-15T00:00:00"), zone="UTC")
    april = next_period(march, zone="America/New_York")
    seam = at("2026-04-01T00:00:00")

    assert days(march.start, march.end, zone="UTC")[-1] == Day(
        date(2026, 3, 31), at("2026-03-31T00:00:00"), seam
    )
    # In New York the seam is 20:00 of the same 31 March: its rest lies in the April period.
    assert days(april.start, april.end, zone="America/New_York")[0] == Day(
        date(2026, 3, 31), seam, at("2026-04-01T04:00:00")
    )


def test_periods_are_laid_back_month_by_month():
    may = period_at(at("2026-05-15T00:00:00"), zone="America/Havana")
    april = previous_period(may, zone="America/Havana")

    assert april == period_at(at("2026-04-15T00:00:00"), zone="America/Havana")
    assert previous_period(may, zone="UTC") == Period(
        at("2026-04-01T00:00:00"), at("2026-05-01T04:00:00"), "UTC", "2026-04"
    )


def test_period_that_would_be_empty_is_refused():
    too_long = Period(at("2026-03-01T00:00:00"), at("2026-05-01T00:00:00"), "UTC", "2026-03")

    with pytest.raises(InvalidRangeError, match="2026-04 in UTC would be empty"):
        next_period(too_long, zone="UTC")
    with pytest.raises(InvalidRangeError, match="2026-02 in UTC would be empty"):
        previous_period(
            Period(at("2026-01-01T00:00:00"), too_long.end, "UTC", "2026-03"), zone="UTC"
        )


# -- Refusals


@pytest.mark.parametrize(
    "name",
    [
        "",
        "utc+8",
        "Mars/Olympus",
        "America",
        "localtime",
        "Factory",
        "posixrules",
        "posix/UTC",
        "right/UTC",
        "../UTC",
        "/etc/passwd",
        "zone.tab",
        "UTC\0",
        "x" * 300,
        "Europe/\ud800",
    ],
)
def test_unknown_zone_is_refused_by_name(name):
    with pytest.raises(UnknownZoneError):
        check_zone(name)
    with pytest.raises(UnknownZoneError):
        day_of(0, zone=name)


def test_known_zone_is_returned():
    assert check_zone("Asia/Shanghai") == "Asia/Shanghai"


@pytest.mark.parametrize("year", [1, 1899, 2201, 250_000])
def test_instant_of_another_age_is_refused(year):
    instant = (year - 1970) * 365 * DAY_US

    with pytest.raises(InstantOutOfRangeError):
        day_of(instant, zone="UTC")


def test_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(InvalidRangeError):
        days(1, 0, zone="UTC")
    with pytest.raises(InvalidRangeError):
        months_covering(1, 1, zone="UTC")


@pytest.mark.parametrize("month", [0, 13])
def test_month_outside_the_year_is_refused(month):
    with pytest.raises(ValueError, match="month"):
        month_bounds(2026, month, zone="UTC")
