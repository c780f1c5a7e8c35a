"""Folding a stream again when events have come: which to walk, and what that replaces (ADR-0003).

Events that arrive in order are walked from the stream's checkpoint. Late ones are walked from
the last session that starts before them, until the walk starts a session where a stored one
starts: what happens from such a start on depends on nothing before it, so both folds are the
same from there. The cost is the new events, or the sessions that late ones touch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from billing.domain.events import BareEvent, in_order
from billing.domain.records import Calendar, Carry, carry_at
from billing.domain.session_facts import OpenSession, SessionFacts
from billing.domain.sessions import Walk

BEGINNING: Final = -(1 << 55)
"""An instant before every event: in the year 828."""


class Checkpoint(NamedTuple):
    """The state before the last folded instant `at`: a tie of that instant may still arrive."""

    at: int
    open_session: OpenSession | None
    carry: Carry | None


class Late(NamedTuple):
    """Late events lie in `[since, until]`; the stream is folded up to the checkpoint at `known`.

    `restart` is the start of the last stored session before `since`, or `since` itself.
    """

    restart: int
    until: int
    known: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Facts to store in place of the sessions that start in `[since, until)`.

    `until` is `None` when nothing follows. When `resumed` is given the first session was
    resumed: its facts hold only stretches from `resumed.stretch_at` on, and its records go on
    from `carry`.
    """

    since: int
    until: int | None
    sessions: Sequence[SessionFacts]
    resumed: OpenSession | None = None
    carry: Carry | None = None


class StreamFold:
    """One walk through a part of a stream. Take events from `position` on until `is_done`."""

    def __init__(
        self, *, calendar: Calendar, checkpoint: Checkpoint | None = None, late: Late | None = None
    ) -> None:
        """Walk from the checkpoint, from a late event's restart, or from the beginning."""
        self.is_done = False
        self.checkpoint = checkpoint
        self._calendar = calendar
        self._late = late
        self._held: list[BareEvent] = []
        self._resumed: OpenSession | None = None
        self._carry: Carry | None = None
        self.position = self._replaces = BEGINNING
        if late is not None:
            self.position = self._replaces = late.restart
        elif checkpoint is not None:
            self._resumed = checkpoint.open_session
            self._carry = checkpoint.carry
            self.position = self._replaces = checkpoint.at
            if self._resumed is not None:
                self._replaces = self._resumed.started_at
        self._walk = Walk(self._resumed)

    def take(self, events: Sequence[BareEvent], *, is_all: bool) -> Part | None:
        """Walk the next events, in any order but with no instant split from what follows.

        `is_all` says that the stream has no more. Returns what can be stored already.
        """
        arrived = self._held + in_order(events)
        split = len(arrived)
        if arrived:
            last = arrived[-1][0]
            self.position = last + 1
            while split and arrived[split - 1][0] == last:
                split -= 1
        self._walk.feed(arrived[:split])
        self._held = arrived[split:]
        if is_all:
            return self._finish()
        return None if self._late is not None else self._closed_so_far()

    def starts_to_compare(self) -> list[int]:
        """Return starts at which this walk may have met the stored fold again."""
        if self._late is None or self.is_done:
            return []
        return [
            facts.started_at
            for facts in self._walk.sessions()
            if self._late.until < facts.started_at < self._late.known
        ]

    def settle(self, stored_starts: Collection[int]) -> Part | None:
        """End a late walk at the first start that is stored too; `None` when there is none."""
        met = min(stored_starts, default=None)
        if met is None:
            return None
        self.is_done = True
        sessions = [facts for facts in self._walk.sessions() if facts.started_at < met]
        return Part(since=self._replaces, until=met, sessions=sessions)

    def _closed_so_far(self) -> Part | None:
        closed = self._walk.take_closed()
        if not closed:
            return None
        current = self._walk.open_session
        held_from = self._held[0][0] if self._held else self.position
        until = held_from if current is None else current.started_at
        part = self._part(closed, until=until)
        self._replaces = until
        self._resumed = self._carry = None
        return part

    def _finish(self) -> Part:
        if self._held:
            self.checkpoint = self._checkpoint_before(self._held[0][0])
            self._walk.feed(self._held)
        self.is_done = True
        return self._part(self._walk.sessions(), until=None)

    def _part(self, sessions: Sequence[SessionFacts], *, until: int | None) -> Part:
        return Part(
            since=self._replaces,
            until=until,
            sessions=sessions,
            resumed=self._resumed,
            carry=self._carry,
        )

    def _checkpoint_before(self, at: int) -> Checkpoint:
        current = self._walk.open_session
        if current is None:
            return Checkpoint(at, None, None)
        is_resumed = self._resumed is not None and self._resumed.started_at == current.started_at
        carry = carry_at(
            current,
            self._walk.finished_stretches,
            calendar=self._calendar,
            carry=self._carry if is_resumed else None,
        )
        return Checkpoint(at, current, carry)
