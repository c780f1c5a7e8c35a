"""What a session is made of: working, waiting, bridged gaps, and the idle time after it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from billing.models import SessionStretch
from billing.selectors.sessions import SessionView

PieceKind = Literal["working", "waiting", "bridged", "idle"]

ZERO: Final = timedelta(0)


class StoredStretch(NamedTuple):
    """A run of activity as it is stored; see `SessionStretch`."""

    started_at: datetime
    active_until: datetime
    idle_at: datetime | None
    idle_timeout_seconds: int


class Piece(NamedTuple):
    """A piece of a session's line of time, `[start, end)`, never empty.

    `idle_timeout_seconds` is the one in force in working and waiting, 0 elsewhere.
    """

    kind: PieceKind
    start: datetime
    end: datetime
    idle_timeout_seconds: int

    @property
    def length_us(self) -> int:
        """Its length in microseconds."""
        return (self.end - self.start) // timedelta(microseconds=1)

    @property
    def is_billed(self) -> bool:
        """Whether its time is charged: all but idle."""
        return self.kind != "idle"


def stretches_of(session_ids: Iterable[UUID]) -> dict[UUID, list[StoredStretch]]:
    """Return the stretches of sessions, in order, in one query."""
    found: dict[UUID, list[StoredStretch]] = {}
    rows = (
        SessionStretch.objects.filter(session_id__in=list(session_ids))
        .order_by("session_id", "started_at")
        .values_list("session_id", "started_at", "active_until", "idle_at", "idle_timeout_seconds")
    )
    for session_id, started_at, active_until, idle_at, timeout in rows:
        stretch = StoredStretch(started_at, active_until, idle_at, timeout)
        found.setdefault(session_id, []).append(stretch)
    return found


def pieces_of(
    session: SessionView, stretches: Sequence[StoredStretch], *, as_of: datetime
) -> list[Piece]:
    """Return the line of time of a session as it looks at `as_of`, in order, without holes.

    The pieces that are billed add up to the session's billable time exactly. The idle piece at
    the end reaches to the deletion of the environment, or to `as_of`.
    """
    pieces: list[Piece] = []
    billed_until = session.billed_until
    for index, stretch in enumerate(stretches):
        following = stretches[index + 1].started_at if index + 1 < len(stretches) else None
        timeout = stretch.idle_timeout_seconds
        active_until = min(stretch.active_until, billed_until)
        waits_until = stretch.idle_at or following or billed_until
        waits_until = min(waits_until, billed_until)
        pieces.append(Piece("working", stretch.started_at, active_until, timeout))
        pieces.append(Piece("waiting", active_until, waits_until, timeout))
        if following is not None:
            pieces.append(Piece("bridged", waits_until, following, 0))
    if session.purges_at is not None:
        pieces.append(Piece("idle", billed_until, min(session.purges_at, as_of), 0))
    return [piece for piece in pieces if piece.end - piece.start > ZERO]
