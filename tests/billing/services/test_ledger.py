"""verify_ledger and rebuild_sessions --check find what somebody changed behind our back."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from billing.models import OffloadSession, UsageRecord
from billing.selectors.ledger import ledger_faults
from billing.services.cutoff import database_now
from billing.services.invoicing import close_period
from billing.services.rebuild import rebuild_sessions, session_differences
from tests.factories.orgs import OPERATOR
from tests.factories.usage import JANUARY, fold, make_customer, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer():
    customer = make_customer()
    report(customer, [("active", 0), ("active", 3000), ("ended", 3600)])
    report(customer, [("active", 0), ("ended", 60)], origin=JANUARY + timedelta(days=1))
    fold(customer)
    close_period(period=customer.period("2026-01"), actor=OPERATOR)
    return customer


def behind_the_back(statement: str) -> None:
    """Run a statement as somebody would who may do anything: no trigger fires."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(statement)
        finally:
            cursor.execute("SET session_replication_role = origin")


def differences(customer) -> list[str]:
    return list(
        session_differences(organization_id=customer.organization.pk, as_of=database_now())
    )


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE billing_usagerecord SET working_us = working_us + 1", "its records sum to"),
        ("DELETE FROM billing_usagerecord", "its records sum to 0 us"),
        ("UPDATE billing_billedusage SET quantity_us = quantity_us - 1", "its usage sums to"),
        ("UPDATE billing_invoiceline SET amount = amount + 1", "its lines sum to 1.43"),
        ("UPDATE billing_invoice SET subtotal = 1, total = 1", "differ in their sums"),
        ("UPDATE billing_invoice SET document = replace(document, '0.43', '0.44')", "invoice"),
        ("UPDATE billing_invoice SET document_sha256 = repeat('0', 64)", "invoice"),
        ("DELETE FROM billing_invoice", "counted to 1, 0 invoices"),
        ("UPDATE billing_invoicecounter SET last_number = 2", "counted to 2, 1 invoices"),
        (
            "UPDATE billing_sessionevent SET occurred_at = occurred_at + '1s' WHERE kind='ended'",
            "computed from its events it is another document",
        ),
        ("DELETE FROM billing_sessionevent", "its events make no lines"),
        ("UPDATE billing_price SET hourly_price = 2", "it is another document"),
        (
            "UPDATE billing_billingperiod SET cutoff = now() WHERE state = 'closed'",
            "another document",
        ),
        ("UPDATE orgs_auditevent SET action = 'x' WHERE sequence = 2", "audit event 2"),
    ],
)
def test_a_change_is_found(customer, statement, words):
    assert list(ledger_faults(customer.organization)) == []
    behind_the_back(statement)
    faults = list(ledger_faults(customer.organization))
    assert any(words in fault for fault in faults), faults


def test_the_command_exits_1_with_a_list(customer, capsys):
    call_command("verify_ledger")
    assert "The ledger holds" in capsys.readouterr().out
    behind_the_back("DELETE FROM billing_usagerecord")
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_ledger", organization="acme")
    assert exit_.value.code == 1
    assert "acme: session" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE billing_offloadsession SET waiting_us = waiting_us + 1", "unfounded session"),
        ("UPDATE billing_usagerecord SET day = day - 1", "missing record"),
        ("DELETE FROM billing_sessionstretch", "missing stretch"),
        ("DELETE FROM billing_sessionevent WHERE kind = 'ended'", "missing session"),
    ],
)
def test_a_stored_session_that_no_events_support_is_found(customer, statement, words):
    assert differences(customer) == []
    behind_the_back(statement)
    assert any(words in difference for difference in differences(customer))


def test_a_rebuild_repairs_sessions_and_records(customer):
    sessions = list(OffloadSession.objects.order_by("started_at").values())
    records = list(UsageRecord.objects.order_by("day").values_list("day", "working_us"))
    behind_the_back(
        "UPDATE billing_offloadsession SET active_until = active_until - interval '1 s'"
    )
    behind_the_back("UPDATE billing_usagerecord SET working_us = 1, waiting_us = 0")

    rebuild_sessions(organization_id=customer.organization.pk, as_of=database_now())

    assert differences(customer) == []
    assert list(OffloadSession.objects.order_by("started_at").values()) == sessions
    assert list(UsageRecord.objects.order_by("day").values_list("day", "working_us")) == records
    assert list(ledger_faults(customer.organization)) == []


def test_a_check_leaves_waiting_events_out_and_changes_nothing(customer, capsys):
    report(customer, [("active", 0), ("ended", 60)], origin=JANUARY + timedelta(days=40))
    before = OffloadSession.objects.count()
    call_command("rebuild_sessions", organization="acme", check=True)
    assert OffloadSession.objects.count() == before
    assert "are what the events say" in capsys.readouterr().out


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_invoice SET total = 0, subtotal = 0",
        "UPDATE billing_invoice SET status = 'voided', number = 'x'",
        "DELETE FROM billing_invoice",
        "UPDATE billing_invoiceline SET amount = 0",
        "DELETE FROM billing_billedusage",
        "UPDATE billing_billingperiod SET state = 'open' WHERE state = 'closed'",
        "UPDATE billing_billingperiod SET ends_at = ends_at + interval '1 day'",
        "DELETE FROM billing_billingperiod",
        "UPDATE billing_price SET hourly_price = 0",
        "DELETE FROM billing_ratecard",
        "UPDATE billing_sessionevent SET kind = 'idle'",
        "DELETE FROM billing_sessionevent",
    ],
)
def test_the_database_refuses_to_change_what_is_final(customer, statement):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError, match="is refused"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_finalized_invoice_may_be_voided_and_nothing_else(customer):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_invoice SET status = 'voided'")
        cursor.execute("SELECT status, number FROM billing_invoice")
        assert cursor.fetchone()[0] == "voided"
