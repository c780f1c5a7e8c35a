"""Lines of time as SVG needs them: positions in percent, ticks at round local times, words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, pgettext

from billing.domain.instants import instant_of
from billing.rendering.words import duration_text
from billing.selectors.stretches import Piece
from billing.templatetags.usage import time_word

STEPS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200, 129600)
)
MAXIMUM_TICKS: Final = 9
NEAR_THE_EDGE: Final = 4.0  # percent: a label there would hang over
NARROW_STEP: Final = 0.14
"""Share of the span between ticks below which a label at the edge meets its neighbour."""
PIECES_DRAWN: Final = 400
"""Finer than a pixel shows nothing; longer lines of time are condensed to so many pieces."""
THINNEST: Final = 0.12  # percent: about one pixel

HEIGHT: Final = 24
HEIGHT_WITH_LABELS: Final = 46


class Tick(NamedTuple):
    """A vertical line; minor ones disappear on narrow screens."""

    x: str
    label: str
    anchor: str
    is_minor: bool


class Drawn(NamedTuple):
    """A piece as a rectangle, with the words that a pointer shows."""

    kind: str
    x: str
    width: str
    title: str


class Timeline(NamedTuple):
    """All that `components/timeline.html` draws."""

    height: int
    has_labels: bool
    ticks: tuple[Tick, ...]
    pieces: tuple[Drawn, ...]
    now_x: str | None
    summary: str


def draw(
    pieces: Iterable[Piece],
    *,
    start: datetime,
    end: datetime,
    now: datetime | None,
    zone: str,
    summary: str,
    has_labels: bool,
) -> Timeline:
    """Return the line of time from `start` to `end`; pieces outside are left out."""
    span = end - start
    local = ZoneInfo(zone)

    def place(at: datetime) -> float:
        return (min(max(at, start), end) - start) / span * 100

    drawn = []
    for piece in condense([piece for piece in pieces if piece.end > start and piece.start < end]):
        x = place(piece.start)
        drawn.append(
            Drawn(
                kind=piece.kind,
                x=f"{x:.3f}",
                width=f"{max(place(piece.end) - x, THINNEST):.3f}",
                title=piece_title(piece, zone=local),
            )
        )
    return Timeline(
        height=HEIGHT_WITH_LABELS if has_labels else HEIGHT,
        has_labels=has_labels,
        ticks=tuple(_ticks(start, end, zone=local, has_labels=has_labels)),
        pieces=tuple(drawn),
        now_x=f"{place(now):.3f}" if now is not None and start <= now < end else None,
        summary=summary,
    )


def condense(pieces: Sequence[Piece]) -> list[Piece]:
    """Return at most about `PIECES_DRAWN` pieces: neighbours too fine to see become one.

    The joined piece is of the kind that fills most of it.
    """
    if len(pieces) <= PIECES_DRAWN:
        return list(pieces)
    grain = (pieces[-1].end - pieces[0].start) / PIECES_DRAWN
    found: list[Piece] = []
    run: list[Piece] = []
    for piece in pieces:
        run.append(piece)
        if run[-1].end - run[0].start >= grain:
            found.append(_joined(run))
            run = []
    return [*found, _joined(run)] if run else found


def _joined(run: Sequence[Piece]) -> Piece:
    largest = max(run, key=lambda piece: piece.end - piece.start)
    return largest._replace(start=run[0].start, end=run[-1].end)


def piece_title(piece: Piece, *, zone: ZoneInfo) -> str:
    """Return what a piece is, from when to when, and how long."""
    return pgettext("a piece of a timeline", "{kind}, {start} to {end}, {length}").format(
        kind=time_word(piece.kind),
        start=f"{piece.start.astimezone(zone):%H:%M:%S}",
        end=f"{piece.end.astimezone(zone):%H:%M:%S}",
        length=duration_text(piece.length_us),
    )


def _ticks(start: datetime, end: datetime, *, zone: ZoneInfo, has_labels: bool) -> Iterable[Tick]:
    step = next((step for step in STEPS if (end - start) / step <= MAXIMUM_TICKS), STEPS[-1])
    offset = start.astimezone(zone).utcoffset() or timedelta(0)
    behind = (timedelta(microseconds=instant_of(start)) + offset) % step
    at = start if not behind else start - behind + step
    number = 0
    whole_days = step >= timedelta(days=1)
    while at <= end:
        x = (at - start) / (end - start) * 100
        local = at.astimezone(zone)
        label = ""
        if has_labels:
            pattern = pgettext("date format", "j M") if whole_days else "H:i"
            label = format_date(local, pattern)
        anchor = "middle"
        if x < NEAR_THE_EDGE:
            anchor = "start"
        elif x > 100 - NEAR_THE_EDGE:
            anchor = "end"
        is_cramped = anchor != "middle" and step / (end - start) < NARROW_STEP
        yield Tick(
            x=f"{x:.3f}",
            label="" if is_cramped else label,
            anchor=anchor,
            is_minor=number % 2 == 1,
        )
        at += step
        number += 1


def shares_of(*, activity_us: int, waiting_us: int, bridged_us: int) -> list[Drawn]:
    """Return how billable time is made up, as pieces of one bar."""
    total = activity_us + waiting_us + bridged_us
    if total <= 0:
        return []
    found = []
    x = 0.0
    for kind, length in (
        ("working", activity_us),
        ("waiting", waiting_us),
        ("bridged", bridged_us),
    ):
        width = length / total * 100
        if length > 0:
            found.append(Drawn(kind=kind, x=f"{x:.3f}", width=f"{width:.3f}", title=""))
        x += width
    return found


def session_summary(*, working: str, bridged: str) -> str:
    """Return the sentence that stands for the picture where it cannot be seen."""
    return gettext("Timeline: working {working}, bridged gaps {bridged}").format(
        working=working, bridged=bridged
    )
