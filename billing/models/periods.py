"""Billing periods: the calendar months of an organization, stored once and never recomputed."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from orgs.models import Organization


class BillingPeriod(models.Model):
    """The half-open range of instants `[starts_at, ends_at)` that one invoice is about.

    `zone` is the billing time zone in force: days of the period are days of this zone.
    `cutoff` is the instant its close took: exactly the events received before it count.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="billing_periods", db_index=False
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    zone = models.CharField(max_length=64)
    label = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    cutoff = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "starts_at"], name="period_one_per_start"
            ),
            models.UniqueConstraint(fields=["organization", "label"], name="period_one_per_label"),
            models.CheckConstraint(
                name="period_is_not_empty", condition=Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="period_closed_has_cutoff",
                condition=Q(state="open") | Q(state="closed", cutoff__isnull=False),
            ),
            models.CheckConstraint(
                name="period_cutoff_after_end",
                condition=Q(cutoff__isnull=True) | Q(cutoff__gte=F("ends_at")),
            ),
            ExclusionConstraint(
                name="period_no_overlap",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    (
                        Func(
                            "starts_at",
                            "ends_at",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of organization {self.organization_id}"
