"""Events of many streams at once, packed by the database and unpacked here.

Sixteen bytes an event instead of a row: 1 M events are read and made into values in about 1.2 s
where a server-side cursor takes 2.4 s for the rows alone.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.db import connection

from billing.domain.events import BareEvent
from billing.domain.instants import datetime_of, instant_of
from billing.models import Machine

EVENTS_AT_ONCE: Final = 20_000
"""Events of one stream that are read in one go; ties of the last instant come with them."""

_PACKED: Final = struct.Struct(">q2xHHH")
_POSTGRES_EPOCH_US: Final = instant_of(datetime(2000, 1, 1, tzinfo=UTC))

_SELECT: Final = """
    SELECT stretch.ordinal, events.packed
      FROM unnest(%(ordinals)s::int[], %(organizations)s::bigint[], %(members)s::bigint[],
                  %(since)s::timestamptz[], %(until)s::timestamptz[])
           AS stretch (ordinal, organization_id, member_id, since, until)
     CROSS JOIN LATERAL (
           SELECT string_agg(
                      timestamptz_send(event.occurred_at) || int8send(
                          (event.machine_id::bigint << 32)
                          | (event.idle_timeout_seconds::int << 16)
                          | CASE event.kind WHEN 'idle' THEN 0 WHEN 'ended' THEN 1 ELSE 2 END),
                      ''::bytea) AS packed
             FROM (SELECT occurred_at, machine_id, idle_timeout_seconds, kind
                     FROM billing_sessionevent
                    WHERE organization_id = stretch.organization_id
                      AND member_id = stretch.member_id
                      AND occurred_at >= stretch.since
                      AND occurred_at <= stretch.until
                      AND received_at < %(received_before)s
                    ORDER BY occurred_at
                    FETCH FIRST %(at_once)s ROWS WITH TIES) event
           ) events
     WHERE events.packed IS NOT NULL
"""

ALWAYS: Final = datetime(9999, 12, 31, tzinfo=UTC)


class StreamRange(NamedTuple):
    """What to read of a stream: the events of `[since, until]`, microseconds UTC."""

    organization_id: int
    member_id: int
    since: int
    until: int


class MachineNames:
    """Machine names by id, as they stood when this was made."""

    def __init__(self) -> None:
        self.by_id: dict[int, str] = dict(Machine.objects.values_list("id", "name"))
        self.ids: dict[str, int] = {name: id_ for id_, name in self.by_id.items()}


def read_stream_events(
    ranges: Sequence[StreamRange],
    *,
    machines: MachineNames,
    received_before: datetime = ALWAYS,
    at_once: int = EVENTS_AT_ONCE,
) -> Iterator[tuple[int, list[BareEvent]]]:
    """Yield (index of the range, its first events), for each range that has any.

    Of each range about `at_once` events are read, never a part of an instant: when that many
    come, go on behind the last instant. The events of a range come in no particular order.
    The database reads ahead while they are used, so until the last has come the connection is
    good for nothing else.
    """
    if not ranges:
        return
    names = machines.by_id
    epoch = _POSTGRES_EPOCH_US
    asked = {
        "ordinals": list(range(len(ranges))),
        "organizations": [wanted.organization_id for wanted in ranges],
        "members": [wanted.member_id for wanted in ranges],
        "since": [datetime_of(wanted.since) for wanted in ranges],
        "until": [datetime_of(wanted.until) for wanted in ranges],
        "received_before": received_before,
        "at_once": at_once,
    }
    with connection.cursor() as cursor, connection.wrap_database_errors:
        for ordinal, packed in cursor.cursor.stream(_SELECT, asked):
            # The numbers of `kind` are those of `Kind`; bare tuples, which are made fastest.
            events = [
                (at + epoch, kind, names[machine_id], idle_timeout)
                for at, machine_id, idle_timeout, kind in _PACKED.iter_unpack(packed)
            ]
            yield ordinal, events
