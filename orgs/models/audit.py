"""Who did what: one append-only hash chain per organization.

What is personal stands beside the chain: the chain hashes a salted digest of it, so that erasing
a person drops value and salt and the chain still verifies.
"""

from django.db import models
from django.db.models import Q

from orgs.domain.actors import ActorKind
from orgs.domain.audit_checkpoints import CheckpointStatement
from orgs.models.organizations import Organization

LABEL_LENGTH = 200
PROBLEM_LENGTH = 200


class AuditHead(models.Model):
    """The end of one organization's chain; locked while a transaction appends."""

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="audit_head"
    )
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"audit {self.sequence} of organization {self.organization_id}"


class AuditEvent(models.Model):
    """One change: who, when, what, why. Never edited; deleted by `trim_audit` alone.

    `actor_member_id` and `actor_token_id` are plain numbers: the log outlives what it names.
    `diff` maps a field to `[before, after]`; `personal_digests` maps a personal field to the hex
    digest of its salted value. `hash` covers every other column and `previous_hash`.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="audit_events", db_index=False
    )
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor_kind = models.CharField(
        max_length=8, choices=[(kind.value, kind.value) for kind in ActorKind]
    )
    actor_member_id = models.BigIntegerField(null=True, blank=True)
    actor_token_id = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=LABEL_LENGTH, blank=True)
    action = models.CharField(max_length=64)
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    diff = models.JSONField()
    personal_digests = models.JSONField()
    reason = models.TextField(blank=True)
    previous_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sequence"], name="audit_one_per_sequence"
            ),
            models.CheckConstraint(
                name="audit_sequence_counts_from_1", condition=Q(sequence__gte=1)
            ),
            models.CheckConstraint(
                name="audit_actor_kind_is_known",
                condition=Q(actor_kind__in=[kind.value for kind in ActorKind]),
            ),
            models.CheckConstraint(
                name="audit_support_gives_a_reason",
                condition=~Q(actor_kind=ActorKind.SUPPORT.value) | ~Q(reason=""),
            ),
        ]
        indexes = [models.Index(fields=["organization", "at"], name="audit_events_by_time")]

    def __str__(self) -> str:
        return f"{self.action} ({self.sequence}) of organization {self.organization_id}"


class AuditPersonalValue(models.Model):
    """A personal value of an audit event, with its salt; deleted when a person is erased."""

    event = models.ForeignKey(
        AuditEvent, on_delete=models.PROTECT, related_name="personal_values", db_index=False
    )
    name = models.CharField(max_length=64)
    salt = models.BinaryField()
    value = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "name"], name="audit_personal_value_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of audit event {self.event_id}"


class AuditCheckpoint(models.Model):
    """A signed statement: at `signed_at` the chain ended with this event and hash. Append-only.

    The database takes one only at its own time and for an event that is there. `public_key` is
    the key that the signature fits; whether it is one of ours, the environment says.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="audit_checkpoints", db_index=False
    )
    sequence = models.PositiveBigIntegerField()
    hash = models.BinaryField()
    signed_at = models.DateTimeField()
    public_key = models.BinaryField()
    signature = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sequence"], name="audit_one_checkpoint_per_event"
            ),
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.sequence} of organization {self.organization_id}"

    def get_statement(self) -> CheckpointStatement:
        """Return what was signed."""
        return CheckpointStatement(
            organization_id=self.organization_id,
            sequence=self.sequence,
            hash=bytes(self.hash),
            signed_at=self.signed_at,
        )


class AuditVerification(models.Model):
    """When an organization's whole chain was last verified, up to where, and what was found.

    `fault_sequence` is empty while the chain holds; `verified_at` before the first time. A worker
    notes `started_at`, so that no other does the same work. For readers, no part of the proof.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="audit_verification"
    )
    started_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    sequence = models.PositiveBigIntegerField(default=0)
    fault_sequence = models.PositiveBigIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=PROBLEM_LENGTH, blank=True)

    def __str__(self) -> str:
        return f"audit of organization {self.organization_id} verified to {self.sequence}"
