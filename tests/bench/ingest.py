"""B1: events over HTTP, batches of 500, one web process; against COPY of the same rows."""

import http.client
import queue
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from tests.bench.place import web_process
from tests.bench.report import Row
from tests.bench.workload import (
    COLUMNS,
    Customer,
    Happening,
    body,
    copy_lines,
    happenings,
    make_customer,
)

ROUNDS = 3
BATCH = 500
CONNECTIONS = 4
MEMBERS = 100
EVENTS_EACH = 600
"""One runner with 100 users delivers 60,000 events a round, in order of time."""


def run() -> list[Row]:
    """Alternate COPY and HTTP; the figure is the median of the rounds' ratios."""
    now = datetime.now(UTC)
    customer = make_customer("ingest", members=MEMBERS, now=now)
    first = now - timedelta(days=390)
    rounds = [
        happenings(
            members=MEMBERS,
            each=EVENTS_EACH,
            since=first + timedelta(days=30 * number),
            name=f"r{number}",
        )
        for number in range(ROUNDS + 1)
    ]
    _make_months(rounds)
    ratios, copied, posted = [], [], []
    with web_process() as port:
        _post(customer, rounds.pop(), port=port)  # warms the process up, and makes the months
        for events in rounds:
            copied.append(len(events) / _copy(customer, events))
            posted.append(len(events) / _post(customer, events, port=port))
            ratios.append(posted[-1] / copied[-1])
    return [
        Row(
            "B1",
            "ingest over HTTP ÷ COPY of the same rows",
            f"{median(ratios):.3f}",
            "≥ 0.20",
            f"{median(posted):,.0f} events/s, COPY {median(copied):,.0f} rows/s; {CONNECTIONS} "
            f"connections, batches of {BATCH}, {ROUNDS} rounds of {len(rounds[0]):,}",
        )
    ]


def _make_months(rounds: Sequence[Sequence[Happening]]) -> None:
    from django.db import connection

    from billing.services.partitions import create_months

    create_months({event.at for events in rounds for event in events})
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE copied (LIKE billing_sessionevent INCLUDING ALL) "
            "PARTITION BY RANGE (occurred_at)"
        )
        for year in (2025, 2026, 2027):
            for month in range(1, 13):
                following = (year, month + 1) if month < 12 else (year + 1, 1)
                cursor.execute(
                    f"CREATE TABLE copied_{year}_{month} PARTITION OF copied FOR VALUES "
                    f"FROM ('{year}-{month:02}-01Z') TO ('{following[0]}-{following[1]:02}-01Z')"
                )


def _copy(customer: Customer, events: Sequence[Happening]) -> float:
    """Return the seconds of one COPY, the rows being ready as text."""
    from django.db import connection

    block = b"".join(copy_lines(customer, events))
    begun = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY copied ({COLUMNS}) FROM STDIN") as copy:
        copy.write(block)
    return time.perf_counter() - begun


def _post(customer: Customer, events: Sequence[Happening], *, port: int) -> float:
    """Return the seconds until every batch is acknowledged; the bodies are ready."""
    batches: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    for start in range(0, len(events), BATCH):
        batches.put(body(customer, events[start : start + BATCH]))
    for _ in range(CONNECTIONS):
        batches.put(None)
    failures: list[str] = []
    threads = [
        threading.Thread(target=_client, args=(batches, customer.token, port, failures))
        for _ in range(CONNECTIONS)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    assert not failures, failures[0]
    return seconds


def _client(
    batches: "queue.SimpleQueue[bytes | None]", token: str, port: int, failures: list[str]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    while (batch := batches.get()) is not None:
        connection.request("POST", "/api/v1/session-events", body=batch, headers=headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status} {said[:300]!r}")
    connection.close()
