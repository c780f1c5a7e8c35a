"""One stream's events and what is stored of its fold, in memory: the store of the tests.

It does with dictionaries what the fold's services do with tables: batches arrive in any order,
each leaves a mark, and a fold works the marks off and replaces what changed.
"""

from dataclasses import replace

from billing.domain.events import Event
from billing.domain.records import Calendar, Record, StoredPeriod, cut
from billing.domain.session_facts import SessionFacts
from billing.domain.sessions import Walk, in_order
from billing.domain.stream_fold import Checkpoint, Late, Part, StreamFold
from tests.billing.domain.strategies import EVENING

# Two billing periods whose border, a midnight in Dubai, lies where the generated streams begin.
DAY_US = 86_400_000_000
PERIODS = [
    StoredPeriod(1, EVENING - 400 * DAY_US, EVENING, "Asia/Dubai"),
    StoredPeriod(2, EVENING, EVENING + 400 * DAY_US, "Asia/Dubai"),
]


class RememberedStream:
    """The events of a stream, its checkpoint, and its stored sessions, stretches and records."""

    def __init__(self, *, at_once: int) -> None:
        self.calendar = Calendar(PERIODS)
        self.at_once = at_once
        self.events: list[Event] = []
        self.marks: list[tuple[int, int]] = []
        self.checkpoint: Checkpoint | None = None
        self.sessions: dict[int, SessionFacts] = {}
        self.records: dict[int, dict] = {}

    def receive(self, batch: list[Event]) -> None:
        if batch:
            self.events += batch
            self.marks.append((min(e.at for e in batch), max(e.at for e in batch)))

    def fold(self) -> int:
        """Work the marks off; return how many events were read for it."""
        marks, self.marks = self.marks, []
        if not marks:
            return 0
        known = self.checkpoint
        late = self._late(marks)
        appends = known is None or any(until >= known.at for _, until in marks)
        read = 0
        if late is not None:
            walk = StreamFold(calendar=self.calendar, checkpoint=known, late=late)
            read += self._walk(walk)
            # A late walk that never met the stored fold has come to the end of the stream.
            appends = appends and walk.checkpoint is known
            self.checkpoint = walk.checkpoint
        if appends:
            walk = StreamFold(calendar=self.calendar, checkpoint=known)
            read += self._walk(walk)
            self.checkpoint = walk.checkpoint
        return read

    def _late(self, marks: list[tuple[int, int]]) -> Late | None:
        if self.checkpoint is None:
            return None
        known = self.checkpoint.at
        behind = [mark for mark in marks if mark[0] < known]
        if not behind:
            return None
        since = min(since for since, _ in behind)
        restart = max((start for start in self.sessions if start < since), default=since)
        return Late(restart, max(until for _, until in behind), known)

    def _walk(self, walk: StreamFold) -> int:
        read = 0
        while not walk.is_done:
            events = self._read(walk.position)
            read += len(events)
            self._put(walk.take(events, is_all=len(events) < self.at_once))
            starts = [start for start in walk.starts_to_compare() if start in self.sessions]
            if starts:
                self._put(walk.settle(starts))
        return read

    def _read(self, since: int) -> list[Event]:
        """Return about `at_once` events, no instant split, in no particular order."""
        waiting = in_order(event for event in self.events if event.at >= since)
        read = waiting[: self.at_once]
        ties = [event for event in waiting[self.at_once :] if event.at == read[-1].at]
        return [*read, *ties][::-1]

    def _put(self, part: Part | None) -> None:
        if part is None:
            return
        kept = {facts.started_at for facts in part.sessions}
        assert len(kept) == len(part.sessions), "two sessions of one start, which is their key"
        for start in list(self.sessions):
            reached = part.since <= start and (part.until is None or start < part.until)
            if reached and start not in kept:
                del self.sessions[start], self.records[start]
        for position, facts in enumerate(part.sessions):
            is_resumed = position == 0 and part.resumed is not None
            self._store(facts, carry=part.carry if is_resumed else None)

    def _store(self, facts: SessionFacts, *, carry) -> None:
        first = facts.stretches[0].started_at
        old = self.sessions.get(facts.started_at)
        before = tuple(s for s in (old.stretches if old else ()) if s.started_at < first)
        self.sessions[facts.started_at] = replace(facts, stretches=before + facts.stretches)
        records = cut(facts, calendar=self.calendar, carry=carry)
        days = self.records.get(facts.started_at, {})
        kept = {date: record for date, record in days.items() if date < records[0].day.date}
        self.records[facts.started_at] = kept | {record.day.date: record for record in records}

    def stored(self) -> list[tuple[SessionFacts, list[Record]]]:
        return [
            (self.sessions[start], list(self.records[start].values()))
            for start in sorted(self.sessions)
        ]

    def at_one_go(self) -> list[tuple[SessionFacts, list[Record]]]:
        """Return what one walk over all events says."""
        walk = Walk()
        walk.feed(in_order(self.events))
        return [
            (facts, cut(facts, calendar=self.calendar))
            for facts in walk.sessions()
            if facts.billable_us > 0
        ]
