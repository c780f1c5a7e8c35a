"""Organizations and members by the names that programs outside use for them."""

from collections.abc import Collection
from typing import Final

from django.db import connection

from orgs.domain.names import normalize_email
from orgs.models import Member

_MEMBER_ID_DIGITS: Final = 18
"""Digits of a member id at the most: fits a 64-bit integer."""


def find_organizations(
    slugs: Collection[str], *, organization_id: int | None = None
) -> dict[str, int]:
    """Return the ids of the organizations with these slugs; only of one, when it is named."""
    with connection.cursor() as cursor:  # asked for with every batch of events: plain SQL
        cursor.execute(
            """
            SELECT slug, id FROM orgs_organization
             WHERE slug = ANY(%s) AND (id = %s OR %s)
            """,
            [list(slugs), organization_id, organization_id is None],
        )
        return dict(cursor.fetchall())


def find_members(subjects: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the ids of members by (organization id, e-mail address or member id).

    Addresses are compared without case. Removed members are found too: their use is still
    metered. One query, whatever the number.
    """
    if not subjects:
        return {}
    keys = sorted(subjects)
    with connection.cursor() as cursor:
        # Two joins, each by an index that begins with the organization; one with OR has none.
        cursor.execute(
            """
            WITH wanted AS (
                SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
                    AS wanted (organization_id, subject, email, id)
            )
            SELECT organization_id, wanted.subject, member.id
              FROM wanted JOIN orgs_member member USING (organization_id, email)
            UNION ALL
            SELECT organization_id, wanted.subject, id
              FROM wanted JOIN orgs_member member USING (organization_id, id)
            """,
            [
                [organization for organization, _ in keys],
                [subject for _, subject in keys],
                [normalize_email(subject) for _, subject in keys],
                [_member_id(subject) for _, subject in keys],
            ],
        )
        return {(organization, subject): member for organization, subject, member in cursor}


def find_present_members(subjects: Collection[str], *, organization_id: int) -> dict[str, int]:
    """Return the ids of the organization's members by e-mail address or id, as given.

    Those who have left are absent. Two queries, whatever the number.
    """
    found = find_members([(organization_id, subject) for subject in subjects])
    present = set(
        Member.objects.filter(organization_id=organization_id, pk__in=found.values())
        .exclude(status=Member.Status.REMOVED)
        .values_list("pk", flat=True)
    )
    return {subject: member for (_, subject), member in found.items() if member in present}


def _member_id(subject: str) -> int | None:
    is_number = subject.isascii() and subject.isdigit() and len(subject) <= _MEMBER_ID_DIGITS
    return int(subject) if is_number else None
