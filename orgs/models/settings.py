"""What holds for each member, since when: choices, spending, and the history of settings."""

from django.db import models
from django.db.models import Q

from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    SpendingState,
)
from orgs.models.members import Member
from orgs.models.organizations import Organization


class SettingsHead(models.Model):
    """The last revision of an organization, and a generation that counts every change.

    `revision` is the number last given to a policy or to a member's settings. `generation` is
    bumped in each transaction that could change what a Desktop is answered: settings, people,
    tokens. Processes that keep answers in memory read it again once a second (ADR-0016).
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="settings_head"
    )
    revision = models.PositiveIntegerField(default=0)
    generation = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"revision {self.revision} of organization {self.organization_id}"


class SpendingStatus(models.Model):
    """How an organization stands to its spending limit; without a row all is well.

    `billing` decides it, through `orgs.services.spending`.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="spending_status"
    )
    state = models.CharField(
        max_length=8, choices=[(state.value, state.value) for state in SpendingState]
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="spending_state_is_known",
                condition=Q(state__in=[state.value for state in SpendingState]),
            ),
        ]

    def __str__(self) -> str:
        return f"spending of organization {self.organization_id}: {self.state}"


class MemberChoices(models.Model):
    """What a developer chose in the Desktop, as chosen; null is no choice."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # a composite foreign key (in the migration) holds it, with the organization
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    offload_enabled = models.BooleanField(null=True, blank=True)
    idle_timeout_seconds = models.PositiveSmallIntegerField(null=True, blank=True)
    gpu_enabled = models.BooleanField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member"], name="choices_one_each"),
            models.CheckConstraint(
                name="choices_within_product_bounds",
                condition=Q(idle_timeout_seconds__isnull=True)
                | Q(
                    idle_timeout_seconds__gte=IDLE_TIMEOUT_MINIMUM_SECONDS,
                    idle_timeout_seconds__lte=IDLE_TIMEOUT_MAXIMUM_SECONDS,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"choices of member {self.member_id}"


class SettingsVersion(models.Model):
    """The effective settings of a member from `since` on. Append-only.

    At an instant holds the row of the highest id among those with `since` not after it. Rows
    may lie ahead: a change writes at once what will hold when an exception ends, and the rows of
    a later change, having higher ids, stand above them. `revision` is the one that last changed
    the content, so rows may share it. `settings` is the `settings` object of the Desktop's
    document, `digest` stands for it and `spending` when contents are compared; the three columns
    behind are its values, for queries.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # a composite foreign key (in the migration) holds it, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="settings_versions",
        db_constraint=False,
        db_index=False,
    )
    revision = models.PositiveIntegerField()
    since = models.DateTimeField()
    settings = models.JSONField()
    spending = models.CharField(
        max_length=8, choices=[(state.value, state.value) for state in SpendingState]
    )
    digest = models.BinaryField()
    is_offload_enabled = models.BooleanField()
    is_gpu_enabled = models.BooleanField()
    idle_timeout_seconds = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="settings_within_product_bounds",
                condition=Q(
                    idle_timeout_seconds__gte=IDLE_TIMEOUT_MINIMUM_SECONDS,
                    idle_timeout_seconds__lte=IDLE_TIMEOUT_MAXIMUM_SECONDS,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "member", "-id"], name="settings_latest_first"),
        ]

    def __str__(self) -> str:
        return f"settings {self.revision} of member {self.member_id}"
