"""A new organization, ready to be used and billed: people, policy, prices, periods, tokens."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.catalog import MACHINES, list_price
from billing.domain.instants import instant_of
from billing.domain.periods import check_zone, day_of
from billing.models import BillingAccount, Machine, Price, RateCard
from billing.services.periods import ensure_periods
from orgs.domain.actors import Actor
from orgs.domain.products import Plan
from orgs.domain.roles import Scope
from orgs.models import Member, Organization
from orgs.services import organizations as orgs_organizations
from orgs.services.audit import AuditTrail, recording
from orgs.services.tokens import create_token

ADMIN_SCOPES = frozenset(
    {
        Scope.POLICY_READ,
        Scope.POLICY_WRITE,
        Scope.MEMBERS_READ,
        Scope.MEMBERS_WRITE,
        Scope.USAGE_READ,
        Scope.BILLING_READ,
        Scope.BILLING_WRITE,
        Scope.AUDIT_READ,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewOrganization:
    """What an operator hands on: the owner's account and two tokens, shown once.

    The metering token goes to the runner, never to the customer.
    """

    organization: Organization
    owner: Member
    admin_token: str
    metering_token: str


def create_organization(
    *,
    actor: Actor,
    now: datetime,
    slug: str,
    name: str,
    owner_email: str,
    plan: Plan,
    currency: str,
    zone: str,
    is_offload_enabled: bool,
) -> NewOrganization:
    """Create an organization with its owner, policy, account, rate card, periods and tokens.

    One transaction; nothing is left when anything is refused. The rate card is the list of
    `billing.domain.catalog`, effective from today in the billing zone.

    Raises:
        CurrencyNotSoldError: there is no price list in the currency.
        UnknownZoneError: the zone does not exist.
        ValueError: a slug, name or address that can't be one (`orgs.services.organizations`).
        OrganizationExists: the slug is taken.
        OffloadNotEntitled: Offload is to be enabled on a plan without it.
    """
    check_zone(zone)
    prices = {machine.name: list_price(machine, currency=currency) for machine in MACHINES}
    with recording(actor=actor, at=now) as trail:
        created = orgs_organizations.create_organization(
            trail=trail,
            slug=slug,
            name=name,
            owner_email=owner_email,
            plan=plan,
            is_offload_enabled=is_offload_enabled,
        )
        organization = created.organization
        BillingAccount.objects.create(
            organization=organization,
            currency=currency,
            zone=zone,
            buyer={"name": organization.name, "email": created.owner.email},
            created_at=now,
        )
        card = RateCard.objects.create(
            organization=organization,
            effective_from=day_of(instant_of(now), zone=zone).date,
            currency=currency,
            created_at=now,
        )
        machines = ensure_machines()
        Price.objects.bulk_create(
            Price(
                rate_card=card,
                machine_id=machines[machine.name],
                hourly_price=prices[machine.name],
                weight=machine.weight,
            )
            for machine in MACHINES
        )
        trail.add(
            organization_id=organization.pk,
            action="rate_card.created",
            target=("rate_card", card.pk),
            diff={name: [None, str(price)] for name, price in prices.items()},
        )
        ensure_periods({organization.pk: now}, until=now)
        return NewOrganization(
            organization=organization,
            owner=created.owner,
            admin_token=_token(trail, created.owner, name="admin", scopes=ADMIN_SCOPES),
            metering_token=_token(
                trail, created.owner, name="metering", scopes=frozenset({Scope.METERING_WRITE})
            ),
        )


def ensure_machines() -> dict[str, int]:
    """Store the listed machine types that are missing; return ids by name."""
    Machine.objects.bulk_create(
        (
            Machine(
                name=machine.name,
                vcpus=machine.vcpus,
                memory_gib=machine.memory_gib,
                gpu=machine.gpu,
            )
            for machine in MACHINES
        ),
        ignore_conflicts=True,
    )
    return dict(Machine.objects.values_list("name", "id"))


def _token(trail: AuditTrail, owner: Member, *, name: str, scopes: frozenset[Scope]) -> str:
    is_metering = Scope.METERING_WRITE in scopes
    return create_token(
        trail=trail,
        organization_id=owner.organization_id,
        scopes=scopes,
        member=None if is_metering else owner,
        name=name,
    ).text
