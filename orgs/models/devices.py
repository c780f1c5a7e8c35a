"""The devices on which members are signed in to Docker Desktop."""

from django.db import models
from django.db.models import Q

from orgs.domain.device_sign_in import (
    DESKTOP_VERSION_LENGTH,
    DEVICE_ID_LENGTH,
    DEVICE_NAME_LENGTH,
    OS_LENGTH,
)
from orgs.models.members import Member
from orgs.models.organizations import Organization


class Device(models.Model):
    """One Docker Desktop of one member, known by the id that it chose for itself.

    `name`, `os` and `desktop_version` are what it last said. The rest is its last check-in:
    when (`last_seen_at`, empty before the first), which revision it had applied since when, and
    the names of the settings in which it differs from what it should have (`drift`). A person
    of two organizations who signs in to both has a device in each. Rows are never deleted;
    `removed_at` is when someone took it off the list, a new sign-in brings it back.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="devices", db_index=False
    )
    # a composite foreign key (in the migration) holds it, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="devices",
        db_constraint=False,
        db_index=False,
    )
    device_id = models.CharField(max_length=DEVICE_ID_LENGTH)
    name = models.CharField(max_length=DEVICE_NAME_LENGTH, blank=True)
    os = models.CharField(max_length=OS_LENGTH, blank=True)
    desktop_version = models.CharField(max_length=DESKTOP_VERSION_LENGTH, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True, blank=True)
    applied_revision = models.PositiveIntegerField(null=True, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    drift = models.JSONField(default=list, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "member", "device_id"], name="device_one_per_member"
            ),
            # what composite foreign keys of other tables point to
            models.UniqueConstraint(
                fields=["organization", "member", "id"], name="device_known_with_member"
            ),
            models.CheckConstraint(name="device_has_an_id", condition=~Q(device_id="")),
            models.CheckConstraint(
                name="device_applied_a_revision_at_an_instant",
                condition=Q(applied_revision__isnull=True, applied_at__isnull=True)
                | Q(applied_revision__isnull=False, applied_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"device {self.pk} of member {self.member_id}"
