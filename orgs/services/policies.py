"""Changing policy: whole documents, one revision a change, never over somebody else's."""

from orgs.domain.audit import Json
from orgs.domain.policy_documents import (
    InvalidPolicy,
    diff_documents,
    rules_document,
)
from orgs.domain.rules import Rules
from orgs.models import Organization, PolicyRevision, Team
from orgs.selectors.policies import Policy, get_policy, get_revision, list_rule_errors, policy_of
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, next_revision, refresh_settings


class StalePolicy(Exception):
    """Somebody else has saved meanwhile; `current` is what is in force now."""

    def __init__(self, current: Policy) -> None:
        super().__init__(f"the policy is at revision {current.revision} now")
        self.current = current


def save_policy(
    *,
    trail: AuditTrail,
    organization: Organization,
    rules: Rules,
    expected_revision: int,
    reason: str,
    team: Team | None = None,
    rolled_back_to: int | None = None,
) -> Policy:
    """Put `rules` in force for the organization, or for its team, and return the policy.

    `expected_revision` is the one that the author has seen. Members' settings follow in the same
    transaction. Rules that are in force already write nothing and keep their revision.

    Raises `StalePolicy`, and `InvalidPolicy` for a range that is wider than the one above, that
    has nothing in common with a team's, or for a default outside of its range.
    """
    organization_id, team_id = organization.pk, team.pk if team else None
    lock_settings(organization_id=organization_id)
    current = get_policy(organization_id=organization_id, team_id=team_id)
    if current.revision != expected_revision:
        raise StalePolicy(current)
    if errors := list_rule_errors(rules, organization=organization, team=team):
        raise InvalidPolicy(errors)
    document = rules_document(rules)
    diff = diff_documents(current.document, document)
    if not diff:
        return current
    revision = next_revision(organization_id=organization_id)
    row = PolicyRevision.objects.create(
        organization=organization,
        scope=PolicyRevision.Scope.TEAM if team else PolicyRevision.Scope.ORGANIZATION,
        team=team,
        revision=revision,
        document=document,
        author_id=trail.actor.member_id,
        reason=reason,
        rolled_back_to=rolled_back_to,
        created_at=trail.at,
    )
    changed = refresh_settings(organization_id=organization_id, at=trail.at, revision=revision)
    whose: dict[str, Json] = {"revision": [current.revision, revision]}
    if rolled_back_to is not None:
        whose["rolled_back_to"] = [None, rolled_back_to]
    trail.add(
        organization_id=organization_id,
        action="policy.rolled_back" if rolled_back_to is not None else "policy.saved",
        target=("team", team_id) if team else ("organization", organization_id),
        diff=diff | whose | {"members_affected": [None, len(changed)]},
        reason=reason,
    )
    return policy_of(row)


def roll_back_policy(
    *,
    trail: AuditTrail,
    organization: Organization,
    revision: int,
    expected_revision: int,
    reason: str,
    team: Team | None = None,
) -> Policy:
    """Put the rules of an earlier revision in force again, as a new revision.

    Raises as `save_policy`, since what was right then may contradict a team now, and
    `UnknownRevision`.
    """
    earlier = get_revision(
        organization_id=organization.pk, revision=revision, team_id=team.pk if team else None
    )
    return save_policy(
        trail=trail,
        organization=organization,
        rules=earlier.rules,
        expected_revision=expected_revision,
        reason=reason,
        team=team,
        rolled_back_to=revision,
    )
