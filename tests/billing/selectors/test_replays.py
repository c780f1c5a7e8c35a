"""The replay of an organization's use under other idle timeouts; expected values by hand.

As of 20 April 2026, 17:00 in Asia/Shanghai, so from 22 March on. Prices an hour: cpu-4x8 0.42,
gpu-l4 1.60.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.domain.money import Money
from billing.models import Machine, Price, RateCard
from billing.selectors import recorded_stretches
from billing.selectors.replays import (
    Change,
    MemberChange,
    ReplayedUse,
    list_affected_sessions,
    replay_use,
)
from billing.selectors.usage import UsageFilter, usage_by
from orgs.domain.actors import Actor, ActorKind
from orgs.domain.roles import Role
from orgs.models import Member, TeamMembership
from orgs.selectors.members import member_actor
from tests.factories.orgs import make_member, make_team
from tests.factories.usage import fold, make_customer, report

pytestmark = pytest.mark.django_db

AS_OF = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
FIRST_MIDNIGHT = datetime(2026, 3, 21, 16, 0, tzinfo=UTC)
S = 1_000_000


class Scene:
    """People whose use falls on the edges of the window, of a day, and of the instant."""

    def __init__(self, slug: str = "acme") -> None:
        self.customer = make_customer(
            slug, zone="Asia/Shanghai", since=datetime(2026, 3, 1, tzinfo=UTC)
        )
        self.organization = self.customer.organization
        self.dev = self.customer.member
        self.mei, self.hao, self.lena = (
            make_member(self.organization, f"{name}@{slug}.example")
            for name in ("mei", "hao", "lena")
        )
        self.used(self.mei, 0, 300, 600, 1500, at=datetime(2026, 4, 10, 1, 0, tzinfo=UTC))
        self.used(self.mei, 0, at=AS_OF - timedelta(seconds=120), timeout=300)
        self.used(self.mei, 0, at=datetime(2026, 3, 2, 1, 0, tzinfo=UTC))  # before the window
        self.used(
            self.hao,
            0,
            at=datetime(2026, 3, 31, 15, 50, tzinfo=UTC),
            timeout=1200,
            machine="gpu-l4",
        )
        self.used(self.lena, 0, 700, at=datetime(2026, 4, 10, 1, 0, tzinfo=UTC))
        self.used(self.dev, 0, at=FIRST_MIDNIGHT - timedelta(seconds=300))
        fold(self.customer)

    def used(
        self,
        member: Member,
        *seconds: int,
        at: datetime,
        timeout: int = 600,
        machine: str = "cpu-4x8",
    ) -> None:
        report(
            self.customer,
            [("active", each) for each in seconds],
            origin=at,
            idle_timeout=timeout,
            machine=machine,
            subject=member.email,
        )

    def actor(self, role: Role = Role.OWNER) -> Actor:
        return member_actor(
            make_member(self.organization, f"{role.value}@people.example", role=role)
        )

    def three(self, timeout: int | None) -> dict[int, int | None]:
        return dict.fromkeys((self.mei.pk, self.hao.pk, self.dev.pk), timeout)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_a_shorter_timeout(scene):
    found = replay_use(actor=scene.actor(), timeouts=scene.three(60), as_of=AS_OF)
    assert (found.first, found.last) == (date(2026, 3, 22), date(2026, 4, 20))
    assert (found.zone, found.as_of) == ("Asia/Shanghai", AS_OF)
    assert found.before == ReplayedUse(
        sessions=4,
        billable_us=3720 * S,
        working_us=3420 * S,
        waiting_us=2820 * S,
        bridged_us=300 * S,
        # cpu-4x8 2520 s: 0.294, gpu-l4 1200 s: 0.5333
        amount=usd("0.82"),
    )
    assert found.after == ReplayedUse(
        sessions=4,
        billable_us=840 * S,
        working_us=840 * S,
        waiting_us=240 * S,
        bridged_us=0,
        # cpu-4x8 780 s: 0.091, gpu-l4 60 s: 0.0267
        amount=usd("0.12"),
    )
    assert (found.resumes_cut, found.resumes_gained) == (1, 0)
    assert found.machines == {
        "cpu-4x8": Change(2520 * S, 780 * S, usd("0.29"), usd("0.09")),
        "gpu-l4": Change(1200 * S, 60 * S, usd("0.53"), usd("0.03")),
    }
    assert found.members == (
        MemberChange(scene.dev.pk, 300 * S, 0, 0, 0),
        MemberChange(scene.mei.pk, 2220 * S, 780 * S, 1, 0),
        MemberChange(scene.hao.pk, 1200 * S, 60 * S, 0, 0),
    )


def test_every_day_of_the_window_is_there(scene):
    found = replay_use(actor=scene.actor(), timeouts=scene.three(60), as_of=AS_OF)
    assert list(found.days) == [date(2026, 3, 22) + timedelta(days=n) for n in range(30)]
    none = Change(0, 0, usd("0.00"), usd("0.00"))
    # Shares of 0.82 and of 0.12 by largest remainder.
    assert {day: change for day, change in found.days.items() if change != none} == {
        date(2026, 3, 22): Change(300 * S, 0, usd("0.04"), usd("0.00")),
        date(2026, 3, 31): Change(600 * S, 60 * S, usd("0.27"), usd("0.03")),
        date(2026, 4, 1): Change(600 * S, 0, usd("0.26"), usd("0.00")),
        date(2026, 4, 10): Change(2100 * S, 720 * S, usd("0.24"), usd("0.08")),
        date(2026, 4, 20): Change(120 * S, 60 * S, usd("0.01"), usd("0.01")),
    }


def test_a_longer_timeout_keeps_what_was_lost_and_costs_its_wait(scene):
    """Lena paused 700 s: T 600 bridged 100 s of it; the others are not asked about."""
    scene.used(scene.lena, 0, 1000, at=datetime(2026, 4, 11, 1, 0, tzinfo=UTC))
    fold(scene.customer)
    found = replay_use(actor=scene.actor(), timeouts={scene.lena.pk: 900}, as_of=AS_OF)
    # 0..1300 and 0..600, 1000..1600 before; 0..1600 and 0..1900 after
    assert found.members == (MemberChange(scene.lena.pk, 2500 * S, 3500 * S, 0, 1),)
    assert (found.before.sessions, found.after.sessions) == (3, 2)
    assert (found.before.bridged_us, found.after.bridged_us) == (100 * S, 100 * S)
    assert (found.resumes_cut, found.resumes_gained) == (0, 1)


def test_without_offload_there_is_no_use(scene):
    found = replay_use(actor=scene.actor(), timeouts=scene.three(None), as_of=AS_OF)
    assert found.before.billable_us == 3720 * S
    assert found.after == ReplayedUse(
        sessions=0,
        billable_us=0,
        working_us=0,
        waiting_us=0,
        bridged_us=0,
        amount=usd("0.00"),
    )
    assert (found.resumes_cut, found.resumes_gained) == (0, 0)
    assert found.days[date(2026, 4, 10)] == Change(2100 * S, 0, usd("0.24"), usd("0.00"))


def test_before_is_what_the_usage_page_says(scene):
    actor = scene.actor()
    everyone = scene.three(60) | {scene.lena.pk: 60}
    found = replay_use(actor=actor, timeouts=everyone, as_of=AS_OF)
    days = UsageFilter(first=found.first, last=found.last)
    page = usage_by(actor=actor, group_by="day", narrowed=days, as_of=AS_OF, zone=found.zone)
    assert (found.before.billable_us, found.before.amount) == (5020 * S, usd("0.98"))
    assert (page.total.billable_us, page.total.amount) == (5020 * S, Decimal("0.98"))
    assert page.total.waiting_us == found.before.waiting_us
    assert page.total.bridged_us == found.before.bridged_us


def test_each_day_has_the_prices_of_its_rate_card(scene):
    card = RateCard.objects.get(organization=scene.organization)
    dearer = RateCard.objects.create(
        organization=scene.organization,
        effective_from=date(2026, 4, 10),
        currency="USD",
        created_at=card.created_at,
    )
    cpu = Machine.objects.get(name="cpu-4x8")
    Price.objects.create(rate_card=dearer, machine=cpu, hourly_price="42", weight="1")
    found = replay_use(actor=scene.actor(), timeouts={scene.mei.pk: 60}, as_of=AS_OF)
    assert (found.before.amount, found.after.amount) == (usd("25.90"), usd("9.10"))


def test_who_may_not_see_money_sees_time(scene):
    found = replay_use(actor=scene.actor(Role.POLICY_ADMIN), timeouts=scene.three(60), as_of=AS_OF)
    assert (found.before.billable_us, found.before.amount) == (3720 * S, None)
    assert (found.after.billable_us, found.after.amount) == (840 * S, None)
    assert found.machines["gpu-l4"] == Change(1200 * S, 60 * S, None, None)
    assert found.days[date(2026, 3, 23)] == Change(0, 0, None, None)


def test_a_lead_sees_the_members_of_the_team_a_member_themselves(scene):
    team = make_team(scene.organization, "backend")
    for member in (scene.hao, scene.lena):
        TeamMembership.objects.create(
            organization=scene.organization,
            team=team,
            member=member,
            is_lead=member == scene.lena,
        )

    def members(one: Member) -> list[int]:
        everyone = scene.three(60) | {scene.lena.pk: 60}
        found = replay_use(actor=member_actor(one), timeouts=everyone, as_of=AS_OF)
        assert found.before.amount is None
        return [change.member_id for change in found.members]

    assert members(scene.lena) == [scene.hao.pk, scene.lena.pk]
    assert members(scene.hao) == [scene.hao.pk]
    assert members(scene.mei) == [scene.mei.pk]


def test_members_of_another_organization_have_no_use_here(scene):
    other = Scene("other")
    both = scene.three(60) | other.three(60)
    found = replay_use(actor=other.actor(), timeouts=both, as_of=AS_OF)
    assert {change.member_id for change in found.members} == set(other.three(60))
    assert found.before.billable_us == 3720 * S
    everybody = dict.fromkeys(Member.objects.values_list("id", flat=True), 60)
    sessions = list_affected_sessions(
        actor=other.actor(Role.AUDITOR), member_ids=everybody, as_of=AS_OF
    )
    assert [session.member_id for session in sessions] == [other.mei.pk]


def test_it_takes_a_fixed_number_of_queries(scene, django_assert_num_queries):
    actor, admin = scene.actor(), scene.actor(Role.POLICY_ADMIN)
    # zone, periods, machines, stretches; cards, prices, machines
    with django_assert_num_queries(7):
        replay_use(actor=actor, timeouts=scene.three(60), as_of=AS_OF)
    with django_assert_num_queries(4):
        replay_use(actor=admin, timeouts=scene.three(60), as_of=AS_OF)


def test_many_members_are_read_some_at_a_time(scene, monkeypatch):
    whole = replay_use(actor=scene.actor(), timeouts=scene.three(60), as_of=AS_OF)
    monkeypatch.setattr(recorded_stretches, "MEMBERS_AT_ONCE", 2)
    system = Actor(kind=ActorKind.SYSTEM, organization_id=scene.organization.pk)
    assert replay_use(actor=system, timeouts=scene.three(60), as_of=AS_OF) == whole


def test_nobody_costs_nothing(scene):
    found = replay_use(actor=scene.actor(), timeouts={}, as_of=AS_OF)
    assert (found.before.billable_us, found.after.billable_us, found.members) == (0, 0, ())
    assert found.machines == {}
    assert len(found.days) == 30


def test_before_everything_and_long_after_there_is_nothing(scene):
    actor = scene.actor()
    for as_of in (datetime(2026, 2, 1, tzinfo=UTC), datetime(2031, 2, 1, tzinfo=UTC)):
        found = replay_use(actor=actor, timeouts=scene.three(60), as_of=as_of)
        assert (found.before.billable_us, found.after.billable_us) == (0, 0)
        assert (found.last - found.first, len(found.days)) == (timedelta(days=29), 30)


def test_the_sessions_that_a_change_would_touch_now(scene):
    scene.used(scene.hao, 0, at=AS_OF - timedelta(seconds=700), timeout=600)  # idle since 100 s
    scene.used(scene.lena, 0, at=AS_OF - timedelta(seconds=50), timeout=600)
    fold(scene.customer)
    actor = scene.actor(Role.POLICY_ADMIN)
    found = list_affected_sessions(actor=actor, member_ids=scene.three(60), as_of=AS_OF)
    assert [(one.member_id, one.state) for one in found] == [
        (scene.mei.pk, "active"),
        (scene.hao.pk, "idle"),
    ]
    assert list_affected_sessions(actor=actor, member_ids=[], as_of=AS_OF) == []


def test_a_member_sees_only_their_own_running_session(scene):
    everyone = [scene.mei.pk, scene.hao.pk, scene.lena.pk]
    mine = list_affected_sessions(actor=member_actor(scene.mei), member_ids=everyone, as_of=AS_OF)
    assert [one.member_id for one in mine] == [scene.mei.pk]
    assert (
        list_affected_sessions(actor=member_actor(scene.hao), member_ids=everyone, as_of=AS_OF)
        == []
    )


def test_a_customer_in_another_currency_pays_in_it():
    customer = make_customer("tokyo", currency="JPY")
    report(customer, [("active", 0)], idle_timeout=3600)
    fold(customer)
    found = replay_use(
        actor=Actor(kind=ActorKind.SYSTEM, organization_id=customer.organization.pk),
        timeouts={customer.member.pk: 60},
        as_of=datetime(2026, 1, 11, tzinfo=UTC),
    )
    # 63 yen an hour
    assert found.before.amount == Money(amount=Decimal(63), currency="JPY")
    assert found.after.amount == Money(amount=Decimal(1), currency="JPY")
