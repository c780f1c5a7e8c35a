"""`/api/v1/organizations/{slug}`."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.organizations import OrganizationAPIView
from orgs.domain.names import SLUG_PATTERN
from orgs.domain.products import Plan, Product
from orgs.domain.roles import MEMBER_ROLES, Capability
from orgs.selectors.organizations import Profile, get_profile


class ProductSerializer(serializers.Serializer[Any]):
    """One product of an organization."""

    product = serializers.ChoiceField(choices=[product.value for product in Product])
    entitled = serializers.BooleanField()
    enabled = serializers.BooleanField()


class OrganizationSerializer(serializers.Serializer[Any]):
    """An organization as its caller sees it; `role` is null for a token that no member made."""

    slug = serializers.RegexField(SLUG_PATTERN)
    name = serializers.CharField()
    plan = serializers.ChoiceField(choices=[plan.value for plan in Plan])
    products = ProductSerializer(many=True)
    role = serializers.ChoiceField(choices=[role.value for role in MEMBER_ROLES], allow_null=True)


class OrganizationDetail(OrganizationAPIView):
    """An organization, its plan and products, and the caller's role in it."""

    capabilities: ClassVar = {"GET": Capability.ORGANIZATION_READ}

    @extend_schema(operation_id="get_organization", responses=OrganizationSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Return the organization, its plan and products, and the caller's role in it."""
        profile = get_profile(organization=self.organization)
        return Response(_document(profile, role=self.actor.role))


def _document(profile: Profile, *, role: str | None) -> dict[str, object]:
    return {
        "slug": profile.organization.slug,
        "name": profile.organization.name,
        "plan": profile.plan.value,
        "products": [
            {
                "product": state.product.value,
                "entitled": state.is_entitled,
                "enabled": state.is_enabled,
            }
            for state in profile.products
        ],
        "role": role,
    }
