"""The demo organization: people, plausible days, loaded once, and a sign-in that works."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import islice, pairwise

import pytest
from django.core.management import call_command

from billing.domain.instants import HOUR_US, instant_of
from billing.domain.session_facts import state_at
from billing.management.demo import loading
from billing.management.demo.loading import NotTheDemo, find_sign_in, load_demo
from billing.management.demo.people import BUILDS, MOVES, PEOPLE, TEAMS
from billing.management.demo.reports import LIVE, reported_use, timeline
from billing.management.demo.workdays import plan
from billing.models import Invoice, OffloadSession, SessionEvent, StreamMark, UsageRecord
from billing.selectors.ledger import ledger_faults
from orgs.models import AuditEvent, Entitlement, Member, Organization, Team, TeamAssignment, User
from tests.factories.orgs import make_organization

# Wednesday, 4 November 2026, 15:00 in Shanghai: October has been due since the night before.
NOW = datetime(2026, 11, 4, 7, tzinfo=UTC)
DAYS = 6
# Sunday night, 2 a.m., after the holidays of October.
NIGHT = datetime(2026, 10, 10, 18, tzinfo=UTC)


def events(now: datetime, days: int = DAYS) -> list:
    return list(reported_use(now=now, days=days))


def stored(organization: Organization) -> int:
    # Only this organization's: events of tests before stay in the table.
    return SessionEvent.objects.filter(organization_id=organization.pk).count()


# --- people and their days, without a database ---


def test_forty_members_in_six_teams_counting_the_owner():
    assert len(PEOPLE) + 1 == 40
    assert len({person.email for person in PEOPLE}) == 39
    assert {person.team for person in PEOPLE} == TEAMS.keys()
    assert list(TEAMS) == ["backend", "frontend", "platform", "data", "ml", "qa"]
    assert set(LIVE) | set(MOVES) <= {person.key for person in PEOPLE}


@pytest.mark.parametrize("now", [NOW, NIGHT, datetime(2024, 2, 29, 15, 59, 59, tzinfo=UTC)])
def test_what_a_person_does_never_overlaps_and_comes_in_order(now):
    for person in PEOPLE:
        last = (now + timedelta(hours=8)).date()
        activities = timeline(
            person, first=last - timedelta(days=59), last=last, now=instant_of(now)
        )
        assert all(a.begin < a.end for a in activities)
        assert all(a.end < b.begin for a, b in pairwise(activities)), person


def test_a_day_is_the_same_in_whatever_range_it_is_asked_for():
    mei = PEOPLE[0]
    tuesday = date(2026, 11, 3)
    alone = list(plan(mei, first=tuesday, last=tuesday))
    among = list(plan(mei, first=date(2026, 11, 1), last=date(2026, 11, 8)))
    assert len(alone) > 3
    assert [a for a in among if a in alone] == alone


def test_the_office_is_empty_on_most_of_a_weekend_and_in_the_holidays_but_builds_run():
    def working(day: date) -> int:
        return sum(any(plan(p, first=day, last=day)) for p in PEOPLE if p is not BUILDS)

    assert working(date(2026, 11, 4)) > 30  # a Wednesday
    assert working(date(2026, 11, 7)) < 8  # a Saturday
    assert working(date(2026, 10, 5)) < 8  # a Monday, but in the holidays
    assert len(list(plan(BUILDS, first=date(2026, 10, 5), last=date(2026, 10, 5)))) == 3


def test_the_same_arguments_report_the_same_events_and_nothing_after_now():
    first = events(NOW)
    assert first == events(NOW)
    assert 5_000 < len(first) < 30_000
    assert max(event.at for event in first) <= NOW
    assert min(event.at for event in first) >= datetime(2026, 10, 29, 16, tzinfo=UTC)
    assert len({(e.subject, e.source, e.event_id, e.at) for e in first}) == len(first)
    assert {event.kind for event in first} == {"active", "idle", "ended"}
    assert {event.machine for event in first} == {"cpu-2x4", "cpu-4x8", "cpu-8x16", "gpu-l4"}


def test_a_runner_repeats_active_at_least_every_half_idle_timeout():
    (person,) = (p for p in PEOPLE if p.key == "mei")
    mei = [e for e in events(NOW) if e.subject == "mei@acme.example" and e.kind == "active"]
    day = (NOW + timedelta(hours=8)).date()
    doing = timeline(person, first=day - timedelta(days=5), last=day, now=instant_of(NOW))
    at = [instant_of(event.at) for event in mei]
    for activity in doing:
        signs = [t for t in at if activity.begin <= t <= activity.end]
        assert (signs[0], signs[-1]) == (activity.begin, activity.end)
        assert all(b - a <= activity.idle_timeout * 500_000 for a, b in pairwise(signs))


# --- loading ---


def load(**arguments) -> Organization:
    assert load_demo(now=NOW, days=DAYS, **arguments) is True
    return Organization.objects.get(slug="acme")


@pytest.mark.django_db(transaction=True)
def test_it_loads_people_use_and_invoices_and_a_second_call_does_nothing():
    acme = load()
    assert (acme.name, acme.created_at) == ("Acme 研发", NOW - timedelta(days=DAYS))
    assert Member.objects.filter(organization=acme).count() == 40
    assert list(Team.objects.order_by("priority").values_list("slug", "name")) == [
        ("backend", "后端 Backend"),
        ("frontend", "前端 Frontend"),
        ("platform", "平台 Platform"),
        ("data", "数据 Data"),
        ("ml", "机器学习 Machine Learning"),
        ("qa", "测试 QA"),
    ]
    assert Entitlement.objects.get(organization=acme, product="offload").is_enabled
    moved = TeamAssignment.objects.filter(member__email="kai.tang@acme.example")
    assert list(moved.order_by("since").values_list("team__slug", "since")) == [
        ("data", NOW - timedelta(days=6)),
        ("ml", NOW - timedelta(days=3)),
    ]
    assert not OffloadSession.objects.filter(team=None).exists()

    expected = len(events(NOW))
    assert stored(acme) == expected
    assert StreamMark.objects.count() == 0
    assert list(Invoice.objects.values_list("number", "period__label", "currency")) == [
        ("2026-000001", "2026-10", "USD")
    ]
    assert UsageRecord.objects.filter(machine__name="gpu-l4").exists()
    assert OffloadSession.objects.filter(bridged_us__gt=0).exists()
    assert list(ledger_faults(acme)) == []

    entries = AuditEvent.objects.count()
    assert load_demo(now=NOW + timedelta(hours=1), days=DAYS) is False
    assert (stored(acme), AuditEvent.objects.count()) == (expected, entries)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("now", [NOW, NIGHT])
def test_at_any_hour_sessions_are_active_one_is_idle_and_one_has_just_ended(now):
    load_demo(now=now, days=2)
    states = {}
    for session in OffloadSession.objects.order_by("started_at").select_related("member"):
        states[session.member.email.partition("@")[0]] = state_at(
            active_until=instant_of(session.active_until),
            terminated_at=session.terminated_at and instant_of(session.terminated_at),
            as_of=instant_of(now),
        )
    assert {key: states[key] for key in LIVE} == {
        "mei": "active",
        "jun.zhao": "active",
        "lena.ortiz": "active",
        "noor.rahman": "active",
        "kai.tang": "active",
        "lan.xie": "idle",
        "wei.li": "ended",
    }


@pytest.mark.django_db(transaction=True)
def test_what_was_interrupted_is_completed_by_the_next_call():
    begin = NOW - timedelta(days=DAYS)
    acme = loading._create(since=begin)
    loading._ensure_people(acme, since=begin, moved_at=begin + timedelta(days=3))
    loading._ingest(acme, islice(reported_use(now=NOW, days=DAYS), 3_000))
    assert stored(acme) == 3_000
    # an hour later, as after a pause
    assert load_demo(now=NOW + timedelta(hours=1), days=DAYS) is True
    assert stored(acme) == len(events(NOW))
    assert Member.objects.filter(organization=acme).count() == 40


@pytest.mark.django_db
def test_an_organization_of_the_same_name_that_is_no_demo_is_left_alone():
    acme = make_organization("acme").organization
    with pytest.raises(NotTheDemo):
        load_demo(now=NOW)
    out = StringIO()
    call_command("load_demo", stdout=out)
    assert out.getvalue() == "the organization acme is not the demo; it stays as it is.\n"
    assert (Member.objects.count(), stored(acme)) == (1, 0)
    assert find_sign_in() is None


@pytest.mark.django_db
def test_the_owner_signs_in_with_the_password_that_is_printed(client, settings):
    settings.SECRET_KEY = "a key of this installation, which nobody else has"
    loading._create(since=NOW)
    sign_in = find_sign_in()
    assert sign_in.email == "owner@acme.example"
    assert client.login(username="owner@acme.example", password=sign_in.password)
    # what a person has chosen is never printed
    owner = User.objects.get()
    owner.set_password("my own words")
    owner.save()
    assert find_sign_in().password is None


def test_a_day_at_the_office_is_billed_for_some_hours():
    """Sums the pieces of work of all people on one Wednesday, by hand of a clock."""
    day = date(2026, 11, 4)
    worked = sum(a.end - a.begin for p in PEOPLE for a in plan(p, first=day, last=day))
    assert 100 * HOUR_US < worked < 250 * HOUR_US
