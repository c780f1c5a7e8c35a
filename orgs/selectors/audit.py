"""Reading the audit log's chain, and proving that nobody changed it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from django.db import transaction

from orgs.domain.audit import CHAIN_START, ChainedEvent, hash_event, hash_personal
from orgs.domain.audit_checkpoints import is_statement_signed
from orgs.models import AuditCheckpoint, AuditEvent, AuditHead
from orgs.selectors.signing_keys import list_trusted_keys

EVENTS_AT_ONCE: Final = 2000
"""Events in memory at once: a long log costs no more memory than a short one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainFault:
    """Where a chain does not hold, and what is wrong there."""

    sequence: int
    problem: str


@dataclass(kw_only=True, slots=True)
class ChainCheck:
    """What was found: the faults, and how far the chain was followed, with the hash there."""

    sequence: int
    hash: bytes
    faults: list[ChainFault] = field(default_factory=list)

    def blame(self, sequence: int, problem: str) -> None:
        """Note a fault."""
        self.faults.append(ChainFault(sequence=sequence, problem=problem))


class _Broken(Exception):
    """Nothing that follows can be told true from false."""


def verify_chain(*, organization_id: int) -> list[ChainFault]:
    """Return the first fault of the organization's chain and every false personal value.

    After one broken link nothing that follows can be told true from false, so only the first is
    reported. An empty list means: each event is as it was written, in order, none is missing at
    either end, and every signed checkpoint says the same. What was cut off by retention ends at a
    signed checkpoint. Erased personal values are no fault.
    """
    return check_chain(organization_id=organization_id).faults


def check_chain(*, organization_id: int, after: AuditCheckpoint | None = None) -> ChainCheck:
    """Return how far the chain holds: from its begin, or from the event of a checkpoint on.

    The signatures of the first and the last checkpoint are verified: the last one covers all
    before it by the chain itself.
    """
    with transaction.atomic():
        return _check(organization_id, after)


def find_last_checkpoint(*, organization_id: int) -> AuditCheckpoint | None:
    """Return the organization's newest checkpoint."""
    rows = AuditCheckpoint.objects.filter(organization_id=organization_id)
    return rows.order_by("-sequence").first()


def is_checkpoint_ours(checkpoint: AuditCheckpoint) -> bool:
    """Whether a checkpoint was signed by one of our keys and not changed since."""
    public_key = bytes(checkpoint.public_key)
    return public_key in list_trusted_keys() and is_statement_signed(
        checkpoint.get_statement(),
        signature=bytes(checkpoint.signature),
        public_key=public_key,
    )


def events_of(
    *, organization_id: int, after: int = 0, up_to: int | None = None
) -> Iterator[AuditEvent]:
    """Yield events by sequence, with their personal values, from behind `after` to `up_to`."""
    rows = AuditEvent.objects.filter(organization_id=organization_id, sequence__gt=after)
    if up_to is not None:
        rows = rows.filter(sequence__lte=up_to)
    return (
        rows.order_by("sequence")
        .prefetch_related("personal_values")
        .iterator(chunk_size=EVENTS_AT_ONCE)
    )


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


def _check(organization_id: int, after: AuditCheckpoint | None) -> ChainCheck:
    # Others may append meanwhile: what the head counted before must be found, and what is found
    # must be counted by the head after.
    heads = AuditHead.objects.filter(organization_id=organization_id)
    head = heads.first()
    checkpoints = {
        checkpoint.sequence: checkpoint
        for checkpoint in AuditCheckpoint.objects.filter(
            organization_id=organization_id, sequence__gte=after.sequence if after else 0
        )
    }
    begin = after or _base(organization_id, head, checkpoints)
    check = ChainCheck(
        sequence=begin.sequence if begin else 0,
        hash=bytes(begin.hash) if begin else CHAIN_START,
    )
    try:
        if begin is not None and not is_checkpoint_ours(begin):
            _break(check, begin.sequence, "its checkpoint is not signed by us")
        _require_head(check, head)
        for event in events_of(organization_id=organization_id, after=check.sequence):
            _follow(check, event, checkpoints.get(check.sequence + 1))
            _require_head(check, head)
        _require_end(check, head, max(checkpoints, default=0), organization_id)
    except _Broken:
        return check
    newest = max(checkpoints, default=None)
    has_been_proven = newest is not None and begin is not None and newest == begin.sequence
    if newest is not None and not has_been_proven and not is_checkpoint_ours(checkpoints[newest]):
        check.blame(newest, "its checkpoint is not signed by us")
    return check


def _base(
    organization_id: int, head: AuditHead | None, checkpoints: dict[int, AuditCheckpoint]
) -> AuditCheckpoint | None:
    """Return the checkpoint at which retention has cut the log, None if it has not."""
    rows = AuditEvent.objects.filter(organization_id=organization_id).order_by("sequence")
    first = rows.values_list("sequence", flat=True).first()
    if first is None:
        return checkpoints.get(head.sequence) if head is not None else None
    return checkpoints.get(first - 1)


def _follow(check: ChainCheck, event: AuditEvent, checkpoint: AuditCheckpoint | None) -> None:
    previous_hash, sequence = check.hash, check.sequence + 1
    if event.sequence != sequence:
        _break(check, sequence, "the event is missing")
    if bytes(event.previous_hash) != previous_hash:
        _break(check, sequence, "it does not follow the event before it")
    if _hash(event, previous_hash) != bytes(event.hash):
        _break(check, sequence, "the event was changed")
    check.sequence, check.hash = sequence, bytes(event.hash)
    if checkpoint is not None and bytes(checkpoint.hash) != check.hash:
        _break(check, sequence, "its checkpoint says another hash")
    for kept in event.personal_values.all():
        expected = event.personal_digests.get(kept.name)
        if hash_personal(kept.value, salt=bytes(kept.salt)) != expected:
            check.blame(sequence, f"the personal value {kept.name} was changed")


def _require_head(check: ChainCheck, head: AuditHead | None) -> None:
    if head is None or head.sequence != check.sequence:
        return
    if bytes(head.hash) != check.hash:
        _break(check, check.sequence, "the chain's end was changed")


def _require_end(
    check: ChainCheck, head: AuditHead | None, signed: int, organization_id: int
) -> None:
    counted = max(head.sequence if head is not None else 0, signed)
    if check.sequence < counted:
        _break(check, check.sequence + 1, "the event is missing")
    heads = AuditHead.objects.filter(organization_id=organization_id, sequence__gte=check.sequence)
    if check.sequence and not heads.exists():
        _break(check, check.sequence, "it lies beyond the chain's end")


def _break(check: ChainCheck, sequence: int, problem: str) -> NoReturn:
    check.blame(sequence, problem)
    raise _Broken


def _hash(event: AuditEvent, previous_hash: bytes) -> bytes | None:
    try:
        return hash_event(chained(event), previous_hash=previous_hash)
    except TypeError:  # a float can only have come from outside the product
        return None
