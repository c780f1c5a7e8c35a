"""People as one organization knows them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from orgs.domain.names import EMAIL_LENGTH, NAME_LENGTH
from orgs.domain.roles import MEMBER_ROLES, Role
from orgs.models.organizations import Organization


class Member(models.Model):
    """A person in one organization, known by e-mail address, with or without a sign-in.

    Rows are never deleted: use stays billable and attributed after a member leaves, so leaving
    is the status `removed`. Usage, sessions and invoices name the member's id.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        INVITED = "invited"
        REMOVED = "removed"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="members", db_index=False
    )
    email = models.EmailField(max_length=EMAIL_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in MEMBER_ROLES]
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="memberships",
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"], name="member_one_per_address"
            ),
            models.UniqueConstraint(
                fields=["organization", "user"],
                name="member_one_per_user",
                condition=Q(user__isnull=False),
            ),
            # what composite foreign keys of other tables point to
            models.UniqueConstraint(
                fields=["organization", "id"], name="member_known_with_organization"
            ),
            models.CheckConstraint(
                name="member_email_is_normalized", condition=Q(email=Lower(F("email")))
            ),
            models.CheckConstraint(
                name="member_role_is_known",
                condition=Q(role__in=[role.value for role in MEMBER_ROLES]),
            ),
            models.CheckConstraint(
                name="member_status_is_known",
                condition=Q(status__in=["active", "invited", "removed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role()})"

    def get_role(self) -> Role:
        """Return the stored role as the domain's value."""
        return Role(self.role)
