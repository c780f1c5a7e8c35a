"""The continuity rule: session events in, sessions out (docs/continuity-rule.md).

The events of one stream (one member of one organization) are taken in the order that
`in_order` gives; events that are the same by identity must be removed before. The result
depends on the set of events only.

`Walk` is the rule itself and can stop and go on (`Walk.open_session`); `fold` applies it to
a whole stream and says how the sessions look at an instant. Instants and durations are `int`
microseconds (ADR-0002).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from billing.domain.events import BareEvent, Event, Kind, in_order
from billing.domain.session_facts import (
    CONTINUITY_WINDOW_US,
    EndReason,
    OpenSession,
    Session,
    SessionFacts,
    Stretch,
    seen_at,
    stretch_reach_us,
)

FOLD_VERSION: Final = 1
"""Raised when the rule changes; stored with each session and invoice."""

_NEVER: Final = -(1 << 62)


def fold(events: Iterable[Event], *, as_of: int) -> list[Session]:
    """Return the sessions of one stream as they look at `as_of`, in order of start.

    Events in any order; those later than `as_of` are ignored, one at `as_of` counts. A session
    that has no length yet is left out.
    """
    walk = Walk()
    walk.feed(in_order(event for event in events if event.at <= as_of))
    sessions = (seen_at(facts, as_of=as_of) for facts in walk.sessions())
    return [session for session in sessions if session.billable_us > 0]


class Walk:
    """Walks a stream in order; the only implementation of the rule.

    `feed` takes events in the order of `in_order`, in as many portions as one likes, as long
    as no instant is split. `open_session` is the state to resume from, `sessions` all that was
    seen since the start or the resumption. The cost of an event does not depend on the past.
    """

    __slots__ = ("_closed", "_open", "_stretches")

    def __init__(self, resume: OpenSession | None = None) -> None:
        self._open = resume
        self._closed: list[SessionFacts] = []
        self._stretches: list[Stretch] = []

    @property
    def open_session(self) -> OpenSession | None:
        """The session that a further event may still change; `None` after a clean end."""
        return self._open

    @property
    def finished_stretches(self) -> list[Stretch]:
        """Stretches of the open session before its current one, since the resumption."""
        return list(self._stretches)

    def sessions(self) -> list[SessionFacts]:
        """Return the sessions seen so far, the open one (up to its deadline) last."""
        current = self._open
        if current is None:
            return list(self._closed)
        return [*self._closed, self._facts(current, active_until=current.active_until)]

    def take_closed(self) -> list[SessionFacts]:
        """Hand over the sessions that ended, and forget them: a long walk stays small."""
        closed, self._closed = self._closed, []
        return closed

    def feed(self, events: Sequence[BareEvent]) -> None:
        """Apply events, in order."""
        # The common event, activity that goes on in the same stretch, is three assignments on
        # local names; everything else takes `_apply`, one rule a branch.
        current = self._open
        soon, machine, timeout, reach, last_at, count = _hot(current)
        for at, kind, on, idle_timeout in events:
            if at <= soon and kind == 2 and on == machine:  # noqa: PLR2004 - Kind.ACTIVE, as a literal for speed
                last_at = at
                count += 1
                if idle_timeout != timeout:
                    timeout = idle_timeout
                    reach = stretch_reach_us(timeout)
                soon = last_at + reach
                continue
            if current is not None:
                current = current._replace(
                    last_at=last_at, idle_timeout=timeout, event_count=count
                )
            current = self._apply(current, Event(at, kind, on, idle_timeout))
            soon, machine, timeout, reach, last_at, count = _hot(current)
        if current is not None:
            current = current._replace(last_at=last_at, idle_timeout=timeout, event_count=count)
        self._open = current

    def _apply(self, current: OpenSession | None, event: Event) -> OpenSession | None:
        if event.kind == Kind.ACTIVE:
            return self._active(current, event)
        # An idle or ended that names another machine, or comes without an open session, is the
        # late word of an old environment.
        if current is None or event.machine != current.machine:
            return current
        if event.kind == Kind.IDLE:
            if event.at < current.active_until:
                return current._replace(idle_at=event.at, event_count=current.event_count + 1)
            return current
        self._ended(current, event)
        return None

    def _active(self, current: OpenSession | None, event: Event) -> OpenSession:
        if current is None:
            return _started_by(event)
        idle_at = current.active_until
        gap = event.at - idle_at
        if gap > CONTINUITY_WINDOW_US:
            self._close(current, active_until=idle_at)
            return _started_by(event)
        if event.machine != current.machine:
            self._close(
                current,
                active_until=min(idle_at, event.at),
                terminated_at=event.at,
                end_reason="machine_changed",
            )
            return _started_by(event)
        went_on = current._replace(
            last_at=event.at,
            idle_timeout=event.idle_timeout,
            idle_at=None,
            event_count=current.event_count + 1,
        )
        was_idle = gap >= 0
        if not was_idle and event.at - current.last_at <= stretch_reach_us(current.idle_timeout):
            return went_on
        stretch = _stretch(current, idle_at=idle_at if was_idle else None)
        self._stretches.append(stretch)
        return went_on._replace(
            stretch_at=event.at,
            bridged_us=current.bridged_us + max(gap, 0),
            activity_us=current.activity_us + stretch.active_until - stretch.started_at,
        )

    def _ended(self, current: OpenSession, event: Event) -> None:
        idle_at = current.active_until
        if event.at - idle_at > CONTINUITY_WINDOW_US:
            self._close(current, active_until=idle_at)
        else:
            self._close(
                current._replace(event_count=current.event_count + 1),
                active_until=min(idle_at, event.at),
                terminated_at=event.at,
                end_reason="ended",
            )

    def _close(
        self,
        current: OpenSession,
        *,
        active_until: int,
        terminated_at: int | None = None,
        end_reason: EndReason = "",
    ) -> None:
        if active_until > current.started_at:  # a session of no length is not kept
            self._closed.append(
                self._facts(
                    current,
                    active_until=active_until,
                    terminated_at=terminated_at,
                    end_reason=end_reason,
                )
            )
        self._stretches = []

    def _facts(
        self,
        current: OpenSession,
        *,
        active_until: int,
        terminated_at: int | None = None,
        end_reason: EndReason = "",
    ) -> SessionFacts:
        return SessionFacts(
            started_at=current.started_at,
            machine=current.machine,
            active_until=active_until,
            terminated_at=terminated_at,
            end_reason=end_reason,
            bridged_us=current.bridged_us,
            activity_us=current.activity_us + current.last_at - current.stretch_at,
            event_count=current.event_count,
            stretches=(*self._stretches, _stretch(current, idle_at=active_until)),
        )


def _hot(current: OpenSession | None) -> tuple[int, str, int, int, int, int]:
    if current is None:
        return _NEVER, "", 0, 0, 0, 0
    reach = stretch_reach_us(current.idle_timeout)
    soon = _NEVER if current.idle_at is not None else current.last_at + reach
    return (
        soon,
        current.machine,
        current.idle_timeout,
        reach,
        current.last_at,
        current.event_count,
    )


def _started_by(event: Event) -> OpenSession:
    return OpenSession(
        started_at=event.at,
        machine=event.machine,
        stretch_at=event.at,
        last_at=event.at,
        idle_timeout=event.idle_timeout,
        idle_at=None,
        bridged_us=0,
        activity_us=0,
        event_count=1,
    )


def _stretch(current: OpenSession, *, idle_at: int | None) -> Stretch:
    return Stretch(
        started_at=current.stretch_at,
        active_until=current.last_at,
        idle_at=idle_at,
        idle_timeout=current.idle_timeout,
    )
