"""Every address of the house, by the room that answers it."""

from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from offload_admin.health import healthz, readyz

# The one inline style of the API pages, by its hash: the policy stays strict.
api_docs = csp_update({"style-src": ["'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"]})(
    SpectacularSwaggerSplitView.as_view(url_name="schema")
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("accounts/", include("allauth.account.urls")),
    path("api/v1/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs", api_docs, name="docs"),
    path("api/v1/", include("orgs.api.urls")),
    path("api/v1/", include("billing.api.urls")),
    path("", include("orgs.api.oauth_urls")),
    path("", include("orgs.web.urls")),
    path("", include("billing.web.urls")),
]

handler400 = "orgs.access.problems.bad_request"
handler403 = "orgs.access.problems.forbidden"
handler404 = "orgs.access.problems.not_found"
handler500 = "orgs.access.problems.internal_error"
