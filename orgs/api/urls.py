"""The addresses of this app below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, include, path

from orgs.api.admin_settings import PolicyFile
from orgs.api.audit_events import AuditEventCsv, AuditEventFile, AuditEventList
from orgs.api.check_ins import DesktopCheckIns
from orgs.api.desktop import DesktopPreferences, DesktopSettings, wrong_process
from orgs.api.devices import DeviceItem, DeviceList
from orgs.api.effective import EffectiveSettingsView
from orgs.api.exceptions import (
    ApproveException,
    ExceptionItem,
    ExceptionList,
    RefuseException,
    RevokeException,
    WithdrawException,
)
from orgs.api.members import MemberItem, MemberList
from orgs.api.organizations import OrganizationDetail
from orgs.api.policies import (
    PolicyDetail,
    PolicyRevisions,
    PolicyRollback,
    TeamPolicyDetail,
    TeamPolicyRevisions,
    TeamPolicyRollback,
)
from orgs.api.products import ProductItem, ProductList
from orgs.api.teams import TeamItem, TeamList, TeamOrder

of_organization: list[URLPattern | URLResolver] = [
    path("audit-events", AuditEventList.as_view(), name="api-audit-events"),
    path("audit-events.csv", AuditEventCsv.as_view(), name="api-audit-events-csv"),
    path("audit-events.jsonl", AuditEventFile.as_view(), name="api-audit-events-jsonl"),
    path("devices", DeviceList.as_view(), name="api-devices"),
    path("devices/<int:number>", DeviceItem.as_view(), name="api-device"),
    path("exceptions", ExceptionList.as_view(), name="api-exceptions"),
    path("exceptions/<int:number>", ExceptionItem.as_view(), name="api-exception"),
    path("exceptions/<int:number>/approve", ApproveException.as_view(), name="api-approve"),
    path("exceptions/<int:number>/refuse", RefuseException.as_view(), name="api-refuse"),
    path("exceptions/<int:number>/revoke", RevokeException.as_view(), name="api-revoke"),
    path("exceptions/<int:number>/withdraw", WithdrawException.as_view(), name="api-withdraw"),
    path("members", MemberList.as_view(), name="api-members"),
    path("members/<int:number>", MemberItem.as_view(), name="api-member"),
    path(
        "members/<int:number>/effective-settings",
        EffectiveSettingsView.as_view(),
        name="api-effective-settings",
    ),
    path("policy", PolicyDetail.as_view(), name="api-policy"),
    path("policy/admin-settings", PolicyFile.as_view(), name="api-policy-file"),
    path("policy/revisions", PolicyRevisions.as_view(), name="api-policy-revisions"),
    path("policy/rollback", PolicyRollback.as_view(), name="api-policy-rollback"),
    path("products", ProductList.as_view(), name="api-products"),
    path("products/<str:product>", ProductItem.as_view(), name="api-product"),
    path("teams", TeamList.as_view(), name="api-teams"),
    # no team is called so (`RESERVED_TEAM_SLUGS`)
    path("teams/order", TeamOrder.as_view(), name="api-team-order"),
    path("teams/<slug:team>", TeamItem.as_view(), name="api-team"),
    path("teams/<slug:team>/policy", TeamPolicyDetail.as_view(), name="api-team-policy"),
    path(
        "teams/<slug:team>/policy/revisions",
        TeamPolicyRevisions.as_view(),
        name="api-team-policy-revisions",
    ),
    path(
        "teams/<slug:team>/policy/rollback",
        TeamPolicyRollback.as_view(),
        name="api-team-policy-rollback",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("desktop/settings", DesktopSettings.as_view(), name="api-desktop-settings"),
    path("desktop/preferences", DesktopPreferences.as_view(), name="api-desktop-preferences"),
    path("desktop/check-ins", DesktopCheckIns.as_view(), name="api-desktop-check-ins"),
    path("desktop/stream", wrong_process, name="api-desktop-stream"),
    path("organizations/<slug:slug>", OrganizationDetail.as_view(), name="api-organization"),
    path("organizations/<slug:slug>/", include(of_organization)),
]
