"""Policy for tests of pages: revisions, teams with rules, an exception, a wish, a choice."""

from datetime import datetime, timedelta

from orgs.domain.actors import Actor
from orgs.domain.rules import Rules, Setting, SwitchState, TimeoutRule
from orgs.models import Member, Organization, Team, TeamMembership
from orgs.selectors.members import member_actor
from orgs.selectors.policies import Policy, get_policy
from orgs.services.audit import recording
from orgs.services.choices import choose
from orgs.services.effective_settings import refresh_settings
from orgs.services.exceptions import grant_exception, request_exception
from orgs.services.policies import save_policy
from tests.factories.orgs import OPERATOR


def save_rules(
    organization: Organization,
    rules: Rules,
    *,
    at: datetime,
    team: Team | None = None,
    actor: Actor = OPERATOR,
    reason: str = "",
) -> Policy:
    """Put rules in force over whatever is in force."""
    with recording(actor=actor, at=at) as trail:
        current = get_policy(organization_id=organization.pk, team_id=team.pk if team else None)
        return save_policy(
            trail=trail,
            organization=organization,
            team=team,
            rules=rules,
            expected_revision=current.revision,
            reason=reason,
        )


def join_team(member: Member, team: Team, *, at: datetime, is_lead: bool = False) -> None:
    """Put a member into a team beside the primary one."""
    with recording(actor=OPERATOR, at=at):
        TeamMembership.objects.create(
            organization_id=member.organization_id, team=team, member=member, is_lead=is_lead
        )
        refresh_settings(organization_id=member.organization_id, at=at, member_ids=[member.pk])


def shape_policy(organization: Organization, *, now: datetime) -> Member:
    """Give an organization two revisions, team rules, and mei every level of the ladder.

    Returns mei: two teams with rules, an exception that ends in 20 days, an own choice.
    """
    members = Member.objects.filter(organization=organization)
    owner = member_actor(members.get(email=f"owner@{organization.slug}.example"))
    mei = members.get(email=f"mei@{organization.slug}.example")
    first, second = Team.objects.filter(organization=organization).order_by("priority")[:2]
    for rules, team, days, reason in (
        (ORGANIZATION_RULES, None, 20, "First rules"),
        (Rules(gpu_enabled=SwitchState.ENABLED), first, 15, ""),
        (Rules(idle_timeout_seconds=TimeoutRule(minimum=120, default=600)), second, 15, ""),
        (SHORTER_RULES, None, 3, "Shorter waits cost less"),
    ):
        save_rules(
            organization,
            rules,
            at=now - timedelta(days=days),
            team=team,
            actor=owner,
            reason=reason,
        )
    for team in (first, second):
        if not TeamMembership.objects.filter(team=team, member=mei).exists():
            join_team(mei, team, at=now - timedelta(days=14))
    with recording(actor=member_actor(mei), at=now - timedelta(days=2)) as trail:
        choose(trail=trail, member=mei, choices={Setting.IDLE_TIMEOUT_SECONDS: 2700})
    with recording(actor=owner, at=now - timedelta(days=1)) as trail:
        grant_exception(
            trail=trail,
            member=mei,
            setting=Setting.IDLE_TIMEOUT_SECONDS,
            rule={"maximum": 2400},
            reason="Long integration tests",
            expires_at=now + timedelta(days=20),
        )
    hao = members.get(email=f"hao@{organization.slug}.example")
    with recording(actor=member_actor(hao), at=now - timedelta(hours=5)) as trail:
        request_exception(
            trail=trail,
            member=hao,
            setting=Setting.GPU_ENABLED,
            rule={"state": SwitchState.ENABLED.value},
            reason="Trying an inference service",
            expires_at=now + timedelta(days=14),
        )
    return mei


ORGANIZATION_RULES = Rules(
    offload_enabled=SwitchState.ENABLED,
    idle_timeout_seconds=TimeoutRule(minimum=60, maximum=3600, default=900, locked=False),
    gpu_enabled=SwitchState.DISABLED,
)
SHORTER_RULES = Rules(
    offload_enabled=SwitchState.ENABLED,
    idle_timeout_seconds=TimeoutRule(minimum=60, maximum=1800, default=300, locked=False),
    gpu_enabled=SwitchState.DISABLED,
)
