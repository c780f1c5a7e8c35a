"""What the pages about members show: who they are, their teams, what holds for them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet

from orgs.domain.audit import Json
from orgs.domain.policy import EffectiveSettings, EffectiveSwitch, EffectiveTimeout
from orgs.domain.rules import SWITCHES, Setting
from orgs.models import Member, PolicyException, SettingsVersion, TeamMembership
from orgs.selectors.settings_versions import list_held


class LadderOf(NamedTuple):
    """One setting with its effective value and its trace; `range` of the timeout only."""

    setting: str
    is_switch: bool
    effective: EffectiveSwitch | EffectiveTimeout
    range: dict[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberRow:
    """A member with the names of their teams and the settings in force; None: never written."""

    member: Member
    teams: tuple[str, ...]
    version: SettingsVersion | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamOfMember:
    """A team that a member is in."""

    name: str
    slug: str
    is_lead: bool


def list_members(*, organization_id: int, wanted: str = "") -> QuerySet[Member]:
    """Return members who have not left, by address; of those whose name or address matches."""
    members = Member.objects.filter(organization_id=organization_id).exclude(
        status=Member.Status.REMOVED
    )
    if wanted:
        members = members.filter(Q(email__icontains=wanted) | Q(name__icontains=wanted))
    return members.order_by("email")


def list_member_rows(
    *, organization_id: int, wanted: str, after: str, number: int, at: datetime
) -> list[MemberRow]:
    """Return `number` members behind the address `after`, with teams and settings."""
    members = list_members(organization_id=organization_id, wanted=wanted)
    page = list(members.filter(email__gt=after)[:number] if after else members[:number])
    ids = [member.pk for member in page]
    versions = list_held(organization_id=organization_id, member_ids=ids, at=at)
    teams = _team_names(organization_id, ids)
    return [
        MemberRow(
            member=member,
            teams=tuple(teams[member.pk]),
            version=versions.get(member.pk),
        )
        for member in page
    ]


def get_member(*, organization_id: int, member_id: int) -> Member | None:
    """Return the organization's member of this id, whatever the status."""
    return Member.objects.filter(organization_id=organization_id, pk=member_id).first()


def list_teams_of(*, organization_id: int, member_id: int) -> list[TeamOfMember]:
    """Return the teams of a member in the order of priority."""
    rows = (
        TeamMembership.objects.filter(organization_id=organization_id, member_id=member_id)
        .order_by("team__priority")
        .values_list("team__name", "team__slug", "is_lead")
    )
    return [TeamOfMember(name=name, slug=slug, is_lead=lead) for name, slug, lead in rows]


def list_exceptions(
    *, organization_id: int, states: Collection[str], member_id: int | None = None
) -> QuerySet[PolicyException]:
    """Return exceptions in these states, newest first, with their people."""
    rows = PolicyException.objects.filter(organization_id=organization_id, state__in=states)
    if member_id is not None:
        rows = rows.filter(member_id=member_id)
    return rows.select_related("member", "decided_by").order_by("-requested_at", "-pk")


def _team_names(organization_id: int, member_ids: Collection[int]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    rows = (
        TeamMembership.objects.filter(organization_id=organization_id, member_id__in=member_ids)
        .order_by("team__priority")
        .values_list("member_id", "team__name")
    )
    for member_id, name in rows:
        names[member_id].append(name)
    return names


def ladders_of(settings: EffectiveSettings) -> list[LadderOf]:
    """Return effective settings in the order in which pages show them."""
    timeout = settings.idle_timeout_seconds
    return [
        LadderOf(
            setting=setting.value,
            is_switch=setting in SWITCHES,
            effective=getattr(settings, setting.value),
            range={"minimum": timeout.minimum, "maximum": timeout.maximum}
            if setting is Setting.IDLE_TIMEOUT_SECONDS
            else {},
        )
        for setting in Setting
    ]
