"""Closing: one frozen invoice of exactly the events received before the cutoff."""

import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from billing.models import BilledUsage, BillingPeriod, Invoice, InvoiceCounter, Machine, RateCard
from billing.selectors.ledger import ledger_faults
from billing.services import event_store
from billing.services.cutoff import database_now, take_cutoff
from billing.services.event_store import NewEvent
from billing.services.invoicing import (
    EarlierPeriodOpen,
    FutureAsOf,
    PeriodAlreadyClosed,
    close_due_periods,
    close_period,
    list_due_periods,
    rated_lines,
)
from tests.factories.orgs import OPERATOR
from tests.factories.usage import JANUARY, Customer, fold, make_customer, report

pytestmark = pytest.mark.django_db(transaction=True)

THREE_HOURS = [*(("active", seconds) for seconds in (0, 3500, 7000, 10_500)), ("ended", 10_800)]
HALF_HOUR = [("active", 0), ("ended", 1800)]
IN_THE_EVENING = JANUARY + timedelta(hours=8)


def in_thread(work):
    """Run `work` in a thread with a database connection of its own."""
    result = {}

    def run():
        try:
            result["value"] = work()
        except Exception as error:  # noqa: BLE001 - handed to the test
            result["error"] = error
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def test_a_period_becomes_one_invoice_with_the_proof_behind_it():
    customer = make_customer()
    report(customer, THREE_HOURS)
    report(customer, HALF_HOUR, origin=IN_THE_EVENING, machine="gpu-l4")
    fold(customer)

    invoice = close_period(period=customer.period("2026-01"), actor=OPERATOR)

    document = json.loads(invoice.document)
    assert invoice.number == f"{database_now().year}-000001"
    assert [
        (line["machine"], line["quantity_seconds"], line["amount"]["amount"])
        for line in document["lines"]
    ] == [("cpu-4x8", "10800", "1.26"), ("gpu-l4", "1800", "0.80")]
    assert (invoice.subtotal, invoice.tax, invoice.total) == (
        Decimal("2.06"),
        Decimal("0.00"),
        Decimal("2.06"),
    )
    assert sorted(BilledUsage.objects.values_list("day", "quantity_us")) == [
        (date(2026, 1, 10), 1_800_000_000),
        (date(2026, 1, 10), 10_800_000_000),
    ]
    period = customer.period("2026-01")
    assert (period.state, period.cutoff) == ("closed", invoice.cutoff)
    assert list(ledger_faults(customer.organization)) == []


def test_a_session_over_the_border_is_billed_part_by_part():
    customer = make_customer(zone="Asia/Shanghai")
    border = datetime(2026, 1, 31, 16, 0, tzinfo=UTC)  # 1 February in Shanghai
    report(customer, [("active", 0), ("ended", 1800)], origin=border - timedelta(seconds=1200))
    fold(customer)

    january = close_period(period=customer.period("2026-01"), actor=OPERATOR)
    february = close_period(period=customer.period("2026-02"), actor=OPERATOR)

    assert [line.quantity_us for line in january.lines.all()] == [1_200_000_000]
    assert [line.quantity_us for line in february.lines.all()] == [600_000_000]
    assert (january.number[-6:], february.number[-6:]) == ("000001", "000002")


def test_events_that_wait_for_the_fold_are_billed():
    customer = make_customer()
    report(customer, THREE_HOURS)

    invoice = close_period(period=customer.period("2026-01"), actor=OPERATOR)

    assert invoice.total == Decimal("1.26")
    assert list(ledger_faults(customer.organization)) == []


def test_an_event_received_after_the_cutoff_changes_nothing_even_when_it_is_folded():
    customer = make_customer()
    report(customer, THREE_HOURS)
    fold(customer)
    cutoff = take_cutoff(organization_id=customer.organization.pk)
    report(customer, [("ended", 60)])
    report(customer, HALF_HOUR, origin=IN_THE_EVENING)

    before_fold = rated_lines(customer.period("2026-01"), cutoff=cutoff)
    fold(customer)
    after_fold = rated_lines(customer.period("2026-01"), cutoff=cutoff)

    assert [line.quantity_us for line in before_fold] == [10_800_000_000]
    assert after_fold == before_fold


def test_an_ingest_that_received_before_the_cutoff_and_commits_later_is_waited_for():
    customer = make_customer()
    report(customer, [("active", 0)])
    received, may_commit = threading.Event(), threading.Event()

    def slow_ingest():
        with transaction.atomic():
            owner = customer.organization.pk
            at = event_store.take_receipt([owner]).received_at[owner]
            received.set()
            assert may_commit.wait(20)
            event_store.append([_event(customer, "ended", JANUARY + timedelta(hours=3), at)])

    ingest, ingested = in_thread(slow_ingest)
    assert received.wait(20)
    closing, closed = in_thread(
        lambda: close_period(period=customer.period("2026-01"), actor=OPERATOR)
    )
    while not _cutoff_taken(customer):
        pass
    assert closing.is_alive()
    may_commit.set()
    ingest.join(20)
    closing.join(20)

    assert "error" not in ingested
    assert closed["value"].total == Decimal("0.42")  # idle after an hour: the late end is too late
    stored = BilledUsage.objects.get()
    assert stored.quantity_us == 3_600_000_000
    assert list(ledger_faults(customer.organization)) == []


