"""The frozen document of an invoice: its shape, its bytes, and the check of itself.

The document is what was invoiced, for ever; "the same invoice" means the same bytes. Instants are
RFC 3339 in UTC, durations decimal seconds, money is amount and currency, all as text; there is no
float in it.
"""

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypedDict

from billing.domain.instants import SECOND_US
from billing.domain.money import Money, WireMoney, money_from_wire
from billing.domain.rating import amount_of

DOCUMENT_VERSION = 1


class DocumentMismatchError(ValueError):
    """A frozen document contradicts itself or its digest; the text says where."""


class DocumentLine(TypedDict):
    """A line of the document; `n` counts from 1, `quantity_seconds` is decimal seconds."""

    n: int
    kind: str
    description: str
    description_key: str
    description_parameters: dict[str, str]
    machine: str
    quantity_seconds: str
    unit_price: WireMoney
    amount: WireMoney
    corrects_period: str | None
    rate_card: int


class InvoiceDocument(TypedDict):
    """The frozen document, version 1. `tax` is zero and `taxes` empty until tax rates exist."""

    version: int
    type: str
    number: str
    status: str
    organization: str
    period: dict[str, str]
    currency: str
    issued_on: str
    cutoff: str
    seller: dict[str, str]
    buyer: dict[str, str]
    lines: list[DocumentLine]
    subtotal: WireMoney
    taxes: list[dict[str, Any]]
    tax: WireMoney
    total: WireMoney
    versions: dict[str, Any]


def canonical_json(document: object) -> bytes:
    """Return the one JSON text of a document: keys sorted, no spaces, UTF-8, no float.

    Raises:
        TypeError: it contains a float, a key that is no text, or a value that is not JSON.
        UnicodeEncodeError: it contains a lone surrogate.
    """
    _refuse_ambiguous(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def read_document(body: bytes) -> InvoiceDocument:
    """Return the document of its canonical bytes."""
    document: InvoiceDocument = json.loads(body)
    return document


def verify_document(body: bytes, *, sha256: str) -> None:
    """Check a frozen document against its digest and against itself.

    The bytes are canonical and have the digest; lines count from 1; each amount is its quantity
    x price, rounded once; the lines sum to the subtotal, the taxes to the tax, both to the total.
    Lines that correct another period are differences of amounts: they are only summed.

    Raises:
        DocumentMismatchError: any of that does not hold, or the bytes are no such document.
    """
    if hashlib.sha256(body).hexdigest() != sha256:
        raise DocumentMismatchError("the document does not have its SHA-256")
    try:
        document = read_document(body)
        canonical = canonical_json(document)
        _verify_sums(document)
        for n, line in enumerate(document["lines"], start=1):
            _verify_line(line, n, document["currency"])
    except DocumentMismatchError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise DocumentMismatchError(f"not an invoice document: {error!r}") from error
    if canonical != body:
        raise DocumentMismatchError("the document is not canonical JSON")


def _verify_sums(document: InvoiceDocument) -> None:
    currency = document["currency"]
    subtotal = money_from_wire(document["subtotal"])
    tax = money_from_wire(document["tax"])
    lines = [money_from_wire(line["amount"]) for line in document["lines"]]
    if Money.total(lines, currency=currency) != subtotal:
        raise DocumentMismatchError("the lines do not sum to the subtotal")
    taxes = [money_from_wire(entry["amount"]) for entry in document["taxes"]]
    if Money.total(taxes, currency=currency) != tax:
        raise DocumentMismatchError("the taxes do not sum to the tax")
    if subtotal + tax != money_from_wire(document["total"]):
        raise DocumentMismatchError("subtotal and tax do not sum to the total")


def _verify_line(line: DocumentLine, n: int, currency: str) -> None:
    if line["n"] != n:
        raise DocumentMismatchError(f"line {n} is numbered {line['n']}")
    if line["unit_price"]["currency"] != currency:
        raise DocumentMismatchError(f"line {n} has its price in another currency")
    quantity_us = Fraction(line["quantity_seconds"]) * SECOND_US
    hourly = Decimal(line["unit_price"]["amount"])
    if quantity_us.denominator != 1:
        raise DocumentMismatchError(f"line {n} has a quantity below a microsecond")
    rated = amount_of(quantity_us=int(quantity_us), hourly=hourly, currency=currency)
    if line["corrects_period"] is None and rated != money_from_wire(line["amount"]):
        raise DocumentMismatchError(f"line {n} is not its quantity x price")


def _refuse_ambiguous(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key of a document is text, not {key!r}")
            _refuse_ambiguous(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_ambiguous(inner)
    elif not (value is None or isinstance(value, str | int)):
        raise TypeError(f"no {type(value).__name__} in a document: {value!r}")
