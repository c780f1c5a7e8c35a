"""Session events as the rule sees them: kinds, values, and the order of one instant.

An instant is an `int` of microseconds since the Unix epoch, UTC; a duration is an `int` of
microseconds (ADR-0002).
"""

from collections.abc import Iterable
from enum import IntEnum
from operator import lt
from typing import Final, NamedTuple

MINIMUM_IDLE_TIMEOUT: Final = 10
MAXIMUM_IDLE_TIMEOUT: Final = 3600
"""Bounds of the idle timeout, in whole seconds."""


class Kind(IntEnum):
    """What a runner reported; the numbers are the order in which one instant is taken."""

    IDLE = 0
    ENDED = 1
    ACTIVE = 2

    @property
    def wire(self) -> str:
        """The word of the database and of the wire: `idle`, `ended` or `active`."""
        return self.name.lower()


class Event(NamedTuple):
    """One event of a stream: instant (us), kind, machine name, idle timeout (whole seconds)."""

    at: int
    kind: int
    machine: str
    idle_timeout: int


BareEvent = tuple[int, int, str, int]
"""What an `Event` is, without its names: a million of these take a third of the time to make."""


def in_order(events: Iterable[BareEvent]) -> list[BareEvent]:
    """Sort events as the rule takes them: by instant, then idle, ended, active.

    Several `active` of one instant go by machine name (code points), then longest idle timeout
    first, so that the last machine and its shortest timeout hold.
    """
    found = list(events)
    instants = [event[0] for event in found]
    if all(map(lt, instants, instants[1:])):  # as the database reads them, unless there are ties
        return found
    return sorted(found, key=lambda event: (event[0], event[1], event[2], -event[3]))
