"""The proof of the ledger: stored money against what it was made from."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from django.db import connection

from billing.domain.documents import (
    DocumentMismatchError,
    InvoiceDocument,
    read_document,
    verify_document,
)
from billing.domain.instants import instant_of
from billing.domain.invoicing import InvoiceHeader, Party, build_invoice
from billing.domain.money import money_from_wire
from billing.domain.periods import Period
from billing.domain.rating import rate
from billing.models import BillingPeriod, Invoice
from billing.selectors.period_usage import usage_from_events
from billing.selectors.rate_cards import get_rate_cards
from orgs.models import Organization
from orgs.selectors.audit import verify_chain

FAULTS_SHOWN: Final = 20
"""Rows named for one kind of fault; the rest is counted."""


def ledger_faults(organization: Organization) -> Iterator[str]:
    """Yield what does not hold in the organization's ledger, in words; nothing when all holds.

    Records sum to their sessions, BilledUsage to lines, lines to invoices, numbers have no gap,
    each frozen document is intact, every closed period comes out of the events received before
    its cutoff byte for byte, and the audit chain is whole.
    """
    yield from _sum_faults(organization)
    yield from _number_faults(organization)
    closed = BillingPeriod.objects.filter(
        organization=organization, state=BillingPeriod.State.CLOSED
    ).order_by("starts_at")
    for period in closed:
        yield from _period_faults(organization, period)
    for fault in verify_chain(organization_id=organization.pk):
        yield f"audit event {fault.sequence}: {fault.problem}"


_SUMS: Final = {
    "session {0}: its records sum to {1} us, its span is {2} us": """
        SELECT session.id, coalesce(sum(record.working_us + record.bridged_us), 0)::bigint,
               span.us
          FROM billing_offloadsession session
         CROSS JOIN LATERAL (
               SELECT (extract(epoch FROM session.active_until - session.started_at)
                       * 1000000)::bigint AS us) span
          LEFT JOIN billing_usagerecord record ON record.session_id = session.id
         WHERE session.organization_id = %s
         GROUP BY session.id, span.us
        HAVING coalesce(sum(record.working_us + record.bridged_us), 0) <> span.us
            OR coalesce(sum(record.bridged_us), 0) <> session.bridged_us
            OR coalesce(sum(record.waiting_us), 0) <> session.waiting_us
         ORDER BY session.id
    """,
    "invoice {0} line {1}: its usage sums to {2} us, the line says {3} us": """
        SELECT invoice.number, line.n, coalesce(sum(billed.quantity_us), 0)::bigint,
               line.quantity_us
          FROM billing_invoiceline line
          JOIN billing_invoice invoice ON invoice.id = line.invoice_id
          LEFT JOIN billing_billedusage billed ON billed.line_id = line.id
         WHERE invoice.organization_id = %s
         GROUP BY invoice.number, line.id
        HAVING coalesce(sum(billed.quantity_us), 0) <> line.quantity_us
         ORDER BY invoice.number, line.n
    """,
    "invoice {0}: its lines sum to {1}, its subtotal is {2}": """
        SELECT invoice.number, coalesce(sum(line.amount), 0), invoice.subtotal
          FROM billing_invoice invoice
          LEFT JOIN billing_invoiceline line ON line.invoice_id = invoice.id
         WHERE invoice.organization_id = %s
         GROUP BY invoice.id
        HAVING coalesce(sum(line.amount), 0) <> invoice.subtotal
         ORDER BY invoice.number
    """,
}


def _sum_faults(organization: Organization) -> Iterator[str]:
    for sentence, query in _SUMS.items():
        with connection.cursor() as cursor:
            cursor.execute(query, [organization.pk])
            rows = cursor.fetchall()
        for row in rows[:FAULTS_SHOWN]:
            yield sentence.format(*row)
        if len(rows) > FAULTS_SHOWN:
            yield f"… and {len(rows) - FAULTS_SHOWN} more of this kind"


def _number_faults(organization: Organization) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT counter.series, counter.year, counter.last_number, count(invoice.id),
                   coalesce(max(invoice.sequence), 0)
              FROM billing_invoicecounter counter
              LEFT JOIN billing_invoice invoice
             USING (organization_id, series, year)
             WHERE counter.organization_id = %s
             GROUP BY counter.id
            """,
            [organization.pk],
        )
        for series, year, last, count, highest in cursor.fetchall():
            if not last == count == highest:
                yield (
                    f"series {series} {year}: counted to {last}, "
                    f"{count} invoices up to number {highest}"
                )


def _period_faults(organization: Organization, period: BillingPeriod) -> Iterator[str]:
    assert period.cutoff is not None  # noqa: S101 - a constraint of the table
    cards = get_rate_cards(organization_id=organization.pk, recorded_before=period.cutoff)
    usage = usage_from_events(period, cutoff=period.cutoff)
    lines = rate(usage, cards=cards) if usage else []
    invoice = Invoice.objects.filter(period=period).exclude(status=Invoice.Status.VOIDED).first()
    if invoice is None:
        if lines:
            yield (
                f"period {period.label}: closed without an invoice, "
                f"its events make {len(lines)} lines"
            )
        return
    body = invoice.document.encode()
    try:
        verify_document(body, sha256=invoice.document_sha256)
        yield from _row_faults(invoice)
        if not lines:
            yield f"invoice {invoice.number}: its events make no lines"
            return
        again = build_invoice(_header(read_document(body), period, period.cutoff), lines=lines)
    except (DocumentMismatchError, ValueError, KeyError, TypeError) as error:
        yield f"invoice {invoice.number}: {error}"
        return
    if again.body != body:
        yield (
            f"invoice {invoice.number}: computed from its events it is another document "
            f"(total {again.total.amount}, invoiced {invoice.total})"
        )


def _row_faults(invoice: Invoice) -> Iterator[str]:
    document = read_document(invoice.document.encode())
    printed = [
        money_from_wire(document["subtotal"]).amount,
        money_from_wire(document["tax"]).amount,
        money_from_wire(document["total"]).amount,
    ]
    if printed != [invoice.subtotal, invoice.tax, invoice.total]:
        yield f"invoice {invoice.number}: row and document differ in their sums"
    if invoice.number != document["number"]:
        yield f"invoice {invoice.number}: its document is numbered {document['number']}"


def _header(document: InvoiceDocument, period: BillingPeriod, cutoff: datetime) -> InvoiceHeader:
    """Take from the document what no table keeps: numbers, parties; not bounds or cutoff."""
    return InvoiceHeader(
        number=document["number"],
        organization=document["organization"],
        period=Period(
            instant_of(period.starts_at), instant_of(period.ends_at), period.zone, period.label
        ),
        currency=document["currency"],
        cutoff=instant_of(cutoff),
        issued_on=date.fromisoformat(document["issued_on"]),
        seller=Party(**document["seller"]),
        buyer=Party(**document["buyer"]),
        fold_version=document["versions"]["fold"],
    )
