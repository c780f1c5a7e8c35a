"""Desktop sign-in (RFC 8628) up to the decision: start, open by its code, approve, deny.

A start belongs to no organization until a person chooses one. It is recorded in the organization
that it is approved for; one that is denied, or left to expire after someone entered its code, in
every organization of the person who entered it; one whose code nobody entered is in the log only.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from orgs.domain.audit import AuditEntry
from orgs.domain.device_sign_in import (
    CODE_LIFETIME,
    STARTS_OF_ADDRESS,
    STARTS_WINDOW,
    WRONG_CODES_OF_ADDRESS,
    WRONG_CODES_OF_PERSON,
    WRONG_CODES_WINDOW,
    DeviceFacts,
    SignInState,
)
from orgs.domain.tokens import hash_of
from orgs.models import DeviceSignIn, Member, User, WrongUserCode
from orgs.selectors.device_sign_ins import list_memberships
from orgs.selectors.members import member_actor
from orgs.services.audit import AuditTrail, append_audit


class TooManyStarts(Exception):
    """The address has started more sign-ins than one place can need."""


class UserCodeTaken(Exception):
    """Another sign-in has this user code; the caller takes another one."""


class TooManyWrongCodes(Exception):
    """The person, or the address, has entered too many codes that opened nothing."""


class SignInClosed(Exception):
    """The sign-in is decided, has expired, or is not this person's to decide."""


class DeviceSignInOff(Exception):
    """The organization lets no Docker Desktop sign in."""


def start_sign_in(
    *,
    client_id: str,
    device: DeviceFacts,
    device_code: str,
    user_code: str,
    address: str | None,
    user_agent: str,
    at: datetime,
) -> DeviceSignIn:
    """Store a start and return it; its codes expire `CODE_LIFETIME` later.

    `user_code` is in its stored form. Raises `TooManyStarts` and `UserCodeTaken`.
    """
    recent = DeviceSignIn.objects.filter(address=address, started_at__gt=at - STARTS_WINDOW)
    if recent.count() >= STARTS_OF_ADDRESS:
        raise TooManyStarts
    try:
        with transaction.atomic():
            return DeviceSignIn.objects.create(
                client_id=client_id,
                device_code_hash=hash_of(device_code),
                user_code=user_code,
                device_id=device.device_id,
                device_name=device.name,
                os=device.os,
                desktop_version=device.desktop_version,
                address=address,
                user_agent=user_agent,
                started_at=at,
                expires_at=at + CODE_LIFETIME,
            )
    except IntegrityError as error:
        raise UserCodeTaken from error


def open_sign_in(
    *, user_id: int, user_code: str, address: str | None, at: datetime
) -> DeviceSignIn | None:
    """Return the open sign-in of this code and let this person alone decide it from now on.

    None for a code that opens nothing, which counts: raises `TooManyWrongCodes`, for right codes
    too, until the oldest wrong one is `WRONG_CODES_WINDOW` old. `user_code` is in its stored
    form.
    """
    with transaction.atomic():
        # one code of a person at a time, or many at once would slip through below the limit
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        recent = WrongUserCode.objects.filter(at__gt=at - WRONG_CODES_WINDOW)
        if (
            recent.filter(user_id=user_id).count() >= WRONG_CODES_OF_PERSON
            or recent.filter(address=address).count() >= WRONG_CODES_OF_ADDRESS
        ):
            raise TooManyWrongCodes
        sign_in = (
            DeviceSignIn.objects.select_for_update()
            .filter(user_code=user_code, state=SignInState.PENDING.value, expires_at__gt=at)
            .first()
        )
        if sign_in is None:
            WrongUserCode.objects.create(user_id=user_id, address=address, at=at)
            return None
        sign_in.opened_by_id = user_id
        sign_in.save(update_fields=["opened_by"])
        return sign_in


def approve_sign_in(*, trail: AuditTrail, sign_in_id: int, member: Member) -> DeviceSignIn:
    """Let the Desktop have a token of `member`, whose user entered the code.

    Raises `SignInClosed`, also for another person's sign-in, and `DeviceSignInOff`.
    """
    sign_in = _lock_open(sign_in_id, user_id=member.user_id, at=trail.at)
    if not member.organization.is_device_sign_in_enabled:
        raise DeviceSignInOff
    sign_in.state = SignInState.APPROVED.value
    sign_in.organization_id, sign_in.member_id = member.organization_id, member.pk
    sign_in.decided_at = trail.at
    sign_in.save(update_fields=["state", "organization", "member", "decided_at"])
    trail.entries += entries_of(sign_in, "approved", organization_id=member.organization_id)
    return sign_in


def deny_sign_in(*, sign_in_id: int, user_id: int, at: datetime) -> None:
    """End the sign-in without a token, and record it in each of the person's organizations.

    Opens the outermost transaction, as `recording` does. Raises `SignInClosed`, also for another
    person's sign-in.
    """
    with transaction.atomic(durable=True):
        sign_in = _lock_open(sign_in_id, user_id=user_id, at=at)
        sign_in.state = SignInState.DENIED.value
        sign_in.decided_at = at
        sign_in.save(update_fields=["state", "decided_at"])
        # chains are locked by organization id, lowest first, as append_audit does within a call
        for member in sorted(list_memberships(user_id=user_id), key=lambda m: m.organization_id):
            entries = entries_of(sign_in, "denied", organization_id=member.organization_id)
            append_audit(actor=member_actor(member), at=at, entries=entries)


def entries_of(sign_in: DeviceSignIn, end: str, *, organization_id: int) -> list[AuditEntry]:
    """Return the audit entries of a sign-in that came to its `end`: its start, and that.

    Where and on what it was started names a person sooner or later, so it can be erased.
    """
    personal = {
        "address": sign_in.address or "",
        "user_agent": sign_in.user_agent,
        "device_id": sign_in.device_id,
        "device_name": sign_in.device_name,
    }
    started = AuditEntry(
        organization_id=organization_id,
        action="device_sign_in.started",
        target_kind="device_sign_in",
        target_id=str(sign_in.pk),
        diff={
            "client_id": [None, sign_in.client_id],
            "started_at": [None, sign_in.started_at.isoformat()],
            "os": [None, sign_in.os],
            "desktop_version": [None, sign_in.desktop_version],
        },
        personal={name: value for name, value in personal.items() if value},
    )
    ended = AuditEntry(
        organization_id=organization_id,
        action=f"device_sign_in.{end}",
        target_kind="device_sign_in",
        target_id=str(sign_in.pk),
        diff={"member_id": [None, sign_in.member_id]},
    )
    return [started, ended]


def _lock_open(sign_in_id: int, *, user_id: int | None, at: datetime) -> DeviceSignIn:
    sign_in = (
        DeviceSignIn.objects.select_for_update()
        .filter(
            pk=sign_in_id,
            opened_by_id=user_id,
            state=SignInState.PENDING.value,
            expires_at__gt=at,
        )
        .first()
    )
    if sign_in is None or user_id is None:
        raise SignInClosed
    return sign_in
