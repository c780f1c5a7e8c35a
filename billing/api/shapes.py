"""Shapes that several answers share, as the OpenAPI document describes them."""

from typing import Any

from rest_framework import serializers

from billing.domain.instants import instant_of, instant_text

SECONDS = r"^-?\d+(\.\d{1,6})?$"
"""Exact decimal seconds, down to the microsecond."""


class Seconds(serializers.RegexField):
    """A duration: decimal seconds as text, up to six places, never rounded."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(SECONDS, **kwargs)


class MoneySerializer(serializers.Serializer[Any]):
    """An amount as decimal text, never a float, and its currency (ISO 4217)."""

    amount = serializers.RegexField(r"^-?\d+(\.\d+)?$")
    currency = serializers.RegexField(r"^[A-Z]{3}$")


class PeriodSerializer(serializers.Serializer[Any]):
    """A billing period `[start, end)`: its instants, the billing time zone, and its month."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    zone = serializers.CharField()
    label = serializers.RegexField(r"^\d{4}-\d\d$")  # type: ignore[assignment]  # the framework takes fields off the class


def utc_text(at: Any) -> str | None:
    """Return a datetime as RFC 3339 in UTC, None as None."""
    return None if at is None else instant_text(instant_of(at))
