"""Starts of stored sessions, from which a stream can be walked anew."""

from collections.abc import Mapping

from django.db import connection

from billing.domain.instants import datetime_of, instant_of

Stream = tuple[int, int]
"""(organization id, member id)."""


def last_starts_before(instants: Mapping[Stream, int]) -> dict[Stream, int]:
    """Return the start of the last stored session before an instant of each stream (us UTC).

    Streams without such a session are absent. One query.
    """
    if not instants:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT wanted.organization_id, wanted.member_id, session.started_at
              FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])
                   AS wanted (organization_id, member_id, before)
             CROSS JOIN LATERAL (
                   SELECT started_at FROM billing_offloadsession
                    WHERE organization_id = wanted.organization_id
                      AND member_id = wanted.member_id
                      AND started_at < wanted.before
                    ORDER BY started_at DESC
                    LIMIT 1) session
            """,
            [
                [organization_id for organization_id, _ in instants],
                [member_id for _, member_id in instants],
                [datetime_of(instant) for instant in instants.values()],
            ],
        )
        return {(owner, member): instant_of(start) for owner, member, start in cursor.fetchall()}
