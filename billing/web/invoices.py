"""Invoices: the list, one invoice, and the sessions behind a line."""

from datetime import date
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import get_language

from billing.models import InvoiceLine
from billing.rendering.invoice_rows import invoice_csv
from billing.rendering.pdf import render_invoice_pdf
from billing.selectors.invoices import (
    BilledCursor,
    InvoiceView,
    get_document,
    get_invoice,
    list_billed_usage,
    list_invoices,
)
from billing.web.pages import BillingPage
from orgs.access.organizations import OrganizationPage, OrganizationRequest
from orgs.domain.roles import Capability


class InvoiceListPage(BillingPage):
    """`/o/<slug>/invoices/`: newest first."""

    capability = Capability.MONEY_READ
    section = "invoices"
    template_name = "billing/invoices.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return all invoices of ten years."""
        return super().get_context_data(invoices=list_invoices(actor=self.request.actor), **kwargs)


class InvoicePage(BillingPage):
    """`/o/<slug>/invoices/<number>/`: its lines, each a link to what it billed."""

    capability = Capability.MONEY_READ
    section = "invoices"
    template_name = "billing/invoice.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the invoice; days and instants are in the zone of its own period."""
        view = self.find()
        context = super().get_context_data(view=view, invoice=view.invoice, **kwargs)
        context["zone"] = view.invoice.period.zone
        return context

    def find(self) -> InvoiceView:
        """Return the invoice of the address, or raise 404."""
        view = get_invoice(actor=self.request.actor, number=str(self.kwargs["number"]))
        if view is None:
            raise Http404
        return view


class InvoiceLinePage(InvoicePage):
    """`/o/<slug>/invoices/<number>/lines/<n>/`: what the line billed, day by day."""

    template_name = "billing/invoice_line.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return one page of the sessions behind the line."""
        context = super().get_context_data(**kwargs)
        line = self._line(context["view"])
        page = list_billed_usage(actor=self.request.actor, line=line, after=self._after())
        cursor = page.next_cursor
        return context | {
            "line": line,
            "page": page,
            "after": None if cursor is None else f"{cursor.day.isoformat()}~{cursor.session_id}",
            "is_first": self._after() is None,
        }

    def _line(self, view: InvoiceView) -> InvoiceLine:
        for line in view.lines:
            if line.n == int(self.kwargs["n"]):
                return line
        raise Http404

    def _after(self) -> BilledCursor | None:
        head, _, tail = self.word("after").partition("~")
        try:
            return BilledCursor(date.fromisoformat(head), UUID(tail))
        except ValueError:
            return None


class InvoiceFile(OrganizationPage):
    """`/o/<slug>/invoices/<number>.pdf` and `.csv`: functions of the frozen document."""

    capability = Capability.MONEY_READ

    def get(
        self,
        request: OrganizationRequest,
        slug: str,
        number: str,
        suffix: str,
    ) -> HttpResponse:
        """Return the file; the PDF in the reader's language."""
        document = get_document(actor=request.actor, number=number)
        if document is None:
            raise Http404
        if suffix == "csv":
            answer = HttpResponse(invoice_csv(document), content_type="text/csv; charset=utf-8")
        else:
            pdf = render_invoice_pdf(document, language=get_language() or "en")
            answer = HttpResponse(pdf, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="{number}.{suffix}"'
        return answer
