"""Teams, who belongs to them, and which one carries a member's cost since when."""

from django.db import models
from django.db.models import Q

from orgs.domain.names import NAME_LENGTH, SLUG_LENGTH, SLUG_PATTERN
from orgs.models.members import Member
from orgs.models.organizations import Organization


class Team(models.Model):
    """A group of members. A lower `priority` speaks first when a member has several teams."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="teams", db_index=False
    )
    slug = models.CharField(max_length=SLUG_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH)
    priority = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="team_one_per_slug"),
            # deferred: reordering swaps priorities within one transaction
            models.UniqueConstraint(
                fields=["organization", "priority"],
                name="team_one_per_priority",
                deferrable=models.Deferrable.DEFERRED,
            ),
            # what composite foreign keys of other tables point to
            models.UniqueConstraint(
                fields=["organization", "id"], name="team_known_with_organization"
            ),
            models.CheckConstraint(
                name="team_slug_is_valid", condition=Q(slug__regex=SLUG_PATTERN)
            ),
            models.CheckConstraint(name="team_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.slug


class TeamMembership(models.Model):
    """A member is in a team, perhaps leading it. Both are of the same organization."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # composite foreign keys (in the migration) hold these two, with the organization
    team = models.ForeignKey(
        Team,
        on_delete=models.PROTECT,
        related_name="memberships",
        db_constraint=False,
        db_index=False,
    )
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="team_memberships",
        db_constraint=False,
        db_index=False,
    )
    is_lead = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "member", "team"], name="team_membership_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "team"], name="team_members")]

    def __str__(self) -> str:
        return f"member {self.member_id} in team {self.team_id}"


class TeamAssignment(models.Model):
    """From `since` on, this team carries the member's cost. Append-only history.

    The row in force at a session's start names the session's team; before a member's first row
    there is none. An edited row would move money that was already attributed, so
    the database refuses it.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # composite foreign keys (in the migration) hold these two, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="team_assignments",
        db_constraint=False,
        db_index=False,
    )
    team = models.ForeignKey(
        Team,
        on_delete=models.PROTECT,
        related_name="assignments",
        db_constraint=False,
        db_index=False,
    )
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "member", "since"], name="team_assignment_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in team {self.team_id} since {self.since}"
