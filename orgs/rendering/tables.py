"""Tables as files: CSV by RFC 4180 and JSON lines, row by row, so that length costs no memory.

A cell is text, a whole number, or nothing. Durations and amounts come as exact decimal text;
such columns are numbers, which are never neutralized.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

Cell = str | int | None
Row = Sequence[Cell]


class Table(NamedTuple):
    """A kind of table: its columns in the order of the public contract, and which are numbers."""

    columns: tuple[str, ...]
    numbers: frozenset[str]


FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
ROWS_AT_ONCE: Final = 500
"""Rows written in one piece: few writes, and still some tens of kilobytes only."""


def csv_pieces(rows: Iterable[Row], *, table: Table) -> Iterator[bytes]:
    """Yield the table as CSV: UTF-8, CRLF, a header row, quotes only where they are needed.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; nothing is an
    empty cell.
    """
    is_text = [column not in table.numbers for column in table.columns]
    yield _csv_lines([table.columns])
    for batch in _batches(rows):
        yield _csv_lines(
            [_neutral(cell) if text else cell for cell, text in zip(row, is_text, strict=True)]
            for row in batch
        )


def json_line_pieces(rows: Iterable[Row], *, table: Table) -> Iterator[bytes]:
    """Yield the table as JSON lines: one object a row, by column name, nothing as null.

    Text stands as it is: no spreadsheet reads it.
    """
    for batch in _batches(rows):
        objects = (dict(zip(table.columns, row, strict=True)) for row in batch)
        yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_AT_ONCE)):
        yield batch


def _csv_lines(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _neutral(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell
