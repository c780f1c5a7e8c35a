"""Members in bulk: for importers, which know people by address only."""

from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection

from orgs.domain.names import EMAIL_LENGTH, normalize_email
from orgs.domain.roles import Role
from orgs.models import Member
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import refresh_settings


class InvalidEmail(ValueError):
    """The text is no e-mail address."""


def require_email(text: str) -> str:
    """Return the stored form of an address, raise `InvalidEmail` for anything else."""
    email = normalize_email(text)
    try:
        validate_email(email)
    except ValidationError as error:
        msg = f"{text!r} is not an e-mail address"
        raise InvalidEmail(msg) from error
    if len(email) > EMAIL_LENGTH:
        msg = f"an e-mail address has at most {EMAIL_LENGTH} characters"
        raise InvalidEmail(msg)
    return email


def ensure_members(
    *,
    trail: AuditTrail,
    organization_id: int,
    emails: Iterable[str],
    names: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Return the member's id for each address as given, adding those that are missing.

    New ones have the role `member`; `names` gives them names, by address as given. Members who
    exist stay as they are, removed ones too. Idempotent, in a fixed number of statements, and
    safe beside another call for the same addresses. Raises `InvalidEmail` before anything is
    written.
    """
    stored = {email: require_email(email) for email in emails}
    names = names or {}
    names_by_address = {stored[email]: names.get(email, "") for email in stored}
    added = _insert_missing(organization_id, names_by_address, trail=trail)
    if added:
        trail.add(
            organization_id=organization_id,
            action="members.added",
            target=("organization", organization_id),
            diff={"member_ids": [None, sorted(added)], "role": [None, Role.MEMBER.value]},
        )
        refresh_settings(organization_id=organization_id, at=trail.at, member_ids=added)
    ids = dict(
        Member.objects.filter(
            organization_id=organization_id, email__in=names_by_address
        ).values_list("email", "pk")
    )
    return {email: ids[address] for email, address in stored.items()}


def _insert_missing(
    organization_id: int, names: Mapping[str, str], *, trail: AuditTrail
) -> list[int]:
    # In the order of the key, so that two calls for the same addresses cannot deadlock.
    addresses = sorted(names)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orgs_member (organization_id, email, name, role, status, created_at)
            SELECT %s, address, name, %s, %s, %s
              FROM unnest(%s::text[], %s::text[]) AS wanted (address, name)
             ORDER BY address
            ON CONFLICT (organization_id, email) DO NOTHING
            RETURNING id
            """,
            [
                organization_id,
                Role.MEMBER.value,
                Member.Status.ACTIVE.value,
                trail.at,
                addresses,
                [names[address] for address in addresses],
            ],
        )
        return [member_id for (member_id,) in cursor.fetchall()]
