"""Session events as runners reported them: the facts everything else is computed from."""

from django.db import models

from orgs.models import Organization


class SessionEvent(models.Model):
    """One event, append-only, range-partitioned by the month of `occurred_at` (ADR-0007).

    `event_key` is a 128-bit hash of (source, event_id); with organization, member and
    `occurred_at` it is the event's identity. One index serves deduplication and the fold in
    order. There are no foreign keys (they cost 15-35 % of ingest): ingest resolves every id it
    writes, members and machines are never deleted. SQL makes the table, in migration 0002.
    """

    pk = models.CompositePrimaryKey("organization_id", "member_id", "occurred_at", "event_key")
    organization_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    event_key = models.UUIDField()
    kind = models.CharField(max_length=8)
    machine_id = models.SmallIntegerField()
    idle_timeout_seconds = models.SmallIntegerField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=256)
    event_id = models.CharField(max_length=256)

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at.isoformat()} of member {self.member_id}"


class Quarantine(models.Model):
    """An event refused because its identity is taken by other content; shown to the operator."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    member_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    event_key = models.UUIDField()
    kind = models.CharField(max_length=8)
    machine_id = models.SmallIntegerField()
    idle_timeout_seconds = models.SmallIntegerField()
    source = models.CharField(max_length=256)
    event_id = models.CharField(max_length=256)
    received_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-received_at"], name="quarantine_newest_first")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "organization",
                    "member_id",
                    "occurred_at",
                    "event_key",
                    "kind",
                    "machine_id",
                    "idle_timeout_seconds",
                ],
                name="quarantine_each_content_once",
            )
        ]

    def __str__(self) -> str:
        return f"conflicting {self.kind} {self.event_id!r} from {self.source!r}"
