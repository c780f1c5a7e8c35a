"""Exceptions: what one member may, whatever organization and team say, until an end."""

from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models import F, Q

from orgs.domain.rules import Setting
from orgs.models.members import Member
from orgs.models.organizations import Organization

LONGEST: Final = timedelta(days=90)
"""How long an exception may last (domain.md §4)."""


class PolicyException(models.Model):
    """One setting of one member, asked for, decided, and ended; one row from ask to end.

    `rule` is what it says of `setting`, as in a policy document. A granted one is in force from
    `decided_at` until `expires_at` or, if that came first, `ended_at`.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        GRANTED = "granted"
        EXPIRED = "expired"
        REVOKED = "revoked"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # composite foreign keys (in the migration) hold these, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="exceptions",
        db_constraint=False,
        db_index=False,
    )
    decided_by = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    setting = models.CharField(
        max_length=24, choices=[(setting.value, setting.value) for setting in Setting]
    )
    rule = models.JSONField()
    reason = models.TextField()
    state = models.CharField(max_length=12, choices=State)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="exception_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="exception_setting_is_known",
                condition=Q(setting__in=[setting.value for setting in Setting]),
            ),
            models.CheckConstraint(
                name="exception_decided_once_open",
                condition=Q(state__in=["requested", "withdrawn"], decided_at__isnull=True)
                | Q(
                    state__in=["refused", "granted", "expired", "revoked"],
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="exception_ended_when_over",
                condition=Q(state__in=["requested", "granted"], ended_at__isnull=True)
                | Q(
                    state__in=["refused", "withdrawn", "expired", "revoked"],
                    ended_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="exception_lasts_90_days_at_most",
                condition=Q(decided_at__isnull=True)
                | Q(state="refused")
                | Q(
                    expires_at__gt=F("decided_at"),
                    expires_at__lte=F("decided_at") + LONGEST,
                ),
            ),
            models.UniqueConstraint(
                fields=["organization", "member", "setting"],
                condition=Q(state="granted"),
                name="exception_one_in_force",
            ),
            models.UniqueConstraint(
                fields=["organization", "member", "setting"],
                condition=Q(state="requested"),
                name="exception_one_request",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="granted"), name="exception_next_to_end"
            ),
            models.Index(
                fields=["organization", "-requested_at", "-id"], name="exception_newest_first"
            ),
        ]

    def __str__(self) -> str:
        return f"exception {self.pk} of member {self.member_id}"
