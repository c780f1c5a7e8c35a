"""Money: the one rounding, exact splits, currencies, and amounts that hold together."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.money import (
    CURRENCIES,
    CurrencyMismatchError,
    IndivisibleAmountError,
    InexactAmountError,
    Money,
    UnknownCurrencyError,
    check_decimals,
    decimal_text,
    decimals_of,
    largest_remainder,
    money_from_wire,
    round_half_away,
)


def usd(text: str) -> Money:
    return Money(amount=Decimal(text), currency="USD")


# -- Currencies


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("CNY", 2),
        ("IDR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("XOF", 0),
        ("KWD", 3),
        ("TND", 3),
        ("XCG", 2),
        ("ZWG", 2),
    ],
)
def test_currency_has_the_decimals_of_iso_4217(currency, decimals):
    assert decimals_of(currency) == decimals


@pytest.mark.parametrize(
    "code", ["", "usd", "US", "XXX", "XAU", "BTC", "DEM", "BGN", "CLF", "USD "]
)
def test_code_that_is_no_active_currency_is_refused(code):
    with pytest.raises(UnknownCurrencyError):
        decimals_of(code)
    with pytest.raises(UnknownCurrencyError):
        Money.zero(code)


def test_table_has_all_active_currencies_once():
    assert len(CURRENCIES) == len(set(CURRENCIES)) == 155
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


# -- The one rounding


@pytest.mark.parametrize(
    ("value", "decimals", "rounded"),
    [
        (Fraction(1, 200), 2, "0.01"),
        (Fraction(-1, 200), 2, "-0.01"),
        (Fraction(4_999_999, 1_000_000_000), 2, "0.00"),
        (Fraction(-4_999_999, 1_000_000_000), 2, "0.00"),
        (Fraction(1, 3), 2, "0.33"),
        (Fraction(2, 3), 2, "0.67"),
        (Fraction(5, 2), 0, "3"),
        (Fraction(7, 2), 0, "4"),
        (Fraction(-5, 2), 0, "-3"),
        (Fraction(12345, 10000), 3, "1.235"),
        (Fraction(0), 3, "0.000"),
        (Fraction(10**40 + 1, 2), 0, "5000000000000000000000000000000000000001"),
    ],
)
def test_tie_rounds_away_from_zero(value, decimals, rounded):
    assert str(round_half_away(value, decimals=decimals)) == rounded


@given(value=st.fractions(max_denominator=10**9), decimals=st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_rounding_is_to_the_nearest_and_symmetric(value, decimals):
    unit = Fraction(1, 10**decimals)
    rounded = Fraction(round_half_away(value, decimals=decimals))

    assert abs(rounded - value) <= unit / 2
    assert (rounded / unit).denominator == 1
    assert abs(rounded) > abs(value) or abs(rounded - value) != unit / 2
    assert Fraction(round_half_away(-value, decimals=decimals)) == -rounded


@given(
    units=st.integers(-(10**40), 10**40),
    fifths=st.integers(0, 9),
    decimals=st.integers(0, 6),
)
@settings(max_examples=200, deadline=None)
def test_rounding_agrees_with_the_decimal_library(units, fifths, decimals):
    exact = Decimal(f"{units}{fifths}E-{decimals + 1}")
    with decimal.localcontext(prec=60):
        expected = exact.quantize(Decimal(1).scaleb(-decimals), rounding=decimal.ROUND_HALF_UP)

    assert round_half_away(Fraction(exact), decimals=decimals) == expected


def test_float_never_gets_into_money():
    with pytest.raises(TypeError):
        round_half_away(0.5, decimals=2)
    with pytest.raises(TypeError):
        largest_remainder(Decimal(1), [0.5, 0.5], decimals=2)
    with pytest.raises(TypeError):
        Money(amount=0.5, currency="USD")
    with pytest.raises(TypeError):
        Money(amount=1, currency="JPY")


# -- Splitting


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        ("10.00", [1, 1, 1], ["3.34", "3.33", "3.33"]),
        ("-10.00", [1, 1, 1], ["-3.34", "-3.33", "-3.33"]),
        ("0.02", [1, 1, 1], ["0.01", "0.01", "0.00"]),
        ("100.00", [0, 1, 0, 2], ["0.00", "33.33", "0.00", "66.67"]),
        ("0.00", [0, 0], ["0.00", "0.00"]),
        ("0.00", [], []),
        ("1.00", [3, -1], ["1.50", "-0.50"]),
        ("1.00", [Fraction(1, 3), Fraction(2, 3)], ["0.33", "0.67"]),
    ],
)
def test_parts_sum_to_the_total(total, weights, parts):
    split = largest_remainder(Decimal(total), weights, decimals=2)

    assert [str(part) for part in split] == parts


weights_lists = st.lists(
    st.one_of(st.integers(0, 10**12), st.fractions(0, 10**6, max_denominator=3600)), min_size=1
).filter(any)


@given(units=st.integers(-(10**12), 10**12), weights=weights_lists, decimals=st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_split_is_exact_and_fair(units, weights, decimals):
    total = Decimal(units).scaleb(-decimals)
    parts = largest_remainder(total, weights, decimals=decimals)
    whole = sum(map(Fraction, weights))

    assert sum(map(Fraction, parts)) == Fraction(total)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(total) * weight / whole) < Fraction(1, 10**decimals)
        assert weight or part == 0
    assert largest_remainder(-total, weights, decimals=decimals) == [-part for part in parts]


@given(
    units=st.integers(-(10**9), 10**9),
    weights=st.lists(st.integers(-(10**6), 10**6)).filter(sum),
)
@settings(max_examples=200, deadline=None)
def test_split_by_weights_of_both_signs_is_exact(units, weights):
    parts = largest_remainder(Decimal(units), weights, decimals=0)

    assert sum(parts) == units
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_amount_without_weights_cannot_be_split(weights):
    with pytest.raises(IndivisibleAmountError):
        largest_remainder(Decimal("0.01"), weights, decimals=2)


def test_total_that_was_not_rounded_cannot_be_split():
    with pytest.raises(InexactAmountError):
        largest_remainder(Decimal("0.001"), [1], decimals=2)


# -- Money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.3", "USD", "12.30"),
        ("12.340000", "USD", "12.34"),
        ("-0", "USD", "0.00"),
        ("1E+3", "JPY", "1000"),
        ("0E-10", "KWD", "0.000"),
        ("-0.001", "KWD", "-0.001"),
        ("1234567890123456.78", "CNY", "1234567890123456.78"),
    ],
)
def test_money_carries_the_decimals_of_its_currency(amount, currency, text):
    money = Money(amount=Decimal(amount), currency=currency)

    assert str(money.amount) == text
    assert money.to_wire() == {"amount": text, "currency": currency}
    assert money_from_wire(money.to_wire()) == money


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "USD"),
        ("0.5", "JPY"),
        ("0.0001", "KWD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("sNaN", "USD"),
        ("12345678901234567", "USD"),
        ("1E+999999999", "USD"),
        ("1E-999999999", "USD"),
    ],
)
def test_amount_that_the_currency_cannot_hold_is_refused(amount, currency):
    with pytest.raises(InexactAmountError):
        Money(amount=Decimal(amount), currency=currency)


def test_text_that_is_no_amount_is_refused():
    with pytest.raises(InexactAmountError):
        money_from_wire({"amount": "ten", "currency": "USD"})


def test_sums_are_exact_whatever_the_decimal_context_says():
    with decimal.localcontext(prec=3):
        total = Money.total([usd("1234567.89"), usd("-0.01"), usd("0.02")], currency="USD")
        difference = usd("1234567.89") - usd("0.90")
        negative = -usd("1234567.89")

    assert total == usd("1234567.90")
    assert difference == usd("1234566.99")
    assert negative.minor_units == -123_456_789
    assert Money.total([], currency="JPY") == Money.zero("JPY")


def test_two_currencies_never_meet_in_one_sum():
    with pytest.raises(CurrencyMismatchError):
        usd("1.00") + Money.zero("EUR")
    with pytest.raises(CurrencyMismatchError):
        Money.total([usd("1.00")], currency="EUR")


def test_money_cannot_be_changed():
    with pytest.raises(AttributeError):
        usd("1.00").amount = Decimal("2.00")


@given(units=st.lists(st.integers(-(10**14), 10**14)), currency=st.sampled_from(CURRENCIES))
@settings(max_examples=100, deadline=None)
def test_sum_of_money_is_the_sum_of_its_units(units, currency):
    amounts = [Money.from_minor(unit, currency=currency) for unit in units]

    assert Money.total(amounts, currency=currency).minor_units == sum(units)


# -- Text and checks


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        ("0.120000", 2, "0.12"),
        ("0.125000", 2, "0.125"),
        ("1", 2, "1.00"),
        ("1E+2", 2, "100.00"),
        ("1E+2", 0, "100"),
        ("0.000001", 0, "0.000001"),
        ("1E-6", 2, "0.000001"),
        ("0E-6", 0, "0"),
        ("-0.00", 2, "0.00"),
        ("-1.50", 0, "-1.5"),
    ],
)
def test_price_has_one_text_whatever_its_stored_scale(value, decimals, text):
    assert decimal_text(Decimal(value), decimals=decimals) == text


def test_price_text_is_exact_whatever_the_decimal_context_says():
    with decimal.localcontext(prec=3):
        assert decimal_text(Decimal("-123456.654321"), decimals=2) == "-123456.654321"


def test_text_of_what_is_no_number_is_refused():
    with pytest.raises(InexactAmountError):
        decimal_text(Decimal("NaN"), decimals=2)


def test_number_within_its_decimals_passes():
    check_decimals(Decimal("0.1234560"), decimals=6)
    with pytest.raises(InexactAmountError):
        check_decimals(Decimal("0.1234567"), decimals=6)
