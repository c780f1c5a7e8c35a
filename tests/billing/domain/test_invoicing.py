"""Invoicing: the frozen document written out, what is refused, and billing by difference."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.documents import read_document, verify_document
from billing.domain.instants import HOUR_US
from billing.domain.invoicing import (
    Explanation,
    InvoiceError,
    build_invoice,
    difference,
    explain,
    format_number,
)
from billing.domain.money import CurrencyMismatchError, Money, UnknownCurrencyError
from billing.domain.rating import UsageAtom, atom_order, rate
from tests.factories.invoices import CARDS, MID_MARCH, USE, header, lines
from tests.factories.rating import atom, card

LINES = lines()


# -- The document


def test_document_is_written_out_and_frozen():
    invoice = build_invoice(header(), lines=LINES)

    def usd(amount: str) -> dict[str, str]:
        return {"amount": amount, "currency": "USD"}

    blank = {"address": "", "tax_id": "", "email": ""}
    use_of_cpu = {
        "kind": "on_demand",
        "description": "Offload use, cpu-4x8",
        "description_key": "offload_use",
        "description_parameters": {"machine": "cpu-4x8"},
        "machine": "cpu-4x8",
        "unit_price": usd("0.12"),
        "corrects_period": None,
    }
    assert read_document(invoice.body) == {
        "version": 1,
        "type": "invoice",
        "number": "2026-000001",
        "status": "finalized",
        "organization": "acme",
        "period": {
            "start": "2026-02-28T16:00:00Z",
            "end": "2026-03-31T16:00:00Z",
            "zone": "Asia/Shanghai",
            "label": "2026-03",
        },
        "currency": "USD",
        "issued_on": "2026-04-04",
        "cutoff": "2026-04-04T00:00:00.000005Z",
        "seller": blank | {"name": "Offload Ltd", "country": "GB"},
        "buyer": blank | {"name": "阿克梅", "address": "南京路 1\n上海", "country": "CN"},
        "lines": [
            use_of_cpu
            | {"n": 1, "quantity_seconds": "12000.000001", "amount": usd("0.40"), "rate_card": 1},
            use_of_cpu
            | {"n": 2, "quantity_seconds": "3600", "amount": usd("0.12"), "rate_card": 2},
            {
                "n": 3,
                "kind": "on_demand",
                "description": "Offload use, gpu-l4",
                "description_key": "offload_use",
                "description_parameters": {"machine": "gpu-l4"},
                "machine": "gpu-l4",
                "quantity_seconds": "1800",
                "unit_price": usd("1.105"),
                "amount": usd("0.55"),  # 0.5525
                "corrects_period": None,
                "rate_card": 1,
            },
        ],
        "subtotal": usd("1.07"),
        "taxes": [],
        "tax": usd("0.00"),
        "total": usd("1.07"),
        "versions": {
            "fold": 1,
            "rate_cards": [
                {"id": 1, "effective_from": "2026-01-01"},
                {"id": 2, "effective_from": "2026-03-16"},
            ],
        },
    }
    assert [str(sum_.amount) for sum_ in invoice[2:]] == ["1.07", "0.00", "1.07"]
    # Written out, so that a change of a single byte of all documents to come is noticed.
    assert invoice.sha256 == "4840c307a8a4e776720afd32ead74c60bad70e05a2bc026b338189c16297a4e4"


def test_same_values_give_the_same_bytes():
    again = rate(reversed(USE), cards=CARDS[::-1])

    assert build_invoice(header(), lines=again) == build_invoice(header(), lines=LINES)


def test_scale_of_a_stored_price_does_not_change_the_bytes():
    cards = [card(cpu_4x8=text) for text in ("0.12", "0.120000")]
    first, second = (
        build_invoice(header(), lines=rate(USE[:2], cards=[version])) for version in cards
    )

    assert first == second


def test_invoice_of_a_currency_without_decimals():
    yen = card(currency="JPY", cpu_4x8="17.5")
    invoice = build_invoice(
        header(currency="JPY"), lines=rate([atom(1, "2026-03-03", HOUR_US)], cards=[yen])
    )
    document = read_document(invoice.body)

    assert document["lines"][0]["unit_price"] == {"amount": "17.5", "currency": "JPY"}
    assert document["total"] == {"amount": "18", "currency": "JPY"}
    assert document["tax"] == {"amount": "0", "currency": "JPY"}


def test_invoice_of_free_use_totals_zero():
    free = card(cpu_4x8="0")
    invoice = build_invoice(header(), lines=rate([atom(1, "2026-03-03", HOUR_US)], cards=[free]))

    assert invoice.total == Money.zero("USD")


# -- Refusals


def test_invoice_without_lines_is_refused():
    with pytest.raises(InvoiceError, match="without lines"):
        build_invoice(header(), lines=[])


def test_negative_total_is_refused():
    with pytest.raises(InvoiceError, match="credit note"):
        build_invoice(header(), lines=rate([atom(1, "2026-03-03", -HOUR_US)], cards=CARDS))


def test_line_of_another_currency_is_refused():
    with pytest.raises(CurrencyMismatchError):
        build_invoice(header(currency="EUR"), lines=LINES)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"number": "2025-000001"}, InvoiceError),
        ({"number": "2026-1"}, InvoiceError),
        ({"number": "2026-000001\n"}, InvoiceError),
        ({"cutoff": MID_MARCH}, InvoiceError),
        ({"currency": "ZZZ"}, UnknownCurrencyError),
    ],
)
def test_header_that_contradicts_itself_is_refused(changes, error):
    with pytest.raises(error):
        header(**changes)


@pytest.mark.parametrize(
    ("year", "sequence", "number"),
    [(2026, 1, "2026-000001"), (2026, 999_999, "2026-999999"), (2027, 1_000_000, "2027-1000000")],
)
def test_number_is_year_and_sequence(year, sequence, number):
    assert format_number(year=year, sequence=sequence) == number


@pytest.mark.parametrize(("year", "sequence"), [(2026, 0), (2026, -1), (12026, 1), (-1, 1)])
def test_number_that_cannot_be_is_refused(year, sequence):
    with pytest.raises(InvoiceError):
        format_number(year=year, sequence=sequence)


# -- Explanation and difference


def test_explanation_shows_the_exact_amount_and_what_rounding_did():
    assert explain(LINES[2]) == Explanation(
        quantity_us=1_800_000_000,
        unit_price=Decimal("1.105"),
        exact=Fraction(5525, 10_000),
        amount=Money(amount=Decimal("0.55"), currency="USD"),
        rounded_by=Fraction(-25, 10_000),
    )


atom_lists = st.lists(
    st.builds(
        atom,
        st.integers(1, 5),
        st.sampled_from(["2026-03-01", "2026-03-02", "2026-03-31"]),
        st.integers(-3, 10**10),
        machine=st.sampled_from(["cpu-4x8", "gpu-l4"]),
    ),
    max_size=20,
)


def quantities(atoms) -> dict[UsageAtom, int]:
    sums: dict[UsageAtom, int] = {}
    for one in atoms:
        key = one._replace(quantity_us=0)
        sums[key] = sums.get(key, 0) + one.quantity_us
    return {key: quantity for key, quantity in sums.items() if quantity}


def test_late_event_bills_only_what_it_changed():
    billed = [atom(1, "2026-03-03", 100), atom(2, "2026-03-03", 50), atom(4, "2026-03-04", 5)]
    should = [atom(1, "2026-03-03", 130), atom(3, "2026-03-03", 20), atom(4, "2026-03-04", 5)]

    assert difference(should, billed) == [
        atom(1, "2026-03-03", 30),
        atom(2, "2026-03-03", -50),
        atom(3, "2026-03-03", 20),
    ]


@given(should=atom_lists, billed=atom_lists)
@settings(max_examples=200, deadline=None)
def test_billing_the_difference_bills_what_should_be_billed(should, billed):
    rest = difference(should, billed)

    assert quantities([*billed, *rest]) == quantities(should)
    assert difference(should, [*billed, *rest]) == []
    assert rest == sorted(rest, key=atom_order)
    assert all(one.quantity_us for one in rest)
    assert difference(billed, should) == [
        one._replace(quantity_us=-one.quantity_us) for one in rest
    ]


@given(should=atom_lists, data=st.data())
@settings(max_examples=100, deadline=None)
def test_closing_twice_gives_the_same_invoice_and_nothing_more(should, data):
    first = rate(difference(should, []), cards=CARDS)
    again = rate(difference(data.draw(st.permutations(should)), []), cards=CARDS)
    billed = [one for line in first for one in line.atoms]

    assert again == first
    assert difference(should, billed) == []
    assert sum(line.quantity_us for line in first) == sum(one.quantity_us for one in should)


@given(use=atom_lists)
@settings(max_examples=100, deadline=None)
def test_any_invoice_sums_up_and_checks(use):
    rated = rate([one for one in use if one.quantity_us > 0] + USE, cards=CARDS)
    invoice = build_invoice(header(), lines=rated)

    amounts = [Decimal(line["amount"]["amount"]) for line in read_document(invoice.body)["lines"]]
    assert sum(amounts) == invoice.subtotal.amount == invoice.total.amount
    verify_document(invoice.body, sha256=invoice.sha256)
