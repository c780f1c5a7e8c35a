"""Who and what a batch of events speaks of: organizations, members, machines with a price."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from billing.domain.instants import instant_of
from billing.domain.periods import day_of
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
    """Resolve (organization slug, member's e-mail address or id) pairs, in three queries.

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
    """Return what each organization with an account can use; plain SQL, as it is asked for
    with every batch of events and the ORM would cost as much as the parsing of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT account.organization_id, account.zone, card.effective_from,
                   machine.name, machine.id
              FROM billing_billingaccount account
              LEFT JOIN (billing_ratecard card
                         JOIN billing_price price ON price.rate_card_id = card.id
                         JOIN billing_machine machine ON machine.id = price.machine_id)
                ON card.organization_id = account.organization_id
             WHERE account.organization_id = ANY(%s)
             ORDER BY account.organization_id, card.effective_from
            """,
            [list(organization_ids)],
        )
        rows = cursor.fetchall()
    zones: dict[int, str] = {}
    cards: dict[int, dict[date, dict[str, int]]] = {}
    for owner, zone, effective_from, name, machine_id in rows:
        zones[owner] = zone
        if effective_from is not None:
            cards.setdefault(owner, {}).setdefault(effective_from, {})[name] = machine_id
    return {
        owner: PricedMachines(zone=zone, cards=tuple(cards.get(owner, {}).items()))
        for owner, zone in zones.items()
    }
