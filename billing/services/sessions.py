"""The fold: sessions and usage records from new events (ADR-0003, ADR-0005).

One transaction takes some streams with work, skips those another worker holds, and removes
exactly the marks it has read. Running it twice, or twice at once, changes nothing more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from billing.domain.instants import datetime_of, instant_of
from billing.domain.stream_fold import Checkpoint, Late, StreamFold
from billing.selectors.calendars import get_calendars
from billing.selectors.session_starts import Stream, last_starts_before
from billing.selectors.stream_events import MachineNames, StreamRange, read_stream_events
from billing.services.fold_queue import Claim, claim_streams, finish_claims, waiting_since
from billing.services.periods import ensure_periods
from billing.services.session_store import SessionStore, StreamContext
from orgs.selectors.teams import list_team_assignments

STREAMS_AT_ONCE: Final = 100
"""Streams of one transaction: short enough that a second worker finds work of its own."""

FIRST_EVENTS: Final = 500
EVENTS_AT_ONCE: Final = 20_000
"""Events of one stream in the first and in later rounds: a late event seldom needs more."""

EVENTS_OF_A_ROUND: Final = 100_000
"""Events of all streams in a later round: bounds the memory of a fold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldResult:
    """What was folded: streams (each as often as it was taken) and events that were read."""

    streams: int = 0
    events: int = 0


@dataclass(kw_only=True, slots=True)
class _Walking:
    """A claimed stream and the walk under way in it; `appends` follow a walk of late events."""

    claim: Claim
    context: StreamContext
    fold: StreamFold
    appends: bool

    def folds_until(self, as_of: int) -> int:
        """Return the last instant to fold; never less than what a fold has taken already.

        Another worker's clock may be ahead of ours: the marks of what it folded are gone.
        """
        known = self.claim.checkpoint
        return as_of if known is None else max(as_of, known.at)


def fold_sessions(
    *, as_of: datetime, organization_id: int | None = None, streams_at_once: int = STREAMS_AT_ONCE
) -> FoldResult:
    """Fold streams that have new events up to `as_of`, in one transaction.

    Events later than `as_of` wait, with their marks, until their time has come. Returns zero
    streams when there is nothing to do, or when other workers are at it.
    """
    ensure_periods(waiting_since(as_of=as_of, organization_id=organization_id), until=as_of)
    with transaction.atomic():
        claims = claim_streams(as_of=as_of, organization_id=organization_id, limit=streams_at_once)
        if not claims:
            return FoldResult()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS session_no_overlap DEFERRED")
        checkpoints, events = _walk(claims, as_of=instant_of(as_of))
        finish_claims(claims, checkpoints, as_of=as_of)
    return FoldResult(streams=len(claims), events=events)


def fold_all(*, as_of: datetime, organization_id: int | None = None) -> FoldResult:
    """Fold until nothing is waiting that this worker can take; returns the sums."""
    total = FoldResult()
    while (done := fold_sessions(as_of=as_of, organization_id=organization_id)).streams:
        total = FoldResult(streams=total.streams + done.streams, events=total.events + done.events)
    return total


