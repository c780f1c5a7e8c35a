"""Desktop sign-in (RFC 8628) after the decision: a code for a token, or the end of the code."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from orgs.domain.actors import Actor
from orgs.domain.audit import AuditEntry
from orgs.domain.device_sign_in import (
    TOKEN_LIFETIME,
    WRONG_CODES_WINDOW,
    DeviceFacts,
    PollAnswer,
    SignInState,
    answer_poll,
    slowed,
)
from orgs.domain.roles import Scope
from orgs.domain.tokens import hash_of
from orgs.models import DeviceSignIn, Member, WrongUserCode
from orgs.selectors.device_sign_ins import list_memberships
from orgs.selectors.members import member_actor
from orgs.services.audit import AuditTrail, append_audit, recording
from orgs.services.device_sign_ins import entries_of
from orgs.services.devices import register_device
from orgs.services.tokens import CreatedToken, create_token, revoke_device_tokens

KEPT_AFTER_EXPIRY = timedelta(minutes=10)
"""How long an expired code is still answered `expired_token`; later nobody knows it any more."""

REMOVED_AT_ONCE = 5000
"""Rows of one sweep; the rest waits for the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What a poll is answered; `created` comes with `PollAnswer.TOKEN` only."""

    answer: PollAnswer
    created: CreatedToken | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """How many sign-ins a sweep removed, and of how many nobody had entered the code."""

    sign_ins: int
    unopened: int


def exchange_device_code(*, client_id: str, device_code: str, at: datetime) -> Exchange:
    """Answer a poll; once, after the approval, with a new token for the device.

    Of any number of polls at once one gets the token. It ends the device's earlier token, and is
    refused when the member has left or the organization's switch is off by now. Opens the
    outermost transaction, as `recording` does: a refusal too is remembered.
    """
    with transaction.atomic(durable=True):
        sign_in = (
            DeviceSignIn.objects.select_for_update(of=("self",))
            .select_related("member__organization")
            .filter(device_code_hash=hash_of(device_code), client_id=client_id)
            .first()
        )
        if sign_in is None:
            return Exchange(answer=PollAnswer.UNKNOWN)
        answer = answer_poll(
            state=sign_in.get_state(),
            expires_at=sign_in.expires_at,
            last_polled_at=sign_in.last_polled_at,
            interval_seconds=sign_in.interval_seconds,
            at=at,
        )
        if answer is PollAnswer.TOKEN and sign_in.member is not None:
            trail = AuditTrail(actor=member_actor(sign_in.member), at=at)
            exchange = _hand_out(sign_in, member=sign_in.member, trail=trail)
            append_audit(actor=trail.actor, at=at, entries=trail.entries)
            return exchange
        if answer is PollAnswer.SLOW_DOWN:
            sign_in.interval_seconds = slowed(sign_in.interval_seconds)
        sign_in.last_polled_at = at
        sign_in.save(update_fields=["interval_seconds", "last_polled_at"])
        return Exchange(answer=answer)


def remove_expired_sign_ins(*, actor: Actor, at: datetime) -> Removed:
    """Remove what expired `KEPT_AFTER_EXPIRY` ago, and wrong codes that no longer count.

    Those whose code someone entered, but which brought no token, are recorded as expired in the
    organization they were approved for, else in each of that person's. Removes at most
    `REMOVED_AT_ONCE`; safe beside another sweep.
    """
    with recording(actor=actor, at=at) as trail:
        WrongUserCode.objects.filter(at__lte=at - WRONG_CODES_WINDOW).delete()
        expired = list(
            DeviceSignIn.objects.select_for_update(skip_locked=True)
            .filter(expires_at__lte=at - KEPT_AFTER_EXPIRY)
            .order_by("expires_at")[:REMOVED_AT_ONCE]
        )
        for sign_in in expired:
            trail.entries += _entries_of_expiry(sign_in)
        DeviceSignIn.objects.filter(pk__in=[sign_in.pk for sign_in in expired]).delete()
        unopened = sum(sign_in.opened_by_id is None for sign_in in expired)
        return Removed(sign_ins=len(expired), unopened=unopened)


def _hand_out(sign_in: DeviceSignIn, *, member: Member, trail: AuditTrail) -> Exchange:
    if member.status != Member.Status.ACTIVE or not member.organization.is_device_sign_in_enabled:
        sign_in.state = SignInState.DENIED.value
        sign_in.save(update_fields=["state"])
        trail.add(
            organization_id=member.organization_id,
            action="device_sign_in.refused",
            target=("device_sign_in", sign_in.pk),
            diff={"member_id": [None, member.pk]},
        )
        return Exchange(answer=PollAnswer.DENIED)
    device = register_device(
        trail=trail,
        member=member,
        facts=DeviceFacts(
            device_id=sign_in.device_id,
            name=sign_in.device_name,
            os=sign_in.os,
            desktop_version=sign_in.desktop_version,
        ),
    )
    revoke_device_tokens(trail=trail, organization_id=member.organization_id, device_id=device.pk)
    created = create_token(
        trail=trail,
        organization_id=member.organization_id,
        scopes=frozenset({Scope.DESKTOP}),
        member=member,
        device=device,
        name=device.name,
        expires_at=trail.at + TOKEN_LIFETIME,
    )
    sign_in.state = SignInState.EXCHANGED.value
    sign_in.save(update_fields=["state"])
    return Exchange(answer=PollAnswer.TOKEN, created=created)


def _entries_of_expiry(sign_in: DeviceSignIn) -> list[AuditEntry]:
    state = sign_in.get_state()
    if state is SignInState.APPROVED and sign_in.organization_id is not None:
        # its start is recorded already, with the approval
        return entries_of(sign_in, "expired", organization_id=sign_in.organization_id)[1:]
    if state is SignInState.PENDING and sign_in.opened_by_id is not None:
        return [
            entry
            for member in list_memberships(user_id=sign_in.opened_by_id)
            for entry in entries_of(sign_in, "expired", organization_id=member.organization_id)
        ]
    return []
