"""An organization with some weeks of use, made by the product's own services.

Everything is relative to the instant it is made for, so that pages that read the clock show
running sessions. The pattern is fixed: no chance in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.models import BilledUsage, BillingPeriod, Invoice, InvoiceLine, RateCard, UsageRecord
from billing.services.ingest import IngestScope, Reported, ingest_events
from billing.services.organizations import create_organization
from billing.services.sessions import fold_all
from orgs.domain.actors import operator
from orgs.domain.products import Plan
from orgs.models import Member, Organization, User
from orgs.services.audit import recording
from orgs.services.members import ensure_members
from orgs.services.teams import assign_primary_teams, ensure_teams
from tests.factories.orgs import PASSWORD

ZONE = "Asia/Shanghai"
TIMEOUT = 300
STEP = timedelta(seconds=TIMEOUT // 2)
SOURCE = "/runners/eu-1"
OPERATOR = operator(label="test")

TEAMS = {"backend": "后端", "platform": "平台", "data": "数据", "frontend": "前端"}
# address → name, team, machine, hour of the morning's start, days between uses
PEOPLE = {
    "mei": ("王美", "backend", "cpu-4x8", 9, 1),
    "hao": ("陈浩", "platform", "gpu-l4", 8, 1),
    "lena": ("Lena Ortiz", "frontend", "cpu-4x8", 10, 1),
    "wei": ("李薇", "data", "cpu-8x16", 9, 2),
    "jun": ("赵俊", "backend", "cpu-4x8", 11, 1),
    "noor": ("Noor Rahman", "platform", "cpu-2x4", 9, 3),
    "ana": ("Ana Petrova", "frontend", "cpu-4x8", 13, 2),
    "yan": ("周妍", "", "cpu-2x4", 14, 4),
}


@dataclass(frozen=True, kw_only=True)
class UsedOrganization:
    """The organization and the people whom tests sign in as, all by `PASSWORD`."""

    organization: Organization
    owner: User
    slug: str


def make_used_organization(
    now: datetime, *, slug: str = "acme", name: str = "Acme 研发", days: int = 40
) -> UsedOrganization:
    """Return an organization with `days` days of use up to `now`, nothing invoiced."""
    made = make_peopled_organization(now - timedelta(days=days), slug=slug, name=name)
    events = sorted(_events(slug, now=now, days=days), key=lambda event: event.at)
    for first in range(0, len(events), 1000):
        take(made.organization, events[first : first + 1000])
    fold_all(as_of=now)
    return made


def make_peopled_organization(
    begin: datetime, *, slug: str = "acme", name: str = "Acme 研发"
) -> UsedOrganization:
    """Return an organization of `PEOPLE` in their teams since `begin`, who have done nothing."""
    made = create_organization(
        actor=OPERATOR,
        now=begin,
        slug=slug,
        name=name,
        owner_email=f"owner@{slug}.example",
        plan=Plan.BUSINESS,
        currency="USD",
        zone=ZONE,
        is_offload_enabled=True,
    )
    owner = User.objects.get(pk=made.owner.user_id)
    owner.name = "张琳"
    owner.set_password(PASSWORD)
    owner.save()
    _people(made.organization, since=begin)
    return UsedOrganization(organization=made.organization, owner=owner, slug=slug)


def take(organization: Organization, events: list[Reported]) -> None:
    """Let the product take events of any age in."""
    scope = IngestScope(organization_id=organization.pk, may_backfill=True)
    result = ingest_events(events, scope=scope)
    assert not result.rejected, result.verdicts[:3]


def make_empty_organization(now: datetime, *, slug: str = "empty") -> UsedOrganization:
    """Return an organization without Offload enabled, without anybody's use."""
    made = create_organization(
        actor=OPERATOR,
        now=now,
        slug=slug,
        name="Neu & leer",
        owner_email=f"owner@{slug}.example",
        plan=Plan.BUSINESS,
        currency="USD",
        zone="UTC",
        is_offload_enabled=False,
    )
    owner = User.objects.get(pk=made.owner.user_id)
    owner.set_password(PASSWORD)
    owner.save()
    return UsedOrganization(organization=made.organization, owner=owner, slug=slug)


def sign_in_member(organization: Organization, address: str) -> User:
    """Return a new user who is the member of this address."""
    user = User.objects.create_user(address, PASSWORD)
    Member.objects.filter(organization=organization, email=address).update(user=user)
    return user


def _people(organization: Organization, *, since: datetime) -> None:
    addresses = {key: f"{key}@{organization.slug}.example" for key in PEOPLE}
    with recording(actor=OPERATOR, at=since) as trail:
        members = ensure_members(
            trail=trail,
            organization_id=organization.pk,
            emails=list(addresses.values()),
            names={addresses[key]: PEOPLE[key][0] for key in PEOPLE},
        )
        teams = ensure_teams(trail=trail, organization_id=organization.pk, teams=TEAMS)
        assign_primary_teams(
            trail=trail,
            organization_id=organization.pk,
            team_ids={
                members[addresses[key]]: teams[person[1]]
                for key, person in PEOPLE.items()
                if person[1]
            },
            since=since,
        )


