"""The addresses of this app below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, path

from orgs.api.organizations import OrganizationDetail

urlpatterns: list[URLPattern | URLResolver] = [
    path("organizations/<slug:slug>", OrganizationDetail.as_view(), name="api-organization"),
]
