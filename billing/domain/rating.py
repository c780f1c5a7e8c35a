"""Rating: what metered use costs under the rate card of its day.

Quantities are whole microseconds, prices are per hour, exact `Decimal` of at most six decimals.
An amount is quantity x hourly price / one hour as a fraction, multiplied first and divided last,
and rounded exactly once per line: half away from zero to the decimals of the currency.

A line is machine x rate card version x kind x corrected period. The day is the atom: it lies in
one billing period and under one rate card.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from billing.domain.instants import HOUR_US
from billing.domain.money import Money, check_decimals, decimals_of, round_half_away

PRICE_DECIMALS = 6
WEIGHT_DECIMALS = 4


class UnknownPriceError(LookupError):
    """A machine was used on a day whose rate card has no price for it."""

    def __init__(self, *, machine: str, day: date) -> None:
        super().__init__(f"machine {machine!r} has no price on {day.isoformat()}")
        self.machine = machine
        self.day = day


class RateCardError(ValueError):
    """A rate card, or a set of them, that cannot price anything for certain."""


class LineKind(StrEnum):
    """What pays for the use of a line: so far nothing but the customer's money."""

    ON_DEMAND = "on_demand"


class UsageAtom(NamedTuple):
    """The use of one session on one day: the smallest thing that is billed.

    `started_at` is the session's start (microseconds UTC), by which atoms of a day are ordered;
    the session's id follows from it. `quantity_us` is billable time; negative where an atom takes
    back what was billed before. `day` is the local date in the period's zone.
    """

    session: UUID
    started_at: int
    day: date
    member: int
    team: int | None
    machine: str
    quantity_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The hourly price of a machine, and how many included minutes one of its minutes uses up.

    Raises:
        RateCardError: the price is negative or the weight not positive.
        InexactAmountError: more than 6 decimals in the price or 4 in the weight.
        TypeError: not a `Decimal`.
    """

    hourly: Decimal
    weight: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        check_decimals(self.hourly, decimals=PRICE_DECIMALS)
        check_decimals(self.weight, decimals=WEIGHT_DECIMALS)
        if self.hourly < 0 or self.weight <= 0:
            raise RateCardError(f"price {self.hourly} and weight {self.weight} must be positive")


@dataclass(frozen=True, kw_only=True, slots=True)
class RateCardVersion:
    """One version of an organization's prices, in force from a date of its billing zone.

    `prices` maps machine names to prices; it is copied and cannot be changed afterwards.

    Raises:
        UnknownCurrencyError: the currency is not an active one of ISO 4217.
        TypeError: `effective_from` is an instant, not a date.
    """

    id: int
    effective_from: date
    currency: str
    prices: Mapping[str, Price] = field(hash=False)

    def __post_init__(self) -> None:
        decimals_of(self.currency)
        if isinstance(self.effective_from, datetime):
            raise TypeError("a rate card is effective from a date of the billing zone")
        object.__setattr__(self, "prices", MappingProxyType(dict(self.prices)))

    def price_of(self, machine: str, *, day: date) -> Price:
        """Return the price of a machine; the day is only for the error.

        Raises:
            UnknownPriceError: the card has no price for the machine.
        """
        price = self.prices.get(machine)
        if price is None:
            raise UnknownPriceError(machine=machine, day=day)
        return price


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedLine:
    """A line of an invoice: a quantity of one machine under one rate card, and its amount.

    `atoms` is the use behind the line, in order; the quantity is their sum. `corrects_period` is
    the label of the earlier period that the line adjusts, `None` for use of the period itself.
    """

    kind: LineKind
    machine: str
    card: RateCardVersion
    unit_price: Decimal
    quantity_us: int
    amount: Money
    corrects_period: str | None
    atoms: tuple[UsageAtom, ...]


def card_on(cards: Sequence[RateCardVersion], day: date) -> RateCardVersion:
    """Return the card in force on a day: the latest that is effective from that day or earlier.

    The first card applies to all earlier days. The order of `cards` does not matter.

    Raises:
        RateCardError: there are no cards, or two are effective from the same day.
    """
    return _CardBook(cards).card_on(day)


def exact_amount(*, quantity_us: int, hourly: Decimal) -> Fraction:
    """Return what a quantity costs, unrounded: multiplied first, divided last."""
    return quantity_us * Fraction(hourly) / HOUR_US


def amount_of(*, quantity_us: int, hourly: Decimal, currency: str) -> Money:
    """Return what a quantity costs, rounded once, half away from zero.

    Raises:
        UnknownCurrencyError: the currency is not an active one of ISO 4217.
    """
    exact = exact_amount(quantity_us=quantity_us, hourly=hourly)
    return Money(amount=round_half_away(exact, decimals=decimals_of(currency)), currency=currency)


def rate(atoms: Iterable[UsageAtom], *, cards: Sequence[RateCardVersion]) -> list[RatedLine]:
    """Price the use of one period: one line for each machine and rate card version.

    Lines come by machine name, then by the card's first day; the atoms of a line by day, session
    start, member, session. The order of the input has no influence. An atom of no length is left
    out; a line whose atoms cancel each other stays, with a quantity of zero, as it tells
    what moved.

    Raises:
        UnknownPriceError: a machine has no price on a day of its use.
        RateCardError: there are no cards, or two are effective from the same day.
    """
    book = _CardBook(cards)
    groups: dict[tuple[str, date], list[UsageAtom]] = {}
    for atom in atoms:
        if atom.quantity_us:
            card = book.card_on(atom.day)
            card.price_of(atom.machine, day=atom.day)
            groups.setdefault((atom.machine, card.effective_from), []).append(atom)
    return [
        _line(machine, book.card_on(since), sorted(group, key=atom_order))
        for (machine, since), group in sorted(groups.items(), key=lambda item: item[0])
    ]


def atom_order(atom: UsageAtom) -> tuple[date, int, int, str, UUID, int, int]:
    """Return the sorting key of atoms: day, session start, member, machine; then the rest.

    The order in which use draws on allowances; complete, so that equal sets sort equally.
    """
    team = -1 if atom.team is None else atom.team
    rest = (atom.session, team, atom.quantity_us)
    return (atom.day, atom.started_at, atom.member, atom.machine, *rest)


def _line(machine: str, card: RateCardVersion, atoms: Sequence[UsageAtom]) -> RatedLine:
    hourly = card.price_of(machine, day=atoms[0].day).hourly
    quantity_us = sum(atom.quantity_us for atom in atoms)
    return RatedLine(
        kind=LineKind.ON_DEMAND,
        machine=machine,
        card=card,
        unit_price=hourly,
        quantity_us=quantity_us,
        amount=amount_of(quantity_us=quantity_us, hourly=hourly, currency=card.currency),
        corrects_period=None,
        atoms=tuple(atoms),
    )


class _CardBook:
    """Rate cards in order of their first day."""

    def __init__(self, cards: Sequence[RateCardVersion]) -> None:
        self._cards = sorted(cards, key=lambda card: card.effective_from)
        self._days = [card.effective_from for card in self._cards]
        if not self._cards:
            raise RateCardError("there is no rate card")
        if len(set(self._days)) < len(self._days):
            raise RateCardError("two rate cards are effective from the same day")

    def card_on(self, day: date) -> RateCardVersion:
        return self._cards[max(0, bisect_right(self._days, day) - 1)]
