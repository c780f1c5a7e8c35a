"""Rating: worked amounts, which card holds on a day, and the sums that must hold."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.instants import HOUR_US, SECOND_US
from billing.domain.money import InexactAmountError, Money, UnknownCurrencyError
from billing.domain.rating import (
    LineKind,
    Price,
    RateCardError,
    RateCardVersion,
    UnknownPriceError,
    amount_of,
    atom_order,
    card_on,
    rate,
)
from tests.factories.rating import atom, card

JANUARY = card(1, "2026-01-01", cpu_4x8="0.12", gpu_l4="1.10")
MARCH = card(2, "2026-03-15", cpu_4x8="0.15", gpu_l4="1.10")


# -- Amounts


@pytest.mark.parametrize(
    ("quantity_us", "hourly", "currency", "amount"),
    [
        (HOUR_US, "0.12", "USD", "0.12"),
        (HOUR_US // 2, "0.01", "USD", "0.01"),  # exactly half a cent goes up
        (HOUR_US // 2 - 1, "0.01", "USD", "0.00"),
        (-HOUR_US // 2, "0.01", "USD", "-0.01"),
        (2580 * SECOND_US, "0.12", "USD", "0.09"),
        (1, "999999999999.999999", "USD", "277.78"),
        (HOUR_US, "0.000001", "USD", "0.00"),
        (5_000 * HOUR_US, "0.000001", "USD", "0.01"),
        (90 * 60 * SECOND_US, "15", "JPY", "23"),  # 22.5
        (90 * 60 * SECOND_US, "0.037", "KWD", "0.056"),  # 0.0555
        (0, "0.12", "USD", "0.00"),
    ],
)
def test_amount_is_multiplied_first_divided_last_and_rounded_once(
    quantity_us, hourly, currency, amount
):
    expected = Money(amount=Decimal(amount), currency=currency)

    assert (
        amount_of(quantity_us=quantity_us, hourly=Decimal(hourly), currency=currency) == expected
    )


# -- The card of a day


@pytest.mark.parametrize(
    ("day", "number"),
    [
        ("2012-12-31", 1),
        ("2026-01-01", 1),
        ("2026-03-14", 1),
        ("2026-03-15", 2),
        ("2030-01-01", 2),
    ],
)
def test_latest_card_holds_and_the_first_one_for_all_earlier_days(day, number):
    assert card_on([MARCH, JANUARY], date.fromisoformat(day)).id == number


def test_day_without_any_card_is_refused():
    with pytest.raises(RateCardError, match="no rate card"):
        card_on([], date(2026, 1, 1))


def test_two_cards_of_one_day_are_refused():
    with pytest.raises(RateCardError, match="same day"):
        card_on([JANUARY, card(3, "2026-01-01")], date(2026, 1, 1))


def test_card_cannot_be_changed_through_what_it_was_made_of():
    prices = {"cpu-4x8": Price(hourly=Decimal("0.12"))}
    version = RateCardVersion(id=1, effective_from=date(2026, 1, 1), currency="USD", prices=prices)
    prices["cpu-4x8"] = Price(hourly=Decimal("9.99"))

    assert version.price_of("cpu-4x8", day=date(2026, 1, 1)).hourly == Decimal("0.12")
    with pytest.raises(TypeError):
        version.prices["cpu-4x8"] = prices["cpu-4x8"]


@pytest.mark.parametrize(
    ("hourly", "weight", "error"),
    [
        ("-0.01", "1", RateCardError),
        ("0.01", "0", RateCardError),
        ("0.01", "-1", RateCardError),
        ("0.0000001", "1", InexactAmountError),
        ("0.01", "1.00001", InexactAmountError),
        ("NaN", "1", InexactAmountError),
    ],
)
def test_impossible_price_is_refused(hourly, weight, error):
    with pytest.raises(error):
        Price(hourly=Decimal(hourly), weight=Decimal(weight))


def test_impossible_card_is_refused():
    with pytest.raises(UnknownCurrencyError):
        card(1, "2026-01-01", currency="ZZZ")
    with pytest.raises(TypeError):
        RateCardVersion(id=1, effective_from=datetime(2026, 1, 1), currency="USD", prices={})  # noqa: DTZ001 - the mistake under test


# -- Lines


def test_one_line_for_each_machine_and_rate_card_version():
    lines = rate(
        [
            atom(3, "2026-03-15", HOUR_US),
            atom(2, "2026-03-14", HOUR_US, machine="gpu-l4"),
            atom(1, "2026-03-14", 30 * 60 * SECOND_US),
            atom(1, "2026-03-15", 90 * 60 * SECOND_US),
            atom(4, "2026-03-02", 2 * HOUR_US),
        ],
        cards=[JANUARY, MARCH],
    )

    assert [
        (line.machine, line.card.id, line.quantity_us, str(line.amount.amount)) for line in lines
    ] == [
        ("cpu-4x8", 1, 9_000_000_000, "0.30"),
        ("cpu-4x8", 2, 9_000_000_000, "0.38"),  # 0.375
        ("gpu-l4", 1, 3_600_000_000, "1.10"),
    ]
    assert {line.kind for line in lines} == {LineKind.ON_DEMAND}
    assert {line.corrects_period for line in lines} == {None}
    assert [str(line.unit_price) for line in lines] == ["0.12", "0.15", "1.10"]
    assert lines[0].atoms == (
        atom(4, "2026-03-02", 2 * HOUR_US),
        atom(1, "2026-03-14", 30 * 60 * SECOND_US),
    )


def test_rounding_happens_once_a_line_and_not_once_an_atom():
    # 1000 times 0.4 cents are 4.00, not 1000 times 0.00.
    (line,) = rate([atom(n, "2026-01-05", 120 * SECOND_US) for n in range(1000)], cards=[JANUARY])

    assert line.amount == Money(amount=Decimal("4.00"), currency="USD")


def test_machine_without_a_price_on_its_day_is_named():
    cards = [JANUARY, card(2, "2026-03-15", gpu_l4="1.10")]

    with pytest.raises(UnknownPriceError, match="'cpu-4x8' has no price on 2026-03-15") as caught:
        rate([atom(1, "2026-03-15", 1)], cards=cards)
    assert (caught.value.machine, caught.value.day) == ("cpu-4x8", date(2026, 3, 15))


def test_no_use_gives_no_lines():
    assert rate([], cards=[JANUARY]) == []
    assert rate([atom(1, "2026-01-05", 0)], cards=[JANUARY]) == []


def test_moved_use_gives_a_line_of_zero_that_keeps_its_atoms():
    moved = [atom(1, "2026-01-05", -HOUR_US), atom(2, "2026-01-05", HOUR_US)]

    (line,) = rate(moved, cards=[JANUARY])

    assert (line.quantity_us, line.amount.minor_units, line.atoms) == (0, 0, tuple(moved))


def test_free_machine_has_a_line_of_its_use():
    (line,) = rate([atom(1, "2026-01-05", HOUR_US)], cards=[card(1, "2026-01-01", cpu_4x8="0")])

    assert (line.quantity_us, str(line.amount.amount)) == (HOUR_US, "0.00")


atoms_strategy = st.lists(
    st.builds(
        atom,
        st.integers(0, 20),
        st.dates(date(2026, 2, 1), date(2026, 4, 30)).map(date.isoformat),
        st.integers(-(10**12), 10**12),
        machine=st.sampled_from(["cpu-4x8", "gpu-l4"]),
        team=st.sampled_from([None, 1, 2]),
    ),
    max_size=30,
)


@given(atoms=atoms_strategy, data=st.data())
@settings(max_examples=150, deadline=None)
def test_lines_hold_every_atom_once_and_depend_on_the_set_only(atoms, data):
    lines = rate(atoms, cards=[JANUARY, MARCH])

    behind = [one for line in lines for one in line.atoms]
    used = [one for one in atoms if one.quantity_us]
    assert sorted(behind, key=atom_order) == sorted(used, key=atom_order)
    for line in lines:
        assert line.quantity_us == sum(one.quantity_us for one in line.atoms)
        exact = Fraction(line.quantity_us) * Fraction(line.unit_price) / HOUR_US
        assert abs(Fraction(line.amount.amount) - exact) <= Fraction(1, 200)
        assert all(one.machine == line.machine for one in line.atoms)
    assert len({(line.machine, line.card.id) for line in lines}) == len(lines)
    assert rate(data.draw(st.permutations(atoms)), cards=[MARCH, JANUARY]) == lines
