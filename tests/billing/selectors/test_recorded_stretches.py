"""What a replay is made from: the stretches of a window, and the days of the window."""

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.domain.instants import instant_of
from billing.domain.replay import RecordedStretch
from billing.models import BillingPeriod
from billing.selectors.recorded_stretches import read_recorded_stretches
from billing.selectors.replay_window import get_replay_window
from tests.factories.orgs import make_organization
from tests.factories.usage import fold, make_customer, report

pytestmark = pytest.mark.django_db

S = 1_000_000


def test_what_a_stretch_is_read_as():
    customer = make_customer("acme")
    at = instant_of(datetime(2026, 1, 10, 9, 0, tzinfo=UTC))
    report(customer, [("active", 0), ("active", 400), ("ended", 450)], idle_timeout=600)
    report(customer, [("active", 500), ("idle", 520), ("active", 530)], idle_timeout=600)
    report(customer, [("active", 540)], machine="gpu-l4", idle_timeout=10)
    fold(customer)

    def read(since: int, until: int) -> list[RecordedStretch]:
        [(member_id, stretches)] = read_recorded_stretches(
            organization_id=customer.organization.pk,
            member_ids=[customer.member.pk, -1],
            since=since,
            until=until,
        )
        assert member_id == customer.member.pk
        return stretches

    stretches = [
        RecordedStretch(at, at, "cpu-4x8", 600),
        RecordedStretch(at + 400 * S, at + 400 * S, "cpu-4x8", 600, at + 450 * S),
        RecordedStretch(at + 500 * S, at + 500 * S, "cpu-4x8", 600),
        RecordedStretch(at + 530 * S, at + 530 * S, "cpu-4x8", 600, at + 540 * S),
        RecordedStretch(at + 540 * S, at + 540 * S, "gpu-l4", 10),
    ]
    assert read(at, at + 10_000 * S) == stretches
    assert read(at - 10_000 * S, at + 540 * S) == stretches
    assert read(at, at + 499 * S) == stretches[:2]
    # what ended an hour and a window before has no say
    assert read(at + 3900 * S, at + 10_000 * S) == stretches
    assert read(at + 3900 * S + 1, at + 10_000 * S) == stretches[1:]
    assert read(at + 4430 * S, at + 10_000 * S) == stretches[3:]


def test_nobody_is_read_for_nobody(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert (
            list(read_recorded_stretches(organization_id=1, member_ids=[], since=0, until=1)) == []
        )


def test_the_days_are_those_of_the_stored_periods():
    """Up to 11 April in UTC, from then on in Asia/Shanghai: the day at the seam is cut there."""
    owner = make_organization("acme").organization
    bounds = [datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 11, tzinfo=UTC),
              datetime(2026, 4, 30, 16, tzinfo=UTC)]  # fmt: skip
    for label, zone, start, end in zip(
        ("2026-04", "2026-05"), ("UTC", "Asia/Shanghai"), bounds, bounds[1:], strict=False
    ):
        BillingPeriod.objects.create(
            organization=owner, starts_at=start, ends_at=end, zone=zone, label=label
        )
    as_of = datetime(2026, 4, 30, 20, tzinfo=UTC)  # 1 May 04:00: a month not laid yet
    window = get_replay_window(organization_id=owner.pk, zone="Asia/Shanghai", as_of=as_of)
    assert (window.first, window.last) == (date(2026, 4, 2), date(2026, 5, 1))
    assert window.since == instant_of(datetime(2026, 4, 2, tzinfo=UTC))
    assert window.until == instant_of(as_of)
    assert [
        window.calendar.day_of(instant_of(at)).date
        for at in (bounds[1] - timedelta(seconds=1), bounds[1], as_of)
    ] == [date(2026, 4, 10), date(2026, 4, 11), date(2026, 5, 1)]
