"""Invoices: the list, one with its lines, and the use that a line billed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum

from billing.models import BilledUsage, Invoice, InvoiceLine, OffloadSession
from billing.selectors.reach import organization_of
from orgs.domain.actors import Actor
from orgs.models import Member, Team

PAGE_ROWS: Final = 50
INVOICE_ROWS: Final = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceView:
    """An invoice with its lines in order."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]

    @property
    def quantity_us(self) -> int:
        """All that was billed, in microseconds."""
        return sum(line.quantity_us for line in self.lines)


class BilledCursor(NamedTuple):
    """The last row of the page before."""

    day: date
    session_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class BilledRow:
    """What a line billed of one session on one day; `is_live` says the session still stands."""

    day: date
    session_id: UUID
    session_started_at: datetime
    member_name: str
    member_email: str
    team_name: str
    quantity_us: int
    is_live: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BilledPage:
    """One page of the use behind a line, and the sum over all pages."""

    rows: tuple[BilledRow, ...]
    total_us: int
    next_cursor: BilledCursor | None


def list_invoices(*, actor: Actor, limit: int = INVOICE_ROWS) -> list[Invoice]:
    """Return the organization's invoices, newest first, in one query.

    Only for actors who may see money; the page checks that.
    """
    return list(
        Invoice.objects.filter(organization_id=organization_of(actor))
        .select_related("period")
        .defer("document")
        .order_by("-finalized_at", "-sequence")[:limit]
    )


def get_document(*, actor: Actor, number: str) -> bytes | None:
    """Return the frozen document of an invoice of the actor's organization, in one query."""
    text = (
        Invoice.objects.filter(organization_id=organization_of(actor), number=number)
        .values_list("document", flat=True)
        .first()
    )
    return None if text is None else text.encode()


def get_invoice(*, actor: Actor, number: str) -> InvoiceView | None:
    """Return an invoice of the actor's organization with its lines, in two queries."""
    invoice = (
        Invoice.objects.filter(organization_id=organization_of(actor), number=number)
        .select_related("period")
        .defer("document")
        .first()
    )
    if invoice is None:
        return None
    lines = InvoiceLine.objects.filter(invoice=invoice).select_related(
        "machine", "corrects_period"
    )
    return InvoiceView(invoice=invoice, lines=tuple(lines.order_by("n")))


def invoices_of(actor: Actor) -> QuerySet[Invoice]:
    """Return the invoices of the actor's organization without documents, in no order.

    Only for actors who may see money; the view checks that.
    """
    own = Invoice.objects.filter(organization_id=organization_of(actor))
    return own.select_related("period").defer("document")


def find_invoice(*, actor: Actor, number: str) -> Invoice | None:
    """Return an invoice of the actor's organization with its frozen document, in one query."""
    return Invoice.objects.filter(organization_id=organization_of(actor), number=number).first()


def find_line(*, actor: Actor, number: str, n: int) -> InvoiceLine | None:
    """Return a line of an invoice of the actor's organization, in one query."""
    own = InvoiceLine.objects.filter(invoice__organization_id=organization_of(actor))
    return own.select_related("machine").filter(invoice__number=number, n=n).first()


def billed_usage_of(*, actor: Actor, line: InvoiceLine) -> QuerySet[BilledUsage]:
    """Return what a line billed, in no order, with today's names of people and teams.

    Each row also carries `member_email`, `team_slug` and `is_live` (the session still stands).
    """
    organization_id = organization_of(actor)
    members = Member.objects.filter(organization_id=organization_id, id=OuterRef("member_id"))
    teams = Team.objects.filter(organization_id=organization_id, id=OuterRef("team_id"))
    return BilledUsage.objects.filter(organization_id=organization_id, line=line).annotate(
        member_email=Subquery(members.values("email")),
        team_slug=Subquery(teams.values("slug")),
        is_live=Exists(
            OffloadSession.objects.filter(
                organization_id=organization_id, id=OuterRef("session_id")
            )
        ),
    )


def list_billed_usage(
    *, actor: Actor, line: InvoiceLine, after: BilledCursor | None = None
) -> BilledPage:
    """Return one page of the sessions that a line billed, by day, in four queries.

    Names are those of now; quantities are those that were billed, whatever is live.
    """
    all_rows = BilledUsage.objects.filter(organization_id=organization_of(actor), line=line)
    rows = all_rows.annotate(
        is_live=Exists(
            OffloadSession.objects.filter(
                organization_id=organization_of(actor), id=OuterRef("session_id")
            )
        )
    ).order_by("day", "session_id")
    if after is not None:
        rows = rows.filter(day__gte=after.day).exclude(
            day=after.day, session_id__lte=after.session_id
        )
    found = list(rows[: PAGE_ROWS + 1])
    has_next = len(found) > PAGE_ROWS
    found = found[:PAGE_ROWS]
    members = Member.objects.filter(organization_id=organization_of(actor)).in_bulk(
        [row.member_id for row in found]
    )
    teams = Team.objects.filter(organization_id=organization_of(actor)).in_bulk(
        [row.team_id for row in found if row.team_id is not None]
    )
    return BilledPage(
        rows=tuple(_billed_row(row, members=members, teams=teams) for row in found),
        total_us=all_rows.aggregate(total=Sum("quantity_us"))["total"] or 0,
        next_cursor=BilledCursor(found[-1].day, found[-1].session_id) if has_next else None,
    )


def _billed_row(
    row: BilledUsage, *, members: dict[int, Member], teams: dict[int, Team]
) -> BilledRow:
    member = members.get(row.member_id)
    team = teams.get(row.team_id) if row.team_id is not None else None
    return BilledRow(
        day=row.day,
        session_id=row.session_id,
        session_started_at=row.session_started_at,
        member_name=(member.name or member.email) if member else str(row.member_id),
        member_email=member.email if member else "",
        team_name=team.name if team else "",
        quantity_us=row.quantity_us,
        is_live=bool(getattr(row, "is_live", False)),
    )
