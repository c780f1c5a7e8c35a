"""The fold's lock, checkpoint and work queue (ADR-0005)."""

from django.db import models
from django.db.models import F, Q

from orgs.models import Member, Organization


class Stream(models.Model):
    """All events of one member of one organization: one line of time.

    Locked by the fold, never touched by ingest. `checkpoint` is the fold's state before the
    last folded instant (a tie may still arrive); `folded_until` is that instant.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # a composite foreign key (in migration 0003) holds it, with the organization
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    folded_until = models.DateTimeField(null=True, blank=True)
    checkpoint = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "member"], name="stream_one_per_member"
            )
        ]

    def __str__(self) -> str:
        return f"stream of member {self.member_id}"


class StreamMark(models.Model):
    """Work for the fold: new events of a stream lie within `[since, until]`.

    Appended by ingest in the transaction that writes the events, one for each stream and UTC
    day of a batch; deleted by the fold that has read them, by id.
    """

    organization_id = models.BigIntegerField()
    member_id = models.BigIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization_id", "member_id", "since"], name="mark_of_stream")
        ]
        constraints = [
            models.CheckConstraint(name="mark_in_order", condition=Q(until__gte=F("since")))
        ]

    def __str__(self) -> str:
        return f"work since {self.since.isoformat()} for member {self.member_id}"
