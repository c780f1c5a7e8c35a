"""What an organization has subscribed to, and which products it switched on."""

from django.db import models
from django.db.models import Q

from orgs.domain.products import Plan, Product
from orgs.models.organizations import Organization


class Subscription(models.Model):
    """The organization's plan; one row each."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="subscription"
    )
    plan = models.CharField(max_length=16, choices=[(plan.value, plan.value) for plan in Plan])

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="subscription_plan_is_known",
                condition=Q(plan__in=[plan.value for plan in Plan]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} of organization {self.organization_id}"


class Entitlement(models.Model):
    """One product of an organization: whether the subscription brings it, whether it is on."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="entitlements", db_index=False
    )
    product = models.CharField(
        max_length=24, choices=[(product.value, product.value) for product in Product]
    )
    is_entitled = models.BooleanField()
    is_enabled = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "product"], name="entitlement_one_per_product"
            ),
            models.CheckConstraint(
                name="entitlement_product_is_known",
                condition=Q(product__in=[product.value for product in Product]),
            ),
            models.CheckConstraint(
                name="entitlement_enabled_only_if_entitled",
                condition=Q(is_enabled=False) | Q(is_entitled=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} of organization {self.organization_id}"
