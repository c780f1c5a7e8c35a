"""Who and what a batch of events speaks of: organizations, members, machines with a price."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.instants import instant_of
from billing.domain.periods import day_of
from billing.models import BillingAccount, Price
from orgs.selectors.subjects import find_members, find_organizations


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedMachines:
    """Machine ids by name for each rate card of one organization, oldest card first."""

    zone: str
    cards: tuple[tuple[date, dict[str, int]], ...]

    def find(self, machine: str, *, at: datetime) -> int | None:
        """Return the machine's id when it has a price on the day of `at` (billing zone)."""
        if not self.cards:
            return None
        machines = self.cards[0][1]  # the first card applies to all earlier days
        if len(self.cards) > 1:
            day = day_of(instant_of(at), zone=self.zone).date
            for effective_from, later in self.cards[1:]:
                if effective_from <= day:
                    machines = later
        return machines.get(machine)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identities:
    """Ids by the names that runners use; what is absent is unknown to the sender."""

    organizations: dict[str, int]
    members: dict[tuple[int, str], int]
    priced: dict[int, PricedMachines]


def resolve_identities(
    *, reported: Sequence[tuple[str, str]], organization_id: int | None
) -> Identities:
    """Resolve (organization slug, member's e-mail address or id) pairs, in four queries.

    `organization_id` limits what is visible to one organization; `None` shows all.
    """
    found = find_organizations({slug for slug, _ in reported}, organization_id=organization_id)
    priced = _priced_machines(found.values())
    # without an account there is nobody to bill
    organizations = {slug: owner for slug, owner in found.items() if owner in priced}
    subjects = {
        (organizations[slug], subject) for slug, subject in reported if slug in organizations
    }
    return Identities(
        organizations=organizations,
        members=find_members(subjects),
        priced=priced,
    )


def _priced_machines(organization_ids: Collection[int]) -> dict[int, PricedMachines]:
    zones = dict(
        BillingAccount.objects.filter(organization_id__in=organization_ids).values_list(
            "organization_id", "zone"
        )
    )
    cards: dict[int, dict[date, dict[str, int]]] = {}
    prices = (
        Price.objects.filter(rate_card__organization_id__in=organization_ids)
        .order_by("rate_card__effective_from")
        .values_list(
            "rate_card__organization_id",
            "rate_card__effective_from",
            "machine__name",
            "machine_id",
        )
    )
    for owner, effective_from, name, machine_id in prices:
        cards.setdefault(owner, {}).setdefault(effective_from, {})[name] = machine_id
    return {
        owner: PricedMachines(zone=zone, cards=tuple(cards.get(owner, {}).items()))
        for owner, zone in zones.items()
    }
