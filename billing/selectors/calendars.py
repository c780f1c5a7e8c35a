"""The stored billing periods of organizations, as the fold and the close need them."""

from collections.abc import Collection

from billing.domain.instants import instant_of
from billing.domain.records import Calendar, StoredPeriod
from billing.models import BillingPeriod


def get_calendars(organization_ids: Collection[int]) -> dict[int, Calendar]:
    """Return the calendar of each organization; one query."""
    periods: dict[int, list[StoredPeriod]] = {owner: [] for owner in organization_ids}
    rows = BillingPeriod.objects.filter(organization_id__in=organization_ids).values_list(
        "organization_id", "id", "starts_at", "ends_at", "zone"
    )
    for owner, period_id, starts_at, ends_at, zone in rows:
        periods[owner].append(
            StoredPeriod(period_id, instant_of(starts_at), instant_of(ends_at), zone)
        )
    return {owner: Calendar(stored) for owner, stored in periods.items()}
