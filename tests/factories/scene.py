"""A small scene with every kind of session, for tests of the API and of exports.

Billing zone Asia/Shanghai (UTC+08:00), prices of the list. As of `AS_OF`:

- mei, team backend, cpu-4x8: 1380 s on 2 March with a bridged gap of 180 s; since 20 April
  08:58:00Z active, 120 s so far, of a deadline at 09:03:00Z
- hao, no team, gpu-l4: 1200 s over the local midnight that ends March, 600 s on each side
- lena, team backend, cpu-2x4: 300 s, idle since 20 April 08:55:00Z, purged at 09:00:00Z
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from billing.models import Invoice
from billing.services.invoicing import close_period
from orgs.domain.roles import Role, Scope
from orgs.models import Member
from tests.factories.orgs import (
    OPERATOR,
    assign_team,
    make_member,
    make_team,
    make_token,
    make_user,
)
from tests.factories.usage import Customer, fold, make_customer, report

AS_OF = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
MEI_AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
HAO_AT = datetime(2026, 3, 31, 15, 50, tzinfo=UTC)
MEI_NOW = datetime(2026, 4, 20, 8, 58, tzinfo=UTC)
LENA_NOW = datetime(2026, 4, 20, 8, 50, tzinfo=UTC)

MEI_EVENTS = [*(("active", at) for at in (0, 150, 300, 450, 600)), ("active", 1080)]


@dataclass(frozen=True, kw_only=True)
class Scene:
    customer: Customer
    mei: Member
    hao: Member
    lena: Member

    @property
    def slug(self) -> str:
        return self.customer.slug

    def token(self, *scopes: Scope, member: Member | None = None) -> dict[str, str]:
        """Headers of a new token of the organization."""
        text = make_token(self.customer.organization, *scopes, member=member, made_at=SINCE).text
        return {"Authorization": f"Bearer {text}"}

    def sign_in(self, client, role: Role) -> Member:
        """Let the client be signed in as a new member with this role."""
        user = make_user(f"{role.value}@people.example")
        client.force_login(user)
        return make_member(self.customer.organization, user.email, role=role, user=user)

    def close(self, label: str) -> Invoice:
        invoice = close_period(period=self.customer.period(label), actor=OPERATOR)
        assert invoice is not None
        return invoice


def make_scene(slug: str = "acme") -> Scene:
    customer = make_customer(slug, zone="Asia/Shanghai", since=SINCE)
    organization = customer.organization
    mei, hao, lena = (
        make_member(organization, f"{name}@{slug}.example") for name in ("mei", "hao", "lena")
    )
    team = make_team(organization, "backend")
    assign_team(mei, team, since=SINCE)
    assign_team(lena, team, since=SINCE)
    report(customer, MEI_EVENTS, origin=MEI_AT, idle_timeout=300, subject=mei.email)
    report(
        customer,
        [("active", 0)],
        origin=HAO_AT,
        idle_timeout=1200,
        subject=hao.email,
        machine="gpu-l4",
    )
    report(customer, [("active", 0)], origin=MEI_NOW, idle_timeout=300, subject=mei.email)
    report(
        customer,
        [("active", 0)],
        origin=LENA_NOW,
        idle_timeout=300,
        subject=lena.email,
        machine="cpu-2x4",
    )
    fold(customer)
    return Scene(customer=customer, mei=mei, hao=hao, lena=lena)
