"""Rate cards and use for tests of money; a test states only what matters to it."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from billing.domain.rating import Price, RateCardVersion, UsageAtom


def card(
    number: int = 1, since: str = "2026-01-01", *, currency: str = "USD", **prices: str
) -> RateCardVersion:
    """Return a card; prices by machine name with `_` for `-`: `cpu_4x8="0.12"`."""
    return RateCardVersion(
        id=number,
        effective_from=date.fromisoformat(since),
        currency=currency,
        prices={
            name.replace("_", "-"): Price(hourly=Decimal(price)) for name, price in prices.items()
        },
    )


def atom(
    session: int, day: str, quantity_us: int, *, machine: str = "cpu-4x8", team: int | None = None
) -> UsageAtom:
    """Return the use of session number `session`, which also orders it, on a day."""
    return UsageAtom(
        session=UUID(int=session),
        started_at=session * 1_000_000,
        day=date.fromisoformat(day),
        member=7,
        team=team,
        machine=machine,
        quantity_us=quantity_us,
    )
