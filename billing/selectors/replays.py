"""What the last 30 days would have cost and cut under other idle timeouts (ADR-0015)."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple, TypeVar

from billing.domain.money import Money
from billing.domain.replay import (
    RecordedStretch,
    ReplayedSession,
    replay,
    replay_as_recorded,
    resumes_cut,
)
from billing.selectors.overview import get_zone
from billing.selectors.prices import PriceBook, estimate, price_book
from billing.selectors.reach import organization_of
from billing.selectors.recorded_stretches import read_recorded_stretches
from billing.selectors.replay_window import ReplayWindow, get_replay_window
from billing.selectors.sessions import (
    SessionFilter,
    SessionView,
    is_running,
    look_at,
    sessions_at,
)
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import TeamMembership

Key = TypeVar("Key", date, str)

PROGRESS_EVERY: Final = 50
"""Members from one word about the progress to the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedUse:
    """The use of the window on one side, in microseconds; `working + bridged = billable`.

    `sessions` are those with use in the window. `amount` is an estimate as on the usage page:
    one rounding for each machine and rate card; None where money is not to be seen.
    """

    sessions: int
    billable_us: int
    working_us: int
    waiting_us: int
    bridged_us: int
    amount: Money | None


class Change(NamedTuple):
    """Billable time of a day or a machine on both sides, and its shares of the amounts."""

    before_us: int
    after_us: int
    before_amount: Money | None
    after_amount: Money | None


class MemberChange(NamedTuple):
    """Billable time of one member on both sides, and the resumes that the new timeout changes."""

    member_id: int
    before_us: int
    after_us: int
    resumes_cut: int
    resumes_gained: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UseReplay:
    """The use of some members in the window: as it was, and as it would have been.

    `before` is replayed too, under the timeouts that were in force, so that both sides are
    counted alike. `days` has every day from `first` to `last` of the billing zone, `machines`
    each machine used, by name, `members` those with use, by id.
    """

    first: date
    last: date
    zone: str
    as_of: datetime
    before: ReplayedUse
    after: ReplayedUse
    resumes_cut: int
    resumes_gained: int
    days: Mapping[date, Change]
    machines: Mapping[str, Change]
    members: tuple[MemberChange, ...]


