"""Instants and durations as values: whole microseconds, and their text on the wire.

An instant is an `int` of microseconds since 1970-01-01T00:00:00Z, a duration an `int` of
microseconds. Conversions are exact. Days and months are the business of `periods`.
"""

from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_of(at: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch, exactly.

    Raises:
        TypeError: the datetime has no zone.
    """
    return (at - _EPOCH) // timedelta(microseconds=1)


def datetime_of(instant: int) -> datetime:
    """Return the instant as a datetime in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=instant)


def instant_text(instant: int) -> str:
    """Return the instant as RFC 3339 in UTC: `…:05Z`, or `…:05.000120Z` with all six digits.

    One instant has one text, as frozen documents need it.
    """
    return datetime_of(instant).isoformat().replace("+00:00", "Z")


def seconds_text(duration_us: int) -> str:
    """Return a duration as decimal seconds: up to six places, no exponent, no idle zeros.

    Exact, and may be negative: `3600`, `0.5`, `-12.000001`.
    """
    whole, part = divmod(abs(duration_us), SECOND_US)
    sign = "-" if duration_us < 0 else ""
    return f"{sign}{whole}.{part:06d}".rstrip("0").rstrip(".")
