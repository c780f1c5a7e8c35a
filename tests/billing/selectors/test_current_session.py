"""A member's current session at every edge of the rule; seconds after `JANUARY`."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.selectors.current_session import CurrentSession, get_current_session
from tests.factories.orgs import make_member
from tests.factories.usage import JANUARY, Customer, fold, make_customer, report

pytestmark = pytest.mark.django_db
S = 1_000_000
NEVER = CurrentSession(state="none", environment="none")
GONE = CurrentSession(state="none", environment="new")


def after(seconds: float):
    return JANUARY + timedelta(seconds=seconds)


def used(*events, timeout: int = 300, machine: str = "cpu-4x8", of: Customer | None = None):
    customer = of or make_customer()
    report(customer, events, idle_timeout=timeout, machine=machine)
    fold(customer)
    return customer


def session_of(customer: Customer, seconds: float) -> CurrentSession:
    return get_current_session(
        organization_id=customer.organization.pk,
        member_id=customer.member.pk,
        as_of=after(seconds),
    )


def active(*, since: float, idles: float, billed: float) -> CurrentSession:
    return CurrentSession(
        state="active",
        started_at=after(since),
        idles_at=after(idles),
        billed_us=int(billed * S),
        environment="preserved",
    )


def idle(*, since: float, purges: float, billed: float) -> CurrentSession:
    return CurrentSession(
        state="idle",
        started_at=after(since),
        purges_at=after(purges),
        billed_us=int(billed * S),
        environment="preserved",
    )


@pytest.mark.parametrize(
    ("events", "at", "expected"),
    [
        ([], 0, NEVER),
        ([("active", 0)], -1, NEVER),
        ([("active", 0)], 0, active(since=0, idles=300, billed=0)),
        ([("active", 0)], 120.5, active(since=0, idles=300, billed=120.5)),
        ([("active", 0), ("active", 100)], 399, active(since=0, idles=400, billed=399)),
        ([("active", 0)], 299.999999, active(since=0, idles=300, billed=299.999999)),
        ([("active", 0)], 300, idle(since=0, purges=600, billed=300)),
        ([("active", 0), ("idle", 40)], 100, idle(since=0, purges=340, billed=40)),
        ([("active", 0)], 600, idle(since=0, purges=600, billed=300)),
        ([("active", 0)], 600.000001, GONE),
        ([("active", 0), ("ended", 40)], 40, GONE),
        ([("active", 0), ("idle", 40), ("ended", 100)], 100, GONE),
        # bridged: the gap is billed once activity came
        ([("active", 0), ("active", 500)], 499, idle(since=0, purges=600, billed=300)),
        ([("active", 0), ("active", 500)], 510, active(since=0, idles=800, billed=510)),
        # a new session, not the old one
        (
            [("active", 0), ("ended", 40), ("active", 41)],
            50,
            active(since=41, idles=341, billed=9),
        ),
    ],
)
def test_every_state(events, at, expected):
    customer = make_customer()
    for kind, seconds in events:
        if seconds <= at:  # what a fold has taken by then
            used((kind, seconds), of=customer)
    assert session_of(customer, at) == expected


def test_another_machine_is_another_session():
    customer = used(("active", 0))
    used(("active", 100), machine="gpu-l4", of=customer)
    assert session_of(customer, 130) == active(since=100, idles=400, billed=30)


def test_only_the_members_own_session_of_this_organization_counts():
    acme, other = used(("active", 0)), make_customer("other")
    colleague = make_member(acme.organization, "colleague@acme.example")
    for organization, member in (
        (acme.organization, colleague),
        (other.organization, acme.member),
        (other.organization, other.member),
    ):
        found = get_current_session(
            organization_id=organization.pk, member_id=member.pk, as_of=after(10)
        )
        assert found == NEVER


def test_it_is_one_query_on_one_index(django_assert_num_queries):
    customer = used(*(("active", 1000 * number) for number in range(50)))
    with django_assert_num_queries(1) as queries:
        assert session_of(customer, 49_010).started_at == after(49_000)
    with connection.cursor() as cursor:
        # Fifty rows are sorted as cheaply as they are walked: asked is whether the index can.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN " + queries.captured_queries[0]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Backward using session_one_per_start" in plan
    assert "Sort" not in plan
