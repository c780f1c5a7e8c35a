"""Invoicing: from rated lines to the frozen document of an invoice.

The document (see `documents`) carries everything that a page, PDF or CSV of the invoice prints,
and the versions it was computed with. Nothing is rounded here.

Closing bills a difference: what should be billed minus what was billed (`difference`), so that
doing it twice bills nothing twice.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing.domain.documents import (
    DOCUMENT_VERSION,
    DocumentLine,
    InvoiceDocument,
    canonical_json,
    verify_document,
)
from billing.domain.instants import instant_text, seconds_text
from billing.domain.money import Money, decimal_text, decimals_of
from billing.domain.periods import Period
from billing.domain.rating import RatedLine, UsageAtom, atom_order, exact_amount

# Texts of lines by key. The document carries key, parameters and the English text; a renderer
# may look the template up in another language and fill in the same parameters.
DESCRIPTIONS = {"offload_use": "Offload use, {machine}"}

_NUMBER = re.compile(r"(?P<year>[0-9]{4})-(?P<sequence>[0-9]{6,})")


class InvoiceError(ValueError):
    """These values cannot be an invoice; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Seller or buyer, copied into the document as it was when the invoice was finalized.

    `address` is text of one or more lines, `country` an ISO 3166 code of two letters.
    """

    name: str
    address: str = ""
    country: str = ""
    tax_id: str = ""
    email: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceHeader:
    """What an invoice says besides its lines.

    `period` is the stored billing period; `cutoff` the instant (microseconds UTC) whose events
    were used; `issued_on` the local date of finalization in the billing zone, which gives the
    number its year; `fold_version` the version of the continuity rule.

    Raises:
        InvoiceError: the number is not one of the issue year, or the cutoff is in the period.
        UnknownCurrencyError: the currency is not an active one of ISO 4217.
    """

    number: str
    organization: str
    period: Period
    currency: str
    cutoff: int
    issued_on: date
    seller: Party
    buyer: Party
    fold_version: int

    def __post_init__(self) -> None:
        decimals_of(self.currency)
        if _year_of(self.number) != self.issued_on.year:
            raise InvoiceError(f"{self.number} is no number of {self.issued_on.year}")
        if self.cutoff < self.period.end:
            raise InvoiceError(f"the cutoff of {self.number} lies before its period's end")


class FrozenInvoice(NamedTuple):
    """An invoice ready to be stored: canonical bytes, their SHA-256 in hex, and the sums."""

    body: bytes
    sha256: str
    subtotal: Money
    tax: Money
    total: Money


class Explanation(NamedTuple):
    """How a line's amount came about: `exact` = quantity x price / hour, `amount` its rounding.

    `rounded_by` = amount - exact, never more than half of the currency's smallest unit.
    """

    quantity_us: int
    unit_price: Decimal
    exact: Fraction
    amount: Money
    rounded_by: Fraction


def difference(should: Iterable[UsageAtom], billed: Iterable[UsageAtom]) -> list[UsageAtom]:
    """Return what remains to be billed: `should` minus `billed`, atom by atom.

    Atoms are the same when all but their quantity is equal; quantities of equal atoms add up.
    Atoms that cancel out are left out, what was billed too much comes back negative. Sorted by
    day, session start, member, machine. For any input: billed + difference = should, and the
    difference between `should` and that sum is empty.
    """
    open_us: dict[UsageAtom, int] = {}
    for sign, atoms in ((1, should), (-1, billed)):
        for atom in atoms:
            key = atom._replace(quantity_us=0)
            open_us[key] = open_us.get(key, 0) + sign * atom.quantity_us
    remaining = [key._replace(quantity_us=left) for key, left in open_us.items() if left]
    return sorted(remaining, key=atom_order)


def format_number(*, year: int, sequence: int) -> str:
    """Return an invoice number, `2026-000001`: the year of finalization in the billing zone.

    Raises:
        InvoiceError: the sequence does not count from 1, or the year has not four digits.
    """
    number = f"{year:04d}-{sequence:06d}"
    if sequence < 1 or not _NUMBER.fullmatch(number):
        raise InvoiceError(f"no invoice number: year {year}, sequence {sequence}")
    return number


def build_invoice(header: InvoiceHeader, *, lines: Sequence[RatedLine]) -> FrozenInvoice:
    """Return the frozen invoice of rated lines, numbered in the order given.

    The result is a function of its arguments alone, byte for byte, and has passed
    `verify_document`.

    Raises:
        InvoiceError: there are no lines (such a period closes without an invoice), or the total
            is negative (that is a credit note).
        CurrencyMismatchError: a line is of another currency than the header.
    """
    if not lines:
        raise InvoiceError("a period without lines has no invoice")
    subtotal = Money.total((line.amount for line in lines), currency=header.currency)
    tax = Money.zero(header.currency)
    total = subtotal + tax
    if total.amount < 0:
        raise InvoiceError(f"{header.number} has a negative total: it must be a credit note")
    body = canonical_json(_document(header, lines, subtotal=subtotal, tax=tax, total=total))
    sha256 = hashlib.sha256(body).hexdigest()
    verify_document(body, sha256=sha256)
    return FrozenInvoice(body, sha256, subtotal, tax, total)


def explain(line: RatedLine) -> Explanation:
    """Return how the amount of a line came about, unrounded and rounded."""
    exact = exact_amount(quantity_us=line.quantity_us, hourly=line.unit_price)
    rounded_by = Fraction(line.amount.amount) - exact
    return Explanation(line.quantity_us, line.unit_price, exact, line.amount, rounded_by)


def _document(
    header: InvoiceHeader, lines: Sequence[RatedLine], *, subtotal: Money, tax: Money, total: Money
) -> InvoiceDocument:
    period = header.period
    cards = {line.card.id: line.card for line in lines}
    return {
        "version": DOCUMENT_VERSION,
        "type": "invoice",
        "number": header.number,
        "status": "finalized",
        "organization": header.organization,
        "period": {
            "start": instant_text(period.start),
            "end": instant_text(period.end),
            "zone": period.zone,
            "label": period.label,
        },
        "currency": header.currency,
        "issued_on": header.issued_on.isoformat(),
        "cutoff": instant_text(header.cutoff),
        "seller": asdict(header.seller),
        "buyer": asdict(header.buyer),
        "lines": [_document_line(n, line) for n, line in enumerate(lines, start=1)],
        "subtotal": subtotal.to_wire(),
        "taxes": [],
        "tax": tax.to_wire(),
        "total": total.to_wire(),
        "versions": {
            "fold": header.fold_version,
            "rate_cards": [
                {"id": card.id, "effective_from": card.effective_from.isoformat()}
                for card in sorted(cards.values(), key=lambda card: card.effective_from)
            ],
        },
    }


def _document_line(n: int, line: RatedLine) -> DocumentLine:
    currency = line.amount.currency
    price = decimal_text(line.unit_price, decimals=decimals_of(currency))
    parameters = {"machine": line.machine}
    return {
        "n": n,
        "kind": line.kind.value,
        "description": DESCRIPTIONS["offload_use"].format_map(parameters),
        "description_key": "offload_use",
        "description_parameters": parameters,
        "machine": line.machine,
        "quantity_seconds": seconds_text(line.quantity_us),
        "unit_price": {"amount": price, "currency": currency},
        "amount": line.amount.to_wire(),
        "corrects_period": line.corrects_period,
        "rate_card": line.card.id,
    }


def _year_of(number: str) -> int:
    matched = _NUMBER.fullmatch(number)
    if matched is None:
        raise InvoiceError(f"not an invoice number: {number!r}")
    return int(matched["year"])
