"""Stored stretches of many members at once, packed by the database and unpacked here.

28 bytes a stretch instead of a row, as `stream_events` has it for events.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from django.db import connection

from billing.domain.instants import datetime_of, instant_of
from billing.domain.replay import LOOK_BACK_US, RecordedStretch
from billing.selectors.stream_events import MachineNames

MEMBERS_AT_ONCE: Final = 500
"""Members of one query: bounds the memory, about 10 kB for a month of a busy member."""

_PACKED: Final = struct.Struct(">qqqi")
_POSTGRES_EPOCH_US: Final = instant_of(datetime(2000, 1, 1, tzinfo=UTC))
_INFINITY: Final = (1 << 63) - 1

# The sessions of a member do not overlap: those that reach into the range are the last one that
# begins before it and all that begin in it, a range of one index.
_SELECT: Final = """
    SELECT wanted.member_id, recorded.packed
      FROM unnest(%(members)s::bigint[]) AS wanted (member_id)
     CROSS JOIN LATERAL (
           SELECT string_agg(
                      timestamptz_send(stretch.started_at)
                      || timestamptz_send(stretch.active_until)
                      || timestamptz_send(coalesce(session.terminated_at, 'infinity'))
                      || int4send((session.machine_id::int << 14)
                                  | (stretch.idle_timeout_seconds::int << 2)
                                  | (stretch.started_at = session.started_at)::int),
                      ''::bytea ORDER BY stretch.started_at, session.started_at) AS packed
             FROM billing_offloadsession session
             JOIN billing_sessionstretch stretch ON stretch.session_id = session.id
            WHERE session.organization_id = %(organization)s
              AND session.member_id = wanted.member_id
              AND session.started_at >= coalesce(
                      (SELECT max(earlier.started_at) FROM billing_offloadsession earlier
                        WHERE earlier.organization_id = %(organization)s
                          AND earlier.member_id = wanted.member_id
                          AND earlier.started_at < %(since)s),
                      %(since)s)
              AND session.started_at <= %(until)s
              AND stretch.active_until >= %(since)s
           ) recorded
     WHERE recorded.packed IS NOT NULL
"""


def read_recorded_stretches(
    *, organization_id: int, member_ids: Sequence[int], since: int, until: int
) -> Iterator[tuple[int, list[RecordedStretch]]]:
    """Yield (member id, all that a replay of `[since, until)` needs, in order), where any is.

    Members of other organizations have nothing. One query for each `MEMBERS_AT_ONCE` members, and
    one for the machines.
    """
    if not member_ids:
        return
    machines = MachineNames().by_id
    for first in range(0, len(member_ids), MEMBERS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                _SELECT,
                {
                    "organization": organization_id,
                    "members": list(member_ids[first : first + MEMBERS_AT_ONCE]),
                    "since": datetime_of(since - LOOK_BACK_US),
                    "until": datetime_of(until),
                },
            )
            for member_id, packed in cursor:
                yield member_id, _unpacked(packed, machines)


def _unpacked(packed: bytes, machines: Mapping[int, str]) -> list[RecordedStretch]:
    """Return the stretches; only the last one of each session keeps what terminated it."""
    found: list[RecordedStretch] = []
    for started_at, active_until, terminated_at, code in _PACKED.iter_unpack(packed):
        is_first = code & 1
        if found and not is_first and found[-1].terminated_at is not None:
            found[-1] = found[-1]._replace(terminated_at=None)
        found.append(
            RecordedStretch(
                started_at + _POSTGRES_EPOCH_US,
                active_until + _POSTGRES_EPOCH_US,
                machines[code >> 14],
                code >> 2 & 0xFFF,
                None if terminated_at == _INFINITY else terminated_at + _POSTGRES_EPOCH_US,
            )
        )
    return found
