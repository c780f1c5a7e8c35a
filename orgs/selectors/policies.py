"""Policy as it is in force, and its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from orgs.domain.constraints import check_organization, check_team
from orgs.domain.policy_documents import RuleError, rules_document, rules_of
from orgs.domain.rules import Rules
from orgs.models import Organization, PolicyRevision, Team


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules of an organization, or of a team, and the revision that made them.

    A team that never had rules has revision 0, and so have its empty rules.
    """

    revision: int
    rules: Rules
    reason: str = ""
    author_id: int | None = None
    created_at: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The `settings` object of the public policy document."""
        return rules_document(self.rules)


class UnknownRevision(Exception):
    """The scope has no such revision."""


def get_policy(*, organization_id: int, team_id: int | None = None) -> Policy:
    """Return the policy in force of the organization, or of its team."""
    row = list_revisions(organization_id=organization_id, team_id=team_id).first()
    return Policy(revision=0, rules=Rules()) if row is None else policy_of(row)


def policy_of(row: PolicyRevision) -> Policy:
    """Return a stored revision as a policy."""
    return Policy(
        revision=row.revision,
        rules=rules_of(row.document),
        reason=row.reason,
        author_id=row.author_id,
        created_at=row.created_at,
    )


def get_revision(*, organization_id: int, revision: int, team_id: int | None = None) -> Policy:
    """Return one revision of a scope; raises `UnknownRevision`."""
    row = (
        list_revisions(organization_id=organization_id, team_id=team_id)
        .filter(revision=revision)
        .first()
    )
    if row is None:
        msg = f"there is no revision {revision} of this policy"
        raise UnknownRevision(msg)
    return policy_of(row)


def list_revisions(
    *, organization_id: int, team_id: int | None = None
) -> QuerySet[PolicyRevision]:
    """Return the revisions of a scope, newest first, with their authors."""
    scope = PolicyRevision.Scope.ORGANIZATION if team_id is None else PolicyRevision.Scope.TEAM
    of_scope = PolicyRevision.objects.filter(organization_id=organization_id, scope=scope)
    if team_id is not None:
        of_scope = of_scope.filter(team_id=team_id)
    return of_scope.select_related("author").order_by("-revision")


def list_team_policies(*, organization_id: int) -> dict[int, Rules]:
    """Return the rules in force of each team that has some, by team id, in one query."""
    rows = (
        PolicyRevision.objects.filter(
            organization_id=organization_id, scope=PolicyRevision.Scope.TEAM
        )
        .order_by("team_id", "-revision")
        .distinct("team_id")
        .values_list("team_id", "document")
    )
    return {int(str(team_id)): rules_of(document) for team_id, document in rows}


def list_team_rules(*, organization_id: int) -> list[tuple[str, Rules]]:
    """Return (slug, rules) of each team that has rules, in the order of priority."""
    rules = list_team_policies(organization_id=organization_id)
    teams = Team.objects.filter(organization_id=organization_id, pk__in=rules)
    return [(team.slug, rules[team.pk]) for team in teams.order_by("priority")]


def list_rule_errors(
    rules: Rules, *, organization: Organization, team: Team | None
) -> list[RuleError]:
    """Return what these rules may not say beside what is in force above and below them."""
    if team is not None:
        above = get_policy(organization_id=organization.pk).rules
        return check_team(rules, team=team.slug, organization=organization.slug, above=above)
    return check_organization(
        rules,
        organization=organization.slug,
        teams=list_team_rules(organization_id=organization.pk),
    )
