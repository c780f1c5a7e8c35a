"""The demo's policy as its owner has shaped it: two revisions, teams, an exception, a wish."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final

from billing.management.demo.people import OWNER, SLUG
from orgs.domain.rules import Rules, Setting, SwitchState, TimeoutRule
from orgs.models import Member, Organization, Team, TeamMembership
from orgs.selectors.members import member_actor
from orgs.selectors.policies import get_policy
from orgs.services.audit import AuditTrail, recording
from orgs.services.choices import choose
from orgs.services.effective_settings import refresh_settings
from orgs.services.exceptions import grant_exception, request_exception
from orgs.services.policies import save_policy

FIRST: Final = Rules(
    offload_enabled=SwitchState.ENABLED,
    idle_timeout_seconds=TimeoutRule(minimum=60, maximum=3600, default=900, locked=False),
    gpu_enabled=SwitchState.DISABLED,
)
SECOND: Final = Rules(
    offload_enabled=SwitchState.ENABLED,
    idle_timeout_seconds=TimeoutRule(minimum=60, maximum=1800, default=600, locked=False),
    gpu_enabled=SwitchState.DISABLED,
)
TEAM_RULES: Final = {
    "data": Rules(gpu_enabled=SwitchState.ENABLED),
    "ml": Rules(
        gpu_enabled=SwitchState.ENABLED,
        idle_timeout_seconds=TimeoutRule(minimum=300, default=1800),
    ),
    "qa": Rules(
        gpu_enabled=SwitchState.ALWAYS_DISABLED,
        idle_timeout_seconds=TimeoutRule(maximum=600),
    ),
}
CHOICES: Final = {
    "kai.tang": {Setting.IDLE_TIMEOUT_SECONDS: 3600, Setting.GPU_ENABLED: True},
    "david.cohen": {Setting.IDLE_TIMEOUT_SECONDS: 3600},
    "mei": {Setting.IDLE_TIMEOUT_SECONDS: 300},
}


def shape_policy(organization: Organization, *, since: datetime, now: datetime) -> None:
    """Save the demo's policy as of `since`, change it at half time, and add its people's part.

    A second call finds it there and does nothing.
    """
    if get_policy(organization_id=organization.pk).revision > 1:
        return
    people = {
        member.email.removesuffix(f"@{SLUG}.example"): member
        for member in Member.objects.filter(organization=organization)
    }
    owner = people[OWNER]
    teams = {team.slug: team for team in Team.objects.filter(organization=organization)}
    with _acting(owner, at=since) as trail:
        _save(trail, organization, FIRST, reason="初始策略 First rules")
        for slug, rules in TEAM_RULES.items():
            _save(trail, organization, rules, team=teams[slug], reason="")
    with _acting(owner, at=since + (now - since) / 2) as trail:
        _save(trail, organization, SECOND, reason="缩短等待 Shorter waits cost less")
    _join(organization, people["kai.tang"], teams["platform"], at=now)
    for key, choices in CHOICES.items():
        if key in people:
            with _acting(people[key], at=now - timedelta(days=3)) as trail:
                choose(trail=trail, member=people[key], choices=choices)
    _ask_and_grant(people, owner, now=now)


def _ask_and_grant(people: dict[str, Member], owner: Member, *, now: datetime) -> None:
    with _acting(owner, at=now - timedelta(days=2)) as trail:
        grant_exception(
            trail=trail,
            member=people["kai.tang"],
            setting=Setting.IDLE_TIMEOUT_SECONDS,
            rule={"maximum": 3600},
            reason="长时间训练 Long training runs with quiet phases",
            expires_at=now + timedelta(days=26),
        )
    asking = next(person for key, person in people.items() if key not in {OWNER, *CHOICES})
    with _acting(asking, at=now - timedelta(hours=5)) as trail:
        request_exception(
            trail=trail,
            member=asking,
            setting=Setting.GPU_ENABLED,
            rule={"state": SwitchState.ENABLED.value},
            reason="试用推理服务 Trying an inference service",
            expires_at=now + timedelta(days=14),
        )


def _join(organization: Organization, member: Member, team: Team, *, at: datetime) -> None:
    """Make a member one of a second team, so that the order of teams has something to decide."""
    with _acting(member, at=at - timedelta(days=4)):
        TeamMembership.objects.get_or_create(organization=organization, team=team, member=member)
        refresh_settings(
            organization_id=organization.pk, at=at - timedelta(days=4), member_ids=[member.pk]
        )


def _save(
    trail: AuditTrail,
    organization: Organization,
    rules: Rules,
    *,
    reason: str,
    team: Team | None = None,
) -> None:
    current = get_policy(organization_id=organization.pk, team_id=team.pk if team else None)
    save_policy(
        trail=trail,
        organization=organization,
        team=team,
        rules=rules,
        expected_revision=current.revision,
        reason=reason,
    )


def _acting(member: Member, *, at: datetime) -> AbstractContextManager[AuditTrail]:
    return recording(actor=member_actor(member), at=at)
