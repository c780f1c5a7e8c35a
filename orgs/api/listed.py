"""How pages of a list are described in the OpenAPI document."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from orgs.access.pagination import PAGE_SIZE, PAGE_SIZE_MAXIMUM

PAGE_PARAMETERS = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` of the page before."),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAXIMUM, "default": PAGE_SIZE},
    ),
]


def page_of(name: str, rows: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a page of `rows`."""
    return inline_serializer(
        name,
        {
            "results": rows(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The next page, if any."),
        },
    )


def utc_text(at: datetime | None) -> str | None:
    """Return an instant as RFC 3339 in UTC, None as None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
