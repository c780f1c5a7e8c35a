"""`/organizations/{slug}/invoices`: the list, one invoice, its files, and the use of a line."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.http import Http404, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.shapes import MoneySerializer, PeriodSerializer, Seconds, utc_text
from billing.domain.documents import read_document
from billing.domain.instants import seconds_text
from billing.domain.money import Money
from billing.models import Invoice
from billing.rendering.invoice_page import LANGUAGES
from billing.rendering.invoice_rows import invoice_csv
from billing.rendering.pdf import render_invoice_pdf
from billing.selectors.invoices import billed_usage_of, find_invoice, find_line, invoices_of
from orgs.access.negotiation import AsAddressed
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.domain.roles import Capability

_NUMBER: Final = re.compile(r"[0-9A-Za-z-]{1,32}")
_STATUSES: Final = tuple(status.value for status in Invoice.Status)
LINES_AT_MOST: Final = 1_000_000
"""Far more lines than machines times rate cards ever make."""


class InvoiceSummarySerializer(serializers.Serializer[Any]):
    """An invoice without its lines."""

    number = serializers.CharField()
    status = serializers.ChoiceField(choices=_STATUSES)
    period = PeriodSerializer()
    currency = serializers.RegexField(r"^[A-Z]{3}$")
    subtotal = MoneySerializer()
    tax = MoneySerializer()
    total = MoneySerializer()
    cutoff = serializers.DateTimeField(help_text="Exactly the events received before it count.")
    finalized_at = serializers.DateTimeField()
    document_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")


class InvoiceLineSerializer(serializers.Serializer[Any]):
    """A line: quantity x hourly price, rounded once, half away from zero."""

    n = serializers.IntegerField(min_value=1)
    kind = serializers.CharField()
    description = serializers.CharField()
    machine = serializers.CharField()
    quantity_seconds = Seconds()
    unit_price = MoneySerializer(help_text="For an hour.")
    amount = MoneySerializer()
    corrects_period = serializers.CharField(allow_null=True)


class InvoiceSerializer(InvoiceSummarySerializer):
    """An invoice as its frozen document has it."""

    lines = InvoiceLineSerializer(many=True)


class BilledRecordSerializer(serializers.Serializer[Any]):
    """What a line billed of one session on one day, whatever has become of the session since."""

    day = serializers.DateField()
    session = serializers.UUIDField()
    session_started_at = serializers.DateTimeField()
    is_live = serializers.BooleanField(help_text="Whether the session still stands.")
    member = serializers.EmailField(allow_null=True)
    team = serializers.SlugField(allow_null=True)
    machine = serializers.CharField()
    quantity_seconds = Seconds()


class NewestInvoices(CursorPages):
    """By issue, newest first."""

    ordering = ("-finalized_at", "-id")


class BilledRecords(CursorPages):
    """By day and session."""

    ordering = ("day", "session_started_at", "id")


class InvoiceAPIView(OrganizationAPIView):
    """A view of money: only for callers who may see it."""

    capabilities: ClassVar = {"GET": Capability.MONEY_READ}

    def find(self, number: str) -> Invoice:
        """Return an invoice of the organization, or raise 404."""
        found = find_invoice(actor=self.actor, number=_checked(number))
        if found is None:
            raise Http404
        return found


class InvoiceList(InvoiceAPIView):
    """Invoices, newest first."""

    @extend_schema(
        operation_id="list_invoices",
        tags=["invoices"],
        parameters=PAGE_PARAMETERS,
        responses=page_of("InvoicePage", InvoiceSummarySerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the organization's invoices, newest first."""
        pages = NewestInvoices()
        invoices = pages.paginate_queryset(invoices_of(self.actor), request)
        return pages.get_paginated_response([_summary(invoice) for invoice in invoices])


class InvoiceItem(InvoiceAPIView):
    """One invoice."""

    @extend_schema(operation_id="get_invoice", tags=["invoices"], responses=InvoiceSerializer)
    def get(self, request: Request, slug: str, number: str) -> Response:
        """Return an invoice with its lines, as it was frozen."""
        invoice = self.find(number)
        document = read_document(invoice.document.encode())
        lines = [
            {name: line[name] for name in InvoiceLineSerializer().fields}  # type: ignore[literal-required]  # the names of the contract are those of the document
            for line in document["lines"]
        ]
        return Response(_summary(invoice) | {"lines": lines})


