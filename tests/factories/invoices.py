"""Header and lines of an invoice of March 2026 for tests of documents."""

from datetime import date
from typing import Any

from billing.domain.invoicing import InvoiceHeader, Party
from billing.domain.periods import period_at
from billing.domain.rating import RatedLine, rate
from tests.factories.rating import atom, card

# 2026-03-15T00:00:00Z and 2026-04-04T00:00:00.000005Z
MID_MARCH = 1_773_532_800_000_000
CUTOFF = 1_775_260_800_000_005

PRICES = {"cpu_4x8": "0.120000", "gpu_l4": "1.105"}
CARDS = [card(1, "2026-01-01", **PRICES), card(2, "2026-03-16", **PRICES)]
USE = [
    atom(1, "2026-03-03", 12_000_000_001),
    atom(2, "2026-03-20", 3_600_000_000),
    atom(3, "2026-03-04", 1_800_000_000, machine="gpu-l4"),
]


def lines() -> list[RatedLine]:
    """Return three lines: cpu-4x8 under card 1 and under card 2, gpu-l4 under card 1."""
    return rate(USE, cards=CARDS)


def header(**changes: Any) -> InvoiceHeader:
    """Return the header, with some of its values replaced."""
    values: dict[str, Any] = {
        "number": "2026-000001",
        "organization": "acme",
        "period": period_at(MID_MARCH, zone="Asia/Shanghai"),
        "currency": "USD",
        "cutoff": CUTOFF,
        "issued_on": date(2026, 4, 4),
        "seller": Party(name="Offload Ltd", country="GB"),
        "buyer": Party(name="阿克梅", address="南京路 1\n上海", country="CN"),
        "fold_version": 1,
    }
    return InvoiceHeader(**values | changes)
