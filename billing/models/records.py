"""Usage records: the atom of dashboards, budgets and invoices."""

from django.db import models
from django.db.models import Q

from billing.models.machines import Machine
from billing.models.periods import BillingPeriod
from billing.models.sessions import OffloadSession
from orgs.models import Member, Organization, Team


class UsageRecord(models.Model):
    """A session's share of one day of its billing period, in microseconds.

    Sum of records = session, exactly; `billable = working + bridged`, `waiting` is the part of
    `working` after the last activity. Organization, member, team and machine are copied from
    the session, whose foreign keys hold them.
    """

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    session = models.ForeignKey(
        OffloadSession, on_delete=models.PROTECT, related_name="records", db_index=False
    )
    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="records", db_index=False
    )
    day = models.DateField()
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    team = models.ForeignKey(
        Team,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
    )
    machine = models.ForeignKey(
        Machine, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    working_us = models.BigIntegerField()
    bridged_us = models.BigIntegerField()
    waiting_us = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "day"], name="record_of_day"),
            models.Index(fields=["organization", "period"], name="record_of_period"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "period", "day"], name="record_one_per_day"
            ),
            models.CheckConstraint(
                name="record_parts_in_bounds",
                condition=Q(working_us__gte=0, bridged_us__gte=0, waiting_us__gte=0)
                & Q(waiting_us__lte=models.F("working_us")),
            ),
            models.CheckConstraint(
                name="record_is_not_empty",
                condition=Q(working_us__gt=0) | Q(bridged_us__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} of session {self.session_id}"
