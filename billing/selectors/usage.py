"""Use between two days, grouped; what runs now is counted up to the instant of the question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.db.models import Case, IntegerField, Q, Sum, Value, When

from billing.domain.instants import instant_of
from billing.domain.periods import days
from billing.models import OffloadSession, UsageRecord
from billing.selectors.prices import PriceBook, estimate, price_book
from billing.selectors.reach import organization_of, reach_of
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability

GroupBy = Literal["day", "member", "team", "machine"]
GROUPINGS: Final[tuple[GroupBy, ...]] = ("day", "member", "team", "machine")

_KEY_FIELDS: Final[dict[str, tuple[str, str, str]]] = {
    # grouping → what the database groups by: key, name, what a filter takes
    "day": ("day", "day", "day"),
    "member": ("member_id", "member__name", "member__email"),
    "team": ("team_id", "team__name", "team__slug"),
    "machine": ("machine_id", "machine__name", "machine__name"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageFilter:
    """Days from `first` to `last` (included) of the billing zone, and what is looked at."""

    first: date
    last: date
    team: str = ""
    machine: str = ""
    member: str = ""


@dataclass(kw_only=True, slots=True)
class UsageRow:
    """Use of one group in microseconds; `amount` is its share of the estimate, if seen."""

    key: Any
    name: str
    handle: str
    working_us: int = 0
    waiting_us: int = 0
    bridged_us: int = 0
    amount: Decimal | None = None

    @property
    def billable_us(self) -> int:
        """`working + bridged`."""
        return self.working_us + self.bridged_us

    @property
    def activity_us(self) -> int:
        """Working time less the waiting in it."""
        return self.working_us - self.waiting_us


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageReport:
    """Groups (days in order, all others by use, largest first) and their sum."""

    rows: tuple[UsageRow, ...]
    total: UsageRow
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Use of one group, team, machine and rate card: the finest that pages work from."""

    key: Any
    name: str
    handle: str
    machine: str
    card: int
    working_us: int
    waiting_us: int
    bridged_us: int


@dataclass(kw_only=True, slots=True)
class _Question:
    """What is asked of the records: the same for what is stored and for what lies ahead."""

    actor: Actor
    group_by: str
    narrowed: UsageFilter
    changes: tuple[date, ...] = field(default=())

    def card_of(self, day: date) -> int:
        """Return the index of the rate card in force on a day."""
        return sum(change <= day for change in self.changes)

    def conditions(self) -> Q:
        """Return what bounds rows by person, team and machine (not by day)."""
        condition = reach_of(self.actor, capability=Capability.USAGE_READ)
        if self.narrowed.team:
            condition &= Q(team__slug=self.narrowed.team)
        if self.narrowed.machine:
            condition &= Q(machine__name=self.narrowed.machine)
        if self.narrowed.member:
            condition &= Q(member__email=self.narrowed.member)
        return condition


def usage_by(
    *, actor: Actor, group_by: GroupBy, narrowed: UsageFilter, as_of: datetime, zone: str
) -> UsageReport:
    """Return the use that the actor may see, by group, in four queries at most.

    Time after `as_of` is not in it. Amounts are given to those who may see money.
    """
    book = price_book(organization_id=organization_of(actor))
    question = _Question(
        actor=actor,
        group_by=group_by,
        narrowed=narrowed,
        changes=() if book is None else book.change_days(),
    )
    cells = [*_stored(question), *_ahead(question, as_of=as_of, zone=zone)]
    rows = _rows(cells)
    total = UsageRow(key=None, name="", handle="")
    for row in rows.values():
        _add(total, row)
    currency = ""
    if book is not None and actor.may(Capability.MONEY_READ):
        currency = _price(rows, cells, total=total, book=book)
    if group_by == "day":
        ordered = sorted(rows.values(), key=lambda row: row.key)
    else:
        ordered = sorted(rows.values(), key=lambda row: (-row.billable_us, row.name, row.handle))
    return UsageReport(rows=tuple(ordered), total=total, currency=currency)


def _stored(question: _Question) -> Iterable[Cell]:
    fields = _KEY_FIELDS[question.group_by]
    card: Case | Value = Value(0)
    if question.changes:
        card = Case(
            *(
                When(day__lt=change, then=Value(index))
                for index, change in enumerate(question.changes)
            ),
            default=Value(len(question.changes)),
            output_field=IntegerField(),
        )
    rows = (
        UsageRecord.objects.filter(
            question.conditions(),
            day__gte=question.narrowed.first,
            day__lte=question.narrowed.last,
        )
        .annotate(card=card)
        .order_by()
        .values(*fields, "machine__name", "card")
        .annotate(working=Sum("working_us"), waiting=Sum("waiting_us"), bridged=Sum("bridged_us"))
    )
    for row in rows:
        yield Cell(
            key=row[fields[0]],
            name=str(row[fields[1]] or ""),
            handle=str(row[fields[2]] or ""),
            machine=row["machine__name"],
            card=row["card"],
            working_us=int(row["working"]),
            waiting_us=int(row["waiting"]),
            bridged_us=int(row["bridged"]),
        )


def _ahead(question: _Question, *, as_of: datetime, zone: str) -> Iterable[Cell]:
    """Yield, negated, what stored records hold beyond `as_of`: waiting of what runs now."""
    fields = _KEY_FIELDS[question.group_by]
    named = () if question.group_by == "day" else fields
    running = OffloadSession.objects.filter(question.conditions(), active_until__gt=as_of)
    for row in running.values("active_until", "started_at", "machine__name", *named):
        start = max(instant_of(as_of), instant_of(row["started_at"]))
        for piece in days(start, instant_of(row["active_until"]), zone=zone):
            if not question.narrowed.first <= piece.date <= question.narrowed.last:
                continue
            length = piece.end - piece.start
            by_day = question.group_by == "day"
            yield Cell(
                key=piece.date if by_day else row[fields[0]],
                name=str(piece.date) if by_day else str(row[fields[1]] or ""),
                handle=str(piece.date) if by_day else str(row[fields[2]] or ""),
                machine=row["machine__name"],
                card=question.card_of(piece.date),
                working_us=-length,
                waiting_us=-length,
                bridged_us=0,
            )


def _rows(cells: Iterable[Cell]) -> dict[Any, UsageRow]:
    rows: dict[Any, UsageRow] = {}
    for cell in cells:
        row = rows.get(cell.key)
        if row is None:
            row = rows[cell.key] = UsageRow(key=cell.key, name=cell.name, handle=cell.handle)
        _add(row, cell)
    return {key: row for key, row in rows.items() if row.billable_us > 0}


def _add(row: UsageRow, other: Cell | UsageRow) -> None:
    row.working_us += other.working_us
    row.waiting_us += other.waiting_us
    row.bridged_us += other.bridged_us


def _price(
    rows: Mapping[Any, UsageRow], cells: Iterable[Cell], *, total: UsageRow, book: PriceBook
) -> str:
    found = estimate(
        [(cell.key, cell.machine, cell.card, cell.working_us + cell.bridged_us) for cell in cells],
        book=book,
    )
    total.amount = found.total
    for key, row in rows.items():
        row.amount = found.shares.get(key, found.total - found.total)
    return found.currency
