"""One session with all that explains it: its pieces, its events, its days, its invoices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery

from billing.models import BilledUsage, Machine, SessionEvent, SessionStretch, UsageRecord
from billing.selectors.prices import PriceBook, price_book
from billing.selectors.reach import organization_of
from billing.selectors.sessions import SessionView, find_session
from billing.selectors.stretches import Piece, pieces_of, stretches_of
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability

EVENT_ROWS: Final = 50
PIECE_ROWS: Final = 200


class EventView(NamedTuple):
    """One event behind a session; `is_other_machine` events have no effect on it."""

    occurred_at: datetime
    kind: str
    idle_timeout_seconds: int
    source: str
    event_id: str
    received_at: datetime
    is_other_machine: bool


class RecordView(NamedTuple):
    """A session's share of one day, in microseconds, as stored (up to the running deadline)."""

    day: date
    period_id: int
    working_us: int
    bridged_us: int
    waiting_us: int

    @property
    def billable_us(self) -> int:
        """`working + bridged`."""
        return self.working_us + self.bridged_us


class InvoiceReference(NamedTuple):
    """An invoice line that billed a part of a session."""

    number: str
    line: int
    day: date
    quantity_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionDetail:
    """A session and what it is made of.

    `hourly_price` is that of the day it started on; `None` where money is not to be seen or the
    price changed within the session. `pieces` are at most `PIECE_ROWS` from `first_piece` on.
    """

    session: SessionView
    pieces: tuple[Piece, ...]
    all_pieces: tuple[Piece, ...]
    first_piece: int
    activity_counts: dict[datetime, int]
    events: tuple[EventView, ...]
    next_event: datetime | None
    records: tuple[RecordView, ...]
    invoices: tuple[InvoiceReference, ...]
    hourly_price: Decimal | None
    currency: str


def get_session_detail(
    *,
    actor: Actor,
    session_id: UUID,
    as_of: datetime,
    events_after: datetime | None = None,
    first_piece: int = 0,
) -> SessionDetail | None:
    """Return a session that the actor may see, or None; at most nine queries.

    `events_after` and `first_piece` page through what is long.
    """
    session = find_session(actor=actor, session_id=session_id, as_of=as_of)
    if session is None:
        return None
    stretches = stretches_of([session.id]).get(session.id, [])
    pieces = pieces_of(session, stretches, as_of=as_of)
    events = events_of(session, actor=actor)
    shown = events if events_after is None else events.filter(occurred_at__gt=events_after)
    rows = _event_rows(shown, session)
    records = tuple(_records(session, actor=actor))
    book = price_book(organization_id=organization_of(actor)) if _sees_money(actor) else None
    return SessionDetail(
        session=session,
        pieces=tuple(pieces[first_piece : first_piece + PIECE_ROWS]),
        all_pieces=tuple(pieces),
        first_piece=first_piece,
        activity_counts=_activity_counts(
            session, actor=actor, pieces=pieces[first_piece : first_piece + PIECE_ROWS]
        ),
        events=tuple(rows[:EVENT_ROWS]),
        next_event=rows[EVENT_ROWS - 1].occurred_at if len(rows) > EVENT_ROWS else None,
        records=records,
        invoices=_invoices(session, records=records, actor=actor) if book is not None else (),
        hourly_price=_one_price(book, session=session, records=records),
        currency=book.currency if book is not None else "",
    )


def _sees_money(actor: Actor) -> bool:
    return actor.may(Capability.MONEY_READ)


def events_of(session: SessionView, *, actor: Actor) -> QuerySet[SessionEvent]:
    """Return the member's events from the session's start to its end, both included."""
    end = session.terminated_at or session.active_until
    return SessionEvent.objects.filter(
        organization_id=organization_of(actor),
        member_id=session.member_id,
        occurred_at__gte=session.started_at,
        occurred_at__lte=end,
    )


def recorded_events(session: SessionView, *, actor: Actor) -> QuerySet[SessionEvent]:
    """Return the same events in no order, each with the name of its `machine`."""
    machines = Machine.objects.filter(id=OuterRef("machine_id"))
    return events_of(session, actor=actor).annotate(machine=Subquery(machines.values("name")))


def _event_rows(events: QuerySet[SessionEvent], session: SessionView) -> list[EventView]:
    """Return one row more than a page shows, in the order of time."""
    rows = events.order_by("occurred_at", "event_key").values_list(
        "occurred_at",
        "kind",
        "idle_timeout_seconds",
        "source",
        "event_id",
        "received_at",
        "machine_id",
    )
    return [
        EventView(
            occurred_at=occurred_at,
            kind=kind,
            idle_timeout_seconds=timeout,
            source=source,
            event_id=event_id,
            received_at=received_at,
            is_other_machine=machine_id != session.machine_id,
        )
        for occurred_at, kind, timeout, source, event_id, received_at, machine_id in rows[
            : EVENT_ROWS + 1
        ]
    ]


def _activity_counts(
    session: SessionView, *, actor: Actor, pieces: Sequence[Piece]
) -> dict[datetime, int]:
    """Return how many `active` events each working piece rests on, by its start."""
    if not pieces:
        return {}
    inside = (
        SessionEvent.objects.filter(
            organization_id=organization_of(actor),
            member_id=session.member_id,
            kind="active",
            occurred_at__gte=OuterRef("started_at"),
            occurred_at__lte=OuterRef("active_until"),
        )
        .order_by()
        .values("kind")
        .annotate(number=Count("*"))
        .values("number")
    )
    return dict(
        SessionStretch.objects.filter(
            session_id=session.id,
            started_at__gte=pieces[0].start,
            started_at__lt=pieces[-1].end,
        )
        .annotate(number=Subquery(inside, output_field=IntegerField()))
        .values_list("started_at", "number")
    )


def _records(session: SessionView, *, actor: Actor) -> Iterator[RecordView]:
    rows = UsageRecord.objects.filter(
        organization_id=organization_of(actor), session_id=session.id
    ).order_by("day", "period_id")
    for row in rows.values_list("day", "period_id", "working_us", "bridged_us", "waiting_us"):
        yield RecordView(*row)


def _invoices(
    session: SessionView, *, records: Sequence[RecordView], actor: Actor
) -> tuple[InvoiceReference, ...]:
    """Return where the session was billed: by what closed periods stored, not by what is live."""
    rows = (
        BilledUsage.objects.filter(
            organization_id=organization_of(actor),
            period_id__in={record.period_id for record in records},
            session_id=session.id,
        )
        .order_by("line__invoice__finalized_at", "line__n", "day")
        .values_list("line__invoice__number", "line__n", "day", "quantity_us")
    )
    return tuple(InvoiceReference(*row) for row in rows)


def _one_price(
    book: PriceBook | None, *, session: SessionView, records: Sequence[RecordView]
) -> Decimal | None:
    if book is None or not records:
        return None
    prices = {book.hourly_price(session.machine, day=record.day) for record in records}
    return prices.pop() if len(prices) == 1 else None
