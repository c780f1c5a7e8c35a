"""Recorded use under another idle timeout: what it would have cost, what it would have cut.

The same continuity rule, walked over stored stretches of activity instead of events (ADR-0015):

- Two `active` of a stream no further apart than runners promise to report (half the idle timeout
  in force then, plus 1 s) are one stretch, whatever was reported between them. Activity may
  have gone on there, so no timeout saves anything inside a stretch.
- A stretch that ends at `t` goes idle at `t + idle timeout`, or when its environment was
  terminated. Recorded `idle` events are dropped: they are the old timer's. So is an `ended` that
  came after the environment was purged: it ended nothing.
- What follows is the rule as it stands: a gap up to the continuity window is bridged.

A longer timeout never bills less and never makes more sessions: each pair of neighbouring
stretches, `d` apart, is billed `d` where they hold together and the timeout, which is then less
than `d`, where they do not. Waiting and bridged time alone may move either way.

Instants and durations are `int` microseconds, idle timeouts whole seconds.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from billing.domain.events import MAXIMUM_IDLE_TIMEOUT
from billing.domain.instants import SECOND_US
from billing.domain.session_facts import CONTINUITY_WINDOW_US, stretch_reach_us

BEGINNING: Final = -(1 << 62)
"""An instant before all use: a window from here on leaves nothing out."""


LOOK_BACK_US: Final = MAXIMUM_IDLE_TIMEOUT * SECOND_US + CONTINUITY_WINDOW_US
"""A stretch whose activity ended longer than this before a window has no say in it."""


class RecordedStretch(NamedTuple):
    """A stored run of activity of one stream; see `session_facts.Stretch`.

    `terminated_at` is given with the last stretch of a session whose environment was terminated,
    by an `ended` or by another machine's `active`.
    """

    started_at: int
    active_until: int
    machine: str
    idle_timeout: int
    terminated_at: int | None = None


class ReplayedSession(NamedTuple):
    """A session of the replay, as far as it lies in the window: the span and its parts.

    `started_at` is the window's beginning when the session began before it.
    """

    started_at: int
    active_until: int
    machine: str
    waiting_us: int
    bridged_us: int

    @property
    def billable_us(self) -> int:
        """The whole span."""
        return self.active_until - self.started_at

    @property
    def working_us(self) -> int:
        """Billable time that is not a bridged gap."""
        return self.billable_us - self.bridged_us


_NOTHING: Final = RecordedStretch(1 << 62, 1 << 62, "", 0)
"""What follows the last stretch: never, on no machine."""


def replay(
    stretches: Iterable[RecordedStretch], *, idle_timeout: int, since: int, as_of: int
) -> list[ReplayedSession]:
    """Return the sessions of one stream under `idle_timeout`, in order, within the window.

    The window is `[since, as_of)`; stretches that begin after `as_of` are ignored, one at `as_of`
    counts. Stretches in any order; give also those of the `LOOK_BACK_US` before the window,
    for what they do to later ones.
    """
    return _walk(stretches, idle_timeout=idle_timeout, since=since, as_of=as_of)


def replay_as_recorded(
    stretches: Iterable[RecordedStretch], *, since: int, as_of: int
) -> list[ReplayedSession]:
    """Return the same under the idle timeouts that were in force: what to compare with.

    Where nobody chose to go idle before the timer fired, this is the recorded fold exactly; else
    it bills more, never less.
    """
    return _walk(stretches, idle_timeout=None, since=since, as_of=as_of)


def resumes_cut(
    *, before: Sequence[ReplayedSession], after: Sequence[ReplayedSession], since: int
) -> int:
    """Count where `after` starts a session anew and `before` went on with one, in the window.

    Of two replays of the same stretches and window. With the two exchanged: the resumes gained.
    """
    kept = {session.started_at for session in before}
    return sum(session.started_at not in kept for session in after if session.started_at > since)


def _walk(
    stretches: Iterable[RecordedStretch], *, idle_timeout: int | None, since: int, as_of: int
) -> list[ReplayedSession]:
    # At one instant: what another machine cut off there, then that machine (rule 7).
    ordered = sorted(stretches)
    while ordered and ordered[-1].started_at > as_of:
        ordered.pop()
    sessions: list[ReplayedSession] = []
    started_at = waiting_us = bridged_us = 0
    went_on = False
    for begin, active_until, waits_until, billed_until, goes_on, machine in _reaches(
        ordered, None if idle_timeout is None else idle_timeout * SECOND_US
    ):
        if begin < since or billed_until > as_of:
            begin, active_until, waits_until, billed_until = (  # noqa: PLW2901 - cut to the window
                min(max(at, since), as_of)
                for at in (begin, active_until, waits_until, billed_until)
            )
        if not went_on:
            started_at, waiting_us, bridged_us = begin, 0, 0
        waiting_us += waits_until - active_until
        bridged_us += billed_until - waits_until
        went_on = goes_on
        if not goes_on and billed_until > started_at:
            sessions.append(
                ReplayedSession(started_at, billed_until, machine, waiting_us, bridged_us)
            )
    return sessions


def _reaches(
    ordered: Sequence[RecordedStretch], timeout_us: int | None
) -> Iterator[tuple[int, int, int, int, bool, str]]:
    """Apply the rule to each stretch and the one that follows it.

    Yields where it begins, where its activity, its wait and its bridged gap end, whether the
    next one goes on with its session, and its machine. One loop and plain tuples: it is passed
    a hundred thousand times for a hundred busy members.
    """
    for stretch, following in pairwise([*ordered, _NOTHING]):
        begin, active_until, machine, recorded, terminated_at = stretch
        next_at = following[0]
        idle_at = active_until + (recorded * SECOND_US if timeout_us is None else timeout_us)
        if terminated_at is not None or machine != following[2]:
            end = next_at if terminated_at is None else terminated_at
            idle_at = min(idle_at, end)
            yield begin, active_until, idle_at, idle_at, False, machine
        elif next_at - active_until <= stretch_reach_us(recorded):
            yield begin, next_at, next_at, next_at, True, machine
        elif next_at - idle_at <= CONTINUITY_WINDOW_US:
            yield begin, active_until, min(idle_at, next_at), next_at, True, machine
        else:
            yield begin, active_until, idle_at, idle_at, False, machine
