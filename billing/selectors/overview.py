"""The organization at a glance: what runs, what this month has cost so far, what was invoiced."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Sum

from billing.domain.instants import instant_of
from billing.domain.periods import days
from billing.models import BillingAccount, BillingPeriod, Invoice, OffloadSession, UsageRecord
from billing.selectors.invoices import list_invoices
from billing.selectors.prices import estimate, price_book
from billing.selectors.reach import organization_of, reach_of
from billing.selectors.sessions import SessionView, list_running, look_at
from billing.selectors.stretches import Piece, pieces_of, stretches_of
from orgs.domain.actors import Actor
from orgs.domain.products import Product
from orgs.domain.roles import Capability
from orgs.models import Entitlement, Team

TIMELINE_ROWS: Final = 8
"""Running sessions drawn on the overview; the list of sessions has them all."""

LAST_INVOICES: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """A running session and all that its member did within the window, in order."""

    session: SessionView
    pieces: tuple[Piece, ...]


@dataclass(kw_only=True, slots=True)
class Month:
    """Use of the billing period that holds `as_of`, up to `as_of`; microseconds.

    `by_day_and_team` holds billable time; team None carries members without a team. `amount` is
    what an invoice of it would say; None where money is not to be seen, or without prices.
    """

    period: BillingPeriod
    working_us: int = 0
    waiting_us: int = 0
    bridged_us: int = 0
    amount: Decimal | None = None
    currency: str = ""
    machine_amounts: Mapping[object, Decimal] = field(default_factory=dict)
    by_day_and_team: dict[tuple[date, int | None], int]
    by_machine: dict[str, int]
    team_names: dict[int, str]

    @property
    def billable_us(self) -> int:
        """`working + bridged`."""
        return self.working_us + self.bridged_us


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """All that the overview page shows."""

    zone: str
    is_entitled: bool
    is_enabled: bool
    running: tuple[SessionView, ...]
    timelines: tuple[Timeline, ...]
    window_start: datetime
    month: Month | None
    invoices: tuple[Invoice, ...]


def get_overview(*, actor: Actor, as_of: datetime, window: timedelta) -> Overview:
    """Return the overview that the actor may see, as of an instant, in 13 queries at most."""
    entitlement = Entitlement.objects.filter(
        organization_id=organization_of(actor), product=Product.OFFLOAD
    ).first()
    zone = get_zone(actor=actor)
    running = list_running(actor=actor, as_of=as_of)
    sees_money = actor.may(Capability.MONEY_READ)
    return Overview(
        zone=zone,
        is_entitled=entitlement is not None and entitlement.is_entitled,
        is_enabled=entitlement is not None and entitlement.is_enabled,
        running=tuple(running),
        timelines=tuple(
            _timelines(running[:TIMELINE_ROWS], actor=actor, as_of=as_of, since=as_of - window)
        ),
        window_start=as_of - window,
        month=_month(actor=actor, as_of=as_of, zone=zone),
        invoices=tuple(list_invoices(actor=actor, limit=LAST_INVOICES)) if sees_money else (),
    )


def get_zone(*, actor: Actor) -> str:
    """Return the billing zone of the actor's organization; UTC before it has an account."""
    zone = (
        BillingAccount.objects.filter(organization_id=organization_of(actor))
        .values_list("zone", flat=True)
        .first()
    )
    return zone or "UTC"


def _timelines(
    running: list[SessionView], *, actor: Actor, as_of: datetime, since: datetime
) -> list[Timeline]:
    """Return what each running member did in the window, in two queries for all of them."""
    rows = (
        OffloadSession.objects.filter(
            reach_of(actor, capability=Capability.SESSIONS_READ),
            member_id__in=[session.member_id for session in running],
            active_until__gt=since,
        )
        .select_related("member", "team", "machine")
        .order_by("started_at")
    )
    sessions = [look_at(row, as_of=as_of) for row in rows]
    stretches = stretches_of(session.id for session in sessions)
    pieces: dict[int, list[Piece]] = defaultdict(list)
    for session in sessions:
        pieces[session.member_id] += pieces_of(session, stretches.get(session.id, []), as_of=as_of)
    return [
        Timeline(session=session, pieces=tuple(pieces[session.member_id])) for session in running
    ]


def _month(*, actor: Actor, as_of: datetime, zone: str) -> Month | None:
    period = BillingPeriod.objects.filter(
        organization_id=organization_of(actor), starts_at__lte=as_of, ends_at__gt=as_of
    ).first()
    if period is None:
        return None
    book = price_book(organization_id=organization_of(actor))
    changes = () if book is None else book.change_days()
    month = Month(
        period=period,
        by_day_and_team={},
        by_machine={},
        team_names=dict(
            Team.objects.filter(organization_id=organization_of(actor)).values_list("id", "name")
        ),
    )
    priced: list[tuple[object, str, int, int]] = []
    for row in [*_stored(actor, period=period), *_ahead(actor, as_of=as_of, period=period)]:
        billable = row["working"] + row["bridged"]
        month.working_us += row["working"]
        month.waiting_us += row["waiting"]
        month.bridged_us += row["bridged"]
        key = row["day"], row["team_id"]
        month.by_day_and_team[key] = month.by_day_and_team.get(key, 0) + billable
        machine = row["machine__name"]
        month.by_machine[machine] = month.by_machine.get(machine, 0) + billable
        card = sum(change <= row["day"] for change in changes)
        priced.append((machine, machine, card, billable))
    if book is not None and actor.may(Capability.MONEY_READ):
        found = estimate(priced, book=book)
        month.amount = found.total
        month.machine_amounts = found.shares
        month.currency = book.currency
    return month


def _stored(actor: Actor, *, period: BillingPeriod) -> list[dict[str, Any]]:
    rows = (
        UsageRecord.objects.filter(
            reach_of(actor, capability=Capability.USAGE_READ), period=period
        )
        .order_by()
        .values("day", "team_id", "machine__name")
        .annotate(working=Sum("working_us"), waiting=Sum("waiting_us"), bridged=Sum("bridged_us"))
    )
    return [
        {
            **row,
            "working": int(row["working"]),
            "waiting": int(row["waiting"]),
            "bridged": int(row["bridged"]),
        }
        for row in rows
    ]


def _ahead(actor: Actor, *, as_of: datetime, period: BillingPeriod) -> list[dict[str, Any]]:
    """Return, negated, what stored records of the period hold beyond `as_of`."""
    running = OffloadSession.objects.filter(
        reach_of(actor, capability=Capability.USAGE_READ), active_until__gt=as_of
    )
    end_of_period = instant_of(period.ends_at)
    found = []
    for row in running.values("team_id", "machine__name", "started_at", "active_until"):
        start = max(instant_of(as_of), instant_of(row["started_at"]))
        end = min(instant_of(row["active_until"]), end_of_period)
        found += [
            {
                "day": piece.date,
                "team_id": row["team_id"],
                "machine__name": row["machine__name"],
                "working": piece.start - piece.end,
                "waiting": piece.start - piece.end,
                "bridged": 0,
            }
            for piece in days(start, max(start, end), zone=period.zone)
        ]
    return found
