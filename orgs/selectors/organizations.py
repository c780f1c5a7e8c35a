"""Organizations: one as its callers see it, and those a person can switch between."""

from dataclasses import dataclass

from orgs.domain.products import Plan, Product
from orgs.models import Entitlement, Member, Organization, Subscription


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductState:
    """Whether the subscription brings a product, and whether an owner switched it on."""

    product: Product
    is_entitled: bool
    is_enabled: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """An organization with its plan and its products, in the order of `Product`."""

    organization: Organization
    plan: Plan
    products: tuple[ProductState, ...]


def get_profile(*, organization: Organization) -> Profile:
    """Return the organization's plan and products; every product is listed."""
    plan = Subscription.objects.values_list("plan", flat=True).get(organization=organization)
    rows = {row.product: row for row in Entitlement.objects.filter(organization=organization)}
    return Profile(
        organization=organization,
        plan=Plan(plan),
        products=tuple(
            ProductState(
                product=product,
                is_entitled=product in rows and rows[product].is_entitled,
                is_enabled=product in rows and rows[product].is_enabled,
            )
            for product in Product
        ),
    )


def list_organizations(*, user_id: int) -> list[Organization]:
    """Return the organizations the user is an active member of, by name, then slug."""
    return list(
        Organization.objects.filter(
            members__user_id=user_id, members__status=Member.Status.ACTIVE
        ).order_by("name", "slug")
    )


def find_organization(*, slug: str) -> Organization | None:
    """Return the organization of this slug. A slug is no right: the caller checks who asks."""
    return Organization.objects.filter(slug=slug).first()