class InvoiceRecords(InvoiceAPIView):
    """The use behind one line."""

    @extend_schema(
        operation_id="list_invoice_line_records",
        tags=["invoices"],
        parameters=[OpenApiParameter("n", OpenApiTypes.INT, "path"), *PAGE_PARAMETERS],
        responses=page_of("BilledRecordPage", BilledRecordSerializer),
    )
    def get(self, request: Request, slug: str, number: str, n: int) -> Response:
        """Return what the line billed, session by session and day by day; it sums to the line."""
        if n > LINES_AT_MOST:
            raise Http404
        line = find_line(actor=self.actor, number=_checked(number), n=n)
        if line is None:
            raise Http404
        pages = BilledRecords()
        rows = pages.paginate_queryset(billed_usage_of(actor=self.actor, line=line), request)
        return pages.get_paginated_response(
            [_record(row, machine=line.machine.name) for row in rows]
        )


class InvoicePdf(InvoiceAPIView):
    """An invoice as PDF."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        operation_id="get_invoice_pdf",
        tags=["invoices"],
        parameters=[
            OpenApiParameter(
                "Accept-Language", location="header", description="`zh-Hans` or `en`."
            )
        ],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, 304: None},
    )
    def get(self, request: Request, slug: str, number: str) -> HttpResponse:
        """Return the PDF (PDF/A-3b, the frozen document attached) in the caller's language."""
        invoice = self.find(number)
        spoken = get_language()
        language = spoken if spoken in LANGUAGES else LANGUAGES[0]
        answer = _file(
            request,
            lambda: render_invoice_pdf(invoice.document.encode(), language=language),
            name=f"{slug}-{invoice.number}.pdf",
            content_type="application/pdf",
            etag=f'"{invoice.document_sha256}-{language}"',
        )
        answer["Content-Language"] = language
        patch_vary_headers(answer, ["Accept-Language"])
        return answer


class InvoiceCsv(InvoiceAPIView):
    """An invoice as CSV."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        operation_id="get_invoice_csv",
        tags=["invoices"],
        responses={(200, "text/csv"): OpenApiTypes.STR, 304: None},
    )
    def get(self, request: Request, slug: str, number: str) -> HttpResponse:
        """Return the lines as CSV (RFC 4180, UTF-8, header row)."""
        invoice = self.find(number)
        return _file(
            request,
            lambda: invoice_csv(invoice.document.encode()),
            name=f"{slug}-{invoice.number}.csv",
            content_type="text/csv; charset=utf-8; header=present",
            etag=f'"{invoice.document_sha256}"',
        )


def _file(
    request: Request, render: Callable[[], bytes], *, name: str, content_type: str, etag: str
) -> HttpResponse:
    """Return a file that never changes, or 304 without rendering it."""
    known = get_conditional_response(request._request, etag=etag)  # noqa: SLF001 - the request below the framework's
    if known is None:
        answer = HttpResponse(render(), content_type=content_type)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
    else:
        answer = HttpResponse(status=known.status_code)
        if known.status_code == HTTPStatus.NOT_MODIFIED:
            del answer["Content-Type"]
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    patch_vary_headers(answer, ["Authorization", "Cookie"])
    return answer


def _checked(number: str) -> str:
    """Return a number that might exist, or raise 404 before the database is asked."""
    if not _NUMBER.fullmatch(number):
        raise Http404
    return number


def _summary(invoice: Invoice) -> dict[str, Any]:
    period = invoice.period
    return {
        "number": invoice.number,
        "status": invoice.status,
        "period": {
            "start": utc_text(period.starts_at),
            "end": utc_text(period.ends_at),
            "zone": period.zone,
            "label": period.label,
        },
        "currency": invoice.currency,
        "subtotal": Money(amount=invoice.subtotal, currency=invoice.currency).to_wire(),
        "tax": Money(amount=invoice.tax, currency=invoice.currency).to_wire(),
        "total": Money(amount=invoice.total, currency=invoice.currency).to_wire(),
        "cutoff": utc_text(invoice.cutoff),
        "finalized_at": utc_text(invoice.finalized_at),
        "document_sha256": invoice.document_sha256,
    }


def _record(row: Any, *, machine: str) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "session": str(row.session_id),
        "session_started_at": utc_text(row.session_started_at),
        "is_live": row.is_live,
        "member": row.member_email,
        "team": row.team_slug,
        "machine": machine,
        "quantity_seconds": seconds_text(row.quantity_us),
    }
