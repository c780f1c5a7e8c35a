"""What each invoice line billed: the append-only proof behind the amount (ADR-0006)."""

from django.db import models

from billing.models.invoices import InvoiceLine
from billing.models.periods import BillingPeriod
from orgs.models import Organization


class BilledUsage(models.Model):
    """Microseconds of one session and day on one line; never edited, never live.

    Points to a session by its stable id, not by foreign key: a late event may change or remove
    the live session, what was billed stays. `period` is the period the use lies in (the
    corrected one on an adjustment).
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    line = models.ForeignKey(
        InvoiceLine, on_delete=models.PROTECT, related_name="billed_usage", db_index=False
    )
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    session_id = models.UUIDField()
    session_started_at = models.DateTimeField()
    day = models.DateField()
    member_id = models.BigIntegerField()
    team_id = models.BigIntegerField(null=True, blank=True)
    machine_id = models.SmallIntegerField()
    quantity_us = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "period"], name="billed_of_period"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "day", "session_id", "team_id"],
                name="billed_once_on_a_line",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity_us} us of session {self.session_id} on {self.day}"
