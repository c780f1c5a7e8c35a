"""Billing periods: laid ahead and back in whole months, never changed (ADR-0006)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, Min

from billing.domain.instants import datetime_of, instant_of
from billing.domain.periods import Period, next_period, period_at, previous_period
from billing.models import BillingAccount, BillingPeriod

AHEAD: Final = timedelta(hours=2)
"""How far periods must reach beyond now: more than the longest idle timeout can run ahead."""


def ensure_periods(since: Mapping[int, datetime], *, until: datetime) -> int:
    """Lay the periods that are missing between `since` (by organization) and `until`.

    Periods are calendar months of the account's billing zone and have no holes; those that
    exist stay as they are. Returns how many were made. Safe to run twice at once.
    """
    reach = until + AHEAD
    short = [
        account
        for account in BillingAccount.objects.filter(organization_id__in=list(since)).annotate(
            first=Min("organization__billing_periods__starts_at"),
            last=Max("organization__billing_periods__ends_at"),
        )
        if account.first is None or account.first > since[account.pk] or account.last < reach
    ]
    return sum(_lay(account.pk, since=since[account.pk], until=reach) for account in short)


def _lay(organization_id: int, *, since: datetime, until: datetime) -> int:
    with transaction.atomic():
        # the account's row is the lock: two layers at once would overlap
        account = BillingAccount.objects.select_for_update(of=("self",)).get(pk=organization_id)
        stored = [
            Period(
                instant_of(period.starts_at), instant_of(period.ends_at), period.zone, period.label
            )
            for period in BillingPeriod.objects.filter(organization_id=organization_id).order_by(
                "starts_at"
            )
        ]
        missing = list(
            _missing(stored, since=instant_of(since), until=instant_of(until), zone=account.zone)
        )
        BillingPeriod.objects.bulk_create(
            BillingPeriod(
                organization_id=organization_id,
                starts_at=datetime_of(period.start),
                ends_at=datetime_of(period.end),
                zone=period.zone,
                label=period.label,
            )
            for period in missing
        )
    return len(missing)


def _missing(stored: list[Period], *, since: int, until: int, zone: str) -> Iterable[Period]:
    if not stored:
        first = last = period_at(since, zone=zone)
        yield first
    else:
        first, last = stored[0], stored[-1]
    while first.start > since:
        first = previous_period(first, zone=zone)
        yield first
    while last.end < until:
        last = next_period(last, zone=zone)
        yield last
