"""The fold on the real database: what is stored is the fold of all events that have come."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.domain.events import Event, Kind
from billing.domain.instants import datetime_of, instant_of
from billing.models import BillingPeriod, OffloadSession, Stream, StreamMark, UsageRecord
from billing.services import sessions as service
from billing.services.rebuild import rebuild_sessions
from billing.services.sessions import FoldResult, fold_all, fold_sessions
from orgs.models import Member
from tests.billing.domain.strategies import EVENING, streams, told_to_the_product
from tests.billing.services.kept_streams import is_kept, microseconds, should_be, tell
from tests.billing.services.threads import rows
from tests.factories.orgs import assign_team, make_member, make_team
from tests.factories.usage import Customer, make_customer

pytestmark = pytest.mark.django_db
# Midnight and the end of a month in Shanghai, 11 at night in Havana (one hour before the day).
SEAM = instant_of(datetime(2026, 1, 31, 16, 0, tzinfo=UTC))
LONG_AFTER = datetime_of(SEAM) + timedelta(days=30)
SECOND = 1_000_000
MACHINES = ("cpu-4x8", "gpu-l4", "cpu-8x16")
ACTIVE, IDLE, ENDED = Kind.ACTIVE.value, Kind.IDLE.value, Kind.ENDED.value
_numbers = count()


@pytest.fixture
def shanghai() -> Customer:
    return make_customer("acme", zone="Asia/Shanghai")


@pytest.fixture
def small_rounds(monkeypatch):
    """Read a few events at a time, so that every stream takes several rounds."""
    monkeypatch.setattr(service, "FIRST_EVENTS", 2)
    monkeypatch.setattr(service, "EVENTS_AT_ONCE", 3)


def actives(*seconds: float, timeout: int = 300, machine: str = "cpu-4x8") -> list[Event]:
    return [Event(SEAM + int(second * SECOND), ACTIVE, machine, timeout) for second in seconds]


def word(kind: int, second: float, machine: str = "cpu-4x8") -> Event:
    return Event(SEAM + int(second * SECOND), kind, machine, 300)


def at(second: float) -> datetime:
    return datetime_of(SEAM + int(second * SECOND))


def fold(customer: Customer, *, as_of: datetime = LONG_AFTER) -> FoldResult:
    """Fold, and let the database check what it put off to the end of the transaction."""
    done = fold_all(as_of=as_of, organization_id=customer.organization.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return done


def spans(member: Member) -> list[tuple[float, float]]:
    return [
        ((start - SEAM) / SECOND, (entry.active_until - SEAM) / SECOND)
        for start, entry in sorted(is_kept(member).items())
    ]


@st.composite
def arriving(draw: st.DrawFn) -> list[list[Event]]:
    """A stream around the seam, in batches that come in any order."""
    words = draw(streams(machines=MACHINES))
    middle = draw(st.sampled_from([word.at for word in words] or [EVENING]))
    moved = [word._replace(at=word.at - middle + SEAM) for word in words]
    order = draw(st.permutations(told_to_the_product(moved)))
    batches = []
    while order:
        size = draw(st.integers(1, len(order)))
        batches.append(order[:size])
        order = order[size:]
    return batches


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arriving(), st.data())
def test_what_is_stored_is_the_fold_of_what_has_come(shanghai, small_rounds, batches, data):
    member = make_member(shanghai.organization, f"m{next(_numbers)}@acme.example")
    told: list[Event] = []
    instants = sorted(event.at for batch in batches for event in batch)
    clock = 0
    for batch in batches:
        tell(member, batch)
        told += batch
        if data.draw(st.booleans()):
            clock = max(clock, data.draw(st.sampled_from(instants)))
            fold(shanghai, as_of=datetime_of(clock))
            arrived = [event for event in told if event.at <= clock]
            assert is_kept(member) == should_be(member, arrived)
    fold(shanghai)
    assert is_kept(member) == should_be(member, told)
    assert StreamMark.objects.count() == 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arriving(), st.data())
def test_workers_whose_clocks_differ_lose_nothing(shanghai, small_rounds, batches, data):
    member = make_member(shanghai.organization, f"m{next(_numbers)}@acme.example")
    instants = sorted(event.at for batch in batches for event in batch)
    for batch in batches:
        tell(member, batch)
        fold(shanghai, as_of=datetime_of(data.draw(st.sampled_from(instants))))
    fold(shanghai)
    assert is_kept(member) == should_be(member, [e for batch in batches for e in batch])


def test_a_slow_clock_does_not_take_back_what_a_fast_one_folded(shanghai):
    member = shanghai.member
    tell(member, actives(0, 100))
    fold(shanghai, as_of=at(100))
    tell(member, actives(-5_000))  # late; the worker that folds it is a minute behind
    fold(shanghai, as_of=at(40))
    assert spans(member) == [(-5_000, -4_700), (0, 400)]


def test_future_events_wait_until_their_time_has_come(shanghai):
    member = shanghai.member
    tell(member, actives(0, 100, 200))
    assert fold(shanghai, as_of=at(-0.000001)) == FoldResult()
    fold(shanghai, as_of=at(100))
    assert spans(member) == [(0, 400)]
    assert [mark.since for mark in StreamMark.objects.all()] == [at(100.000001)]
    assert fold(shanghai, as_of=at(100)).streams == 0
    fold(shanghai, as_of=at(200))
    assert spans(member) == [(0, 500)]
    assert StreamMark.objects.count() == 0


def test_in_order_events_cost_by_their_own_number(shanghai):
    member = shanghai.member
    tell(member, actives(*range(0, 100 * 400, 400)))
    assert fold(shanghai).events == 100
    tell(member, actives(100 * 400))
    assert fold(shanghai) == FoldResult(streams=1, events=2)
    assert fold(shanghai) == FoldResult()


def test_a_late_event_costs_the_sessions_it_touches(shanghai):
    member = shanghai.member
    tell(member, actives(*range(-2_000_000, 0, 1_000)))  # 2,000 sessions
    fold(shanghai)
    tell(member, actives(-1_500_000 + 350))
    done = fold(shanghai)
    assert done.events <= service.FIRST_EVENTS
    assert len(is_kept(member)) == 2_000


def test_sessions_that_late_events_join_split_and_remove(shanghai):
    member = shanghai.member
    tell(member, actives(0, 1_000, 9_000))
    fold(shanghai)
    ids = dict(rows("SELECT started_at, id FROM billing_offloadsession"))
    tell(member, actives(600, 800))
    fold(shanghai)
    assert spans(member) == [(0, 1_300), (9_000, 9_300)]
    tell(member, [word(ENDED, 900)])
    fold(shanghai)
    assert spans(member) == [(0, 900), (1_000, 1_300), (9_000, 9_300)]
    assert ids == dict(rows("SELECT started_at, id FROM billing_offloadsession"))
    tell(member, [word(ENDED, 0), *actives(0, machine="gpu-l4")])
    fold(shanghai)
    assert [entry.machine for _, entry in sorted(is_kept(member).items())] == [
        "gpu-l4", "cpu-4x8", "cpu-4x8", "cpu-4x8"
    ]  # fmt: skip
    assert spans(member) == [(0, 300), (600, 900), (1_000, 1_300), (9_000, 9_300)]


def test_a_session_over_midnight_and_month_is_cut_where_the_zone_says(shanghai):
    # 16:00 UTC is midnight in Shanghai, and a month begins
    tell(shanghai.member, actives(-200, -50, 90, timeout=600))
    fold(shanghai)
    records = list(
        UsageRecord.objects.order_by("day").values_list(
            "day", "period__label", "working_us", "bridged_us", "waiting_us"
        )
    )
    assert [(str(day), label, *sums) for day, label, *sums in records] == [
        ("2026-01-31", "2026-01", 200 * SECOND, 0, 0),
        ("2026-02-01", "2026-02", 690 * SECOND, 0, 600 * SECOND),
    ]


def test_a_midnight_that_comes_twice_in_havana_is_one_day_of_25_hours():
    havana = make_customer("acme", zone="America/Havana")
    # 3 November 2024: at 01:00 (05:00 UTC) clocks go back to midnight
    first = instant_of(datetime(2024, 11, 3, 4, 0, tzinfo=UTC)) - SEAM  # the first midnight
    hours = [first / SECOND + 1_800 * n for n in range(-1, 52)]
    tell(havana.member, actives(*hours, timeout=3_600))
    fold(havana, as_of=at(hours[-1] + 7_200))
    records = UsageRecord.objects.order_by("day").values_list("day", "working_us")
    assert [(str(day), working / SECOND / 3_600) for day, working in records] == [
        ("2024-11-02", 0.5),
        ("2024-11-03", 25),
        ("2024-11-04", 1.5),
    ]


def test_a_date_that_a_zone_change_puts_into_two_periods_is_two_records():
    """The period of another zone begins where the last one ended; its first day has that date."""
    customer = make_customer("acme", zone="America/Havana", since=datetime(2026, 2, 9, tzinfo=UTC))
    first = BillingPeriod.objects.earliest("starts_at")  # begins at 05:00 UTC on 1 February
    BillingPeriod.objects.create(
        organization=customer.organization,
        starts_at=first.starts_at - timedelta(days=31),
        ends_at=first.starts_at,
        zone="Asia/Shanghai",  # where it is 13:00 on 1 February
        label="before",
    )
    begin = (instant_of(first.starts_at) - SEAM) / SECOND - 600
    for second in (0, 400, 800, 1_200, 1_600):
        tell(customer.member, actives(begin + second, timeout=600))
        fold(customer)
    records = UsageRecord.objects.order_by("period__starts_at").values_list(
        "period__label", "day", "working_us"
    )
    assert [(label, str(day), working) for label, day, working in records] == [
        ("before", "2026-02-01", 600 * SECOND),
        ("2026-02", "2026-02-01", 1_600 * SECOND),
    ]


def test_the_team_in_force_at_the_start_carries_the_session(shanghai):
    member = shanghai.member
    red, blue = (make_team(shanghai.organization, slug) for slug in ("red", "blue"))
    assign_team(member, red, since=at(1_000))
    assign_team(member, blue, since=at(5_000))
    tell(member, actives(0, 1_000, 4_999, 5_200, 5_600, 9_000))
    fold(shanghai)
    teams = rows(
        "SELECT team.slug FROM billing_offloadsession session "
        "LEFT JOIN orgs_team team ON team.id = session.team_id ORDER BY started_at"
    )
    assert teams == [(None,), ("red",), ("red",), ("blue",)]
    assert rows(
        "SELECT count(*) FROM billing_usagerecord record JOIN billing_offloadsession session "
        "ON session.id = record.session_id WHERE record.team_id IS DISTINCT FROM session.team_id"
    ) == [(0,)]


def test_the_database_refuses_two_sessions_of_a_member_at_one_time(shanghai):
    tell(shanghai.member, actives(0))
    fold(shanghai)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="session_no_overlap"), transaction.atomic():
        rows(
            "INSERT INTO billing_offloadsession (id, organization_id, member_id, machine_id, "
            "started_at, active_until, end_reason, bridged_us, waiting_us, event_count, "
            "fold_version) SELECT gen_random_uuid(), organization_id, member_id, machine_id, "
            "started_at + interval '299 s', active_until + interval '9 s', '', 0, 0, 1, 1 "
            "FROM billing_offloadsession RETURNING 1"
        )


def test_a_rebuild_mends_what_was_tampered_with(shanghai):
    member = shanghai.member
    tell(member, [*actives(-400, -100, 0, 9_000), word(ENDED, 9_100)])
    fold(shanghai)
    before = is_kept(member)
    owner = shanghai.organization.pk
    OffloadSession.objects.filter(started_at=at(9_000)).update(active_until=at(9_050))
    rows("DELETE FROM billing_sessionstretch RETURNING 1")
    rows("UPDATE billing_usagerecord SET bridged_us = bridged_us + 1 RETURNING 1")
    rebuild_sessions(organization_id=owner, as_of=LONG_AFTER)
    assert is_kept(member) == before


def test_a_fault_in_the_middle_leaves_all_as_it_was(shanghai, monkeypatch):
    member = shanghai.member
    tell(member, actives(0))
    fold(shanghai)

    def everything() -> list:
        return [
            rows(f"SELECT * FROM billing_{table} ORDER BY 1")
            for table in (
                "stream",
                "streammark",
                "offloadsession",
                "sessionstretch",
                "usagerecord",
            )
        ]

    tell(member, actives(-100, 500))
    before = everything()

    def fail(*_, **__):
        raise DatabaseError("killed before the commit")

    with monkeypatch.context() as patch:
        patch.setattr(service, "finish_claims", fail)
        with pytest.raises(DatabaseError):
            fold_sessions(as_of=LONG_AFTER)
    assert everything() == before
    fold(shanghai)
    assert spans(member) == [(-100, 800)]


def test_a_stream_without_any_session_is_done(shanghai):
    tell(shanghai.member, [word(IDLE, 0), word(ENDED, 10)])
    assert fold(shanghai).streams == 1
    assert spans(shanghai.member) == []
    tell(shanghai.member, actives(10))
    fold(shanghai)
    assert spans(shanghai.member) == [(10, 310)]


def test_a_long_session_resumes_without_reading_itself(shanghai):
    member = shanghai.member
    tell(member, actives(*range(-300_000, 0, 600)))  # 500 stretches, each gap exactly 300 s
    fold(shanghai)
    for second in (0, 600, 1_200):
        tell(member, actives(second))
        assert fold(shanghai).events == 2
    stored = should_be(member, actives(*range(-300_000, 1_800, 600)))
    assert is_kept(member) == stored
    (entry,) = stored.values()
    assert entry.bridged_us == 502 * microseconds(minutes=5)
    assert Stream.objects.get(member=member).folded_until == at(1_200)
