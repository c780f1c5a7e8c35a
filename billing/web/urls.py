"""The addresses of billing/web."""

from django.urls import URLPattern, URLResolver, include, path, register_converter
from django.urls.converters import StringConverter

from billing.web.invoices import InvoiceFile, InvoiceLinePage, InvoiceListPage, InvoicePage
from billing.web.my_offload import MyOffloadPage
from billing.web.overview import OverviewPage
from billing.web.policy_preview import PolicyPreviewPage, ReplayPage
from billing.web.sessions import SessionListPage, SessionPage
from billing.web.usage import UsagePage


class NumberConverter(StringConverter):
    """The printed number of a document; nothing else ever reaches a query."""

    regex = "[A-Za-z0-9-]{1,32}"


register_converter(NumberConverter, "number")


class SuffixConverter(StringConverter):
    """The kinds of file that an invoice comes as."""

    regex = "pdf|csv"


register_converter(SuffixConverter, "suffix")

pages: list[URLPattern | URLResolver] = [
    path("", OverviewPage.as_view(), name="overview"),
    path("my/", MyOffloadPage.as_view(), name="my_offload"),
    path("policy/replays/<uuid:name>/", ReplayPage.as_view(), name="policy_replay"),
    path("policy/preview/", PolicyPreviewPage.as_view(), name="policy_preview"),
    path(
        "policy/teams/<slug:team>/preview/",
        PolicyPreviewPage.as_view(),
        name="team_policy_preview",
    ),
    path("sessions/", SessionListPage.as_view(), name="sessions"),
    path("sessions/<uuid:session_id>/", SessionPage.as_view(), name="session"),
    path("usage/", UsagePage.as_view(), name="usage"),
    path("invoices/", InvoiceListPage.as_view(), name="invoices"),
    path("invoices/<number:number>.<suffix:suffix>", InvoiceFile.as_view(), name="invoice_file"),
    path("invoices/<number:number>/", InvoicePage.as_view(), name="invoice"),
    path(
        "invoices/<number:number>/lines/<int:n>/", InvoiceLinePage.as_view(), name="invoice_line"
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("o/<slug:slug>/", include((pages, "billing"))),
]
