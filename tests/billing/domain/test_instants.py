"""Instants and durations: exact conversions, and one text for each."""

from datetime import datetime

import pytest

from billing.domain.instants import datetime_of, instant_of, instant_text, seconds_text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_795_464_000_000_000, "2026-11-23T20:00:00Z"),
        (1_795_464_000_120_000, "2026-11-23T20:00:00.120000Z"),
    ],
)
def test_instant_text_is_rfc_3339_in_utc(instant, text):
    assert instant_text(instant) == text
    assert instant_of(datetime.fromisoformat(text)) == instant
    assert datetime_of(instant) == datetime.fromisoformat(text)


def test_instant_of_another_offset_is_the_same_instant():
    assert instant_of(datetime.fromisoformat("2026-11-24T04:00:00+08:00")) == 1_795_464_000_000_000


def test_datetime_without_a_zone_is_refused():
    with pytest.raises(TypeError):
        instant_of(datetime(2026, 11, 24))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (500_000, "0.5"),
        (100_000_000, "100"),
        (3_600_000_000, "3600"),
        (-12_000_001, "-12.000001"),
        (10**18, "1000000000000"),
    ],
)
def test_seconds_text_is_plain_decimal(duration_us, text):
    assert seconds_text(duration_us) == text
