"""Columns of rows as PostgreSQL array literals, for `unnest`.

The driver adapts a list value by value in Python, which took half the time of a fold; a literal
of one type is one join.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID


def array_literals(rows: Sequence[tuple[Any, ...]], *, width: int) -> list[str]:
    """Return one array literal for each of the `width` columns; an empty one without rows.

    A column holds integers, uuids, aware datetimes, dates, or words of letters and underscores,
    each with `None` for NULL.
    """
    if not rows:
        return ["{}"] * width
    return [array_literal(column) for column in zip(*rows, strict=True)]


def array_literal(values: Sequence[Any]) -> str:
    """Return the literal of values of one type, as above."""
    sample = next((value for value in values if value is not None), None)
    texts: list[str]
    if isinstance(sample, UUID):
        texts = ["NULL" if value is None else value.hex for value in values]
    elif isinstance(sample, date):  # a datetime too
        texts = ["NULL" if value is None else value.isoformat() for value in values]
    else:
        texts = ["NULL" if value is None else str(value) or '""' for value in values]
    return "{" + ",".join(texts) + "}"
