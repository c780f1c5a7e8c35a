"""Closing a billing period: one finalized, numbered, frozen invoice (ADR-0006).

First the cutoff, which makes the set of events final; then one snapshot, in which the use is
read and rated; then one short transaction, which writes. A close that dies anywhere leaves
nothing but a cutoff, and is simply run again. Locks are taken in the order period, number,
invoice, audit head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import ExpressionWrapper, F, fields

from billing.domain.instants import datetime_of, instant_of
from billing.domain.invoicing import InvoiceHeader, Party, build_invoice, format_number
from billing.domain.periods import Period, day_of
from billing.domain.rating import RatedLine, rate
from billing.domain.sessions import FOLD_VERSION
from billing.models import (
    BilledUsage,
    BillingAccount,
    BillingPeriod,
    Invoice,
    InvoiceLine,
    Machine,
)
from billing.selectors.period_usage import usage_at_cutoff
from billing.selectors.rate_cards import get_rate_cards
from billing.services.cutoff import IngestStillRunning, database_now, take_cutoff
from orgs.domain.actors import Actor
from orgs.services.audit import recording

SERIES: Final = "INV"
ROWS_AT_ONCE: Final = 5_000


class FutureAsOf(ValueError):
    """A period can't be closed before its time."""


class PeriodAlreadyClosed(Exception):
    """Another close of the same period has committed first."""


class EarlierPeriodOpen(Exception):
    """An earlier period of the organization is still open: periods close in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseOutcome:
    """What became of one due period: an invoice, none (no lines), or a failure in words."""

    organization: str
    period: str
    invoice: Invoice | None = None
    failure: str = ""


def list_due_periods(
    *, as_of: datetime, organization_id: int | None = None
) -> list[BillingPeriod]:
    """Return the open periods whose end plus grace has come, oldest first, by organization.

    Raises:
        FutureAsOf: `as_of` lies ahead of the database's clock.
    """
    if as_of > database_now():
        raise FutureAsOf(f"{as_of.isoformat()} lies in the future")
    due = BillingPeriod.objects.filter(state=BillingPeriod.State.OPEN).annotate(
        due_at=ExpressionWrapper(
            F("ends_at") + F("organization__billing_account__grace"),
            output_field=fields.DateTimeField(),
        )
    )
    if organization_id is not None:
        due = due.filter(organization_id=organization_id)
    return list(
        due.filter(due_at__lte=as_of)
        .select_related("organization")
        .order_by("organization_id", "starts_at")
    )


def close_due_periods(
    *, as_of: datetime, actor: Actor, organization_id: int | None = None
) -> list[CloseOutcome]:
    """Close every period due at `as_of`; one organization's failure never stops the others.

    The cutoff of each is the database's clock. A period that another worker closes at the same
    time is left to it.

    Raises:
        FutureAsOf: `as_of` lies ahead of the database's clock.
    """
    outcomes: list[CloseOutcome] = []
    failed: set[int] = set()
    for period in list_due_periods(as_of=as_of, organization_id=organization_id):
        if period.organization_id in failed:
            continue
        slug = period.organization.slug
        try:
            invoice = close_period(period=period, actor=actor)
        except PeriodAlreadyClosed:
            continue
        except (
            DatabaseError,
            IngestStillRunning,
            EarlierPeriodOpen,
            LookupError,
            ValueError,
        ) as e:
            failed.add(period.organization_id)
            failure = f"{type(e).__name__}: {e}"
            outcomes.append(CloseOutcome(organization=slug, period=period.label, failure=failure))
        else:
            outcomes.append(CloseOutcome(organization=slug, period=period.label, invoice=invoice))
    return outcomes


def close_period(*, period: BillingPeriod, actor: Actor) -> Invoice | None:
    """Close a period with the events received before now; return its invoice, if it has lines.

    Raises:
        IngestStillRunning: an older ingest did not end in time; nothing is closed.
        PeriodAlreadyClosed: another close has committed first.
        EarlierPeriodOpen: the organization's periods close in order.
        UnknownPriceError: a machine was used without a price; nothing is closed.
    """
    cutoff = take_cutoff(organization_id=period.organization_id)
    lines = rated_lines(period, cutoff=cutoff)
    with recording(actor=actor, at=cutoff) as trail:
        _lock(period)
        invoice = _finalize(period, lines=lines, cutoff=cutoff) if lines else None
        BillingPeriod.objects.filter(pk=period.pk).update(
            state=BillingPeriod.State.CLOSED, cutoff=cutoff
        )
        trail.add(
            organization_id=period.organization_id,
            action="period.closed",
            target=("billing_period", period.pk),
            diff={
                "period": [None, period.label],
                "cutoff": [None, cutoff.isoformat()],
                "invoice": [None, invoice.number if invoice else None],
            },
        )
    return invoice


def rated_lines(period: BillingPeriod, *, cutoff: datetime) -> list[RatedLine]:
    """Return the lines of a period as of a cutoff that `take_cutoff` has returned.

    Read in one snapshot: the fold may go on meanwhile.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        usage = usage_at_cutoff(period, cutoff=cutoff)
        cards = get_rate_cards(organization_id=period.organization_id, recorded_before=cutoff)
    return rate(usage, cards=cards) if usage else []