def _cutoff_taken(customer: Customer) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT last_cutoff IS NOT NULL FROM billing_billingaccount"
            " WHERE organization_id = %s",
            [customer.organization.pk],
        )
        return cursor.fetchone()[0]


def _event(customer: Customer, kind: str, at: datetime, received_at: datetime) -> NewEvent:
    return NewEvent(
        customer.organization.pk,
        customer.member.pk,
        at,
        event_store.event_digest("/slow", kind),
        kind,
        Machine.objects.get(name="cpu-4x8").pk,
        3600,
        received_at,
        "/slow",
        kind,
        0,
    )


def test_receipt_is_never_before_the_last_cutoff_even_when_the_clock_is_set_back():
    customer = make_customer()
    ahead = database_now() + timedelta(minutes=3)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_billingaccount SET last_cutoff = %s", [ahead])

    with transaction.atomic():
        receipt = event_store.take_receipt([customer.organization.pk])

    assert receipt.received_at == {customer.organization.pk: ahead}
    assert take_cutoff(organization_id=customer.organization.pk) == ahead


def test_two_workers_make_one_invoice():
    customer = make_customer()
    report(customer, THREE_HOURS)
    period = customer.period("2026-01")
    barrier = threading.Barrier(2)

    def close():
        barrier.wait(20)
        return close_period(period=period, actor=OPERATOR)

    workers = [in_thread(close) for _ in range(2)]
    for thread, _ in workers:
        thread.join(30)

    outcomes = [result for _, result in workers]
    assert sorted("error" in outcome for outcome in outcomes) == [False, True]
    error = next(outcome["error"] for outcome in outcomes if "error" in outcome)
    assert isinstance(error, PeriodAlreadyClosed)
    assert Invoice.objects.count() == 1
    assert InvoiceCounter.objects.get().last_number == 1
    assert list(ledger_faults(customer.organization)) == []


class StoppedHere(DatabaseError):
    """The worker died before this statement."""


def test_a_close_that_dies_at_any_statement_leaves_nothing_and_can_be_run_again():
    customer = make_customer()
    report(customer, THREE_HOURS)
    report(customer, HALF_HOUR, origin=IN_THE_EVENING, machine="gpu-l4")
    fold(customer)
    period = customer.period("2026-01")
    died = 0
    while True:
        left = died

        def dies_later(execute, sql, params, many, context):
            nonlocal left
            if left == 0:
                raise StoppedHere(sql[:60])
            left -= 1
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(dies_later):
                invoice = close_period(period=period, actor=OPERATOR)
        except StoppedHere:
            died += 1
            assert not Invoice.objects.exists()
            assert not BilledUsage.objects.exists()
            assert not InvoiceCounter.objects.exists()
            period.refresh_from_db()
            assert (period.state, period.cutoff) == ("open", None)
        else:
            break
    assert died > 15
    assert invoice.number[-6:] == "000001"
    assert invoice.total == Decimal("2.06")
    assert list(ledger_faults(customer.organization)) == []


def test_periods_close_in_order_and_without_lines_there_is_no_invoice():
    customer = make_customer()
    report(customer, HALF_HOUR, origin=datetime(2026, 2, 3, 9, 0, tzinfo=UTC))

    with pytest.raises(EarlierPeriodOpen):
        close_period(period=customer.period("2026-02"), actor=OPERATOR)
    assert close_period(period=customer.period("2026-01"), actor=OPERATOR) is None
    assert close_period(period=customer.period("2026-02"), actor=OPERATOR).total == Decimal("0.21")
    with pytest.raises(PeriodAlreadyClosed):
        close_period(period=customer.period("2026-02"), actor=OPERATOR)


def test_a_period_is_due_at_its_end_plus_grace_and_never_in_the_future():
    customer = make_customer()
    grace_over = datetime(2026, 2, 4, 0, 0, tzinfo=UTC)

    def due(as_of):
        return [period.label for period in list_due_periods(as_of=as_of)]

    assert due(grace_over - timedelta(microseconds=1)) == []
    assert due(grace_over) == ["2026-01"]
    with pytest.raises(FutureAsOf):
        due(database_now() + timedelta(minutes=1))
    assert customer.period("2026-01").state == BillingPeriod.State.OPEN


def test_one_organization_that_cannot_close_does_not_stop_the_others():
    broken, sound = make_customer("broken"), make_customer("sound")
    for customer in (broken, sound):
        report(customer, THREE_HOURS)
    RateCard.objects.create(
        organization=broken.organization,
        effective_from=date(2026, 1, 1),
        currency="USD",
        created_at=database_now(),
    )  # a card without a price, in force on the day of the use

    as_of = datetime(2026, 2, 4, 0, 0, tzinfo=UTC)
    outcomes = close_due_periods(as_of=as_of, actor=OPERATOR)

    by_slug = {outcome.organization: outcome for outcome in outcomes}
    assert "no price" in by_slug["broken"].failure
    assert by_slug["sound"].invoice.total == Decimal("1.26")
    assert broken.period("2026-01").state == "open"
    assert close_due_periods(as_of=as_of, actor=OPERATOR)[0].organization == "broken"
