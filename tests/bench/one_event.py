"""B3: one new event in a stream that holds 10,000 events, and in one that holds 10."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.report import Row
from tests.bench.workload import MACHINE, SOURCE, TIMEOUT, Customer, Happening, load, make_customer

if TYPE_CHECKING:
    from billing.services.sessions import FoldResult

ROUNDS = 300
LONG, SHORT = 10_000, 10
STEP = timedelta(seconds=149)
PIECE = timedelta(seconds=200)


def run() -> list[Row]:
    """Add events one at a time to three streams in turn; the figures are ratios of medians."""
    now = datetime.now(UTC)
    customer = make_customer("one-event", members=3, now=now)
    last = now - timedelta(days=2)
    # Members: a short stream; a long one of many sessions; one session of 10,000 stretches.
    load(
        customer,
        [
            *_bursts(0, SHORT, last),
            *_bursts(1, LONG, last),
            *(Happening(2, last - n * PIECE, "active", f"c{n}") for n in range(LONG)),
        ],
    )
    fold(customer, now)
    short, long, pieces = [], [], []
    for n in range(1, ROUNDS + 1):
        for member, step, times in ((0, STEP, short), (1, STEP, long), (2, PIECE, pieces)):
            ingest(customer, member, last + n * step)
            times.append(seconds(lambda: fold(customer, now)))
    return [
        Row(
            "B3",
            f"one event after {LONG:,} ÷ one event after {SHORT}",
            f"{median(long) / median(short):.2f}",
            "≤ 1.5",
            f"{median(long) * 1e3:.2f} ms ÷ {median(short) * 1e3:.2f} ms; {ROUNDS} each, in turn",
        ),
        Row(
            "B3",
            f"the same, one session of {LONG:,} stretches",
            f"{median(pieces) / median(short):.2f}",
            "≤ 1.5",
            f"{median(pieces) * 1e3:.2f} ms ÷ {median(short) * 1e3:.2f} ms",
        ),
    ]


def _bursts(member: int, count: int, last: datetime) -> list[Happening]:
    """Return `count` events that end at `last`, with a pause that ends a session after each 20."""
    pause = timedelta(seconds=1_000)
    return [
        Happening(member, last - n * STEP - n // 20 * pause, "active", f"{member}-{n}")
        for n in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def fold(customer: Customer, now: datetime) -> "FoldResult":
    """Fold what waits; something must."""
    from billing.services.sessions import fold_sessions

    done = fold_sessions(as_of=now, organization_id=customer.id)
    assert done.streams
    return done


def ingest(customer: Customer, member: int, at: datetime) -> None:
    """Report one new `active`."""
    from billing.services.ingest import IngestScope, Reported, ingest_events

    event = Reported(
        0, f"{member}-{at}", SOURCE, "active", at, customer.slug, customer.address(member),
        MACHINE, TIMEOUT,
    )  # fmt: skip
    scope = IngestScope(organization_id=customer.id, may_backfill=True)
    assert ingest_events([event], scope=scope).accepted == 1
