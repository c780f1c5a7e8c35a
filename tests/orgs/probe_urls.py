"""The real addresses of this app, and one probe for each way to come in."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser
from rest_framework.response import Response
from rest_framework.views import APIView

from orgs.access.organizations import OrganizationAPIView, OrganizationPage
from orgs.access.pagination import CursorPages
from orgs.access.problems import Problem
from orgs.access.tokens import require_token_actor
from orgs.domain.roles import Capability
from orgs.models import Organization


class MoneyPage(OrganizationPage):
    capability = Capability.MONEY_READ

    def get(self, request, slug):
        return HttpResponse(f"{request.organization.slug} {request.actor.role} {request.member}")


class MoneyView(OrganizationAPIView):
    capabilities = {"GET": Capability.MONEY_READ, "POST": Capability.BUDGET_WRITE}

    def get(self, request, slug):
        return Response({"organization": self.organization.slug})

    def post(self, request, slug):
        class Body(serializers.Serializer):
            limit = serializers.IntegerField(min_value=0)
            notify = serializers.ListField(child=serializers.EmailField(), required=False)

        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(body.data)


class ForgottenView(APIView):
    """Says nothing about rights."""

    def get(self, request):
        return Response("secret")


class BrokenView(APIView):
    permission_classes = ()

    def get(self, request):
        raise RuntimeError


class BySlug(CursorPages):
    ordering = ("slug",)


class ListView(ListAPIView):
    permission_classes = ()
    pagination_class = BySlug

    class serializer_class(serializers.ModelSerializer):  # noqa: N801 - the framework's name
        class Meta:
            model = Organization
            fields = ["slug"]

    def get_queryset(self):
        return Organization.objects.all()


def meter(request: HttpRequest) -> HttpResponse:
    actor = require_token_actor(request, capability=Capability.METERING_WRITE)
    if request.GET.get("fail"):
        raise Problem(413, "too_deep", "Deeper than 8.")
    return HttpResponse(str(actor.organization_id))


urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("api/v1/", include("orgs.api.urls")),
    path("api/v1/organizations/<slug:slug>/money", MoneyView.as_view(parser_classes=[JSONParser])),
    path("api/v1/forgotten", ForgottenView.as_view()),
    path("api/v1/broken", BrokenView.as_view()),
    path("api/v1/list", ListView.as_view()),
    path("api/v1/meter", meter),
    path("", include("orgs.web.urls")),
    path("o/<slug:slug>/", lambda request, slug: HttpResponse(slug)),
    path("o/<slug:slug>/money/", MoneyPage.as_view()),
]

handler400 = "orgs.access.problems.bad_request"
handler403 = "orgs.access.problems.forbidden"
handler404 = "orgs.access.problems.not_found"
handler500 = "orgs.access.problems.internal_error"
