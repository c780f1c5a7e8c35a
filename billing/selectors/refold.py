"""Sessions computed from stored events alone, nothing that was folded before being believed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from billing.domain.events import in_order
from billing.domain.session_facts import SessionFacts
from billing.domain.sessions import Walk
from billing.selectors.stream_events import (
    ALWAYS,
    EVENTS_AT_ONCE,
    MachineNames,
    StreamRange,
    read_stream_events,
)

STREAMS_AT_ONCE: Final = 50
"""Streams walked side by side: bounds the memory."""


def refold(
    ranges: Sequence[StreamRange], *, machines: MachineNames, received_before: datetime = ALWAYS
) -> Iterator[tuple[StreamRange, list[SessionFacts]]]:
    """Yield each range with the sessions of its events that were received before an instant.

    A range that does not begin with its stream must begin where a session starts.
    """
    for first in range(0, len(ranges), STREAMS_AT_ONCE):
        batch = list(ranges[first : first + STREAMS_AT_ONCE])
        walks = [Walk() for _ in batch]
        left = dict(enumerate(batch))
        while left:
            ordinals = list(left)
            more: dict[int, StreamRange] = {}
            for position, events in read_stream_events(
                list(left.values()), machines=machines, received_before=received_before
            ):
                ordinal = ordinals[position]
                arrived = in_order(events)
                walks[ordinal].feed(arrived)
                if len(events) >= EVENTS_AT_ONCE:
                    more[ordinal] = left[ordinal]._replace(since=arrived[-1][0] + 1)
            left = more
        for wanted, walk in zip(batch, walks, strict=True):
            yield wanted, walk.sessions()
