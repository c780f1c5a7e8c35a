"""What the policy pages show around the rules: teams with theirs, and the latest revisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Count

from orgs.domain.audit import Json
from orgs.domain.policy_documents import diff_documents, rules_document
from orgs.models import PolicyRevision, Team, TeamMembership
from orgs.selectors.policies import list_revisions, list_team_policies


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisionRow:
    """One revision: who, when, why, and what it changed as `{field: [before, after]}`."""

    revision: int
    author: str
    reason: str
    created_at: datetime
    rolled_back_to: int | None
    changes: dict[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamSummary:
    """A team in the order of priority, with the settings object of its rules."""

    team: Team
    member_count: int
    document: dict[str, Any]


def find_team(*, organization_id: int, slug: str) -> Team | None:
    """Return the organization's team of this slug."""
    return Team.objects.filter(organization_id=organization_id, slug=slug).first()


def is_lead(*, organization_id: int, member_id: int, team_id: int) -> bool:
    """Whether a member leads a team."""
    return TeamMembership.objects.filter(
        organization_id=organization_id, member_id=member_id, team_id=team_id, is_lead=True
    ).exists()


def list_latest_revisions(
    *, organization_id: int, team_id: int | None, number: int, up_to: int | None = None
) -> list[RevisionRow]:
    """Return the `number` latest revisions of a scope (not after `up_to`), newest first."""
    rows = list_revisions(organization_id=organization_id, team_id=team_id)
    if up_to is not None:
        rows = rows.filter(revision__lte=up_to)
    found = list(rows[: number + 1])
    befores = chain((row.document for row in found[1:]), [{}])
    return [
        RevisionRow(
            revision=row.revision,
            author=(row.author.name or row.author.email) if row.author else "",
            reason=row.reason,
            created_at=row.created_at,
            rolled_back_to=row.rolled_back_to,
            changes=diff_documents(before, row.document),
        )
        for row, before in zip(found[:number], befores, strict=False)
    ]


def documents_before(rows: Sequence[PolicyRevision]) -> list[dict[str, Any]]:
    """Return the settings object before each of a page of one scope's revisions, newest first."""
    if not rows:
        return []
    oldest = rows[-1]
    before = (
        list_revisions(organization_id=oldest.organization_id, team_id=oldest.team_id)
        .filter(revision__lt=oldest.revision)
        .first()
    )
    return [*(row.document for row in rows[1:]), before.document if before else {}]


def list_team_summaries(*, organization_id: int) -> list[TeamSummary]:
    """Return the teams in the order of priority, with their rules and how many they are."""
    rules = list_team_policies(organization_id=organization_id)
    teams = Team.objects.filter(organization_id=organization_id).annotate(
        member_count=Count("memberships")
    )
    return [
        TeamSummary(
            team=team,
            member_count=team.member_count,
            document=rules_document(rules[team.pk]) if team.pk in rules else {},
        )
        for team in teams.order_by("priority")
    ]
