"""Billing periods are laid in whole months of the billing zone, back and ahead, without holes."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from billing.models import BillingPeriod
from billing.services.periods import ensure_periods
from orgs.models import Organization
from tests.billing.services.threads import at_once
from tests.factories.usage import make_customer

MARCH = datetime(2031, 3, 10, tzinfo=UTC)


def bounds(organization: Organization) -> list[tuple[str, datetime, datetime]]:
    return list(
        BillingPeriod.objects.filter(organization=organization)
        .order_by("starts_at")
        .values_list("label", "starts_at", "ends_at")
    )


@pytest.mark.django_db
def test_months_of_the_zone_without_holes():
    since = datetime(2025, 12, 31, 15, 59, tzinfo=UTC)
    organization = make_customer(zone="Asia/Shanghai", since=since).organization
    periods = bounds(organization)
    assert periods[0] == (
        "2025-12",
        datetime(2025, 11, 30, 16, tzinfo=UTC),
        datetime(2025, 12, 31, 16, tzinfo=UTC),
    )
    assert all(before[2] == after[1] for before, after in pairwise(periods))


@pytest.mark.django_db
def test_periods_are_laid_back_to_the_first_event_and_ahead_of_now():
    organization = make_customer(since=datetime(2026, 6, 1, tzinfo=UTC)).organization
    old = bounds(organization)
    made = ensure_periods(
        {organization.pk: datetime(2026, 5, 31, 23, 59, 59, 999_999, UTC)}, until=MARCH
    )
    new = bounds(organization)
    assert new[0][0] == "2026-05"
    assert new[-1][:2] == ("2031-03", datetime(2031, 3, 1, tzinfo=UTC))
    assert made == len(new) - len(old)
    assert set(old) <= set(new)
    assert ensure_periods({organization.pk: MARCH}, until=MARCH) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("until", "last"),
    [
        (datetime(2031, 3, 31, 21, 59, 59, tzinfo=UTC), "2031-03"),
        (datetime(2031, 3, 31, 22, 0, tzinfo=UTC), "2031-03"),
        (datetime(2031, 3, 31, 22, 0, 1, tzinfo=UTC), "2031-04"),
    ],
)
def test_periods_reach_two_hours_ahead_of_now(until, last):
    """The longest idle timeout may run an hour ahead, and events may lie five minutes ahead."""
    organization = make_customer().organization
    ensure_periods({organization.pk: until}, until=until)
    assert bounds(organization)[-1][0] == last


@pytest.mark.django_db
def test_other_organizations_are_left_alone():
    acme, beta = make_customer("acme").organization, make_customer("beta").organization
    before = bounds(beta)
    ensure_periods({acme.pk: MARCH}, until=MARCH)
    assert bounds(beta) == before
    assert ensure_periods({}, until=MARCH) == 0
    assert ensure_periods({2**40: MARCH}, until=MARCH) == 0


@pytest.mark.django_db
def test_the_database_refuses_periods_that_overlap_and_changed_bounds():
    organization = make_customer().organization
    (label, start, end), *_ = bounds(organization)
    with pytest.raises(IntegrityError, match="period_no_overlap"), transaction.atomic():
        BillingPeriod.objects.create(
            organization=organization,
            starts_at=start - timedelta(days=1),
            ends_at=start + timedelta(microseconds=1),
            zone="UTC",
            label="overlap",
        )
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        BillingPeriod.objects.filter(label=label).update(ends_at=end - timedelta(days=1))


@pytest.mark.django_db(transaction=True)
def test_two_layers_at_once_lay_each_month_once():
    organization = make_customer(zone="America/Havana").organization
    barrier = threading.Barrier(2)

    def lay() -> int:
        barrier.wait(10)
        return ensure_periods({organization.pk: datetime(2020, 1, 1, tzinfo=UTC)}, until=MARCH)

    first, second = at_once(lay, lay)
    periods = bounds(organization)
    assert {first, second} >= {0}
    assert (periods[0][0], periods[-1][0]) == ("2019-12", "2031-03")
    assert len({label for label, _, _ in periods}) == len(periods)
    assert all(before[2] == after[1] for before, after in pairwise(periods))
