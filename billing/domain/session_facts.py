"""Sessions as values: what is stored, what is open, and how a session looks at an instant.

All instants and durations are `int` microseconds (UTC); see `billing.domain.events`.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from billing.domain.instants import SECOND_US

CONTINUITY_WINDOW_US: Final = 300 * SECOND_US
"""An idle gap of up to exactly this long is bridged and billed; a longer one ends the session."""

EndReason = Literal["", "ended", "machine_changed"]
State = Literal["active", "idle", "ended"]


class Stretch(NamedTuple):
    """A run of activity reported at least every half idle timeout (plus 1 s), inside a session.

    `active_until` is its last `active`. `idle_at` is the instant the session stopped being
    active after it, `None` when the next stretch began before that; the time from
    `active_until` on is waiting. `idle_timeout` is that of its last `active`, in seconds.
    """

    started_at: int
    active_until: int
    idle_at: int | None
    idle_timeout: int


class OpenSession(NamedTuple):
    """The state of a stream between two events: all that the past still has to say.

    `activity_us` and `bridged_us` cover what lies before the current stretch, which runs from
    `stretch_at` to `last_at`. `idle_at` is set by an `idle` event only: silence follows from
    `last_at + idle_timeout`.
    """

    started_at: int
    machine: str
    stretch_at: int
    last_at: int
    idle_timeout: int
    idle_at: int | None
    bridged_us: int
    activity_us: int
    event_count: int

    @property
    def active_until(self) -> int:
        """The instant at which the session becomes idle unless an event comes before."""
        if self.idle_at is not None:
            return self.idle_at
        return self.last_at + self.idle_timeout * SECOND_US


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFacts:
    """A session as it is stored: what the events say, whatever the time is now.

    `active_until` may lie ahead. `terminated_at` is the instant of the `ended` or of another
    machine's `active` that ended the environment, within the window of its idling. `stretches`
    are those the walk has seen: all, or those since the checkpoint it was resumed from.
    """

    started_at: int
    machine: str
    active_until: int
    terminated_at: int | None
    end_reason: EndReason
    bridged_us: int
    activity_us: int
    event_count: int
    stretches: tuple[Stretch, ...]

    @property
    def billable_us(self) -> int:
        """The whole span."""
        return self.active_until - self.started_at

    @property
    def waiting_us(self) -> int:
        """The part of working time after the last activity of each stretch."""
        return self.billable_us - self.bridged_us - self.activity_us


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A session as it looks at an instant `as_of`: time that has not yet come is not in it.

    `idles_at` is given while active, `purges_at` (when the environment is deleted) once idle
    or ended, `idle_since` likewise; `ended_at` is the end of the billable span, once ended.
    """

    started_at: int
    active_until: int
    machine: str
    state: State
    idles_at: int | None
    idle_since: int | None
    purges_at: int | None
    ended_at: int | None
    end_reason: EndReason
    working_us: int
    waiting_us: int
    bridged_us: int
    event_count: int
    stretches: tuple[Stretch, ...]

    @property
    def billable_us(self) -> int:
        """`working + bridged`: the whole span."""
        return self.working_us + self.bridged_us


def stretch_reach_us(idle_timeout: int) -> int:
    """Return how far apart two `active` of one stretch may be, in microseconds.

    Runners promise to report at least every half idle timeout; a second is for their delays.
    """
    return idle_timeout * (SECOND_US // 2) + SECOND_US


def session_id(*, organization_id: int, member_id: int, started_at: int) -> uuid.UUID:
    """Return the key of a session: a hash of (stream, start), the same at every fold."""
    name = f"{organization_id}/{member_id}/{started_at}".encode()
    return uuid.UUID(bytes=hashlib.blake2b(name, digest_size=16).digest())


def state_at(*, active_until: int, terminated_at: int | None, as_of: int) -> State:
    """Return the state at `as_of` of a session with these facts.

    Active before `active_until`, idle for the continuity window (its end included), then ended;
    a termination ends it at once.
    """
    if terminated_at is not None and terminated_at <= as_of:
        return "ended"
    if as_of < active_until:
        return "active"
    return "idle" if as_of - active_until <= CONTINUITY_WINDOW_US else "ended"


def purges_at(*, active_until: int, terminated_at: int | None) -> int:
    """Return the last instant at which the environment of an idle session still exists."""
    window_end = active_until + CONTINUITY_WINDOW_US
    return window_end if terminated_at is None else min(window_end, terminated_at)


def seen_at(facts: SessionFacts, *, as_of: int) -> Session:
    """Return the session as it looks at `as_of`, not before its last event."""
    state = state_at(
        active_until=facts.active_until, terminated_at=facts.terminated_at, as_of=as_of
    )
    running = state == "active"
    until = as_of if running else facts.active_until
    working = until - facts.started_at - facts.bridged_us
    stretches = facts.stretches
    if running:
        stretches = (*stretches[:-1], stretches[-1]._replace(idle_at=None))
    return Session(
        started_at=facts.started_at,
        active_until=until,
        machine=facts.machine,
        state=state,
        idles_at=facts.active_until if running else None,
        idle_since=None if running else facts.active_until,
        purges_at=None
        if running
        else purges_at(active_until=facts.active_until, terminated_at=facts.terminated_at),
        ended_at=facts.active_until if state == "ended" else None,
        end_reason=facts.end_reason,
        working_us=working,
        waiting_us=working - facts.activity_us,
        bridged_us=facts.bridged_us,
        event_count=facts.event_count,
        stretches=stretches,
    )
