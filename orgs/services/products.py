"""Switching the products of an organization on and off."""

from orgs.domain.products import Product
from orgs.models import Entitlement
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, refresh_settings


class ProductNotEntitled(Exception):
    """The subscription does not bring the product, so it can't be switched on."""


def switch_product(
    *, trail: AuditTrail, organization_id: int, product: Product, is_enabled: bool, reason: str
) -> None:
    """Switch a product on or off for the whole organization; Offload reaches every Desktop.

    Raises `ProductNotEntitled`. Switching to what it is writes nothing.
    """
    lock_settings(organization_id=organization_id)
    row = Entitlement.objects.filter(organization_id=organization_id, product=product).first()
    if row is None or (is_enabled and not row.is_entitled):
        msg = f"the subscription does not bring {product.value}"
        raise ProductNotEntitled(msg)
    if row.is_enabled == is_enabled:
        return
    row.is_enabled = is_enabled
    row.save(update_fields=["is_enabled"])
    if product is Product.OFFLOAD:
        refresh_settings(organization_id=organization_id, at=trail.at)
    trail.add(
        organization_id=organization_id,
        action="product.switched",
        target=("product", product.value),
        diff={"enabled": [not is_enabled, is_enabled]},
        reason=reason,
    )
