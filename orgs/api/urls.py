"""The addresses of this app below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, path

from orgs.api.audit_events import AuditEventCsv, AuditEventFile, AuditEventList
from orgs.api.organizations import OrganizationDetail

urlpatterns: list[URLPattern | URLResolver] = [
    path("organizations/<slug:slug>", OrganizationDetail.as_view(), name="api-organization"),
    path(
        "organizations/<slug:slug>/audit-events",
        AuditEventList.as_view(),
        name="api-audit-events",
    ),
    path(
        "organizations/<slug:slug>/audit-events.csv",
        AuditEventCsv.as_view(),
        name="api-audit-events-csv",
    ),
    path(
        "organizations/<slug:slug>/audit-events.jsonl",
        AuditEventFile.as_view(),
        name="api-audit-events-jsonl",
    ),
]
