"""The tenant: everything else belongs to exactly one organization."""

from django.db import models
from django.db.models import Q

from orgs.domain.names import NAME_LENGTH, SLUG_LENGTH, SLUG_PATTERN


class Organization(models.Model):
    """A customer. `slug` is its name in URLs, events and files, ASCII only, and never reused."""

    slug = models.CharField(max_length=SLUG_LENGTH, unique=True)
    name = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="organization_slug_is_valid", condition=Q(slug__regex=SLUG_PATTERN)
            ),
            models.CheckConstraint(name="organization_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.slug
