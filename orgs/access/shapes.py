"""Shapes that the lists of both apps share, as the OpenAPI document describes them."""

from collections.abc import Mapping
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


def page_of(
    name: str,
    rows: type[serializers.Serializer[Any]],
    more: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
) -> serializers.Serializer[Any]:
    """Return the shape of a page of `rows`, with more fields beside it."""
    return inline_serializer(
        name,
        {
            "results": rows(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The next page, if any."),
            **(more or {}),
        },
    )
