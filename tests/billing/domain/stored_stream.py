"""A dict for a database: keeps one stream as the fold's services do, in a few lines.

Events, marks, a checkpoint, and sessions with their stretches and records, replaced part by
part. What it holds is compared with one fold of all events from scratch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from billing.domain.events import Event, in_order
from billing.domain.records import Calendar, cut
from billing.domain.session_facts import SessionFacts
from billing.domain.sessions import Walk
from billing.domain.stream_fold import Checkpoint, Late, Part, StreamFold


class Kept(NamedTuple):
    """What is stored of one session."""

    machine: str
    active_until: int
    terminated_at: int | None
    end_reason: str
    bridged_us: int
    waiting_us: int
    event_count: int
    stretches: tuple
    records: tuple


def kept(facts: SessionFacts, records: Sequence, stretches: Sequence) -> Kept:
    return Kept(
        facts.machine,
        facts.active_until,
        facts.terminated_at,
        facts.end_reason,
        facts.bridged_us,
        facts.waiting_us,
        facts.event_count,
        tuple(stretches),
        tuple(
            (record.day.period_id, record.day.date, record.day.start, *record[1:])
            for record in records
        ),
    )


def from_scratch(events: Iterable[Event], *, calendar: Calendar) -> dict[int, Kept]:
    """Return what one walk through all events finds."""
    walk = Walk()
    walk.feed(in_order(events))
    return {
        facts.started_at: kept(facts, cut(facts, calendar=calendar), facts.stretches)
        for facts in walk.sessions()
    }


@dataclass(kw_only=True)
class StoredStream:
    """One stream; `at_once` are the sizes of the rounds' reads, the last one repeated."""

    calendar: Calendar
    at_once: Sequence[int] = (500, 20_000)
    events: list[Event] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    sessions: dict[int, Kept] = field(default_factory=dict)
    read: int = 0

    def receive(self, batch: Sequence[Event]) -> None:
        """Take events, under one mark."""
        self.events += batch
        self.marks.append((min(batch)[0], max(batch)[0]))

    def fold(self) -> None:
        """Fold what waits: a walk of what is late, then one of what follows the checkpoint."""
        self.read = 0
        marks, self.marks = self.marks, []
        known = self.checkpoint
        late = None
        if known is not None:
            late = self._late([mark for mark in marks if mark[0] < known.at], known.at)
        fold = StreamFold(calendar=self.calendar, checkpoint=known, late=late)
        self._walk(fold)
        if late is not None and fold.checkpoint is known:
            # It met what is stored. Or it came to the end and found the same; once more is right.
            fold = StreamFold(calendar=self.calendar, checkpoint=known)
            self._walk(fold)
        self.checkpoint = fold.checkpoint

    def _late(self, marks: Sequence[tuple[int, int]], known: int) -> Late | None:
        if not marks:
            return None
        since = min(since for since, _ in marks)
        before = [start for start in self.sessions if start < since]
        return Late(max(before, default=since), max(until for _, until in marks), known)

    def _walk(self, fold: StreamFold) -> None:
        rounds = 0
        while not fold.is_done:
            at_once = self.at_once[min(rounds, len(self.at_once) - 1)]
            rounds += 1
            events = self._next(fold.position, at_once)
            self.read += len(events)
            self._put(fold.take(events, is_all=len(events) < at_once))
            starts = fold.starts_to_compare()
            self._put(fold.settle({start for start in starts if start in self.sessions}))

    def _next(self, position: int, at_once: int) -> list[Event]:
        """Return the first events from `position` on, with the ties of the last one."""
        rest = sorted(event for event in self.events if event.at >= position)
        if len(rest) <= at_once:
            return rest
        return [event for event in rest if event.at <= rest[at_once - 1].at][::-1]

    def _put(self, part: Part | None) -> None:
        if part is None:
            return
        new = {}
        for position, facts in enumerate(part.sessions):
            is_resumed = position == 0 and part.resumed is not None
            records = cut(facts, calendar=self.calendar, carry=part.carry if is_resumed else None)
            stretches = facts.stretches
            entry = kept(facts, records, stretches)
            if is_resumed:
                before = self.sessions[facts.started_at]
                entry = entry._replace(
                    stretches=tuple(
                        s for s in before.stretches if s.started_at < stretches[0].started_at
                    )
                    + entry.stretches,
                    records=tuple(r for r in before.records if r[2] < records[0].day.start)
                    + entry.records,
                )
            new[facts.started_at] = entry
        for start in [s for s in self.sessions if s >= part.since]:
            if part.until is None or start < part.until:
                del self.sessions[start]
        self.sessions |= new
