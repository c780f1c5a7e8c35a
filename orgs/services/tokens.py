"""Access tokens: made once, shown once, known by their hash ever after."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet

from orgs.domain.roles import Scope
from orgs.domain.tokens import SECRET_BYTES, TokenKind, assemble, hash_of, kind_of
from orgs.models import AccessToken, Device, Member
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import bump_generation

LAST_USE_PRECISION = timedelta(minutes=1)
"""How old the noted last use may get: a busy token costs one UPDATE a minute, not each time."""


class TokenDoesNotFit(ValueError):
    """The parts of a token contradict each other; the text says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedToken:
    """A new token and its text, which is nowhere else and never comes back."""

    token: AccessToken
    text: str


def create_token(
    *,
    trail: AuditTrail,
    organization_id: int | None,
    scopes: frozenset[Scope],
    member: Member | None = None,
    device: Device | None = None,
    name: str = "",
    source_prefix: str = "",
    expires_at: datetime | None = None,
) -> CreatedToken:
    """Store a token of the kind its scopes ask for, and return it with its text.

    `organization_id` None makes a metering token for all organizations, which stands in no
    organization's audit log. `member` is the person in whose right it acts: a desktop token has
    one, a metering token none. `device` is the member's device that a desktop token is for; its
    earlier token is to be revoked before. `source_prefix` binds a metering token to event
    sources.

    Raises `ScopesDoNotFit` and `TokenDoesNotFit`.
    """
    kind = kind_of(scopes)
    _require_fit(kind, organization_id=organization_id, member=member, source_prefix=source_prefix)
    if device is not None:
        _require_own_device(kind, member=member, device=device)
    if expires_at is not None and expires_at <= trail.at:
        msg = "a token expires after it is made"
        raise TokenDoesNotFit(msg)
    text = assemble(kind=kind, secret=secrets.token_bytes(SECRET_BYTES))
    token = AccessToken.objects.create(
        kind=kind,
        organization_id=organization_id,
        member=member,
        device=device,
        name=name,
        secret_hash=hash_of(text),
        scopes=sorted(scope.value for scope in scopes),
        source_prefix=source_prefix,
        created_at=trail.at,
        expires_at=expires_at,
    )
    if organization_id is not None:
        trail.add(
            organization_id=organization_id,
            action="token.created",
            target=("token", token.pk),
            diff={
                "scopes": [None, list(token.scopes)],
                "member_id": [None, token.member_id],
                "device_id": [None, token.device_id],
                "source_prefix": [None, source_prefix],
                "expires_at": [None, expires_at.isoformat() if expires_at else None],
            },
            personal={"name": name} if name else {},
        )
    return CreatedToken(token=token, text=text)


def revoke_token(*, trail: AuditTrail, organization_id: int, token_id: int) -> bool:
    """End a token of the organization now; False if there is none that is not revoked already."""
    tokens = AccessToken.objects.filter(pk=token_id)
    return bool(_revoke(tokens, trail=trail, organization_id=organization_id))


def revoke_device_tokens(
    *,
    trail: AuditTrail,
    organization_id: int,
    member_id: int | None = None,
    device_id: int | None = None,
) -> list[int]:
    """End the organization's desktop tokens now and return their ids; idempotent.

    `member_id` narrows it to the tokens of one member, `device_id` to that of one device (its
    row's id); with neither, every desktop of the organization is signed out. A member who is
    removed loses them by this call, so that they stay ended should the member come back.
    """
    tokens = AccessToken.objects.filter(kind=TokenKind.DESKTOP)
    if member_id is not None:
        tokens = tokens.filter(member_id=member_id)
    if device_id is not None:
        tokens = tokens.filter(device_id=device_id)
    return _revoke(tokens, trail=trail, organization_id=organization_id)


def _revoke(
    tokens: QuerySet[AccessToken], *, trail: AuditTrail, organization_id: int
) -> list[int]:
    """The one place where tokens end: note the instant on those that have none, and record it."""
    live = tokens.filter(organization_id=organization_id, revoked_at__isnull=True)
    # locked in one order, so that two calls for the same tokens cannot deadlock
    ids = list(live.select_for_update().order_by("pk").values_list("pk", flat=True))
    AccessToken.objects.filter(pk__in=ids).update(revoked_at=trail.at)
    if ids:
        bump_generation(organization_id=organization_id)
    for token_id in ids:
        trail.add(
            organization_id=organization_id,
            action="token.revoked",
            target=("token", token_id),
            diff={"revoked_at": [None, trail.at.isoformat()]},
        )
    return ids


def note_use(token: AccessToken, *, at: datetime) -> None:
    """Note that the token was used at `at`, unless a use within the last minute is noted."""
    oldest = at - LAST_USE_PRECISION
    if token.last_used_at is not None and token.last_used_at > oldest:
        return
    AccessToken.objects.filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lte=oldest), pk=token.pk
    ).update(last_used_at=at)


def note_uses(token_ids: Collection[int], *, at: datetime) -> None:
    """Note that tokens were used at `at`, as `note_use` does for one; one statement for all.

    A token that somebody else is writing at this moment is left alone: another use is noted soon.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orgs_accesstoken SET last_used_at = %(at)s
             WHERE id IN (SELECT id FROM orgs_accesstoken
                           WHERE id = ANY(%(ids)s)
                             AND (last_used_at IS NULL OR last_used_at <= %(oldest)s)
                           ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
            """,
            {"at": at, "ids": list(token_ids), "oldest": at - LAST_USE_PRECISION},
        )


def _require_fit(
    kind: TokenKind, *, organization_id: int | None, member: Member | None, source_prefix: str
) -> None:
    if organization_id is None and kind is not TokenKind.METERING:
        msg = f"only a token with {Scope.METERING_WRITE.value} may be for all organizations"
        raise TokenDoesNotFit(msg)
    if source_prefix and kind is not TokenKind.METERING:
        msg = f"only a token with {Scope.METERING_WRITE.value} is bound to event sources"
        raise TokenDoesNotFit(msg)
    if member is None and kind is TokenKind.DESKTOP:
        msg = f"a token with {Scope.DESKTOP.value} belongs to a user"
        raise TokenDoesNotFit(msg)
    if member is not None and kind is TokenKind.METERING:
        msg = f"a token with {Scope.METERING_WRITE.value} belongs to no user"
        raise TokenDoesNotFit(msg)
    if member is not None and member.organization_id != organization_id:
        msg = "the user is not a member of the organization"
        raise TokenDoesNotFit(msg)


def _require_own_device(kind: TokenKind, *, member: Member | None, device: Device) -> None:
    if kind is not TokenKind.DESKTOP:
        msg = f"only a token with {Scope.DESKTOP.value} is for a device"
        raise TokenDoesNotFit(msg)
    if member is None or device.member_id != member.pk:
        msg = "the device is not the member's"
        raise TokenDoesNotFit(msg)
