"""Whose use a person may see: all of it, that of the teams they lead, or their own."""

from django.db.models import Q

from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import TeamMembership


def reach_of(actor: Actor, *, capability: Capability) -> Q:
    """Return the condition on rows with `organization`, `member` and `team` that bounds a query.

    With the capability: the whole organization of the actor. Without it: the actor's own rows
    and those of the teams that the actor leads.
    """
    organization_id = organization_of(actor)
    own_organization = Q(organization_id=organization_id)
    if actor.may(capability):
        return own_organization
    member_id = actor.member_id or 0
    led = TeamMembership.objects.filter(
        organization_id=organization_id, member_id=member_id, is_lead=True
    )
    return own_organization & (Q(member_id=member_id) | Q(team_id__in=led.values("team_id")))


def organization_of(actor: Actor) -> int:
    """Return the id of the organization that the actor came into; a page has always one.

    Raises:
        ValueError: the actor acts for no single organization.
    """
    if actor.organization_id is None:
        raise ValueError("the actor came into no organization")
    return actor.organization_id
