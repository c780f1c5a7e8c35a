"""Members: who someone is in an organization, and the actor that makes them."""

from django.db.models import Q, QuerySet

from orgs.domain.actors import Actor, ActorKind
from orgs.domain.names import normalize_email
from orgs.models import Member


def find_membership(*, user_id: int, slug: str) -> Member | None:
    """Return the user's active membership of the organization, which is loaded with it."""
    return (
        Member.objects.select_related("organization")
        .filter(user_id=user_id, organization__slug=slug, status=Member.Status.ACTIVE)
        .first()
    )


def find_member(*, organization_id: int, email: str) -> Member | None:
    """Return the organization's member of this address, in any case, whatever the status."""
    return Member.objects.filter(
        organization_id=organization_id, email=normalize_email(email)
    ).first()


def narrow_members(
    members: QuerySet[Member], *, text: str = "", role: str = "", status: str = "", team: str = ""
) -> QuerySet[Member]:
    """Return those of `members` that fit everything that is not empty.

    `text` is a part of address or name, `team` a slug. Without a `status`: who has not left.
    """
    if status:
        members = members.filter(status=status)
    else:
        members = members.exclude(status=Member.Status.REMOVED)
    if role:
        members = members.filter(role=role)
    if text:
        members = members.filter(Q(email__icontains=text) | Q(name__icontains=text))
    if team:
        members = members.filter(team_memberships__team__slug=team)
    return members


def member_actor(member: Member) -> Actor:
    """Return the actor that a signed-in member is."""
    return Actor(
        kind=ActorKind.USER,
        organization_id=member.organization_id,
        member_id=member.pk,
        role=member.get_role(),
    )
