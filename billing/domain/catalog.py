"""The list: machine types that runners offer, and the prices a new organization starts with."""

from decimal import Decimal
from typing import Final, NamedTuple


class ListedMachine(NamedTuple):
    """A machine type, its hourly list price in USD, and its allowance weight."""

    name: str
    vcpus: int
    memory_gib: int
    gpu: str
    hourly_usd: Decimal
    weight: Decimal


MACHINES: Final = (
    ListedMachine("cpu-2x4", 2, 4, "", Decimal("0.21"), Decimal("0.5")),
    ListedMachine("cpu-4x8", 4, 8, "", Decimal("0.42"), Decimal(1)),
    ListedMachine("cpu-8x16", 8, 16, "", Decimal("0.84"), Decimal(2)),
    ListedMachine("gpu-l4", 8, 32, "NVIDIA L4", Decimal("1.60"), Decimal(4)),
)

PER_USD: Final = {
    "USD": Decimal(1),
    "EUR": Decimal("0.92"),
    "GBP": Decimal("0.79"),
    "CNY": Decimal("7.20"),
    "JPY": Decimal(150),
    "KWD": Decimal("0.307"),
}
"""List prices are set once for each currency we sell in; they do not follow the exchange rate."""


class CurrencyNotSoldError(ValueError):
    """There is no price list in this currency."""


def list_price(machine: ListedMachine, *, currency: str) -> Decimal:
    """Return the hourly list price, exactly (up to 6 decimals).

    Raises:
        CurrencyNotSoldError: there is no price list in the currency.
    """
    factor = PER_USD.get(currency)
    if factor is None:
        sold = ", ".join(PER_USD)
        raise CurrencyNotSoldError(f"no price list in {currency!r}; there is one in {sold}")
    return machine.hourly_usd * factor
