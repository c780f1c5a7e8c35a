"""What stands on the page of an invoice: every text of it, ready to be laid out.

A function of the frozen document and a language. Instants are shown in the zone of the period.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from django.utils import dateformat, translation
from django.utils.translation import gettext, gettext_noop, pgettext

from billing.domain.documents import DocumentLine, InvoiceDocument, read_document
from billing.domain.instants import SECOND_US
from billing.domain.money import WireMoney
from billing.rendering.words import (
    amount_text,
    duration_text,
    grouped_seconds,
    moment_text,
    offset_text,
)

LANGUAGES: Final = ("zh-hans", "en")

_DESCRIPTIONS: Final = {"offload_use": gettext_noop("Offload use, {machine}")}
"""Texts of lines by the key in the document; a key that is not here is shown as it was frozen."""

_KINDS: Final = {"on_demand": gettext_noop("On demand")}


def invoice_page(body: bytes, *, language: str) -> dict[str, Any]:
    """Return the texts of an invoice, for the template `invoice.typ`.

    Raises:
        ValueError: there are no texts in this language.
    """
    if language not in LANGUAGES:
        message = f"invoices are not written in {language!r}"
        raise ValueError(message)
    document = read_document(body)
    with translation.override(language):
        return {
            "language": "zh" if language == "zh-hans" else "en",
            "region": "cn" if language == "zh-hans" else "gb",
            "title": gettext("Invoice"),
            "number": document["number"],
            "seller": _party(document["seller"]),
            "buyer": _party(document["buyer"]),
            "sha256": hashlib.sha256(body).hexdigest(),
            "attachment": f"{document['number']}.json",
            "currency": document["currency"],
            "month": _month(document["period"]["label"]),
            "total": _amount(document["total"]),
            "facts": [list(fact) for fact in _facts(document)],
            "columns": _columns(document["currency"]),
            "lines": [_line(line, document) for line in document["lines"]],
            "sums": [list(entry) for entry in _sums(document)],
            "words": _words(document),
        }


def _words(document: InvoiceDocument) -> dict[str, str]:
    return {
        "buyer": gettext("Billed to"),
        "seller": pgettext("invoice", "From"),
        "total": gettext("Total"),
        "page": gettext("Page {page} of {pages}"),
        "digest": gettext("SHA-256 of the frozen document"),
        "attached": gettext("The frozen document, from which this page is made"),
        "note": gettext(
            "Time is metered to the microsecond; the exact seconds stand below each quantity. "
            "Each line is rounded once, half away from zero. The frozen document that this page "
            "is made from is attached to this file as {name}; its SHA-256 stands at the foot."
        ).format(name=f"{document['number']}.json"),
    }


def _party(party: dict[str, str]) -> dict[str, Any]:
    details = [line.strip() for line in party["address"].splitlines()]
    tax_id = party["tax_id"]
    details += [
        _country(party["country"]),
        gettext("Tax number {tax_id}").format(tax_id=tax_id) if tax_id else "",
        party["email"],
    ]
    return {"name": party["name"], "details": [line for line in details if line]}


def _country(code: str) -> str:
    """Return the name of a country in the active language, or the code that nobody knows."""
    locale = Locale.parse(translation.to_locale(translation.get_language() or "en"))
    name: str = locale.territories.get(code.upper(), code)
    return name


def _facts(document: InvoiceDocument) -> Iterator[tuple[str, list[str]]]:
    """Yield label and lines of what an invoice says about itself."""
    period = document["period"]
    zone = ZoneInfo(period["zone"])
    start, end, cutoff = (
        datetime.fromisoformat(text).astimezone(zone)
        for text in (period["start"], period["end"], document["cutoff"])
    )
    offsets = " \N{EN DASH} ".join(dict.fromkeys((offset_text(start), offset_text(end))))
    issued = date.fromisoformat(document["issued_on"])
    yield gettext("Invoice number"), [document["number"]]
    yield (
        gettext("Issue date"),
        [dateformat.format(issued, pgettext("date format", "j M Y"))],
    )
    yield (
        gettext("Billing period"),
        [
            f"{moment_text(start)} \N{EN DASH}",
            moment_text(end),
            f"{period['zone']} ({offsets})",
        ],
    )
    yield (
        gettext("Events received before"),
        [moment_text(cutoff), offset_text(cutoff)],
    )


def _month(label: str) -> str:
    first = date.fromisoformat(f"{label}-01")
    return dateformat.format(first, pgettext("date format", "F Y"))


def _columns(currency: str) -> dict[str, str]:
    return {
        "n": gettext("Line"),
        "description": gettext("Description"),
        "quantity": gettext("Quantity"),
        "price": gettext("Price per hour ({currency})").format(currency=currency),
        "amount": gettext("Amount ({currency})").format(currency=currency),
    }


def _line(line: DocumentLine, document: InvoiceDocument) -> dict[str, str]:
    quantity_us = int(Fraction(line["quantity_seconds"]) * SECOND_US)
    return {
        "n": str(line["n"]),
        "description": _description(line),
        "detail": " \N{EN DASH} ".join(_details(line, document)),
        "quantity": duration_text(quantity_us),
        "seconds": pgettext("duration", "{s} s").format(s=grouped_seconds(quantity_us)),
        "price": _amount(line["unit_price"]),
        "amount": _amount(line["amount"]),
    }


def _description(line: DocumentLine) -> str:
    template = _DESCRIPTIONS.get(line["description_key"])
    if template is None:
        return line["description"]
    return gettext(template).format_map(line["description_parameters"])


def _details(line: DocumentLine, document: InvoiceDocument) -> Iterator[str]:
    """Yield what tells lines of one machine apart: kind, rate card, corrected period."""
    kind = _KINDS.get(line["kind"])
    if kind is not None:
        yield gettext(kind)
    for card in document["versions"]["rate_cards"]:
        if card["id"] == line["rate_card"]:
            day = date.fromisoformat(card["effective_from"])
            shown = dateformat.format(day, pgettext("date format", "j M Y"))
            yield gettext("rate card of {day}").format(day=shown)
    if line["corrects_period"] is not None:
        yield gettext("corrects {month}").format(month=_month(line["corrects_period"]))


def _sums(document: InvoiceDocument) -> Iterator[tuple[str, str]]:
    """Yield what stands between the lines and the total."""
    yield gettext("Subtotal"), _amount(document["subtotal"])
    yield gettext("Tax"), _amount(document["tax"])


def _amount(money: WireMoney) -> str:
    return amount_text(Decimal(money["amount"]), currency=money["currency"])
