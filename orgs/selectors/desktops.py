"""What the Desktops that listen to a stream have to be told."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from orgs.selectors.tokens import TokenRefused, find_refusal


class DesktopState(NamedTuple):
    """How a Desktop's token stands, and which settings hold for its user.

    `revision` and `user` change when the user's document does. `valid_until` is when it may
    change by itself: by the end of an exception or of the token; None: never.
    """

    refusal: TokenRefused | None
    revision: int
    user: str
    valid_until: datetime | None


def list_desktops(*, token_ids: Collection[int], at: datetime) -> dict[int, DesktopState]:
    """Return the state at `at` behind each desktop token, in one query; unknown ids are absent.

    A member for whom no settings were ever written has revision 0.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT token.id, token.revoked_at, token.expires_at, member.status, member.email,
                   coalesce(held.revision, 0),
                   (SELECT min(ahead.since) FROM orgs_settingsversion ahead
                     WHERE ahead.organization_id = token.organization_id
                       AND ahead.member_id = token.member_id AND ahead.id > held.id)
              FROM orgs_accesstoken token
              JOIN orgs_member member ON member.id = token.member_id
              LEFT JOIN LATERAL (
                   SELECT id, revision FROM orgs_settingsversion
                    WHERE organization_id = token.organization_id
                      AND member_id = token.member_id AND since <= %s
                    ORDER BY id DESC LIMIT 1) held ON true
             WHERE token.id = ANY(%s)
            """,
            [at, list(token_ids)],
        )
        return {row[0]: _state(row[1:], at=at) for row in cursor}


def _state(row: tuple[Any, ...], *, at: datetime) -> DesktopState:
    revoked_at, expires_at, status, user, revision, next_since = row
    ends = [instant for instant in (expires_at, next_since) if instant is not None]
    return DesktopState(
        refusal=find_refusal(revoked_at=revoked_at, expires_at=expires_at, status=status, at=at),
        revision=revision,
        user=user,
        valid_until=min(ends, default=None),
    )
