"""Sessions as they look at an instant: the running ones first, the ended ones page by page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.domain.instants import datetime_of, instant_of
from billing.domain.session_facts import CONTINUITY_WINDOW_US, State, purges_at, state_at
from billing.models import OffloadSession
from billing.selectors.reach import organization_of, reach_of
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.selectors.subjects import find_members

PAGE_ROWS: Final = 50
RUNNING_ROWS: Final = 200
"""Running sessions shown at once; more are counted and found by filters."""

CONTINUITY_WINDOW: Final = timedelta(microseconds=CONTINUITY_WINDOW_US)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionView:
    """One session as it looks at `as_of`; durations in microseconds, time to come left out.

    `idles_at` is given while active; `purges_at`, when the environment is deleted, once idle or
    ended; `ended_at` is the end of the billable span, once ended. `outside_policy` says what the
    member's settings forbade when it started.
    """

    id: UUID
    member_id: int
    member_name: str
    member_email: str
    team_id: int | None
    team_name: str
    team_slug: str
    machine: str
    machine_id: int
    started_at: datetime
    active_until: datetime
    terminated_at: datetime | None
    state: State
    idles_at: datetime | None
    purges_at: datetime | None
    ended_at: datetime | None
    end_reason: str
    working_us: int
    waiting_us: int
    bridged_us: int
    event_count: int
    policy_revision: int | None
    outside_policy: str

    @property
    def billable_us(self) -> int:
        """The whole span so far: `working + bridged`."""
        return self.working_us + self.bridged_us

    @property
    def activity_us(self) -> int:
        """Working time less the waiting in it."""
        return self.working_us - self.waiting_us

    @property
    def billed_until(self) -> datetime:
        """Where the billable span ends so far."""
        return self.started_at + timedelta(microseconds=self.billable_us)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFilter:
    """What a list is narrowed to; instants are half open, a session counts if it overlaps.

    `member` is looked for in names and addresses; `subject` is one member's address or id.
    """

    state: str = ""
    member: str = ""
    subject: str = ""
    team: str = ""
    machine: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out at all."""
        return self != SessionFilter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """The last row of the page before."""

    started_at: datetime
    id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionPage:
    """Running sessions (on the first page only), ended ones, and where the next page begins."""

    running: tuple[SessionView, ...]
    ended: tuple[SessionView, ...]
    next_cursor: Cursor | None
    has_more_running: bool


def list_sessions(
    *, actor: Actor, narrowed: SessionFilter, as_of: datetime, after: Cursor | None = None
) -> SessionPage:
    """Return one page of sessions that the actor may see, newest start first, in two queries."""
    sessions = _matching(actor=actor, narrowed=narrowed)
    running: list[SessionView] = []
    if after is None and narrowed.state != "ended":
        rows = sessions.filter(is_running(as_of=as_of)).order_by("-started_at", "id")
        if narrowed.state == "active":
            rows = rows.filter(active_until__gt=as_of)
        elif narrowed.state == "idle":
            rows = rows.filter(active_until__lte=as_of)
        running = [look_at(row, as_of=as_of) for row in rows[: RUNNING_ROWS + 1]]
        running.sort(key=lambda view: view.state != "active")
    ended: list[SessionView] = []
    if narrowed.state in ("", "ended"):
        rows = sessions.exclude(is_running(as_of=as_of)).order_by("-started_at", "id")
        if after is not None:
            rows = rows.filter(started_at__lte=after.started_at).exclude(
                started_at=after.started_at, id__lte=after.id
            )
        ended = [look_at(row, as_of=as_of) for row in rows[: PAGE_ROWS + 1]]
    has_next = len(ended) > PAGE_ROWS
    ended = ended[:PAGE_ROWS]
    return SessionPage(
        running=tuple(running[:RUNNING_ROWS]),
        ended=tuple(ended),
        next_cursor=Cursor(started_at=ended[-1].started_at, id=ended[-1].id) if has_next else None,
        has_more_running=len(running) > RUNNING_ROWS,
    )


