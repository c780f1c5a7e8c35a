"""Sessions as the fold stores them: facts, from which any state is a function of `as_of`."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Deferrable, F, Func, Q

from billing.models.machines import Machine
from orgs.models import Member, Organization, Team


class OffloadSession(models.Model):
    """One stretch of Offload use with its bridged gaps; its whole span is billable.

    `active_until` is the instant it stopped (or, running, will stop) being active and may lie
    ahead. `terminated_at` is set when the environment was ended by an event or by another
    machine, at or after `active_until`. State, idle and purge instants and the amount billed
    so far are `billing.domain.session_facts.state_at` of these facts (ADR-0003).

    `outside_policy` says what the member's settings forbade when it started, `policy_revision`
    which revision of them; use is metered and billed all the same (domain.md §4, §5). Empty and
    null where nothing was decided yet.
    """

    class OutsidePolicy(models.TextChoices):
        NOTHING = ""
        OFFLOAD_DISABLED = "offload_disabled"
        GPU_DISABLED = "gpu_disabled"

    class EndReason(models.TextChoices):
        NONE = ""
        ENDED = "ended"
        MACHINE_CHANGED = "machine_changed"

    id = models.UUIDField(primary_key=True)
    # composite foreign keys (in migration 0003) hold member and team with the organization; each
    # further key would lock the organization's row once for every session
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
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
        Machine, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    started_at = models.DateTimeField()
    active_until = models.DateTimeField()
    terminated_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=16, choices=EndReason, default="", blank=True)
    bridged_us = models.BigIntegerField()
    waiting_us = models.BigIntegerField()
    event_count = models.IntegerField()
    fold_version = models.SmallIntegerField()
    policy_revision = models.PositiveIntegerField(null=True, blank=True)
    outside_policy = models.CharField(
        max_length=16, choices=OutsidePolicy, default="", blank=True, db_default=""
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "-started_at", "id"], name="session_newest_first"
            ),
            models.Index(fields=["organization", "active_until"], name="session_running"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "member", "started_at"], name="session_one_per_start"
            ),
            models.CheckConstraint(
                name="session_is_not_empty", condition=Q(active_until__gt=F("started_at"))
            ),
            models.CheckConstraint(
                name="session_terminated_with_a_reason",
                condition=Q(terminated_at__isnull=True, end_reason="")
                | (
                    Q(terminated_at__gte=F("active_until"))
                    & Q(end_reason__in=["ended", "machine_changed"])
                ),
            ),
            models.CheckConstraint(
                name="session_parts_not_negative",
                condition=Q(bridged_us__gte=0, waiting_us__gte=0, event_count__gte=1),
            ),
            models.CheckConstraint(
                name="session_outside_policy_is_known",
                condition=Q(outside_policy__in=["", "offload_disabled", "gpu_disabled"]),
            ),
            ExclusionConstraint(
                name="session_no_overlap",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    ("member", RangeOperators.EQUAL),
                    (
                        Func(
                            "started_at",
                            "active_until",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                deferrable=Deferrable.IMMEDIATE,
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.id} from {self.started_at.isoformat()}"


class SessionStretch(models.Model):
    """An unbroken run of reported activity inside a session (ADR-0003).

    From `started_at` to `active_until` (its last `active` event) runners reported at least
    every half idle timeout. What follows is waiting, until `idle_at` or, when that is null,
    until the next stretch or the running deadline.
    """

    session = models.ForeignKey(
        OffloadSession, on_delete=models.CASCADE, related_name="stretches", db_index=False
    )
    started_at = models.DateTimeField()
    active_until = models.DateTimeField()
    idle_at = models.DateTimeField(null=True, blank=True)
    idle_timeout_seconds = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "started_at"], name="stretch_one_per_start"
            ),
            models.CheckConstraint(
                name="stretch_in_order",
                condition=Q(active_until__gte=F("started_at"))
                & (Q(idle_at__isnull=True) | Q(idle_at__gte=F("active_until"))),
            ),
        ]

    def __str__(self) -> str:
        return f"stretch from {self.started_at.isoformat()} of session {self.session_id}"
