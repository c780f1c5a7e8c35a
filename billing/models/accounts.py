"""The billing side of an organization."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from orgs.models import Organization

DEFAULT_GRACE = timedelta(hours=72)
MINIMUM_GRACE = timedelta(minutes=10)


class BillingAccount(models.Model):
    """Currency, zone and buyer of one organization; one row each.

    `zone` decides where days and months begin, nothing else. `last_cutoff` is the greatest
    cutoff any close has taken; ingest never assigns a `received_at` below it, so the set
    "received before the cutoff" is final even when the database's clock is set back.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="billing_account"
    )
    currency = models.CharField(max_length=3)
    zone = models.CharField(max_length=64, default="UTC")
    grace = models.DurationField(default=DEFAULT_GRACE)
    buyer = models.JSONField(default=dict, blank=True)
    last_cutoff = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="account_currency_is_iso_4217", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
            models.CheckConstraint(
                name="account_grace_at_least_10_minutes", condition=Q(grace__gte=MINIMUM_GRACE)
            ),
        ]

    def __str__(self) -> str:
        return f"account of organization {self.organization_id} ({self.currency}, {self.zone})"
