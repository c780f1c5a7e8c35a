"""Exceptions: asked for by a member or given by an owner, decided once, ended by themselves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orgs.domain.audit import Json
from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy, RuleError, read_rules
from orgs.domain.rules import Setting
from orgs.models import Member, PolicyException
from orgs.models.exceptions import LONGEST
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, refresh_settings

_STATE = PolicyException.State
ENDED_AT_ONCE = 500
"""Exceptions that one sweep ends in a transaction."""


class ExceptionNotOpen(Exception):
    """What is to be decided or ended is not in the state for it (any more)."""


class RequestExists(Exception):
    """The member has asked for this setting already."""


def request_exception(
    *,
    trail: AuditTrail,
    member: Member,
    setting: Setting,
    rule: Mapping[str, Any],
    reason: str,
    expires_at: datetime,
) -> PolicyException:
    """Store a member's wish for an exception until `expires_at`; nothing holds yet.

    One whose end passed undecided gives way. Raises `InvalidPolicy` for a rule, reason or end
    that can't be, `RequestExists`.
    """
    _check(setting, rule, reason, expires_at, at=trail.at)
    lock_settings(organization_id=member.organization_id)
    asked = PolicyException.objects.filter(
        organization_id=member.organization_id,
        member=member,
        setting=setting.value,
        state=_STATE.REQUESTED,
    ).first()
    if asked is not None:
        if asked.expires_at > trail.at:
            msg = f"an exception of {setting.value} is asked for already"
            raise RequestExists(msg)
        _end(trail, asked, _STATE.WITHDRAWN, at=trail.at)
    row = _asked(trail, member, setting=setting, rule=rule, reason=reason, expires_at=expires_at)
    row.save()
    _note(trail, row, "exception.requested", reason=reason)
    return row


def grant_exception(
    *,
    trail: AuditTrail,
    member: Member,
    setting: Setting,
    rule: Mapping[str, Any],
    reason: str,
    expires_at: datetime,
) -> PolicyException:
    """Give a member an exception that was not asked for, in force at once.

    One that is in force for the same setting ends. Raises `InvalidPolicy`.
    """
    _check(setting, rule, reason, expires_at, at=trail.at)
    lock_settings(organization_id=member.organization_id)
    row = _asked(trail, member, setting=setting, rule=rule, reason=reason, expires_at=expires_at)
    _put_in_force(trail, row, note="")
    return row


def approve_exception(
    *, trail: AuditTrail, organization_id: int, number: int, note: str
) -> PolicyException:
    """Grant what was asked for. Raises `ExceptionNotOpen`, also when its end has passed."""
    row = _locked(organization_id, number, state=_STATE.REQUESTED)
    if not trail.at < row.expires_at <= trail.at + LONGEST:
        msg = "the end that was asked for has passed"
        raise ExceptionNotOpen(msg)
    _put_in_force(trail, row, note=note)
    return row


def refuse_exception(
    *, trail: AuditTrail, organization_id: int, number: int, note: str
) -> PolicyException:
    """Refuse what was asked for. Raises `ExceptionNotOpen`."""
    row = _locked(organization_id, number, state=_STATE.REQUESTED)
    row.state, row.decided_at, row.ended_at = _STATE.REFUSED, trail.at, trail.at
    row.decided_by_id, row.decision_note = trail.actor.member_id, note
    row.save()
    _note(trail, row, "exception.refused", reason=note)
    return row


def withdraw_exception(*, trail: AuditTrail, member: Member, number: int) -> PolicyException:
    """Take back what the member asked for. Raises `ExceptionNotOpen`."""
    row = _locked(member.organization_id, number, state=_STATE.REQUESTED, member_id=member.pk)
    _end(trail, row, _STATE.WITHDRAWN, at=trail.at)
    return row


def revoke_exception(
    *, trail: AuditTrail, organization_id: int, number: int, note: str
) -> PolicyException:
    """End an exception that is in force, now. Raises `ExceptionNotOpen`, also when it is over."""
    row = _locked(organization_id, number, state=_STATE.GRANTED)
    if row.expires_at <= trail.at:
        msg = f"exception {number} has ended by itself"
        raise ExceptionNotOpen(msg)
    _end(trail, row, _STATE.REVOKED, at=trail.at, reason=note)
    refresh_settings(organization_id=organization_id, at=trail.at, member_ids=[row.member_id])
    return row


def end_expired(*, trail: AuditTrail) -> int:
    """Note the end of exceptions whose time is over, and return how many there were.

    The settings have changed at that instant already (`SettingsVersion`); this is the record.
    """
    rows = list(
        PolicyException.objects.select_for_update(skip_locked=True)
        .filter(state=_STATE.GRANTED, expires_at__lte=trail.at)
        .order_by("organization_id", "pk")[:ENDED_AT_ONCE]
    )
    for row in rows:
        _end(trail, row, _STATE.EXPIRED, at=row.expires_at)
    return len(rows)


def _check(
    setting: Setting, rule: Mapping[str, Any], reason: str, expires_at: datetime, *, at: datetime
) -> None:
    errors: list[RuleError] = []
    try:
        rules = read_rules({setting.value: rule})
    except InvalidPolicy as invalid:
        errors += [
            error._replace(pointer=error.pointer.replace(f"/{setting.value}", "/rule", 1))
            for error in invalid.errors
        ]
    else:
        if getattr(rules, setting.value) is None:
            errors.append(RuleError("/rule", "empty_rule", "An exception says something."))
    if not reason.strip():
        errors.append(RuleError("/reason", "blank", "An exception has a reason."))
    if len(reason) > REASON_LENGTH:
        detail = f"A reason has at most {REASON_LENGTH} characters."
        errors.append(RuleError("/reason", "max_length", detail, {"maximum": REASON_LENGTH}))
    if not timedelta(0) < expires_at - at <= LONGEST:
        days = LONGEST.days
        detail = f"An exception ends after now, within {days} days."
        errors.append(RuleError("/expires_at", "exception_end", detail, {"days": days}))
    if errors:
        raise InvalidPolicy(errors)


def _asked(
    trail: AuditTrail,
    member: Member,
    *,
    setting: Setting,
    rule: Mapping[str, Any],
    reason: str,
    expires_at: datetime,
) -> PolicyException:
    return PolicyException(
        organization_id=member.organization_id,
        member=member,
        setting=setting.value,
        rule=dict(rule),
        reason=reason,
        state=_STATE.REQUESTED,
        requested_at=trail.at,
        expires_at=expires_at,
    )


def _put_in_force(trail: AuditTrail, row: PolicyException, *, note: str) -> None:
    in_force = PolicyException.objects.select_for_update().filter(
        organization_id=row.organization_id,
        member_id=row.member_id,
        setting=row.setting,
        state=_STATE.GRANTED,
    )
    for earlier in in_force:
        is_over = earlier.expires_at <= trail.at
        at = earlier.expires_at if is_over else trail.at
        _end(trail, earlier, _STATE.EXPIRED if is_over else _STATE.REVOKED, at=at)
    row.state, row.decided_at = _STATE.GRANTED, trail.at
    row.decided_by_id, row.decision_note = trail.actor.member_id, note
    row.save()
    refresh_settings(organization_id=row.organization_id, at=trail.at, member_ids=[row.member_id])
    _note(trail, row, "exception.granted", reason=note or row.reason)


def _locked(
    organization_id: int, number: int, *, state: str, member_id: int | None = None
) -> PolicyException:
    # the settings first: every writer takes the two in this order
    lock_settings(organization_id=organization_id)
    rows = PolicyException.objects.select_for_update().filter(
        organization_id=organization_id, pk=number
    )
    if member_id is not None:
        rows = rows.filter(member_id=member_id)
    row = rows.first()
    if row is None or row.state != state:
        msg = f"there is no exception {number} that is {state}"
        raise ExceptionNotOpen(msg)
    return row


def _end(
    trail: AuditTrail, row: PolicyException, state: str, *, at: datetime, reason: str = ""
) -> None:
    row.state, row.ended_at = state, at
    row.save(update_fields=["state", "ended_at"])
    _note(trail, row, f"exception.{state}", reason=reason)


def _note(trail: AuditTrail, row: PolicyException, action: str, *, reason: str = "") -> None:
    diff: dict[str, Json] = {
        "member_id": [row.member_id, row.member_id],
        "setting": [row.setting, row.setting],
    }
    if action in {"exception.requested", "exception.granted"}:
        diff |= {"rule": [None, row.rule], "expires_at": [None, row.expires_at.isoformat()]}
    trail.add(
        organization_id=row.organization_id,
        action=action,
        target=("exception", row.pk),
        diff=diff,
        reason=reason,
    )
