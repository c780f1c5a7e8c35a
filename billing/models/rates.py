"""Rate cards: what an hour of a machine costs, from which day on."""

from django.db import models
from django.db.models import Q

from billing.models.machines import Machine
from orgs.models import Organization


class RateCard(models.Model):
    """One version of an organization's prices; never edited, superseded by a later one.

    `effective_from` is a date in the billing zone. The first card applies to all earlier days.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="rate_cards", db_index=False
    )
    effective_from = models.DateField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "effective_from"], name="rate_card_one_per_day"
            ),
            models.CheckConstraint(
                name="rate_card_currency_is_iso_4217", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return f"rate card of organization {self.organization_id} from {self.effective_from}"


class Price(models.Model):
    """The hourly price of one machine on one card, and how fast it uses up allowances."""

    rate_card = models.ForeignKey(
        RateCard, on_delete=models.PROTECT, related_name="prices", db_index=False
    )
    machine = models.ForeignKey(
        Machine, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    hourly_price = models.DecimalField(max_digits=18, decimal_places=6)
    weight = models.DecimalField(max_digits=9, decimal_places=4, default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rate_card", "machine"], name="price_one_per_machine"),
            models.CheckConstraint(name="price_not_negative", condition=Q(hourly_price__gte=0)),
            models.CheckConstraint(name="price_weight_positive", condition=Q(weight__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.hourly_price} an hour of machine {self.machine_id}"
