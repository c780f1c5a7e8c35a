"""Pages answer what is true at their instant, to whom it belongs, in few queries."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from billing.domain.instants import SECOND_US
from billing.models import Invoice, OffloadSession
from billing.selectors.overview import get_overview
from billing.selectors.session_detail import get_session_detail
from billing.selectors.sessions import SessionFilter, list_sessions
from billing.selectors.usage import UsageFilter, usage_by
from billing.services.sessions import fold_all
from orgs.domain.roles import Role
from orgs.models import Member, User
from orgs.selectors.members import member_actor
from tests.factories.billing import (
    ZONE,
    bill_directly,
    make_peopled_organization,
    make_used_organization,
    report,
    take,
)

pytestmark = pytest.mark.django_db

QUERIES = {
    "": 17,
    "sessions/": 9,
    "sessions/?state=ended&member=mei&team=backend": 8,
    "sessions/{session}/": 14,
    "usage/": 12,
    "usage/?group_by=member": 12,
    "invoices/": 6,
    "invoices/{invoice}/": 7,
    "invoices/{invoice}/lines/1/": 11,
}
"""Queries of each page, two of them for the sign-in, two for organizations."""


RUNNING = ["active", "active", "active", "idle"]


@pytest.fixture
def used():
    now = timezone.now()
    made = make_used_organization(now, days=35)
    bill_directly(made.organization, now=now)
    return made


@pytest.mark.parametrize("path", QUERIES)
def test_a_page_costs_so_many_queries(client, used, path, django_assert_num_queries):
    client.force_login(used.owner)
    session = OffloadSession.objects.filter(bridged_us__gt=0).order_by("started_at").first()
    invoice = Invoice.objects.first()
    address = "/o/acme/" + path.format(
        session=session.pk if session else "", invoice=invoice.number if invoice else ""
    )
    client.get(address)  # what is asked once in a process, such as content types

    with django_assert_num_queries(QUERIES[path]):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("role", "sees_money", "sees_all"),
    [
        (Role.OWNER, True, True),
        (Role.AUDITOR, True, True),
        (Role.BILLING_MANAGER, True, True),
        (Role.POLICY_ADMIN, False, True),
        (Role.MEMBER, False, False),
    ],
)
def test_money_and_others_use_are_shown_by_role(client, used, role, sees_money, sees_all):
    user = User.objects.create_user("someone@acme.example", None)
    Member.objects.filter(email="mei@acme.example").update(user=user, role=role.value)
    client.force_login(user)

    overview = client.get("/o/acme/", headers={"accept-language": "en"}).content.decode()
    usage = client.get("/o/acme/usage/?group_by=member").content.decode()
    assert ("USD" in overview) is sees_money
    assert ("USD" in usage) is sees_money
    assert ("陈浩" in usage) is sees_all
    assert "王美" in usage
    assert client.get("/o/acme/invoices/").status_code == (200 if sees_money else 403)
    foreign = OffloadSession.objects.filter(member__email="hao@acme.example").first()
    answer = client.get(f"/o/acme/sessions/{foreign.pk}/")
    assert answer.status_code == (200 if sees_all else 404)
    assert ("USD" in answer.content.decode()) is (sees_money and sees_all)


def test_strangers_and_nonsense_are_not_found(client, used):
    stranger = User.objects.create_user("stranger@elsewhere.example", None)
    client.force_login(stranger)
    assert client.get("/o/acme/").status_code == 404

    client.force_login(used.owner)
    for path in (
        "sessions/00000000-0000-0000-0000-000000000000/",
        "invoices/2026-999999/",
        "invoices/%00/",
    ):
        assert client.get(f"/o/acme/{path}").status_code == 404
    for query in ("state=x&from=2026-13-45&to=%00&after=zzz~1", "after=2026-11-01T00:00:00~x"):
        assert client.get(f"/o/acme/sessions/?{query}").status_code == 200
    for query in ("group_by=x&from=9999-12-31", "from=0001-01-01&to=1800-01-01", "member=%00"):
        assert client.get(f"/o/acme/usage/?{query}").status_code == 200


@pytest.mark.parametrize(
    "day", ["0001-01-01", "1899-12-31", "1900-01-01", "2200-01-01", "9999-12-31"]
)
def test_days_that_no_calendar_has_are_left_out(client, used, day):
    client.force_login(used.owner)
    for name in ("from", "to"):
        listed = client.get(f"/o/acme/sessions/?{name}={day}")
        assert listed.status_code == 200
        assert f'value="{day}"' not in listed.content.decode()
        assert client.get(f"/o/acme/usage/?{name}={day}").status_code == 200


@pytest.mark.parametrize("day", ["1901-01-01", "2198-12-31"])
def test_the_first_and_last_days_of_the_calendar_are_taken(client, used, day):
    client.force_login(used.owner)
    for name in ("from", "to"):
        listed = client.get(f"/o/acme/sessions/?{name}={day}")
        assert listed.status_code == 200
        assert f'value="{day}"' in listed.content.decode()
        assert client.get(f"/o/acme/usage/?{name}={day}").status_code == 200


def actor_of(used):
    return member_actor(Member.objects.get(user=used.owner))


def test_a_running_session_is_counted_up_to_the_instant_asked():
    now = datetime(2026, 11, 2, 16, 10, tzinfo=UTC)  # 00:10 of the 3rd in Shanghai
    begin = now - timedelta(seconds=660)  # 23:59 of the 2nd
    used = make_peopled_organization(begin - timedelta(days=1))
    instants = [begin + timedelta(seconds=seconds_on) for seconds_on in (0, 150, 300)]
    take(used.organization, [report(used.slug, "mei", "active", at) for at in instants])
    fold_all(as_of=now)

    session = OffloadSession.objects.get()
    for seconds_on, state, billable, waiting in (
        (360, "active", 360, 60),
        (600, "idle", 600, 300),
        (900, "idle", 600, 300),
        (900.000001, "ended", 600, 300),
    ):
        as_of = begin + timedelta(seconds=seconds_on)
        detail = get_session_detail(actor=actor_of(used), session_id=session.pk, as_of=as_of)
        assert detail.session.state == state
        assert detail.session.billable_us == billable * SECOND_US
        assert detail.session.waiting_us == waiting * SECOND_US
        billed = sum(piece.length_us for piece in detail.all_pieces if piece.is_billed)
        assert billed == billable * SECOND_US

    day = now.astimezone(ZoneInfo(ZONE)).date()
    found = usage_by(
        actor=actor_of(used),
        group_by="day",
        narrowed=UsageFilter(first=day - timedelta(days=1), last=day),
        as_of=begin + timedelta(seconds=360),
        zone=ZONE,
    )
    assert [(row.key, row.billable_us) for row in found.rows] == [
        (day - timedelta(days=1), 60 * SECOND_US),
        (day, 300 * SECOND_US),
    ]
    assert [row.waiting_us for row in found.rows] == [0, 60 * SECOND_US]


def test_all_groupings_have_one_sum(used):
    now = timezone.now()
    today = now.astimezone(ZoneInfo(ZONE)).date()
    narrowed = UsageFilter(first=today - timedelta(days=40), last=today)
    reports = [
        usage_by(actor=actor_of(used), group_by=group, narrowed=narrowed, as_of=now, zone=ZONE)
        for group in ("day", "member", "team", "machine")
    ]

    assert len({found.total.billable_us for found in reports}) == 1
    assert len({found.total.amount for found in reports}) == 1
    for found in reports:
        assert sum(row.billable_us for row in found.rows) == found.total.billable_us > 0
        assert sum(row.amount for row in found.rows) == found.total.amount > 0


def test_pages_of_sessions_follow_each_other_without_gap_or_repeat(used):
    now = timezone.now()
    seen = []
    cursor = None
    while True:
        page = list_sessions(
            actor=actor_of(used), narrowed=SessionFilter(), as_of=now, after=cursor
        )
        seen += [*page.running, *page.ended]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert len(seen) == OffloadSession.objects.count() > 100
    assert len({session.id for session in seen}) == len(seen)
    assert [session.state for session in seen[:4]] == RUNNING
    ended = [session for session in seen if session.state == "ended"]
    assert ended == sorted(ended, key=lambda view: view.started_at, reverse=True)


def test_overview_agrees_with_usage(used):
    now = timezone.now()
    overview = get_overview(actor=actor_of(used), as_of=now, window=timedelta(hours=8))
    local = now.astimezone(ZoneInfo(ZONE)).date()
    found = usage_by(
        actor=actor_of(used),
        group_by="team",
        narrowed=UsageFilter(first=local.replace(day=1), last=local),
        as_of=now,
        zone=ZONE,
    )

    assert overview.month.billable_us == found.total.billable_us
    assert overview.month.amount == found.total.amount
    assert sum(overview.month.by_machine.values()) == found.total.billable_us
    assert [row.session.state for row in overview.timelines] == RUNNING


def test_durations_carry_their_exact_seconds(client, used):
    client.force_login(used.owner)
    page = client.get("/o/acme/sessions/", headers={"accept-language": "en"}).content.decode()

    assert re.search(r'title="[\d.]+ seconds">\d+ h \d\d min \d\d s<', page)
