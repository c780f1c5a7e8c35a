"""Teams, their order, and which one carries a member's cost from when on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Count, Max

from orgs.domain.names import require_team_slug
from orgs.models import Member, Organization, Team, TeamAssignment, TeamMembership
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, refresh_settings

ROWS_AT_ONCE = 1000
"""Rows of one INSERT."""


class TeamExists(Exception):
    """The slug is taken by another team of the organization."""


class TeamNameMissing(ValueError):
    """A team without a name."""


class TeamsDiffer(Exception):
    """The order does not name each team once; the slugs say what is wrong."""

    def __init__(self, *, missing: list[str], unknown: list[str], repeated: list[str]) -> None:
        super().__init__(f"missing {missing}, unknown {unknown}, repeated {repeated}")
        self.missing = missing
        self.unknown = unknown
        self.repeated = repeated


class UnknownInOrganization(Exception):
    """A member or a team is not of this organization."""


class AssignmentOutOfOrder(Exception):
    """A primary team from an instant that is not after the member's latest assignment.

    The history is append-only: an earlier row would move money that is already attributed.
    """


def lock_teams(organization_id: int) -> None:
    """Keep other writers of the organization's teams out until the transaction ends.

    Taken first of all: priorities are counted from what is there, and memberships compared.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def create_team(*, trail: AuditTrail, organization_id: int, slug: str, name: str) -> Team:
    """Store a team, last in the organization's order.

    Raises `InvalidSlug`, `TeamNameMissing`, `TeamExists`.
    """
    require_team_slug(slug)
    if not name.strip():
        raise TeamNameMissing
    lock_teams(organization_id)
    if Team.objects.filter(organization_id=organization_id, slug=slug).exists():
        msg = f"a team with the slug {slug} exists"
        raise TeamExists(msg)
    ids = ensure_teams(trail=trail, organization_id=organization_id, teams={slug: name.strip()})
    return Team.objects.get(organization_id=organization_id, pk=ids[slug])


def rename_team(*, trail: AuditTrail, team: Team, name: str) -> None:
    """Give a team another name; its slug stays. Raises `TeamNameMissing`.

    The name it has writes nothing.
    """
    name = name.strip()
    if not name:
        raise TeamNameMissing
    lock_teams(team.organization_id)
    team.refresh_from_db(fields=["name"])
    if name == team.name:
        return
    before, team.name = team.name, name
    team.save(update_fields=["name"])
    trail.add(
        organization_id=team.organization_id,
        action="team.renamed",
        target=("team", team.pk),
        diff={"name": [before, name]},
    )


def order_teams(*, trail: AuditTrail, organization_id: int, slugs: Sequence[str]) -> None:
    """Let the teams speak in this order: the first that says something wins for a member.

    Settings follow of those who are in several teams. Raises `TeamsDiffer` unless each team is
    named once. The order that holds writes nothing.
    """
    lock_teams(organization_id)
    teams = {team.slug: team for team in Team.objects.filter(organization_id=organization_id)}
    before = sorted(teams, key=lambda slug: teams[slug].priority)
    _require_each_once(before, slugs)
    if before == list(slugs):
        return
    # Before the rows: whoever saves a team's policy holds the settings and waits for its team.
    lock_settings(organization_id=organization_id)
    for priority, slug in enumerate(slugs, start=1):
        teams[slug].priority = priority
    Team.objects.bulk_update(teams.values(), ["priority"], batch_size=ROWS_AT_ONCE)
    in_several = (
        TeamMembership.objects.filter(organization_id=organization_id)
        .values("member_id")
        .annotate(teams=Count("team_id"))
        .filter(teams__gt=1)
        .values_list("member_id", flat=True)
    )
    refresh_settings(organization_id=organization_id, at=trail.at, member_ids=list(in_several))
    trail.add(
        organization_id=organization_id,
        action="teams.ordered",
        target=("organization", organization_id),
        diff={"order": [before, list(slugs)]},
    )


def ensure_teams(
    *, trail: AuditTrail, organization_id: int, teams: Mapping[str, str]
) -> dict[str, int]:
    """Return the team's id for each slug of `teams` (slug → name), adding those that are missing.

    New teams come last in the organization's priority order, in the order given. Teams that
    exist keep their name. Idempotent. Raises `InvalidSlug` before anything is written.
    """
    for slug in teams:
        require_team_slug(slug)
    lock_teams(organization_id)
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
    lock_teams(organization_id)
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


def _require_each_once(teams: Sequence[str], slugs: Sequence[str]) -> None:
    named = Counter(slugs)
    missing = sorted(set(teams) - named.keys())
    unknown = sorted(named.keys() - set(teams))
    repeated = sorted(slug for slug, times in named.items() if times > 1)
    if missing or unknown or repeated:
        raise TeamsDiffer(missing=missing, unknown=unknown, repeated=repeated)


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
