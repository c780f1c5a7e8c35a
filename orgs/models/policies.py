"""Policy as a history of whole documents; the highest revision is in force."""

from django.db import models
from django.db.models import Q

from orgs.models.members import Member
from orgs.models.organizations import Organization


class PolicyRevision(models.Model):
    """The settings of one scope as of one revision. Never edited; a change is a new row.

    `document` is the `settings` object of the public policy document. `author` is empty for
    what the system or an operator wrote.
    """

    class Scope(models.TextChoices):
        ORGANIZATION = "organization"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="policy_revisions", db_index=False
    )
    scope = models.CharField(max_length=16, choices=Scope)
    revision = models.PositiveIntegerField()
    document = models.JSONField()
    # a composite foreign key (in the migration) holds it, with the organization
    author = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "scope", "revision"], name="policy_one_per_revision"
            ),
            models.CheckConstraint(
                name="policy_scope_is_known", condition=Q(scope__in=["organization"])
            ),
            models.CheckConstraint(
                name="policy_revision_counts_from_1", condition=Q(revision__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} policy {self.revision} of organization {self.organization_id}"
