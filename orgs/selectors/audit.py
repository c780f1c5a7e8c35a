"""Reading the audit log, and proving that nobody changed it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from orgs.domain.audit import CHAIN_START, ChainedEvent, hash_event, hash_personal
from orgs.models import AuditEvent, AuditHead

EVENTS_AT_ONCE = 2000
"""Events in memory at once: a long log costs no more memory than a short one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainFault:
    """Where a chain does not hold, and what is wrong there."""

    sequence: int
    problem: str


def verify_chain(*, organization_id: int) -> list[ChainFault]:
    """Return the first fault of the organization's chain and every false personal value.

    After one broken link nothing that follows can be told true from false, so only the first is
    reported. An empty list means: each event is as it was written, in order, none is missing at
    either end. Erased personal values are no fault.
    """
    with transaction.atomic():
        return list(_faults(organization_id))


def chained(event: AuditEvent) -> ChainedEvent:
    """Return what the hash of a stored event covers."""
    return ChainedEvent(
        organization_id=event.organization_id,
        sequence=event.sequence,
        at=event.at,
        actor_kind=event.actor_kind,
        actor_member_id=event.actor_member_id,
        actor_token_id=event.actor_token_id,
        actor_label=event.actor_label,
        action=event.action,
        target_kind=event.target_kind,
        target_id=event.target_id,
        diff=event.diff,
        personal_digests=event.personal_digests,
        reason=event.reason,
    )


def _faults(organization_id: int) -> Iterator[ChainFault]:
    # Others may append meanwhile: what the head counted before must be found, and what is found
    # must be counted by the head after.
    heads = AuditHead.objects.filter(organization_id=organization_id)
    head = heads.first()
    previous_hash, sequence = CHAIN_START, 0
    for event in _events(organization_id):
        sequence += 1
        if event.sequence != sequence:
            yield ChainFault(sequence=sequence, problem="the event is missing")
            return
        if bytes(event.previous_hash) != previous_hash:
            yield ChainFault(sequence=sequence, problem="it does not follow the event before it")
            return
        if _hash(event, previous_hash) != bytes(event.hash):
            yield ChainFault(sequence=sequence, problem="the event was changed")
            return
        yield from _personal_faults(event)
        previous_hash = bytes(event.hash)
        if head is not None and head.sequence == sequence and bytes(head.hash) != previous_hash:
            yield ChainFault(sequence=sequence, problem="the chain's end was changed")
            return
    if head is not None and sequence < head.sequence:
        yield ChainFault(sequence=sequence + 1, problem="the event is missing")
    elif sequence and not heads.filter(sequence__gte=sequence).exists():
        yield ChainFault(sequence=sequence, problem="it lies beyond the chain's end")


def _events(organization_id: int) -> Iterator[AuditEvent]:
    return (
        AuditEvent.objects.filter(organization_id=organization_id)
        .order_by("sequence")
        .prefetch_related("personal_values")
        .iterator(chunk_size=EVENTS_AT_ONCE)
    )


def _hash(event: AuditEvent, previous_hash: bytes) -> bytes | None:
    try:
        return hash_event(chained(event), previous_hash=previous_hash)
    except TypeError:  # a float can only have come from outside the product
        return None


def _personal_faults(event: AuditEvent) -> Iterator[ChainFault]:
    for kept in event.personal_values.all():
        expected = event.personal_digests.get(kept.name)
        if hash_personal(kept.value, salt=bytes(kept.salt)) != expected:
            problem = f"the personal value {kept.name} was changed"
            yield ChainFault(sequence=event.sequence, problem=problem)
