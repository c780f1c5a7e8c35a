"""The addresses of people's own pages, and this app's pages below `/o/<slug>/`."""

from django.urls import URLPattern, URLResolver, include, path

from orgs.web.audit import AuditCsv, AuditFile, AuditPage, AuditVerifier
from orgs.web.device_sign_in import decide, enter_code
from orgs.web.devices import DevicesPage
from orgs.web.exceptions import AskPage, DecisionPage, ExceptionsPage
from orgs.web.home import home
from orgs.web.language import choose
from orgs.web.members import EffectivePage, MemberListPage
from orgs.web.policy import PolicyPage, RevisionPage
from orgs.web.settings_file import SettingsFilePage

pages: list[URLPattern | URLResolver] = [
    path("policy/", PolicyPage.as_view(), name="policy"),
    path("policy/admin-settings.json", SettingsFilePage.as_view(), name="settings_file"),
    path("policy/revisions/<int:revision>/", RevisionPage.as_view(), name="revision"),
    path("policy/teams/<slug:team>/", PolicyPage.as_view(), name="team_policy"),
    path(
        "policy/teams/<slug:team>/revisions/<int:revision>/",
        RevisionPage.as_view(),
        name="team_revision",
    ),
    path("exceptions/", ExceptionsPage.as_view(), name="exceptions"),
    path("exceptions/ask/", AskPage.as_view(), name="ask_exception"),
    path("exceptions/<int:number>/", DecisionPage.as_view(), name="exception"),
    path("devices/", DevicesPage.as_view(), name="devices"),
    path("members/", MemberListPage.as_view(), name="members"),
    path("members/<int:member_id>/settings/", EffectivePage.as_view(), name="effective"),
    path("audit/", AuditPage.as_view(), name="audit"),
    path("audit/log.csv", AuditCsv.as_view(), name="audit_csv"),
    path("audit/log.jsonl", AuditFile.as_view(), name="audit_jsonl"),
    path("audit/verify_audit.py", AuditVerifier.as_view(), name="audit_verifier"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("device/", enter_code, name="device"),
    path("device/<int:sign_in_id>/", decide, name="device-sign-in"),
    path("i18n/setlang/", choose, name="set_language"),
    path("o/<slug:slug>/", include((pages, "orgs"))),
]
