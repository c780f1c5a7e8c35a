"""Teams: who is in them, who leads them, which one carries a member's cost since when."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from orgs.models import Member, Team, TeamAssignment, TeamMembership


def list_team_assignments(
    member_ids: Collection[int],
) -> dict[int, list[tuple[datetime, int]]]:
    """Return (since, team id) of each member's primary teams, oldest first, in one query.

    The last one not after an instant is in force there; before the first there is no team.
    Members who never had a team are absent.
    """
    histories: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = (
        # the member names its organization, with which the index begins
        TeamAssignment.objects.filter(
            member__in=member_ids, organization_id=F("member__organization_id")
        )
        .order_by("member_id", "since")
        .values_list("member_id", "since", "team_id")
    )
    for member_id, since, team_id in rows:
        histories[member_id].append((since, team_id))
    return dict(histories)


def with_member_counts(teams: QuerySet[Team]) -> QuerySet[Team]:
    """Return the teams with `member_count`, the number of their members who have not left."""
    present = ~Q(memberships__member__status=Member.Status.REMOVED)
    return teams.annotate(member_count=Count("memberships", filter=present))


def list_leads(*, organization_id: int, team_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the addresses of each team's leads who have not left, in order, in one query."""
    leads: dict[int, list[str]] = defaultdict(list)
    rows = (
        TeamMembership.objects.filter(
            organization_id=organization_id, team_id__in=team_ids, is_lead=True
        )
        .exclude(member__status=Member.Status.REMOVED)
        .order_by("member__email")
        .values_list("team_id", "member__email")
    )
    for team_id, email in rows:
        leads[team_id].append(email)
    return dict(leads)


def list_team_slugs(*, organization_id: int, member_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the slugs of each member's teams in the order of priority, in one query."""
    slugs: dict[int, list[str]] = defaultdict(list)
    rows = (
        TeamMembership.objects.filter(organization_id=organization_id, member_id__in=member_ids)
        .order_by("team__priority")
        .values_list("member_id", "team__slug")
    )
    for member_id, slug in rows:
        slugs[member_id].append(slug)
    return dict(slugs)
