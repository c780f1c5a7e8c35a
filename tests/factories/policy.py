"""Policies, exceptions and what holds for members, through the product's own services."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orgs.domain.actors import Actor
from orgs.domain.policy_documents import read_rules
from orgs.domain.rules import Setting
from orgs.models import (
    AuditEvent,
    Member,
    MemberChoices,
    Organization,
    PolicyException,
    PolicyRevision,
    SettingsHead,
    SettingsVersion,
    Team,
    TeamMembership,
)
from orgs.selectors.members import member_actor
from orgs.selectors.policies import Policy, get_policy
from orgs.selectors.settings_versions import find_held
from orgs.services.audit import recording
from orgs.services.choices import choose
from orgs.services.exceptions import grant_exception, request_exception
from orgs.services.members import ensure_members
from orgs.services.policies import save_policy
from tests.factories.orgs import NOW, OPERATOR

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def join(organization: Organization, *names: str, at: datetime = NOW) -> list[Member]:
    """Members `<name>@<slug>.example`, with settings that hold from `at` on."""
    emails = [f"{name}@{organization.slug}.example" for name in names]
    with recording(actor=OPERATOR, at=at) as trail:
        ids = ensure_members(trail=trail, organization_id=organization.pk, emails=emails)
    members = Member.objects.select_related("organization").in_bulk(ids.values())
    return [members[ids[email]] for email in emails]


def save(
    organization: Organization,
    document: Mapping[str, Any],
    *,
    team: Team | None = None,
    expected: int | None = None,
    at: datetime = NOW,
    actor: Actor = OPERATOR,
    reason: str = "",
) -> Policy:
    """Save a policy over the one in force, or over the revision that is expected."""
    if expected is None:
        team_id = team.pk if team else None
        expected = get_policy(organization_id=organization.pk, team_id=team_id).revision
    with recording(actor=actor, at=at) as trail:
        return save_policy(
            trail=trail,
            organization=organization,
            rules=read_rules(document),
            expected_revision=expected,
            reason=reason,
            team=team,
        )


def timeout(**rule: Any) -> dict[str, Any]:
    """A policy document that speaks of the idle timeout alone."""
    return {"idle_timeout_seconds": rule}


def choose_as(
    member: Member, *, at: datetime = NOW, **choices: bool | int | None
) -> dict[str, Any]:
    """Let a member choose; returns the settings that hold then."""
    with recording(actor=member_actor(member), at=at) as trail:
        choose(
            trail=trail,
            member=member,
            choices={Setting(name): chosen for name, chosen in choices.items()},
        )
    return held(member, at=at).settings


def ask(
    member: Member,
    setting: str,
    rule: Any,
    *,
    at: datetime = NOW,
    lasting: timedelta = DAY,
    reason: str = "nightly builds",
) -> PolicyException:
    with recording(actor=member_actor(member), at=at) as trail:
        return request_exception(
            trail=trail,
            member=member,
            setting=Setting(setting),
            rule=rule,
            reason=reason,
            expires_at=at + lasting,
        )


def grant(
    member: Member,
    setting: str,
    rule: Any,
    *,
    at: datetime = NOW,
    lasting: timedelta = DAY,
    reason: str = "nightly builds",
    actor: Actor = OPERATOR,
) -> PolicyException:
    with recording(actor=actor, at=at) as trail:
        return grant_exception(
            trail=trail,
            member=member,
            setting=Setting(setting),
            rule=rule,
            reason=reason,
            expires_at=at + lasting,
        )


def held(member: Member, *, at: datetime = NOW) -> SettingsVersion:
    """What is stored as holding for a member at an instant."""
    found = find_held(organization_id=member.organization_id, member_id=member.pk, at=at)
    assert found is not None
    return found.version


def value(member: Member, setting: str, *, at: datetime = NOW) -> Any:
    """The effective value of a setting, as stored."""
    return held(member, at=at).settings[setting]["value"]


def everything_stored() -> dict[str, list[dict[str, Any]]]:
    """All rows of policy and its audit log, to see that nothing was written."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (
            AuditEvent,
            MemberChoices,
            PolicyException,
            PolicyRevision,
            SettingsHead,
            SettingsVersion,
            Team,
            TeamMembership,
        )
    }
