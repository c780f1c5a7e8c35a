"""Organizations that are billed, and reported use, through the product's own services."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from billing.models import BillingPeriod
from billing.services.cutoff import database_now
from billing.services.ingest import IngestResult, IngestScope, Reported, ingest_events
from billing.services.organizations import create_organization
from billing.services.periods import ensure_periods
from billing.services.sessions import fold_all
from orgs.domain.products import Plan
from orgs.models import Member, Organization
from tests.factories.orgs import OPERATOR, make_member

JANUARY = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Customer:
    """An organization with the list's prices and one developer."""

    organization: Organization
    member: Member

    @property
    def slug(self) -> str:
        return self.organization.slug

    def period(self, label: str) -> BillingPeriod:
        return BillingPeriod.objects.get(organization=self.organization, label=label)


def make_customer(
    slug: str = "acme",
    *,
    zone: str = "UTC",
    currency: str = "USD",
    since: datetime = JANUARY,
) -> Customer:
    """A customer with open periods from the month of `since` on, and `dev@<slug>.example`."""
    now = database_now()
    organization = create_organization(
        actor=OPERATOR,
        now=now,
        slug=slug,
        name=slug.title(),
        owner_email=f"owner@{slug}.example",
        plan=Plan.BUSINESS,
        currency=currency,
        zone=zone,
        is_offload_enabled=True,
    ).organization
    ensure_periods({organization.pk: since}, until=now)
    return Customer(
        organization=organization, member=make_member(organization, f"dev@{slug}.example")
    )


def report(
    customer: Customer,
    events: Iterable[tuple[str, float]],
    *,
    origin: datetime = JANUARY,
    machine: str = "cpu-4x8",
    idle_timeout: int = 3600,
    source: str = "/test",
    subject: str | None = None,
) -> IngestResult:
    """Report (kind, seconds after `origin`) of the customer's developer."""
    reported = [
        Reported(
            ordinal,
            f"{kind} {seconds} {machine} {idle_timeout}",
            source,
            kind,
            origin + timedelta(seconds=seconds),
            customer.slug,
            subject or customer.member.email,
            machine,
            idle_timeout,
        )
        for ordinal, (kind, seconds) in enumerate(events)
    ]
    scope = IngestScope(organization_id=customer.organization.pk, may_backfill=True)
    return ingest_events(reported, scope=scope)


def fold(customer: Customer) -> None:
    """Fold what waits."""
    fold_all(as_of=database_now(), organization_id=customer.organization.pk)
