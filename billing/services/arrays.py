"""Columns of rows as PostgreSQL array literals, for `unnest`.

The driver adapts a list value by value in Python, which took half the time of a fold; a literal
of one type is one join. Instants go as microseconds, which both sides read and write many times
faster than the text of a timestamp.
"""

from collections.abc import Sequence
from typing import Any


def array_literals(rows: Sequence[tuple[Any, ...]], *, width: int) -> list[str]:
    """Return one array literal for each of the `width` columns; an empty one without rows.

    A column holds integers, dates, or words of letters, digits and underscores, each with
    `None` for NULL.
    """
    if not rows:
        return ["{}"] * width
    return [array_literal(column) for column in zip(*rows, strict=True)]


def array_literal(values: Sequence[Any]) -> str:
    """Return the literal of values of one type, as above."""
    if None in values or "" in values:
        texts = ["NULL" if value is None else str(value) or '""' for value in values]
        return "{" + ",".join(texts) + "}"
    return "{" + ",".join(map(str, values)) + "}"


def instant_sql(microseconds: str) -> str:
    """Return the SQL of the instant that a `bigint` expression of microseconds UTC names.

    PostgreSQL multiplies an interval in double precision: exact for the years 1684 to 2255.
    """
    return f"(timestamptz 'epoch' + {microseconds} * interval '1 microsecond')"
