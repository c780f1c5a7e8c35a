"""B4: one event that is 30 days late; what is read is what it touches, not the history."""

from datetime import UTC, datetime, timedelta

from tests.bench.one_event import fold, ingest, seconds
from tests.bench.report import Row
from tests.bench.workload import Happening, load, make_customer

HISTORIES = (20_000, 120_000)
"""Events of the stream; the late one lies 30 days before its end in both."""
BURST, STEP, PAUSE = 20, timedelta(seconds=149), timedelta(seconds=2_000)
LATE = timedelta(days=30)
ROUNDS = 30


def run() -> list[Row]:
    """Put late events into gaps that they do not close, in a short and in a long history."""
    from billing.models import OffloadSession

    now = datetime.now(UTC)
    customer = make_customer("late-event", members=len(HISTORIES), now=now)
    last = now - timedelta(days=1)
    for member, count in enumerate(HISTORIES):
        events = [
            Happening(member, last - n * STEP - n // BURST * PAUSE, "active", f"{member}-{n}")
            for n in range(count)
        ]
        load(customer, [event for event in events if event.at > now - timedelta(days=399)])
    fold(customer, now)
    read, times = [], []
    for member in range(len(HISTORIES)):
        touched = OffloadSession.objects.filter(
            member_id=customer.members[member], started_at__lte=last - LATE
        ).order_by("-started_at")[ROUNDS:]
        results, spent = [], []
        for start in touched.values_list("active_until", flat=True)[:ROUNDS]:
            ingest(customer, member, start + timedelta(seconds=310))
            spent.append(seconds(lambda results=results: results.append(fold(customer, now))))
        read.append(max(result.events for result in results))
        times.append(sorted(spent)[len(spent) // 2])
    return [
        Row(
            "B4",
            f"events read for one event 30 days late, in {HISTORIES[1]:,} ÷ in {HISTORIES[0]:,}",
            f"{read[1] / read[0]:.2f}",
            "1: no part of the history",
            f"{read[1]} ÷ {read[0]} events read at most, {times[1] * 1e3:.1f} ms ÷ "
            f"{times[0] * 1e3:.1f} ms (median); it touches the session before it and its own",
        )
    ]
