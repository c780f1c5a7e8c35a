"""Teams, and which one carries a member's cost from when on."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Max

from orgs.domain.names import require_slug
from orgs.models import Member, Organization, Team, TeamAssignment, TeamMembership
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import refresh_settings

ROWS_AT_ONCE = 1000
"""Rows of one INSERT."""


class UnknownInOrganization(Exception):
    """A member or a team is not of this organization."""


class AssignmentOutOfOrder(Exception):
    """A primary team from an instant that is not after the member's latest assignment.

    The history is append-only: an earlier row would move money that is already attributed.
    """


def ensure_teams(
    *, trail: AuditTrail, organization_id: int, teams: Mapping[str, str]
) -> dict[str, int]:
    """Return the team's id for each slug of `teams` (slug → name), adding those that are missing.

    New teams come last in the organization's priority order, in the order given. Teams that
    exist keep their name. Idempotent. Raises `InvalidSlug` before anything is written.
    """
    for slug in teams:
        require_slug(slug)
    _lock_teams(organization_id)
    of_organization = Team.objects.filter(organization_id=organization_id)
    existing = set(of_organization.filter(slug__in=teams).values_list("slug", flat=True))
    last = of_organization.aggregate(last=Max("priority"))["last"] or 0
    missing = [slug for slug in teams if slug not in existing]
    added = Team.objects.bulk_create(
        [
            Team(
                organization_id=organization_id,
                slug=slug,
                name=teams[slug] or slug,
                priority=priority,
            )
            for priority, slug in enumerate(missing, start=last + 1)
        ],
        batch_size=ROWS_AT_ONCE,
    )
    for team in added:
        trail.add(
            organization_id=organization_id,
            action="team.created",
            target=("team", team.pk),
            diff={
                "slug": [None, team.slug],
                "name": [None, team.name],
                "priority": [None, team.priority],
            },
        )
    return dict(of_organization.filter(slug__in=teams).values_list("slug", "pk"))


def assign_primary_teams(
    *, trail: AuditTrail, organization_id: int, team_ids: Mapping[int, int], since: datetime
) -> int:
    """Let a team carry each member's cost from `since` on (`team_ids`: member id → team id).

    A member becomes a member of that team too. Members whose latest assignment names the team
    already are left alone. Returns how many were assigned. Idempotent, set-based.

    Raises `UnknownInOrganization` and `AssignmentOutOfOrder` before anything is written.
    """
    _lock_teams(organization_id)
    _require_own(organization_id, team_ids)
    latest = {
        member_id: (at, team_id)
        for member_id, at, team_id in TeamAssignment.objects.filter(
            organization_id=organization_id, member_id__in=team_ids
        )
        .order_by("member_id", "-since")
        .distinct("member_id")
        .values_list("member_id", "since", "team_id")
    }
    changed = {
        member_id: team_id
        for member_id, team_id in sorted(team_ids.items())
        if member_id not in latest or latest[member_id][1] != team_id
    }
    for member_id in changed:
        if member_id in latest and since <= latest[member_id][0]:
            msg = f"member {member_id} has had a team since {latest[member_id][0].isoformat()}"
            raise AssignmentOutOfOrder(msg)
    TeamMembership.objects.bulk_create(
        [
            TeamMembership(organization_id=organization_id, member_id=member_id, team_id=team_id)
            for member_id, team_id in changed.items()
        ],
        batch_size=ROWS_AT_ONCE,
        ignore_conflicts=True,
    )
    TeamAssignment.objects.bulk_create(
        [
            TeamAssignment(
                organization_id=organization_id, member_id=member_id, team_id=team_id, since=since
            )
            for member_id, team_id in changed.items()
        ],
        batch_size=ROWS_AT_ONCE,
    )
    if changed:
        _note_assignments(trail, organization_id, changed, latest)
        refresh_settings(organization_id=organization_id, at=trail.at, member_ids=changed)
    return len(changed)


def _note_assignments(
    trail: AuditTrail,
    organization_id: int,
    changed: Mapping[int, int],
    latest: Mapping[int, tuple[datetime, int]],
) -> None:
    trail.add(
        organization_id=organization_id,
        action="members.primary_team_assigned",
        target=("organization", organization_id),
        diff={
            f"member:{member_id}": [
                latest[member_id][1] if member_id in latest else None,
                team_id,
            ]
            for member_id, team_id in changed.items()
        },
    )


def _lock_teams(organization_id: int) -> None:
    # One writer of an organization's teams at a time: priorities are counted from what is there.
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def _require_own(organization_id: int, team_ids: Mapping[int, int]) -> None:
    members = set(
        Member.objects.filter(organization_id=organization_id, pk__in=team_ids).values_list(
            "pk", flat=True
        )
    )
    teams = set(
        Team.objects.filter(
            organization_id=organization_id, pk__in=set(team_ids.values())
        ).values_list("pk", flat=True)
    )
    unknown_members = sorted(team_ids.keys() - members)
    unknown_teams = sorted(set(team_ids.values()) - teams)
    if unknown_members or unknown_teams:
        msg = f"not of this organization: members {unknown_members}, teams {unknown_teams}"
        raise UnknownInOrganization(msg)
