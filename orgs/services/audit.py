"""Writing the audit log: entries are collected, and appended once at the transaction's end."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from django.db import transaction

from orgs.domain.actors import Actor, ActorKind
from orgs.domain.audit import (
    ADDRESS,
    CHAIN_START,
    SALT_BYTES,
    AuditEntry,
    Json,
    hash_event,
    hash_personal,
    mask_secrets,
)
from orgs.models import AuditEvent, AuditHead, AuditPersonalValue
from orgs.selectors.audit import chained

APPENDED_AT_ONCE = 1000
"""Rows of one INSERT."""


class ReasonMissing(ValueError):
    """Our staff changed something for a customer without saying why."""


@dataclass(kw_only=True, slots=True)
class AuditTrail:
    """What a transaction is going to say it did, who does it, when, and why.

    Services that write are given one: it carries the actor and the instant, and keeps their
    entries until the end. `reason` stands for every entry that says none of its own.
    """

    actor: Actor
    at: datetime
    reason: str = ""
    entries: list[AuditEntry] = field(default_factory=list)

    def add(
        self,
        *,
        organization_id: int,
        action: str,
        target: tuple[str, object],
        diff: dict[str, Json] | None = None,
        personal: dict[str, str] | None = None,
        reason: str = "",
    ) -> None:
        """Note one change. `target` is (kind, id); the rest is as in `AuditEntry`.

        Raises `ReasonMissing` for support without a reason.
        """
        _require_reason(self.actor, action, reason or self.reason)
        self.entries.append(
            AuditEntry(
                organization_id=organization_id,
                action=action,
                target_kind=target[0],
                target_id=str(target[1]),
                diff=diff or {},
                personal=personal or {},
                reason=reason,
            )
        )


@contextmanager
def recording(*, actor: Actor, at: datetime, reason: str = "") -> Iterator[AuditTrail]:
    """Open a transaction, hand out its trail, and append the trail as the last thing it does.

    The transaction is the outermost one (Django refuses to nest it): the head of the chain is
    locked for no longer than the append and the commit, and after every other lock. A body that
    adds nothing writes nothing.
    """
    trail = AuditTrail(actor=actor, at=at, reason=reason)
    with transaction.atomic(durable=True):
        yield trail
        append_audit(actor=actor, at=at, entries=trail.entries, reason=reason)


def append_audit(
    *, actor: Actor, at: datetime, entries: Sequence[AuditEntry], reason: str = ""
) -> None:
    """Append to the chains of the organizations named, in the order given within each.

    Call it once, as the last locking step of the caller's transaction: it locks the head of each
    chain (lowest organization id first) until the commit. Appending between other changes is
    what deadlocks. The actor's network address stands beside each event as a personal value,
    unless the entry names one of its own. Secrets in diffs are masked; `reason` stands for
    entries without one.

    Raises `ReasonMissing` for support without a reason, and `TransactionManagementError` outside
    a transaction.
    """
    by_organization = attrgetter("organization_id")
    for organization_id, group in groupby(sorted(entries, key=by_organization), by_organization):
        told = [
            replace(entry, diff=mask_secrets(entry.diff), reason=entry.reason or reason)
            for entry in group
        ]
        for entry in told:
            _require_reason(actor, entry.action, entry.reason)
        _append(organization_id, actor=actor, at=at, entries=told)


def _require_reason(actor: Actor, action: str, reason: str) -> None:
    if actor.kind is ActorKind.SUPPORT and not reason.strip():
        msg = f"support gives a reason for {action}"
        raise ReasonMissing(msg)


def _append(
    organization_id: int, *, actor: Actor, at: datetime, entries: Sequence[AuditEntry]
) -> None:
    head = _lock_head(organization_id)
    sequence, last_hash = head.sequence, bytes(head.hash)
    events: list[AuditEvent] = []
    kept: list[AuditPersonalValue] = []
    whence = {ADDRESS: actor.address} if actor.address else {}
    for entry in entries:
        sequence += 1
        personal = {**whence, **entry.personal}
        salts = {name: secrets.token_bytes(SALT_BYTES) for name in personal}
        event = AuditEvent(
            organization_id=organization_id,
            sequence=sequence,
            at=at,
            actor_kind=actor.kind.value,
            actor_member_id=actor.member_id,
            actor_token_id=actor.token_id,
            actor_label=actor.label,
            action=entry.action,
            target_kind=entry.target_kind,
            target_id=entry.target_id,
            diff=entry.diff,
            personal_digests={
                name: hash_personal(value, salt=salts[name]) for name, value in personal.items()
            },
            reason=entry.reason,
            previous_hash=last_hash,
        )
        last_hash = event.hash = hash_event(chained(event), previous_hash=last_hash)
        events.append(event)
        kept += [
            AuditPersonalValue(event=event, name=name, salt=salts[name], value=value)
            for name, value in personal.items()
        ]
    AuditEvent.objects.bulk_create(events, batch_size=APPENDED_AT_ONCE)
    AuditPersonalValue.objects.bulk_create(kept, batch_size=APPENDED_AT_ONCE)
    AuditHead.objects.filter(organization_id=organization_id).update(
        sequence=sequence, hash=last_hash
    )


def _lock_head(organization_id: int) -> AuditHead:
    heads = AuditHead.objects.filter(organization_id=organization_id).select_for_update()
    head = heads.first()
    if head is None:
        AuditHead.objects.bulk_create(
            [AuditHead(organization_id=organization_id, sequence=0, hash=CHAIN_START)],
            ignore_conflicts=True,
        )
        head = heads.get()
    return head