def _events(slug: str, *, now: datetime, days: int) -> Iterator[Reported]:
    zone = ZoneInfo(ZONE)
    today = now.astimezone(zone).date()
    for index, (key, person) in enumerate(PEOPLE.items()):
        for back in range(days - 1, 0, -1):
            date = today - timedelta(days=back)
            if date.weekday() >= 5 or back % person[4]:
                continue
            start = datetime.combine(date, time(person[3], 7 * index % 60, 11), zone)
            yield from _day(slug, key, start, length=3 + (back + index) % 3)
    yield from _running(slug, now=now)


def _day(slug: str, key: str, start: datetime, *, length: int) -> Iterator[Reported]:
    """Two stretches with a short gap between, a lunch, an afternoon."""
    at = start
    for minutes, pause in ((52, 193), (47, 0), (60 * (length - 2), 3600), (38, 280), (25, 0)):
        yield from _stretch(slug, key, at, timedelta(minutes=minutes))
        at += timedelta(minutes=minutes, seconds=TIMEOUT + pause)


def _running(slug: str, *, now: datetime) -> Iterator[Reported]:
    """Three are active, one is idle and kept, one has ended an hour ago."""
    hour = timedelta(hours=1)
    yield from _stretch(slug, "mei", now - 5 * hour, 2 * hour)
    yield from _stretch(slug, "mei", now - 2.9 * hour, 2.89 * hour)
    yield from _stretch(slug, "hao", now - 7 * hour, 1.5 * hour)
    yield from _stretch(slug, "hao", now - 4 * hour, 3.86 * hour)
    yield from _stretch(slug, "lena", now - 2.2 * hour, 0.8 * hour)
    yield from _stretch(slug, "lena", now - 1.27 * hour, 1.25 * hour)
    yield from _stretch(slug, "jun", now - 0.4 * hour, 0.35 * hour)
    yield from _stretch(slug, "wei", now - 3 * hour, 1.5 * hour)
    yield report(slug, "wei", "ended", now - 1.4 * hour)


def _stretch(slug: str, key: str, start: datetime, length: timedelta) -> Iterator[Reported]:
    at = start
    while at < start + length:
        yield report(slug, key, "active", at)
        at += STEP
    yield report(slug, key, "active", start + length)


def report(slug: str, key: str, kind: str, at: datetime) -> Reported:
    """Return an event of one of `PEOPLE`."""
    return Reported(
        ordinal=0,
        event_id=f"{key}-{kind}-{at.timestamp():.6f}",
        source=SOURCE,
        kind=kind,
        at=at,
        organization=slug,
        subject=f"{key}@{slug}.example",
        machine=PEOPLE[key][2],
        idle_timeout_seconds=TIMEOUT,
    )


def bill_directly(organization: Organization, *, now: datetime) -> None:
    """Bill the ended months, within a transaction of the test: a real close takes its own."""
    for period in BillingPeriod.objects.filter(organization=organization, ends_at__lte=now):
        _invoice(organization, period)


def _invoice(organization: Organization, period: BillingPeriod) -> None:
    card = RateCard.objects.get(organization=organization)
    prices = {price.machine_id: price.hourly_price for price in card.prices.all()}
    records: dict[int, list[UsageRecord]] = {}
    for record in UsageRecord.objects.filter(period=period).select_related("session"):
        records.setdefault(record.machine_id, []).append(record)
    if not records:
        return
    sums = {key: sum(r.working_us + r.bridged_us for r in rows) for key, rows in records.items()}
    amounts = {
        key: (Decimal(value) * prices[key] / 3_600_000_000).quantize(Decimal("0.01"))
        for key, value in sums.items()
    }
    year, sequence = period.ends_at.year, Invoice.objects.filter(organization=organization).count()
    invoice = Invoice.objects.create(
        organization=organization,
        period=period,
        series="",
        year=year,
        sequence=sequence + 1,
        number=f"{year}-{sequence + 1:06}",
        currency="USD",
        subtotal=sum(amounts.values()),
        tax=0,
        total=sum(amounts.values()),
        cutoff=period.ends_at + timedelta(hours=72, seconds=4),
        finalized_at=period.ends_at + timedelta(hours=72, seconds=5),
        document="{}",
        document_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    for n, (machine, rows) in enumerate(sorted(records.items()), start=1):
        line = InvoiceLine.objects.create(
            invoice=invoice,
            n=n,
            kind="on_demand",
            machine_id=machine,
            rate_card=card,
            quantity_us=sums[machine],
            unit_price=prices[machine],
            amount=amounts[machine],
        )
        BilledUsage.objects.bulk_create(
            BilledUsage(
                organization=organization,
                line=line,
                period=period,
                session_id=row.session_id,
                session_started_at=row.session.started_at,
                day=row.day,
                member_id=row.member_id,
                team_id=row.team_id,
                machine_id=machine,
                quantity_us=row.working_us + row.bridged_us,
            )
            for row in rows
        )