def _lock(period: BillingPeriod) -> None:
    still_open = (
        BillingPeriod.objects.select_for_update(of=("self",))
        .filter(
            organization_id=period.organization_id,
            state=BillingPeriod.State.OPEN,
            starts_at__lte=period.starts_at,
        )
        .order_by("starts_at")
    )
    found = list(still_open)
    if period not in found:
        raise PeriodAlreadyClosed(f"{period.label} is closed")
    if found[0] != period:
        raise EarlierPeriodOpen(f"{found[0].label} is open; periods close in order")


def _finalize(period: BillingPeriod, *, lines: Sequence[RatedLine], cutoff: datetime) -> Invoice:
    account = BillingAccount.objects.select_related("organization").get(pk=period.organization_id)
    issued_on = day_of(instant_of(cutoff), zone=account.zone).date
    sequence = _next_number(period.organization_id, year=issued_on.year)
    frozen = build_invoice(
        InvoiceHeader(
            number=format_number(year=issued_on.year, sequence=sequence),
            organization=account.organization.slug,
            period=stored_period(period),
            currency=account.currency,
            cutoff=instant_of(cutoff),
            issued_on=issued_on,
            seller=Party(**settings.SELLER),
            buyer=Party(**account.buyer),
            fold_version=FOLD_VERSION,
        ),
        lines=lines,
    )
    invoice = Invoice.objects.create(
        organization_id=period.organization_id,
        period=period,
        series=SERIES,
        year=issued_on.year,
        sequence=sequence,
        number=format_number(year=issued_on.year, sequence=sequence),
        currency=account.currency,
        subtotal=frozen.subtotal.amount,
        tax=frozen.tax.amount,
        total=frozen.total.amount,
        cutoff=cutoff,
        finalized_at=cutoff,
        document=frozen.body.decode(),
        document_sha256=frozen.sha256,
    )
    _store_lines(invoice, period=period, lines=lines)
    return invoice


def stored_period(period: BillingPeriod) -> Period:
    """Return a stored period as the domain's value."""
    return Period(
        instant_of(period.starts_at), instant_of(period.ends_at), period.zone, period.label
    )


def _next_number(organization_id: int, *, year: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO billing_invoicecounter AS counter
                   (organization_id, series, year, last_number)
            VALUES (%s, %s, %s, 1)
            ON CONFLICT (organization_id, series, year)
            DO UPDATE SET last_number = counter.last_number + 1
            RETURNING last_number
            """,
            [organization_id, SERIES, year],
        )
        number: int = cursor.fetchone()[0]
    return number


def _store_lines(invoice: Invoice, *, period: BillingPeriod, lines: Sequence[RatedLine]) -> None:
    machine_ids = dict(Machine.objects.values_list("name", "id"))
    stored = InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            n=n,
            kind=line.kind.value,
            machine_id=machine_ids[line.machine],
            rate_card_id=line.card.id,
            quantity_us=line.quantity_us,
            unit_price=line.unit_price,
            amount=line.amount.amount,
        )
        for n, line in enumerate(lines, start=1)
    )
    BilledUsage.objects.bulk_create(
        (
            BilledUsage(
                organization_id=period.organization_id,
                line=line,
                period=period,
                session_id=atom.session,
                session_started_at=datetime_of(atom.started_at),
                day=atom.day,
                member_id=atom.member,
                team_id=atom.team,
                machine_id=machine_ids[atom.machine],
                quantity_us=atom.quantity_us,
            )
            for line, rated in zip(stored, lines, strict=True)
            for atom in rated.atoms
        ),
        batch_size=ROWS_AT_ONCE,
    )
