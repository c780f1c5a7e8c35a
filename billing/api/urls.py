"""The addresses of billing/api."""

from django.urls import URLPattern, URLResolver, include, path

from billing.api.desktop import DesktopSession
from billing.api.invoices import InvoiceCsv, InvoiceItem, InvoiceList, InvoicePdf, InvoiceRecords
from billing.api.policy_preview import PolicyPreview
from billing.api.session_events import session_events
from billing.api.sessions import SessionItem, SessionList
from billing.api.usage import UsageReport

of_organization: list[URLPattern | URLResolver] = [
    path("policy/preview", PolicyPreview.as_view(), name="api-policy-preview"),
    path("sessions", SessionList.as_view(), name="api-sessions"),
    path("sessions/<uuid:session_id>", SessionItem.as_view(), name="api-session"),
    path("usage", UsageReport.as_view(), name="api-usage"),
    path("invoices", InvoiceList.as_view(), name="api-invoices"),
    # the files first: an invoice's number takes whatever stands there
    path("invoices/<str:number>.pdf", InvoicePdf.as_view(), name="api-invoice-pdf"),
    path("invoices/<str:number>.csv", InvoiceCsv.as_view(), name="api-invoice-csv"),
    path("invoices/<str:number>", InvoiceItem.as_view(), name="api-invoice"),
    path(
        "invoices/<str:number>/lines/<int:n>/records",
        InvoiceRecords.as_view(),
        name="api-invoice-records",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("desktop/session", DesktopSession.as_view(), name="api-desktop-session"),
    path("session-events", session_events, name="session-events"),
    path("organizations/<slug:slug>/", include(of_organization)),
]
