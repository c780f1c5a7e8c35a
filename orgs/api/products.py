"""`/organizations/{slug}/products`: what the subscription brings, and what is on."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import DocumentJson, fields_of
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import page_of_list
from orgs.access.problems import Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.api.organizations import ProductSerializer
from orgs.domain.names import REASON_LENGTH
from orgs.domain.products import Product
from orgs.domain.roles import Capability
from orgs.selectors.organizations import get_profile
from orgs.services.audit import recording
from orgs.services.products import ProductNotEntitled, switch_product


class SwitchProductSerializer(serializers.Serializer[Any]):
    """Whether the product is on, and why it is switched."""

    enabled = serializers.BooleanField()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class ProductList(OrganizationAPIView):
    """The products of an organization."""

    capabilities: ClassVar = {"GET": Capability.ORGANIZATION_READ}

    @extend_schema(
        operation_id="list_products",
        tags=["products"],
        parameters=PAGE_PARAMETERS,
        responses=page_of("ProductPage", ProductSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return every product, entitled or not, on or off."""
        profile = get_profile(organization=self.organization)
        products = [
            {
                "product": state.product.value,
                "entitled": state.is_entitled,
                "enabled": state.is_enabled,
            }
            for state in profile.products
        ]
        page, following = page_of_list(
            products, request, key=lambda product: str(product["product"])
        )
        return Response({"results": page, "next": following})


class ProductItem(OrganizationAPIView):
    """One product of an organization."""

    capabilities: ClassVar = {"PATCH": Capability.PRODUCTS_WRITE}
    parser_classes = (DocumentJson,)

    @extend_schema(
        operation_id="switch_product",
        tags=["products"],
        request=SwitchProductSerializer,
        responses={200: ProductSerializer},
    )
    def patch(self, request: Request, slug: str, product: str) -> Response:
        """Switch the product on or off; Offload reaches every Desktop as any change of policy.

        409 `not_entitled` for what the subscription does not bring.
        """
        if product not in set(Product):
            raise Problem(404, "not_found", "There is no such product.")
        fields = fields_of(request, allowed=("enabled", "reason"))
        is_enabled = fields.flag("enabled")
        reason = fields.text("reason", length=REASON_LENGTH)
        fields.check()
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                switch_product(
                    trail=trail,
                    organization_id=self.organization.pk,
                    product=Product(product),
                    is_enabled=is_enabled,
                    reason=reason,
                )
        except ProductNotEntitled as refused:
            raise Problem(409, "not_entitled", str(refused)) from refused
        return Response({"product": product, "entitled": True, "enabled": is_enabled})
