"""Everybody who may call the API of an organization, or may not."""

from django.test import Client

from orgs.domain.roles import Role, Scope
from orgs.models import Member, Organization, TeamMembership, User
from tests.factories.orgs import make_member, make_organization, make_team, make_token
from tests.factories.policy import join, save, timeout

BASE = "/api/v1/organizations/acme"
USERS = ("owner", "policy_admin", "billing_manager", "auditor", "member", "lead")
TOKENS = (
    "policy:read",
    "policy:write",
    "members:read",
    "members:write",
    "usage:read",
    "billing:read",
    "audit:read",
    "desktop",
    "metering:write",
)
OUTSIDERS = ("anonymous", "stranger", "other token")
EVERYBODY = (*USERS, *TOKENS, *OUTSIDERS)


class Scene:
    """acme: mei (who is "member") and the lead in team backend, nobody in team frontend.

    other: an owner, with a team backend too.
    """

    def __init__(self) -> None:
        self.acme = make_organization("acme").organization
        self.other = make_organization("other").organization
        self.mei, self.lead = join(self.acme, "mei", "lead")
        self.backend, self.frontend = (make_team(self.acme, slug) for slug in ("backend", "front"))
        for member, is_lead in ((self.mei, False), (self.lead, True)):
            TeamMembership.objects.create(
                organization=self.acme, team=self.backend, member=member, is_lead=is_lead
            )
        save(self.acme, timeout(minimum=60, maximum=1800))
        save(self.acme, timeout(minimum=60, maximum=900), reason="costs")
        save(self.acme, timeout(maximum=600), team=self.backend)
        save(self.acme, timeout(maximum=300), team=self.backend)
        make_team(self.other, "backend")

    def as_(self, name: str) -> Client:
        """A client that sends what this caller would."""
        members = {"member": self.mei, "lead": self.lead}
        if name == "anonymous":
            return Client()
        if name == "other token":
            return _with_token(self.other, *_ORGANIZATION_SCOPES)
        if name in {"owner", "stranger"}:
            slug = "acme" if name == "owner" else "other"
            return _signed_in(Member.objects.get(email=f"owner@{slug}.example"))
        if name in members:
            return _signed_in(members[name])
        if name in USERS:
            return _signed_in(make_member(self.acme, f"{name}@acme.example", role=Role(name)))
        member = self.mei if name == "desktop" else None
        return _with_token(self.acme, Scope(name), member=member)


_ORGANIZATION_SCOPES = [
    scope for scope in Scope if scope not in {Scope.DESKTOP, Scope.METERING_WRITE}
]


def _signed_in(member: Member) -> Client:
    if member.user is None:
        member.user = User.objects.create_user(member.email)
        member.save()
    client = Client()
    client.force_login(member.user)
    return client


def _with_token(organization: Organization, *scopes: Scope, member: Member | None = None):
    text = make_token(organization, *scopes, member=member).text
    return Client(headers={"Authorization": f"Bearer {text}"})
