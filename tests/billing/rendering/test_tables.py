"""CSV as RFC 4180 and spreadsheets want it, JSON lines as programs do."""

import csv
import io
import json
import tracemalloc

import pytest

from billing.rendering.tables import INVOICES, SESSIONS, USAGE
from orgs.rendering.tables import Table, csv_pieces, json_line_pieces

PAIR = Table(columns=("name", "amount"), numbers=frozenset({"amount"}))


def csv_of(*rows, table=PAIR) -> bytes:
    return b"".join(csv_pieces(rows, table=table))


def test_the_columns_are_those_of_the_contract():
    assert [csv_of(table=table) for table in (SESSIONS, USAGE, INVOICES)] == [
        (
            b"session_id,organization,member,team,machine,started_at,ended_at,state,"
            b"billable_seconds,working_seconds,bridged_seconds,event_count,invoice\r\n"
        ),
        (
            b"day,organization,member,team,machine,seconds,hourly_price,amount,currency,session_id,"
            b"invoice\r\n"
        ),
        (
            b"invoice,line,kind,description,machine,period_start,period_end,quantity_seconds,"
            b"unit_price,amount,currency,corrects_period\r\n"
        ),
    ]


def test_cells_are_quoted_only_where_they_must_be():
    assert (
        csv_of(("a", 1), ('say "hi", 王', "0.50"), ("two\nlines", None), (None, -3))
        == ('name,amount\r\na,1\r\n"say ""hi"", 王",0.50\r\n"two\nlines",\r\n,-3\r\n').encode()
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_neutralized(start):
    rows = list(csv.reader(io.StringIO(csv_of((f"{start}1+1", "5")).decode(), newline="")))
    assert rows[1] == [f"'{start}1+1", "5"]


def test_numbers_are_never_neutralized():
    assert csv_of(("minus", "-12.50"), ("plain", -7)).splitlines()[1:] == [
        b"minus,-12.50",
        b"plain,-7",
    ]


def test_text_with_such_a_character_inside_stays():
    assert csv_of(("a=b+c-d@e", 0)) == b"name,amount\r\na=b+c-d@e,0\r\n"


def test_json_lines_hold_every_column_and_neutralize_nothing():
    pieces = json_line_pieces([("=1+1", "-2.5"), ("王", None)], table=PAIR)
    lines = b"".join(pieces).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"name": "=1+1", "amount": "-2.5"},
        {"name": "王", "amount": None},
    ]


@pytest.mark.parametrize("pieces_of", [csv_pieces, json_line_pieces])
def test_length_costs_no_memory(pieces_of):
    def peak(length: int) -> int:
        tracemalloc.start()
        for _ in pieces_of((("x" * 40, n) for n in range(length)), table=PAIR):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(2_000)
    assert peak(60_000) < 2 * peak(2_000)
