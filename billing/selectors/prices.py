"""The prices of an organization, to tell what use costs so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from billing.domain.money import decimals_of, largest_remainder, round_half_away
from billing.domain.rating import RateCardVersion, card_on, exact_amount
from billing.selectors.rate_cards import get_rate_cards


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceBook:
    """All rate cards of one organization, of which there is at least one."""

    cards: tuple[RateCardVersion, ...]

    @property
    def currency(self) -> str:
        """The currency of the latest card."""
        return self.cards[-1].currency

    def hourly_price(self, machine: str, *, day: date) -> Decimal | None:
        """Return what an hour cost on a day; None when the card has no price for the machine."""
        price = card_on(self.cards, day).prices.get(machine)
        return None if price is None else price.hourly

    def change_days(self) -> tuple[date, ...]:
        """Return the days from which a later card than the first is in force."""
        return tuple(card.effective_from for card in self.cards[1:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What use would cost if it were invoiced as it stands.

    `total` is the sum of its lines, each rounded as on an invoice; `shares` splits the total by
    exact cost (largest remainder), so that a table of shares adds up to it.
    """

    currency: str
    total: Decimal
    shares: Mapping[object, Decimal]


def price_book(*, organization_id: int) -> PriceBook | None:
    """Return the organization's rate cards, oldest first, in three queries; None without any."""
    cards = get_rate_cards(organization_id=organization_id)
    return PriceBook(cards=tuple(cards)) if cards else None


def estimate(usage: Sequence[tuple[object, str, int, int]], *, book: PriceBook) -> Estimate:
    """Price (group, machine, index of the card, microseconds); one line per machine and card.

    A machine without a price on its card costs nothing here: ingest refuses such use.
    """
    lines: dict[tuple[str, int], Fraction] = {}
    groups: dict[object, Fraction] = {}
    for group, machine, index, quantity_us in usage:
        price = book.cards[index].prices.get(machine)
        if price is None:
            continue
        cost = exact_amount(quantity_us=quantity_us, hourly=price.hourly)
        lines[machine, index] = lines.get((machine, index), Fraction(0)) + cost
        groups[group] = groups.get(group, Fraction(0)) + cost
    decimals = decimals_of(book.currency)
    total = sum(
        (round_half_away(cost, decimals=decimals) for cost in lines.values()),
        start=round_half_away(Fraction(0), decimals=decimals),
    )
    if not sum(groups.values(), start=Fraction(0)):
        return Estimate(currency=book.currency, total=total, shares={})
    parts = largest_remainder(total, list(groups.values()), decimals=decimals)
    return Estimate(
        currency=book.currency, total=total, shares=dict(zip(groups, parts, strict=True))
    )
