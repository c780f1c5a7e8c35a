"""Whom and what an actor may look at: everybody, those of the teams they lead, or themself."""

from django.db.models import Q, QuerySet

from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import Member, Team, TeamMembership


def members_within(actor: Actor, *any_of: Capability, organization_id: int) -> QuerySet[Member]:
    """Return the members that the actor may look at.

    With one of these capabilities: all. Without: the actor's own member, and those of the teams
    that the member leads, as far as the actor may read their policy.
    """
    members = Member.objects.filter(organization_id=organization_id)
    if any(actor.may(capability) for capability in any_of):
        return members
    within = Q(pk=actor.member_id or 0)
    if actor.may_as_lead(Capability.TEAM_POLICY_READ):
        of_led_teams = TeamMembership.objects.filter(
            organization_id=organization_id,
            team_id__in=_led(actor, organization_id).values("team_id"),
        )
        within |= Q(pk__in=of_led_teams.values("member_id"))
    return members.filter(within)


def teams_within(actor: Actor, *any_of: Capability, organization_id: int) -> QuerySet[Team]:
    """Return the teams that the actor may look at: with one of these all, else their own."""
    teams = Team.objects.filter(organization_id=organization_id)
    if any(actor.may(capability) for capability in any_of):
        return teams
    own = TeamMembership.objects.filter(
        organization_id=organization_id, member_id=actor.member_id or 0
    )
    return teams.filter(pk__in=own.values("team_id"))


def is_led_by(actor: Actor, *, organization_id: int, team_id: int) -> bool:
    """Whether the actor's member leads the team."""
    return _led(actor, organization_id).filter(team_id=team_id).exists()


def _led(actor: Actor, organization_id: int) -> QuerySet[TeamMembership]:
    return TeamMembership.objects.filter(
        organization_id=organization_id, member_id=actor.member_id or 0, is_lead=True
    )
