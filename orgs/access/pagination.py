"""Lists of the API: `{"results": […], "next": url | null}`, by cursor."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from orgs.access.problems import FieldError, Problem

PAGE_SIZE: Final = 100
PAGE_SIZE_MAXIMUM: Final = 1000
"""The contract's limit; a page of the longest rows stays below a megabyte."""

CURSOR_CHARACTERS: Final = 1500
"""More than any cursor that is given out: a few values, each of an indexed column."""

Item = TypeVar("Item")


class CursorPages(BasePagination):
    """Pages that stay right while rows are added; a subclass names its `ordering`.

    The cursor holds the ordered values of the last row of a page, and the next page begins right
    behind them; so any number of rows may share a value. The ordering must end in something
    unique and hold nothing that can be null. A page size outside 1..1000 and a cursor that was
    not made here are refused with 400, not silently replaced.
    """

    ordering: ClassVar[tuple[str, ...]]
    next: str | None = None
    """The address of the next page, once this one is made; None on the last."""

    def paginate_queryset(self, queryset: Any, request: Request, view: object = None) -> list[Any]:
        """Return the page that the request asks for, in one query; raises `Problem` 400."""
        size = page_size_of(request)
        rows = queryset.order_by(*self.ordering)
        if (values := cursor_of(request)) is not None:
            rows = rows.filter(self._behind(values, model=queryset.model))
        found = list(rows[: size + 1])
        if len(found) > size:
            last = found[size - 1]
            names = [name.removeprefix("-") for name in self.ordering]
            self.next = next_address(request, [_text(getattr(last, name)) for name in names])
        return found[:size]

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the address of the next."""
        return Response({"results": data, "next": self.next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the shape of a page for the OpenAPI document."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "format": "uri"},
            },
        }

    def _behind(self, values: Sequence[str], *, model: type[Model]) -> Q:
        """Return the condition "after these values" in the ordering."""
        if len(values) != len(self.ordering):
            raise _foreign_cursor()
        behind = Q()
        for name, text in reversed(list(zip(self.ordering, values, strict=True))):
            field = name.removeprefix("-")
            value = _value(model._meta.get_field(field), text)  # noqa: SLF001 - Django's public API
            further = Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
            behind = further | (Q(**{field: value}) & behind) if behind else further
        # said once more for the first column alone, which lets an index begin there
        side = "lte" if self.ordering[0].startswith("-") else "gte"
        first = self.ordering[0].removeprefix("-")
        bound = _value(model._meta.get_field(first), values[0])  # noqa: SLF001 - Django's public API
        return Q(**{f"{first}__{side}": bound}) & behind


def page_of_list(
    items: Sequence[Item], request: Request, *, key: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """Return a page of a list in memory, sorted by a unique text, and the next page's address.

    Raises `Problem` 400 as `CursorPages` does.
    """
    size = page_size_of(request)
    ordered = sorted(items, key=key)
    if (values := cursor_of(request)) is not None:
        if len(values) != 1:
            raise _foreign_cursor()
        ordered = [item for item in ordered if key(item) > values[0]]
    page = ordered[:size]
    return page, next_address(request, [key(page[-1])]) if len(ordered) > size else None


def page_size_of(request: Request) -> int:
    """Return the asked page size, or the default; raises `Problem` 400."""
    text = request.query_params.get("page_size")
    if text is None:
        return PAGE_SIZE
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(PAGE_SIZE_MAXIMUM))
    if not is_number or not 1 <= int(text) <= PAGE_SIZE_MAXIMUM:
        raise _invalid("page_size", f"page_size is a number from 1 to {PAGE_SIZE_MAXIMUM}.")
    return int(text)


def cursor_of(request: Request) -> list[str] | None:
    """Return the values that the request's cursor holds, or None; raises `Problem` 400."""
    token = request.query_params.get("cursor")
    if token is None:
        return None
    if len(token) > CURSOR_CHARACTERS:
        raise _foreign_cursor()
    try:
        values = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise _foreign_cursor() from error
    if not isinstance(values, list) or not values:
        raise _foreign_cursor()
    for value in values:
        if not isinstance(value, str) or "\0" in value or not value.isprintable():
            raise _foreign_cursor()
    return values


def next_address(request: Request, values: Sequence[str]) -> str:
    """Return the address of the page behind these values."""
    token = base64.b64encode(json.dumps(values).encode(), altchars=b"-_").decode()
    address: str = replace_query_param(request.build_absolute_uri(), "cursor", token)
    return address


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _value(field: Any, text: str) -> object:
    """Return the value of a column that a cursor holds as text."""
    assert isinstance(field, Field)  # noqa: S101 - an ordering names columns
    try:
        value = field.to_python(text)
    except (ValidationError, ValueError, OverflowError) as error:
        raise _foreign_cursor() from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise _foreign_cursor()
    return value


def _foreign_cursor() -> Problem:
    return _invalid("cursor", "The cursor is not one that this list gave.")


def _invalid(parameter: str, detail: str) -> Problem:
    return Problem(400, "invalid", detail, errors=[FieldError(parameter, "invalid", detail)])
