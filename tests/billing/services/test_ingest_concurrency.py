"""Ingest under other ingest, and under faults: no deadlock, no loss, nothing half."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from billing.models import StreamMark
from billing.services import event_store
from billing.services.ingest import IngestResult, IngestScope, Reported, ingest_events
from tests.billing.services.threads import at_once, rows
from tests.factories.orgs import make_member
from tests.factories.usage import JANUARY, make_customer

pytestmark = pytest.mark.django_db(transaction=True)
SCOPE = IngestScope(organization_id=None, may_backfill=True)


def events(count: int, *, at: datetime = JANUARY, name: str = "e") -> list[Reported]:
    return [
        Reported(
            n, f"{name}{n}", "/r", "active", at + timedelta(seconds=n // 3),
            "acme", f"u{n % 3}@acme.example", "cpu-4x8", 300,
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def acme():
    customer = make_customer("acme")
    for number in range(3):
        make_member(customer.organization, f"u{number}@acme.example")
    return customer


def reordered(batch: list[Reported]) -> list[Reported]:
    return [event._replace(ordinal=n) for n, event in enumerate(batch)]


@pytest.mark.parametrize("count", [60, 500])
def test_overlapping_batches_in_opposite_order_do_not_deadlock_nor_double(count):
    batch = events(count)
    ingest_events(events(1, name="month"), scope=SCOPE)
    deadlocks = rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    for number in range(6):
        these = [event._replace(event_id=f"{number}-{event.event_id}") for event in batch]
        first, second = at_once(
            lambda these=these: ingest_events(these, scope=SCOPE),
            lambda these=these: ingest_events(reordered(these[::-1]), scope=SCOPE),
        )
        assert first.accepted + second.accepted == count
        assert first.duplicates + second.duplicates == count
    assert rows("SELECT count(*) FROM billing_sessionevent") == [(6 * count + 1,)]
    assert deadlocks == rows(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )


def test_the_same_event_with_two_contents_at_once_is_one_event_and_one_conflict():
    ingest_events(events(1, name="month"), scope=SCOPE)
    for number in range(10):
        (event,) = events(1, name=f"{number}-")
        results = at_once(
            lambda event=event: ingest_events([event], scope=SCOPE),
            lambda event=event: ingest_events([event._replace(kind="idle")], scope=SCOPE),
        )
        assert sorted((r.accepted, r.conflicts) for r in results) == [(0, 1), (1, 0)]
    assert rows("SELECT count(*) FROM billing_quarantine") == [(10,)]


def test_two_batches_that_miss_the_same_months_both_make_it():
    def report(name: str) -> IngestResult:
        barrier.wait(timeout=10)
        return ingest_events(
            [
                *events(3, at=datetime(2018, 2, 28, 23, 59, 59, tzinfo=UTC), name=name),
                *(
                    event._replace(ordinal=event.ordinal + 3)
                    for event in events(
                        9, at=datetime(2018, 12, 31, 23, 59, 58, tzinfo=UTC), name=name
                    )
                ),
            ],
            scope=SCOPE,
        )

    barrier = threading.Barrier(2)
    first, second = at_once(lambda: report("a"), lambda: report("b"))
    assert (first.accepted, second.accepted) == (12, 12)
    made = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' "
        "AND relname ~ '^billing_sessionevent_201' ORDER BY 1"
    )
    assert made == [(f"billing_sessionevent_{m}",) for m in ("2018_02", "2018_12", "2019_01")]


def test_making_a_month_waits_for_no_running_ingest_and_lets_none_wait():
    ingest_events(events(3), scope=SCOPE)
    with transaction.atomic():
        ingest_events(events(3, name="held"), scope=SCOPE)  # holds its locks until we are done
        (result,) = at_once(
            lambda: ingest_events(events(3, at=datetime(2017, 5, 1, tzinfo=UTC)), scope=SCOPE)
        )
    assert result.accepted == 3


def test_a_fault_after_the_insert_leaves_nothing(monkeypatch):
    ingest_events(events(2), scope=SCOPE)
    before = [rows("SELECT count(*) FROM billing_sessionevent"), StreamMark.objects.count()]

    def fail(*_):
        raise OperationalError("the server went away")

    monkeypatch.setattr(event_store, "_quarantine", fail)
    bad = [event._replace(kind="idle") for event in events(2)]
    with pytest.raises(OperationalError):
        ingest_events([*reordered([*bad, *events(5, name="new")])], scope=SCOPE)
    after = [rows("SELECT count(*) FROM billing_sessionevent"), StreamMark.objects.count()]
    assert after == before
    monkeypatch.undo()
    assert ingest_events(events(5, name="new"), scope=SCOPE).accepted == 5


def test_a_batch_that_waits_too_long_is_refused_whole(monkeypatch):
    monkeypatch.setattr(event_store, "STATEMENT_TIMEOUT_MS", 300)
    ingest_events(events(1, name="month"), scope=SCOPE)
    with transaction.atomic():
        ingest_events(events(1), scope=SCOPE)  # the other must wait for our verdict
        with pytest.raises(OperationalError):
            at_once(lambda: ingest_events(events(4), scope=SCOPE))
    assert rows("SELECT count(*) FROM billing_sessionevent") == [(2,)]
    assert ingest_events(events(4), scope=SCOPE).accepted == 3


def test_a_batch_in_whose_way_another_was_rolled_back_takes_its_place():
    ingest_events(events(1, name="month"), scope=SCOPE)
    inserted, may_go = threading.Event(), threading.Event()

    def abandoned() -> None:
        try:
            with transaction.atomic():
                ingest_events(events(4), scope=SCOPE)
                inserted.set()
                may_go.wait(10)
                raise DatabaseError("abandoned")
        except DatabaseError:
            pass

    def patient() -> IngestResult:
        inserted.wait(10)
        threading.Timer(0.2, may_go.set).start()
        return ingest_events(events(4), scope=SCOPE)

    _, result = at_once(abandoned, patient)
    assert (result.accepted, result.duplicates) == (4, 0)


def test_truncating_events_is_refused_where_the_guard_stands():
    ingest_events(events(1), scope=SCOPE)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER guard BEFORE TRUNCATE ON billing_sessionevent "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        try:
            with pytest.raises(DatabaseError):
                cursor.execute("TRUNCATE billing_sessionevent")
        finally:
            cursor.execute("DROP TRIGGER guard ON billing_sessionevent")
    assert rows("SELECT count(*) FROM billing_sessionevent") == [(1,)]


def test_source_and_id_do_not_run_into_each_other():
    assert event_store.event_digest("ab", "c") != event_store.event_digest("a", "bc")
