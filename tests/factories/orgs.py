"""Organizations, people and tokens for tests, through the product's own services."""

from datetime import UTC, datetime, timedelta

from orgs.domain.actors import Actor, operator
from orgs.domain.names import normalize_email
from orgs.domain.products import Plan
from orgs.domain.roles import Role, Scope
from orgs.models import Member, Organization, Team, User
from orgs.services.audit import recording
from orgs.services.organizations import CreatedOrganization, create_organization
from orgs.services.teams import assign_primary_teams, ensure_teams
from orgs.services.tokens import CreatedToken, create_token

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
OPERATOR: Actor = operator(label="test")


def make_organization(slug: str = "acme", *, plan: Plan = Plan.BUSINESS) -> CreatedOrganization:
    """An organization with Offload on where the plan brings it, and `owner@<slug>.example`."""
    with recording(actor=OPERATOR, at=NOW) as trail:
        return create_organization(
            trail=trail,
            slug=slug,
            name=slug.title(),
            owner_email=f"owner@{slug}.example",
            plan=plan,
            is_offload_enabled=plan is Plan.BUSINESS,
        )


def make_user(email: str, *, locale: str = "") -> User:
    """A person who can sign in with `PASSWORD`."""
    return User.objects.create_user(email, PASSWORD, locale=locale)


def make_member(
    organization: Organization,
    email: str,
    *,
    role: Role = Role.MEMBER,
    status: str = "active",
    user: User | None = None,
) -> Member:
    """A member; `user` is who signs in as them."""
    return Member.objects.create(
        organization=organization,
        email=normalize_email(email),
        role=role.value,
        status=status,
        user=user,
        created_at=NOW,
    )


def make_team(organization: Organization, slug: str) -> Team:
    """A team, last in the organization's order."""
    with recording(actor=OPERATOR, at=NOW) as trail:
        ids = ensure_teams(
            trail=trail, organization_id=organization.pk, teams={slug: slug.title()}
        )
    return Team.objects.get(pk=ids[slug])


def assign_team(member: Member, team: Team, *, since: datetime = NOW) -> None:
    """Let the team carry the member's cost from `since` on."""
    with recording(actor=OPERATOR, at=since) as trail:
        assign_primary_teams(
            trail=trail,
            organization_id=member.organization_id,
            team_ids={member.pk: team.pk},
            since=since,
        )


def make_token(
    organization: Organization | None,
    *scopes: Scope,
    member: Member | None = None,
    source_prefix: str = "",
    lifetime: timedelta | None = None,
    made_at: datetime = NOW,
) -> CreatedToken:
    """A token with its text; without an organization, a metering token for all of them."""
    with recording(actor=OPERATOR, at=made_at) as trail:
        return create_token(
            trail=trail,
            organization_id=organization.pk if organization else None,
            scopes=frozenset(scopes),
            member=member,
            source_prefix=source_prefix,
            expires_at=made_at + lifetime if lifetime else None,
        )
