"""The tenant: everything else belongs to exactly one organization."""

from django.db import models
from django.db.models import Q

from orgs.domain.names import NAME_LENGTH, SLUG_LENGTH, SLUG_PATTERN


class Organization(models.Model):
    """A customer. `slug` is its name in URLs, events and files, ASCII only, and never reused.

    `is_device_sign_in_enabled` is an owner's switch: off, no Docker Desktop gets a new token;
    those that have one keep it until it is revoked.
    """

    slug = models.CharField(max_length=SLUG_LENGTH, unique=True)
    name = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField()
    # the database's own default too: a web process of the version before may still insert
    is_device_sign_in_enabled = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="organization_slug_is_valid", condition=Q(slug__regex=SLUG_PATTERN)
            ),
            models.CheckConstraint(name="organization_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.slug
