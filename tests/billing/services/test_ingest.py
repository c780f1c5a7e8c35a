"""Ingest: a verdict for every event, neighbours kept, nothing lost and nothing twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from billing.models import BillingAccount, Machine, Price, Quarantine, RateCard, StreamMark
from billing.services.cutoff import database_now
from billing.services.ingest import IngestResult, IngestScope, Reported, ingest_events
from tests.billing.services.threads import rows
from tests.factories.orgs import make_member, make_organization
from tests.factories.usage import JANUARY, Customer, make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Customer:
    return make_customer("acme")


def one(**changes) -> Reported:
    values = {
        "ordinal": 0,
        "event_id": "e1",
        "source": "/runners/eu-1",
        "kind": "active",
        "at": JANUARY,
        "organization": "acme",
        "subject": "dev@acme.example",
        "machine": "cpu-4x8",
        "idle_timeout_seconds": 300,
    }
    return Reported(**values | changes)


def batch(count: int, **changes) -> list[Reported]:
    return [
        one(ordinal=n, event_id=f"e{n}", at=JANUARY + timedelta(seconds=n), **changes)
        for n in range(count)
    ]


def ingest(*events: Reported, scope: IngestScope | None = None) -> IngestResult:
    return ingest_events(
        events, scope=scope or IngestScope(organization_id=None, may_backfill=True)
    )


def counts(result: IngestResult) -> tuple[int, int, int, int]:
    return result.accepted, result.duplicates, result.conflicts, result.rejected


def stored() -> int:
    return rows("SELECT count(*) FROM billing_sessionevent")[0][0]


def said(result: IngestResult) -> list[tuple[int, str, str]]:
    return [(verdict.ordinal, verdict.status, verdict.code) for verdict in result.verdicts]


@pytest.mark.parametrize("count", [1, 7, 500, 1_000])
def test_a_batch_is_stored_once_however_often_it_comes(acme, count):
    assert counts(ingest(*batch(count))) == (count, 0, 0, 0)
    again = ingest(*batch(count))
    assert counts(again) == (0, count, 0, 0)
    assert said(again) == [(n, "duplicate", "duplicate") for n in range(count)]
    assert stored() == count


@pytest.mark.parametrize("count", [4, 500])
def test_new_and_known_events_in_one_batch_are_told_apart(acme, count):
    ingest(*batch(count)[1::2])
    result = ingest(*batch(count))
    assert counts(result) == (count / 2, count / 2, 0, 0)
    assert [verdict.ordinal for verdict in result.verdicts] == list(range(1, count, 2))


@pytest.mark.parametrize("filler", [0, 500])
def test_twins_in_one_batch_the_first_counts(acme, filler):
    events = [
        one(ordinal=0),
        one(ordinal=1),
        one(ordinal=2, kind="idle"),
        one(ordinal=3, idle_timeout_seconds=301),
        one(ordinal=4),
        *(
            one(ordinal=5 + n, event_id=f"f{n}", at=JANUARY + timedelta(seconds=1 + n))
            for n in range(filler)
        ),
    ]
    result = ingest(*events)
    assert said(result) == [
        (1, "duplicate", "duplicate"),
        (2, "conflict", "identity_conflict"),
        (3, "conflict", "identity_conflict"),
        (4, "duplicate", "duplicate"),
    ]
    assert result.accepted == 1 + filler
    found = rows("SELECT kind, idle_timeout_seconds FROM billing_sessionevent WHERE event_id='e1'")
    assert found == [("active", 300)]
    assert set(Quarantine.objects.values_list("kind", "idle_timeout_seconds")) == {
        ("idle", 300),
        ("active", 301),
    }


def test_other_content_goes_to_quarantine_once_and_the_first_word_stands(acme):
    ingest(one())
    for _ in range(2):
        result = ingest(one(ordinal=3, machine="gpu-l4"), one(ordinal=4, event_id="new"))
        assert said(result)[0] == (3, "conflict", "identity_conflict")
    assert Quarantine.objects.count() == 1
    kept = Quarantine.objects.get()
    assert (kept.event_id, kept.source, kept.machine_id) == (
        "e1",
        "/runners/eu-1",
        Machine.objects.get(name="gpu-l4").pk,
    )
    assert stored() == 2


@pytest.mark.parametrize(
    "other",
    [
        {"source": "/runners/eu-2"},
        {"event_id": "e2"},
        {"at": JANUARY + timedelta(microseconds=1)},
        {"subject": "owner@acme.example"},
        {"organization": "beta", "subject": "dev@beta.example"},
    ],
    ids=["source", "id", "time", "member", "organization"],
)
def test_identity_is_organization_member_source_id_and_time(acme, other):
    make_customer("beta")
    ingest(one())
    assert counts(ingest(one(**other))) == (1, 0, 0, 0)


def test_one_instant_in_two_zones_is_one_event(acme):
    shanghai = one(at=datetime.fromisoformat("2026-01-10T17:00:00+08:00"))
    assert counts(ingest(one(), shanghai._replace(ordinal=1))) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"organization": "nobody"}, "unknown_organization"),
        ({"organization": "Acme"}, "unknown_organization"),
        ({"organization": "unbilled"}, "unknown_organization"),
        ({"subject": "ghost@acme.example"}, "unknown_member"),
        ({"subject": "9" * 30}, "unknown_member"),
        ({"subject": "-1"}, "unknown_member"),
        ({"machine": "cray-1"}, "unknown_machine"),
        ({"machine": "CPU-4X8"}, "unknown_machine"),
        ({"idle_timeout_seconds": 9}, "idle_timeout_out_of_bounds"),
        ({"idle_timeout_seconds": 3601}, "idle_timeout_out_of_bounds"),
        ({"idle_timeout_seconds": -(2**63)}, "idle_timeout_out_of_bounds"),
        ({"at": datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)}, "time_in_the_future"),
    ],
)
def test_what_cannot_be_attributed_is_rejected_and_its_neighbours_kept(acme, changes, code):
    make_organization("unbilled")  # has no billing account
    bad = one(ordinal=1, event_id="bad", **changes)
    result = ingest(one(), bad, one(ordinal=2, event_id="e3"))
    assert said(result) == [(1, "rejected", code)]
    assert result.accepted == stored() == 2


def test_bounds_of_the_idle_timeout_are_inside(acme):
    assert counts(ingest()) == (0, 0, 0, 0)  # nothing is nothing
    result = ingest(
        one(idle_timeout_seconds=10), one(ordinal=1, event_id="b", idle_timeout_seconds=3600)
    )
    assert result.accepted == 2


def test_the_future_begins_after_five_minutes_and_the_past_ends_after_400_days(acme):
    now = database_now()  # the receipt comes after it
    scope = IngestScope(organization_id=acme.organization.pk)
    result = ingest(
        one(ordinal=0, event_id="0", at=now + timedelta(minutes=5)),
        one(ordinal=1, event_id="1", at=now + timedelta(minutes=5, seconds=30)),
        one(ordinal=2, event_id="2", at=now - timedelta(days=400) + timedelta(seconds=30)),
        one(ordinal=3, event_id="3", at=now - timedelta(days=400, seconds=1)),
        one(ordinal=4, event_id="4", at=datetime(1, 1, 1, tzinfo=UTC)),
        scope=scope,
    )
    assert said(result) == [
        (1, "rejected", "time_in_the_future"),
        (3, "rejected", "time_too_old"),
        (4, "rejected", "time_too_old"),
    ]
    assert stored() == 2


def test_members_are_known_by_address_in_any_case_and_by_id(acme):
    member = acme.member
    result = ingest(
        one(ordinal=0, event_id="0", subject="DEV@Acme.example"),
        one(ordinal=1, event_id="1", subject=str(member.pk)),
    )
    assert result.accepted == 2
    assert rows("SELECT DISTINCT member_id FROM billing_sessionevent") == [(member.pk,)]


def test_an_id_or_address_of_another_organization_is_unknown(acme):
    beta = make_customer("beta")
    result = ingest(
        one(ordinal=0, subject=str(beta.member.pk)), one(ordinal=1, subject="dev@beta.example")
    )
    assert said(result) == [(0, "rejected", "unknown_member"), (1, "rejected", "unknown_member")]


def test_a_token_of_one_organization_sees_no_other(acme):
    beta = make_customer("beta")
    scope = IngestScope(organization_id=beta.organization.pk, may_backfill=True)
    assert said(ingest(one(), scope=scope)) == [(0, "rejected", "unknown_organization")]


def test_a_token_bound_to_sources_writes_for_no_other(acme):
    scope = IngestScope(organization_id=None, source_prefix="/runners/eu-", may_backfill=True)
    result = ingest(one(), one(ordinal=1, event_id="b", source="/runners/us-1"), scope=scope)
    assert said(result) == [(1, "rejected", "source_not_allowed")]


def test_removed_members_are_still_metered(acme):
    gone = make_member(acme.organization, "gone@acme.example", status="removed")
    assert ingest(one(subject=gone.email)).accepted == 1


def test_a_machine_must_have_a_price_on_the_day_of_the_event_in_the_billing_zone():
    shanghai = make_customer("acme", zone="Asia/Shanghai")
    later = RateCard.objects.create(
        organization=shanghai.organization,
        effective_from=date(2027, 1, 1),
        currency="USD",
        created_at=database_now(),
    )
    Price.objects.create(
        rate_card=later,
        machine=Machine.objects.get(name="gpu-l4"),
        hourly_price="1.00",
        weight="1",
    )
    account = BillingAccount.objects.get(organization=shanghai.organization)
    account.last_cutoff = datetime(2027, 1, 2, tzinfo=UTC)  # receipt: so that 2027 is not ahead
    account.save()
    eve = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
    result = ingest(
        one(ordinal=0, event_id="0", at=eve),
        one(ordinal=1, event_id="1", at=eve + timedelta(seconds=1)),
        one(ordinal=2, event_id="2", at=eve + timedelta(seconds=1), machine="gpu-l4"),
    )
    assert said(result) == [(1, "rejected", "unknown_machine")]


def test_received_at_is_the_databases_clock_and_never_before_the_last_cutoff(acme):
    before = database_now()
    ingest(one())
    ahead = before + timedelta(days=1)
    BillingAccount.objects.filter(organization=acme.organization).update(last_cutoff=ahead)
    ingest(one(event_id="e2"))
    beta = make_customer("beta")
    ingest(one(organization="beta", subject=beta.member.email, event_id="e3"))
    received = dict(rows("SELECT event_id, received_at FROM billing_sessionevent"))
    assert before <= received["e1"] <= database_now()
    assert received["e2"] == ahead
    assert before <= received["e3"] <= database_now()


def test_marks_say_where_new_events_lie_one_for_each_stream_and_day(acme):
    owner = "owner@acme.example"
    ingest(
        one(ordinal=0, event_id="0"),
        one(ordinal=1, event_id="1", at=JANUARY + timedelta(hours=3)),
        one(ordinal=2, event_id="2", at=JANUARY + timedelta(days=1)),
        one(ordinal=3, event_id="3", subject=owner),
    )
    assert sorted(StreamMark.objects.values_list("since", "until")) == [
        (JANUARY, JANUARY),
        (JANUARY, JANUARY + timedelta(hours=3)),
        (JANUARY + timedelta(days=1), JANUARY + timedelta(days=1)),
    ]
    ingest(one(ordinal=0, event_id="0"))  # a duplicate is no work
    assert StreamMark.objects.count() == 3


def test_a_missing_month_is_made_for_good_events_only(acme):
    far = datetime(2009, 5, 31, 23, 59, 59, 999_999, UTC)
    result = ingest(
        one(ordinal=0, at=far),
        one(ordinal=1, at=far + timedelta(microseconds=1)),
        one(ordinal=2, at=datetime(9999, 12, 31, tzinfo=UTC)),
        one(ordinal=3, at=datetime(1999, 12, 31, tzinfo=UTC), machine="cray-1"),
    )
    assert counts(result) == (2, 0, 0, 2)
    made = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' "
        "AND relname ~ '^billing_sessionevent_(1999|2009|9999)' ORDER BY 1"
    )
    assert made == [("billing_sessionevent_2009_05",), ("billing_sessionevent_2009_06",)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_sessionevent SET kind = 'idle'",
        "DELETE FROM billing_sessionevent",
        "DELETE FROM billing_sessionevent_2026_01",
    ],
)
def test_the_database_refuses_to_change_events(acme, change):
    ingest(one())
    with pytest.raises(DatabaseError, match=r"refuse|append"), transaction.atomic():
        rows(change + " RETURNING 1")
    assert stored() == 1


def test_the_database_refuses_values_that_are_no_events(acme):
    ingest(one())
    for column, value in (("kind", "'busy'"), ("idle_timeout_seconds", "9")):
        columns = {"kind": "kind", "idle_timeout_seconds": "idle_timeout_seconds"} | {
            column: value
        }
        with (
            pytest.raises(DatabaseError, match="event_"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "INSERT INTO billing_sessionevent SELECT organization_id, member_id, occurred_at,"
                f" gen_random_uuid(), {columns['kind']}, machine_id,"
                f" {columns['idle_timeout_seconds']}, received_at, source, event_id"
                " FROM billing_sessionevent"
            )


def test_queries_of_a_batch_do_not_grow_with_it(acme, django_assert_num_queries):
    ingest(*batch(3))  # makes the month
    with django_assert_num_queries(9):  # two of them the savepoint of the test's transaction
        ingest(*[event._replace(event_id=f"q{event.ordinal}") for event in batch(3)])
    with django_assert_num_queries(9):
        ingest(*[event._replace(event_id=f"r{event.ordinal}") for event in batch(400)])