def _walk(claims: Sequence[Claim], *, as_of: int) -> tuple[list[Checkpoint | None], int]:
    """Walk the streams in rounds, one read for all in each; return their new checkpoints."""
    machines = MachineNames()
    store = SessionStore()
    streams = _begin(claims, machines=machines)
    walking = streams
    read = 0
    at_once = FIRST_EVENTS
    while walking:
        read += _read_round(walking, store, machines=machines, as_of=as_of, at_once=at_once)
        _settle_late(walking, store)
        store.flush_when_full()
        walking = [stream for stream in walking if not stream.fold.is_done]
        at_once = min(EVENTS_AT_ONCE, EVENTS_OF_A_ROUND // max(len(walking), 1))
    store.flush()
    return [stream.fold.checkpoint for stream in streams], read


def _begin(claims: Sequence[Claim], *, machines: MachineNames) -> list[_Walking]:
    calendars = get_calendars({claim.organization_id for claim in claims})
    teams = list_team_assignments([claim.member_id for claim in claims])
    restarts = _restarts(claims)
    streams = []
    for claim in claims:
        calendar = calendars[claim.organization_id]
        known = claim.checkpoint
        late = restarts.get((claim.organization_id, claim.member_id))
        streams.append(
            _Walking(
                claim=claim,
                context=StreamContext(
                    organization_id=claim.organization_id,
                    member_id=claim.member_id,
                    calendar=calendar,
                    machine_ids=machines.ids,
                    teams=teams.get(claim.member_id, ()),
                ),
                fold=StreamFold(calendar=calendar, checkpoint=known, late=late),
                appends=known is not None and any(m.until >= known.at for m in claim.marks),
            )
        )
    return streams


def _restarts(claims: Sequence[Claim]) -> dict[Stream, Late]:
    """Return, by stream, what is late and where its walk begins; none for events in order."""
    late: dict[Stream, tuple[int, int, int]] = {}
    for claim in claims:
        if claim.checkpoint is None:
            continue
        known = claim.checkpoint.at
        marks = [mark for mark in claim.marks if mark.since < known]
        if marks:
            since = min(mark.since for mark in marks)
            until = max(mark.until for mark in marks)
            late[claim.organization_id, claim.member_id] = since, until, known
    starts = last_starts_before({stream: since for stream, (since, _, _) in late.items()})
    return {
        stream: Late(starts.get(stream, since), until, known)
        for stream, (since, until, known) in late.items()
    }


def _read_round(
    walking: Sequence[_Walking],
    store: SessionStore,
    *,
    machines: MachineNames,
    as_of: int,
    at_once: int,
) -> int:
    """Read the next events of each stream, walk them, and buffer what can be stored."""
    ranges = [
        StreamRange(
            stream.claim.organization_id,
            stream.claim.member_id,
            stream.fold.position,
            stream.folds_until(as_of),
        )
        for stream in walking
    ]
    read = 0
    silent = set(range(len(walking)))
    for ordinal, events in read_stream_events(ranges, machines=machines, at_once=at_once):
        silent.discard(ordinal)
        read += len(events)
        stream = walking[ordinal]
        part = stream.fold.take(events, is_all=len(events) < at_once)
        if part is not None:
            store.put(part, context=stream.context)
    for ordinal in silent:
        part = walking[ordinal].fold.take([], is_all=True)
        if part is not None:
            store.put(part, context=walking[ordinal].context)
    return read


def _settle_late(walking: Sequence[_Walking], store: SessionStore) -> None:
    """End the walks of late events that have met the stored fold again."""
    starts = [(stream, start) for stream in walking for start in stream.fold.starts_to_compare()]
    if not starts:
        return
    stored = _stored(
        (stream.claim.organization_id, stream.claim.member_id, start) for stream, start in starts
    )
    for walk in walking:
        owner = walk.claim.organization_id, walk.claim.member_id
        part = walk.fold.settle(stored.get(owner, set()))
        if part is None:
            continue
        store.put(part, context=walk.context)
        if walk.appends:
            walk.fold = StreamFold(
                calendar=walk.context.calendar, checkpoint=walk.claim.checkpoint
            )
            walk.appends = False


def _stored(starts: Iterable[tuple[int, int, int]]) -> dict[Stream, set[int]]:
    organizations, members, instants = zip(*starts, strict=True)
    found: dict[Stream, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT organization_id, member_id, started_at
              FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])
                   AS walked (organization_id, member_id, started_at)
              JOIN billing_offloadsession
             USING (organization_id, member_id, started_at)
            """,
            [list(organizations), list(members), [datetime_of(instant) for instant in instants]],
        )
        for organization_id, member_id, started_at in cursor.fetchall():
            found.setdefault((organization_id, member_id), set()).add(instant_of(started_at))
    return found
