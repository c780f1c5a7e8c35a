"""The effective settings of members, as the history has them at an instant."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from orgs.models import SettingsHead, SettingsVersion


class Held(NamedTuple):
    """What holds for a member, and until when; None: until something changes."""

    version: SettingsVersion
    valid_until: datetime | None


class Past(NamedTuple):
    """One row of a member's history, for whoever asks what held at an instant."""

    since: datetime
    revision: int
    is_offload_enabled: bool
    is_gpu_enabled: bool


def find_held(*, organization_id: int, member_id: int, at: datetime) -> Held | None:
    """Return what holds for a member at `at`; None before anything was written for them."""
    rows = list_from(organization_id=organization_id, member_ids=[member_id], at=at)
    if member_id not in rows:
        return None
    held, *ahead = rows[member_id]
    return Held(held, min((row.since for row in ahead), default=None))


def list_from(
    *, organization_id: int, member_ids: Collection[int], at: datetime
) -> dict[int, list[SettingsVersion]]:
    """Return each member's row in force at `at` and those that lie ahead of it, oldest first.

    Members for whom nothing was ever written are absent. One query, by the index from the
    newest row back, whatever the length of the history.
    """
    found: dict[int, list[SettingsVersion]] = defaultdict(list)
    rows = SettingsVersion.objects.raw(
        """
        SELECT version.*
          FROM unnest(%s::bigint[]) AS wanted (member_id)
          JOIN LATERAL (
               SELECT id FROM orgs_settingsversion
                WHERE organization_id = %s AND member_id = wanted.member_id AND since <= %s
                ORDER BY id DESC LIMIT 1) held ON true
          JOIN orgs_settingsversion version
            ON version.organization_id = %s AND version.member_id = wanted.member_id
           AND version.id >= held.id
         ORDER BY version.id
        """,
        [list(member_ids), organization_id, at, organization_id],
    )
    for row in rows:
        found[row.member_id].append(row)
    return dict(found)


def list_generations() -> dict[int, int]:
    """Return the generation of every organization by its id; an absent one has changed nothing."""
    return dict(SettingsHead.objects.values_list("organization_id", "generation"))


def list_history(member_ids: Collection[int]) -> dict[int, list[Past]]:
    """Return the whole history of members, newest row first, in one query.

    The first row whose `since` is not after an instant held there; see `held_at`.
    """
    histories: dict[int, list[Past]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT version.member_id, since, revision, is_offload_enabled, is_gpu_enabled
              FROM orgs_member member
              JOIN orgs_settingsversion version
                ON version.organization_id = member.organization_id
               AND version.member_id = member.id
             WHERE member.id = ANY(%s)
             ORDER BY version.id DESC
            """,
            [list(member_ids)],
        )
        for member_id, *row in cursor:
            histories[member_id].append(Past(*row))
    return dict(histories)


def held_at(history: Collection[Past], instant: datetime) -> Past | None:
    """Return what of a history, newest row first, held at an instant; None before its first."""
    return next((row for row in history if row.since <= instant), None)
