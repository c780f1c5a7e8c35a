"""What a reader is told of the chain: whether it holds, since when that is known, who signed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orgs.domain.audit_checkpoints import key_id
from orgs.models import AuditCheckpoint, AuditEvent, AuditHead, AuditVerification
from orgs.selectors.audit import ChainFault, check_chain, find_last_checkpoint
from orgs.selectors.signing_keys import list_trusted_keys

TAIL_EVENTS: Final = 200
"""Events after the last checkpoint that are verified while a reader waits: some 30 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainState:
    """The chain of an organization at an instant.

    The whole of it is verified once a day (`verified_at`), and what came since the last checkpoint
    whenever somebody looks, if that is not too much: `proven` is how far that reaches.
    """

    first: int
    last: int
    hash: str
    proven: int
    verified_at: datetime | None
    checkpoint: AuditCheckpoint | None
    public_key: str
    key_id: str
    fault: ChainFault | None

    @property
    def count(self) -> int:
        """How many events are kept."""
        return self.last - self.first + 1

    @property
    def waiting(self) -> int:
        """How many events are not proven yet."""
        return self.last - self.proven


def get_chain_state(*, organization_id: int) -> ChainState:
    """Return what is known of the chain, its newest part verified now."""
    head = AuditHead.objects.filter(organization_id=organization_id).first()
    last = head.sequence if head is not None else 0
    checkpoint = find_last_checkpoint(organization_id=organization_id)
    noted = AuditVerification.objects.filter(organization_id=organization_id).first()
    begin = checkpoint.sequence if checkpoint is not None else 0
    proven, fault = begin, _noted_fault(noted)
    if fault is None and last - begin <= TAIL_EVENTS:
        check = check_chain(organization_id=organization_id, after=checkpoint)
        proven, fault = check.sequence, next(iter(check.faults), None)
    rows = AuditEvent.objects.filter(organization_id=organization_id).order_by("sequence")
    first = rows.values_list("sequence", flat=True).first()
    key = list_trusted_keys()[0]
    return ChainState(
        first=first if first is not None else last + 1,
        last=max(last, proven),
        hash=bytes(head.hash).hex() if head is not None else "",
        proven=proven,
        verified_at=noted.verified_at if noted is not None else None,
        checkpoint=checkpoint,
        public_key=key.hex(),
        key_id=key_id(key),
        fault=fault,
    )


def _noted_fault(noted: AuditVerification | None) -> ChainFault | None:
    if noted is None or noted.fault_sequence is None:
        return None
    return ChainFault(sequence=noted.fault_sequence, problem=noted.problem)
