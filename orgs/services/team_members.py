"""Who is in a team, and who leads it."""

from collections.abc import Collection
from typing import NamedTuple

from django.db.models import QuerySet

from orgs.domain.audit import Json
from orgs.models import Member, Team, TeamMembership
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import refresh_settings
from orgs.services.teams import ROWS_AT_ONCE, UnknownInOrganization, lock_teams, rename_team


class LeadNotInTeam(Exception):
    """Somebody is to lead a team whose member they are not; `member_ids` say who."""

    def __init__(self, member_ids: list[int]) -> None:
        super().__init__(f"members {member_ids} are not in the team")
        self.member_ids = member_ids


class _Change(NamedTuple):
    added: list[int]
    removed: list[int]
    leads_before: list[int]
    leads: list[int]


def change_team(
    *,
    trail: AuditTrail,
    team: Team,
    name: str | None = None,
    member_ids: Collection[int] | None = None,
    lead_ids: Collection[int] | None = None,
) -> None:
    """Change a team's name, members and leads; None leaves a part as it is.

    Raises as `rename_team` and `set_team_members`.
    """
    if name is not None:
        rename_team(trail=trail, team=team, name=name)
    if member_ids is not None or lead_ids is not None:
        set_team_members(trail=trail, team=team, member_ids=member_ids, lead_ids=lead_ids)


def set_team_members(
    *,
    trail: AuditTrail,
    team: Team,
    member_ids: Collection[int] | None = None,
    lead_ids: Collection[int] | None = None,
) -> None:
    """Let exactly these members be in the team, and exactly these lead it.

    None leaves the members, or the leads as far as they stay, as they are. Settings follow of
    those who come and go. Which team carries a member's cost is another matter
    (`assign_primary_teams`), and members who have left are not looked at. What is so already
    writes nothing.

    Raises `UnknownInOrganization` and `LeadNotInTeam` before anything is written.
    """
    lock_teams(team.organization_id)
    before = dict(
        _memberships(team)
        .exclude(member__status=Member.Status.REMOVED)
        .values_list("member_id", "is_lead")
    )
    change = _compare(before, member_ids, lead_ids)
    _require_present(team.organization_id, change.added)
    if not (change.added or change.removed or change.leads != change.leads_before):
        return
    _write(team, change)
    if touched := [*change.added, *change.removed]:
        refresh_settings(organization_id=team.organization_id, at=trail.at, member_ids=touched)
    trail.add(
        organization_id=team.organization_id,
        action="team.members_changed",
        target=("team", team.pk),
        diff=_diff(change),
    )


def _compare(
    before: dict[int, bool],
    member_ids: Collection[int] | None,
    lead_ids: Collection[int] | None,
) -> _Change:
    members = set(before) if member_ids is None else set(member_ids)
    leads_before = {member_id for member_id, is_lead in before.items() if is_lead}
    leads = leads_before & members if lead_ids is None else set(lead_ids)
    if strangers := sorted(leads - members):
        raise LeadNotInTeam(strangers)
    return _Change(
        added=sorted(members - before.keys()),
        removed=sorted(before.keys() - members),
        leads_before=sorted(leads_before),
        leads=sorted(leads),
    )


def _require_present(organization_id: int, member_ids: Collection[int]) -> None:
    present = Member.objects.filter(organization_id=organization_id, pk__in=member_ids).exclude(
        status=Member.Status.REMOVED
    )
    if unknown := sorted(set(member_ids) - set(present.values_list("pk", flat=True))):
        msg = f"not of this organization: members {unknown}"
        raise UnknownInOrganization(msg)


def _write(team: Team, change: _Change) -> None:
    leads, leads_before = set(change.leads), set(change.leads_before)
    _memberships(team).filter(member_id__in=change.removed).delete()
    TeamMembership.objects.bulk_create(
        [
            TeamMembership(
                organization_id=team.organization_id,
                team=team,
                member_id=member_id,
                is_lead=member_id in leads,
            )
            for member_id in change.added
        ],
        batch_size=ROWS_AT_ONCE,
    )
    _memberships(team).filter(member_id__in=leads - leads_before).update(is_lead=True)
    _memberships(team).filter(member_id__in=leads_before - leads).update(is_lead=False)


def _diff(change: _Change) -> dict[str, Json]:
    diff: dict[str, Json] = {}
    if change.added:
        diff["added"] = [None, change.added]
    if change.removed:
        diff["removed"] = [change.removed, None]
    if change.leads != change.leads_before:
        diff["leads"] = [change.leads_before, change.leads]
    return diff


def _memberships(team: Team) -> QuerySet[TeamMembership]:
    return TeamMembership.objects.filter(organization_id=team.organization_id, team=team)
