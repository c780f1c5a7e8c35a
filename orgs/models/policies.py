"""Policy as a history of whole documents; the highest revision of a scope is in force."""

from django.db import models
from django.db.models import Q

from orgs.models.members import Member
from orgs.models.organizations import Organization
from orgs.models.teams import Team


class PolicyRevision(models.Model):
    """The rules of one scope as of one revision. Never edited; a change is a new row.

    `document` is the `settings` object of the public policy document; a team's may be empty.
    Revisions count through all scopes of an organization (`SettingsHead`), so one number names
    one change. `author` is empty for what the system, an operator or a token without a member
    wrote. `rolled_back_to` is the revision whose document was taken again.
    """

    class Scope(models.TextChoices):
        ORGANIZATION = "organization"
        TEAM = "team"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="policy_revisions", db_index=False
    )
    scope = models.CharField(max_length=16, choices=Scope)
    # composite foreign keys (in the migrations) hold team and author, with the organization
    team = models.ForeignKey(
        Team,
        on_delete=models.PROTECT,
        related_name="policy_revisions",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    revision = models.PositiveIntegerField()
    document = models.JSONField()
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
    rolled_back_to = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "revision"], name="policy_one_per_revision"
            ),
            models.CheckConstraint(
                name="policy_scope_is_known", condition=Q(scope__in=["organization", "team"])
            ),
            models.CheckConstraint(
                name="policy_team_only_of_a_team",
                condition=Q(scope="organization", team__isnull=True)
                | Q(scope="team", team__isnull=False),
            ),
            models.CheckConstraint(
                name="policy_revision_counts_from_1", condition=Q(revision__gte=1)
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "scope", "team", "-revision"], name="policy_of_scope"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} policy {self.revision} of organization {self.organization_id}"
