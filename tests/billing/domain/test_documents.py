"""The frozen document: canonical bytes, and a check that finds every contradiction."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.domain.documents import (
    DocumentMismatchError,
    canonical_json,
    read_document,
    verify_document,
)
from billing.domain.invoicing import build_invoice
from tests.factories.invoices import header, lines

LINES = lines()


# -- Canonical JSON


def test_canonical_json_is_sorted_dense_and_utf_8():
    assert canonical_json({"b": [1, None, "é"], "a": {"中": True}}) == (
        '{"a":{"中":true},"b":[1,null,"é"]}'.encode()
    )


@pytest.mark.parametrize(
    "value", [0.5, float("nan"), Decimal(1), {1: "a"}, date(2026, 1, 1), (1,)]
)
def test_value_without_one_text_is_refused(value):
    with pytest.raises(TypeError):
        canonical_json({"value": [value]})


def test_lone_surrogate_is_refused():
    with pytest.raises(UnicodeEncodeError):
        canonical_json({"name": "\ud800"})


# -- The document checks itself


def test_document_passes_its_own_check():
    invoice = build_invoice(header(), lines=LINES)

    verify_document(invoice.body, sha256=invoice.sha256)


def test_single_changed_byte_is_found():
    invoice = build_invoice(header(), lines=LINES)

    with pytest.raises(DocumentMismatchError, match="SHA-256"):
        verify_document(invoice.body.replace(b"acme", b"acne"), sha256=invoice.sha256)


def usd_line(**changes):
    return lambda document: document["lines"][0].update(changes)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda d: d["subtotal"].update(amount="1.08"), "lines do not sum to the subtotal"),
        (lambda d: d["total"].update(amount="1.08"), "do not sum to the total"),
        (lambda d: d["tax"].update(amount="0.01"), "taxes do not sum"),
        (lambda d: d["lines"].pop(), "lines do not sum"),
        (lambda d: d["lines"].reverse(), "line 1 is numbered 3"),
        (usd_line(quantity_seconds="12400"), "line 1 is not its quantity x price"),
        (usd_line(quantity_seconds="12000.0000001"), "below a microsecond"),
        (usd_line(quantity_seconds="many"), "not an invoice document"),
        (usd_line(unit_price={"amount": "0.12", "currency": "EUR"}), "another currency"),
        (usd_line(unit_price={"amount": "cheap", "currency": "USD"}), "not an invoice document"),
        (usd_line(amount={"amount": "0.40", "currency": "EUR"}), "not an invoice document"),
        (usd_line(amount={"amount": 0.4, "currency": "USD"}), "not an invoice document"),
        (lambda d: d.pop("lines"), "not an invoice document"),
    ],
)
def test_document_that_contradicts_itself_is_found(fault, message):
    document = json.loads(build_invoice(header(), lines=LINES).body)
    fault(document)
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    with pytest.raises(DocumentMismatchError, match=message):
        verify_document(body, sha256=hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda body: body + b"\n",
        lambda body: body.replace(b'"version":1', b'"version":1,"version":1'),
        lambda body: b"[]",
        lambda body: b"not JSON",
        lambda body: b"\xff",
    ],
)
def test_bytes_that_are_not_the_canonical_ones_are_found(rewrite):
    body = rewrite(build_invoice(header(), lines=LINES).body)

    with pytest.raises(DocumentMismatchError):
        verify_document(body, sha256=hashlib.sha256(body).hexdigest())


def test_correction_of_another_period_is_summed_but_not_rated_again():
    lines = [LINES[0], replace(LINES[1], corrects_period="2026-02", amount=LINES[2].amount)]
    invoice = build_invoice(header(), lines=lines)

    assert read_document(invoice.body)["lines"][1]["corrects_period"] == "2026-02"
    verify_document(invoice.body, sha256=invoice.sha256)