@dataclass(kw_only=True, slots=True)
class _Side:
    """Sums of one side, and its billable time by day and machine."""

    window: ReplayWindow
    sessions: int = 0
    billable_us: int = 0
    waiting_us: int = 0
    bridged_us: int = 0
    cells: dict[tuple[date, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, sessions: Sequence[ReplayedSession]) -> int:
        """Take a member's sessions in; return their billable time."""
        cells = self.cells
        day_of = self.window.calendar.day_of
        total = day_start = day_end = 0
        date_ = self.window.first
        for start, end, machine, waiting_us, bridged_us in sessions:
            total += end - start
            self.waiting_us += waiting_us
            self.bridged_us += bridged_us
            at = start
            while at < end:
                if not day_start <= at < day_end:
                    _, date_, day_start, day_end = day_of(at)
                until = min(end, day_end)
                cells[date_, machine] += until - at
                at = until
        self.sessions += len(sessions)
        self.billable_us += total
        return total

    def by_day(self) -> dict[date, int]:
        """Return billable time by day."""
        found: dict[date, int] = {}
        for (day, _), length in self.cells.items():
            found[day] = found.get(day, 0) + length
        return found

    def by_machine(self) -> dict[str, int]:
        """Return billable time by machine."""
        found: dict[str, int] = {}
        for (_, machine), length in self.cells.items():
            found[machine] = found.get(machine, 0) + length
        return found

    def use(self, *, amount: Money | None) -> ReplayedUse:
        """Return the sums."""
        return ReplayedUse(
            sessions=self.sessions,
            billable_us=self.billable_us,
            working_us=self.billable_us - self.bridged_us,
            waiting_us=self.waiting_us,
            bridged_us=self.bridged_us,
            amount=amount,
        )


@dataclass(kw_only=True, slots=True)
class _Comparison:
    """Both sides, member by member."""

    window: ReplayWindow
    before: _Side
    after: _Side
    members: list[MemberChange] = field(default_factory=list)

    def take(
        self, member_id: int, stretches: Sequence[RecordedStretch], *, idle_timeout: int | None
    ) -> None:
        """Replay a member's stretches on both sides."""
        since, until = self.window.since, self.window.until
        old = replay_as_recorded(stretches, since=since, as_of=until)
        new: list[ReplayedSession] = []
        cut = gained = 0
        if idle_timeout is not None:
            new = replay(stretches, idle_timeout=idle_timeout, since=since, as_of=until)
            cut = resumes_cut(before=old, after=new, since=since)
            gained = resumes_cut(before=new, after=old, since=since)
        change = MemberChange(member_id, self.before.add(old), self.after.add(new), cut, gained)
        if change.before_us or change.after_us:
            self.members.append(change)


class _Amounts(NamedTuple):
    """The estimate of one side, and its shares by day and by machine."""

    total: Money | None
    shares: Mapping[object, Money]

    def share(self, key: object) -> Money | None:
        """Return what a day or a machine has of the total, None where money is not seen."""
        return None if self.total is None else self.shares.get(key, self.total - self.total)


def replay_use(
    *,
    actor: Actor,
    timeouts: Mapping[int, int | None],
    as_of: datetime,
    on_progress: Callable[[int], None] | None = None,
) -> UseReplay:
    """Return what the last `REPLAY_DAYS` days would have been under new idle timeouts.

    `timeouts` gives, by member id, the idle timeout in seconds (10..3600) that would be in
    force, or None for a member who would not have Offload: all their use is gone, and no resume
    counts as cut. Name only members whose timeout changes: the use of others is not read.
    Members that the actor may not see are left out. Seven queries, one more for a lead of teams
    and for each further 500 members. `on_progress` hears how many members are done, now and then.
    """
    organization_id = organization_of(actor)
    zone = get_zone(actor=actor)
    window = get_replay_window(organization_id=organization_id, zone=zone, as_of=as_of)
    compared = _Comparison(window=window, before=_Side(window=window), after=_Side(window=window))
    recorded = read_recorded_stretches(
        organization_id=organization_id,
        member_ids=_visible(actor, timeouts),
        since=window.since,
        until=window.until,
    )
    for done, (member_id, stretches) in enumerate(recorded):
        compared.take(member_id, stretches, idle_timeout=timeouts[member_id])
        if on_progress is not None and done % PROGRESS_EVERY == 0:
            on_progress(done)
    book = None
    if actor.may(Capability.MONEY_READ):
        book = price_book(organization_id=organization_id)
    before, after = compared.before, compared.after
    amounts = _amounts(before, book=book), _amounts(after, book=book)
    machines = sorted({machine for _, machine in (*before.cells, *after.cells)})
    return UseReplay(
        first=window.first,
        last=window.last,
        zone=zone,
        as_of=as_of,
        before=before.use(amount=amounts[0].total),
        after=after.use(amount=amounts[1].total),
        resumes_cut=sum(member.resumes_cut for member in compared.members),
        resumes_gained=sum(member.resumes_gained for member in compared.members),
        days=_changes(window.dates(), before.by_day(), after.by_day(), amounts=amounts),
        machines=_changes(machines, before.by_machine(), after.by_machine(), amounts=amounts),
        members=tuple(sorted(compared.members)),
    )


def list_affected_sessions(
    *, actor: Actor, member_ids: Collection[int], as_of: datetime
) -> list[SessionView]:
    """Return the sessions of these members that are active or idle at `as_of`, active first.

    Those that the actor may see, in two queries at most.
    """
    rows = (
        sessions_at(actor=actor, narrowed=SessionFilter(), as_of=as_of)
        .filter(is_running(as_of=as_of), member_id__in=list(member_ids))
        .order_by("-started_at", "id")
    )
    views = [look_at(row, as_of=as_of) for row in rows]
    return sorted(views, key=lambda view: view.state != "active")


def _visible(actor: Actor, member_ids: Collection[int]) -> list[int]:
    """Return those whose use the actor may see: all, or the actor and the teams they lead."""
    if actor.may(Capability.USAGE_READ):
        return sorted(member_ids)
    led = TeamMembership.objects.filter(
        organization_id=organization_of(actor), member_id=actor.member_id or 0, is_lead=True
    )
    members = TeamMembership.objects.filter(
        organization_id=organization_of(actor), team_id__in=led.values("team_id")
    )
    seen = {actor.member_id, *members.values_list("member_id", flat=True)}
    return sorted(member_id for member_id in member_ids if member_id in seen)


def _amounts(side: _Side, *, book: PriceBook | None) -> _Amounts:
    if book is None:
        return _Amounts(None, {})
    since = book.change_days()
    usage = [
        (day, machine, sum(change <= day for change in since), length)
        for (day, machine), length in side.cells.items()
    ]
    by_day = estimate(usage, book=book)
    by_machine = estimate(
        [(machine, machine, card, length) for _, machine, card, length in usage], book=book
    )
    shares = {**by_day.shares, **by_machine.shares}
    return _Amounts(
        Money(amount=by_day.total, currency=book.currency),
        {key: Money(amount=part, currency=book.currency) for key, part in shares.items()},
    )


def _changes(
    keys: Sequence[Key],
    before: Mapping[Key, int],
    after: Mapping[Key, int],
    *,
    amounts: tuple[_Amounts, _Amounts],
) -> dict[Key, Change]:
    return {
        key: Change(
            before.get(key, 0), after.get(key, 0), amounts[0].share(key), amounts[1].share(key)
        )
        for key in keys
    }
