"""The effective settings of members, as the history has them at an instant."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

from orgs.models import SettingsHead, SettingsVersion

ROWS_AT_MOST: Final = 16
"""Rows that are looked at for what holds: above it lie the ends of exceptions, one a setting."""


class Held(NamedTuple):
    """What holds for a member, and until when; None: until something changes."""

    version: SettingsVersion
    valid_until: datetime | None


class Written(NamedTuple):
    """A row of the history by what tells it apart; `digest` stands for its content."""

    revision: int
    since: datetime
    digest: bytes


def find_held(*, organization_id: int, member_id: int, at: datetime) -> Held | None:
    """Return what holds for a member at `at`; None before anything was written for them."""
    rows = SettingsVersion.objects.filter(organization_id=organization_id, member_id=member_id)
    valid_until: datetime | None = None
    for row in rows.order_by("-id")[:ROWS_AT_MOST]:
        if row.since <= at:
            return Held(row, valid_until)
        valid_until = row.since if valid_until is None else min(valid_until, row.since)
    return None


def list_held(
    *, organization_id: int, member_ids: Collection[int], at: datetime
) -> dict[int, SettingsVersion]:
    """Return what holds for members at `at`; absent are those for whom nothing was written."""
    rows = SettingsVersion.objects.raw(
        """
        SELECT held.*
          FROM unnest(%s::bigint[]) AS wanted (member_id), LATERAL (
               SELECT * FROM orgs_settingsversion
                WHERE organization_id = %s AND member_id = wanted.member_id AND since <= %s
                ORDER BY id DESC LIMIT 1) held
        """,
        [list(member_ids), organization_id, at],
    )
    return {row.member_id: row for row in rows}


def list_written_from(
    *, organization_id: int, member_ids: Collection[int], at: datetime
) -> dict[int, list[Written]]:
    """Return each member's row in force at `at` and those that lie ahead of it, oldest first.

    Members for whom nothing was ever written are absent. One query, by the index from the
    newest row back, whatever the length of the history.
    """
    found: dict[int, list[Written]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT version.member_id, version.revision, version.since, version.digest
              FROM unnest(%(members)s::bigint[]) AS wanted (member_id)
             CROSS JOIN LATERAL (
                   SELECT id FROM orgs_settingsversion
                    WHERE organization_id = %(organization)s
                      AND member_id = wanted.member_id AND since <= %(at)s
                    ORDER BY id DESC LIMIT 1) held
              JOIN orgs_settingsversion version
                ON version.organization_id = %(organization)s
               AND version.member_id = wanted.member_id
               AND version.id >= held.id
             ORDER BY version.id
            """,
            {"members": list(member_ids), "organization": organization_id, "at": at},
        )
        for member_id, revision, since, digest in cursor:
            found[member_id].append(Written(revision, since, bytes(digest)))
    return dict(found)


def list_generations() -> dict[int, int]:
    """Return the generation of every organization by its id; an absent one has changed nothing."""
    return dict(SettingsHead.objects.values_list("organization_id", "generation"))