def sessions_at(
    *, actor: Actor, narrowed: SessionFilter, as_of: datetime
) -> QuerySet[OffloadSession]:
    """Return the sessions that the actor may see, in no order, for pages of any kind."""
    sessions = _matching(actor=actor, narrowed=narrowed)
    match narrowed.state:
        case "active":
            return sessions.filter(is_running(as_of=as_of), active_until__gt=as_of)
        case "idle":
            return sessions.filter(is_running(as_of=as_of), active_until__lte=as_of)
        case "ended":
            return sessions.exclude(is_running(as_of=as_of))
        case _:
            return sessions


def list_running(*, actor: Actor, as_of: datetime) -> list[SessionView]:
    """Return all sessions that are active or idle at `as_of`, active first, in one query."""
    rows = _visible(actor).filter(is_running(as_of=as_of)).order_by("-started_at", "id")
    views = [look_at(row, as_of=as_of) for row in rows]
    return sorted(views, key=lambda view: view.state != "active")


def find_session(*, actor: Actor, session_id: UUID, as_of: datetime) -> SessionView | None:
    """Return one session that the actor may see, as it looks at `as_of`; None if there is none."""
    row = _visible(actor).filter(id=session_id).first()
    return None if row is None else look_at(row, as_of=as_of)


def is_running(*, as_of: datetime) -> Q:
    """Return the condition "active or idle at `as_of`": the end of the window is still inside."""
    return Q(active_until__gte=as_of - CONTINUITY_WINDOW) & (
        Q(terminated_at__isnull=True) | Q(terminated_at__gt=as_of)
    )


def look_at(row: OffloadSession, *, as_of: datetime) -> SessionView:
    """Return a stored session as it looks at `as_of`, not before its last event.

    What lies ahead of `as_of` is waiting that has not come yet and is taken off.
    """
    until = instant_of(row.active_until)
    terminated = None if row.terminated_at is None else instant_of(row.terminated_at)
    state = state_at(active_until=until, terminated_at=terminated, as_of=instant_of(as_of))
    ahead = max(0, until - instant_of(as_of)) if state == "active" else 0
    span = until - instant_of(row.started_at)
    return SessionView(
        id=row.id,
        member_id=row.member_id,
        member_name=row.member.name or row.member.email,
        member_email=row.member.email,
        team_id=row.team_id,
        team_name=row.team.name if row.team else "",
        team_slug=row.team.slug if row.team else "",
        machine=row.machine.name,
        machine_id=row.machine_id,
        started_at=row.started_at,
        active_until=row.active_until,
        terminated_at=row.terminated_at,
        state=state,
        idles_at=row.active_until if state == "active" else None,
        purges_at=None
        if state == "active"
        else datetime_of(purges_at(active_until=until, terminated_at=terminated)),
        ended_at=row.active_until if state == "ended" else None,
        end_reason=row.end_reason,
        working_us=span - row.bridged_us - ahead,
        waiting_us=max(0, row.waiting_us - ahead),
        bridged_us=row.bridged_us,
        event_count=row.event_count,
        policy_revision=row.policy_revision,
        outside_policy=row.outside_policy,
    )


def _visible(actor: Actor) -> QuerySet[OffloadSession]:
    within = reach_of(actor, capability=Capability.SESSIONS_READ)
    return OffloadSession.objects.filter(within).select_related("member", "team", "machine")


def _matching(*, actor: Actor, narrowed: SessionFilter) -> QuerySet[OffloadSession]:
    sessions = _visible(actor)
    if narrowed.member:
        sessions = sessions.filter(
            Q(member__email__icontains=narrowed.member)
            | Q(member__name__icontains=narrowed.member)
        )
    if narrowed.subject:
        found = find_members({(organization_of(actor), narrowed.subject)})
        sessions = sessions.filter(member_id__in=found.values())
    if narrowed.team:
        sessions = sessions.filter(team__slug=narrowed.team)
    if narrowed.machine:
        sessions = sessions.filter(machine__name=narrowed.machine)
    if narrowed.since is not None:
        sessions = sessions.filter(active_until__gt=narrowed.since)
    if narrowed.until is not None:
        sessions = sessions.filter(started_at__lt=narrowed.until)
    return sessions
