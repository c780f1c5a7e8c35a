"""Everything that decides about members, read from the database for `domain.policy.resolve`."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Q

from orgs.domain.policy import ExceptionLevel, Standing, TeamLevel
from orgs.domain.policy_documents import rules_of
from orgs.domain.products import Product
from orgs.domain.rules import NO_CHOICES, Choices, Rules, SpendingState
from orgs.models import (
    Entitlement,
    Member,
    MemberChoices,
    Organization,
    PolicyException,
    SpendingStatus,
    TeamMembership,
)
from orgs.selectors.policies import get_policy, list_team_policies


def load_standings(
    *,
    organization_id: int,
    at: datetime,
    member_ids: Collection[int] | None = None,
    organization_rules: Rules | None = None,
    team_rules: Mapping[int, Rules] | None = None,
) -> dict[int, Standing]:
    """Return the standing at `at` of members who have not left; of all when none are named.

    `organization_rules` and `team_rules` (by team id) stand in for what is stored, to see what
    they would do. A fixed number of queries, whatever the number of members.
    """
    members = Member.objects.filter(organization_id=organization_id).exclude(
        status=Member.Status.REMOVED
    )
    within = Q() if member_ids is None else Q(member_id__in=member_ids)
    if member_ids is not None:
        members = members.filter(pk__in=member_ids)
    rules_by_team = list_team_policies(organization_id=organization_id) | dict(team_rules or {})
    teams = _teams(organization_id, within, rules_by_team)
    exceptions = _exceptions(organization_id, within, at)
    choices = _choices(organization_id, within)
    slug = Organization.objects.values_list("slug", flat=True).get(pk=organization_id)
    rules = organization_rules or get_policy(organization_id=organization_id).rules
    is_entitled = Entitlement.objects.filter(
        organization_id=organization_id, product=Product.OFFLOAD, is_enabled=True
    ).exists()
    spending = get_spending_state(organization_id=organization_id)
    return {
        member_id: Standing(
            organization=slug,
            organization_rules=rules,
            teams=tuple(teams.get(member_id, ())),
            exceptions=tuple(exceptions.get(member_id, ())),
            choices=choices.get(member_id, NO_CHOICES),
            is_entitled=is_entitled,
            spending=spending,
        )
        for member_id in members.values_list("pk", flat=True)
    }


def get_spending_state(*, organization_id: int) -> SpendingState:
    """Return how the organization stands to its spending limit; well, where nobody said."""
    state = (
        SpendingStatus.objects.filter(organization_id=organization_id)
        .values_list("state", flat=True)
        .first()
    )
    return SpendingState(state) if state else SpendingState.OK


def _teams(
    organization_id: int, within: Q, rules: Mapping[int, Rules]
) -> dict[int, list[TeamLevel]]:
    levels: dict[int, list[TeamLevel]] = defaultdict(list)
    rows = TeamMembership.objects.filter(
        within, organization_id=organization_id, team_id__in=rules
    ).values_list("member_id", "team_id", "team__priority", "team__slug")
    made = {
        (team_id, priority, slug): TeamLevel(priority=priority, slug=slug, rules=rules[team_id])
        for _, team_id, priority, slug in rows
    }
    for member_id, team_id, priority, slug in rows:
        levels[member_id].append(made[team_id, priority, slug])
    return levels


def _exceptions(organization_id: int, within: Q, at: datetime) -> dict[int, list[ExceptionLevel]]:
    levels: dict[int, list[ExceptionLevel]] = defaultdict(list)
    rows = PolicyException.objects.filter(
        within,
        organization_id=organization_id,
        state=PolicyException.State.GRANTED,
        expires_at__gt=at,
    )
    for row in rows:
        levels[row.member_id].append(
            ExceptionLevel(
                number=row.pk,
                rules=rules_of({row.setting: row.rule}),
                expires_at=row.expires_at,
            )
        )
    return levels


def _choices(organization_id: int, within: Q) -> dict[int, Choices]:
    return {
        row.member_id: Choices(
            offload_enabled=row.offload_enabled,
            idle_timeout_seconds=row.idle_timeout_seconds,
            gpu_enabled=row.gpu_enabled,
        )
        for row in MemberChoices.objects.filter(within, organization_id=organization_id)
    }
