"""The audit log as a file that proves itself (ADR-0020): JSON lines, each written canonically.

A header, the events in order with the hash and the personal values that are left of each, the
signed checkpoints where they belong, and an end with the SHA-256 of all before it.
`clients/verify_audit.py` reads it with a standard library alone.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.db.models import Max, Min

from orgs.domain.audit import Json, canonical_json, event_content
from orgs.domain.audit_checkpoints import statement_content
from orgs.models import AuditCheckpoint, AuditEvent, Organization
from orgs.selectors.audit import chained
from orgs.selectors.signing_keys import list_trusted_keys

FORMAT: Final = 1
EVENTS_AT_ONCE: Final = 1000


class SequenceRange(NamedTuple):
    """Events from `first` to `last`, both included; `last` below `first` holds none."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many events there are: a chain has no holes."""
        return self.last - self.first + 1


def find_range(
    *, organization_id: int, since: datetime | None, until: datetime | None
) -> SequenceRange:
    """Return the events from the first at or after `since` to the last before `until`.

    All between them belong to it, whatever their instant: a chain is read without holes.
    """
    rows = AuditEvent.objects.filter(organization_id=organization_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    found = rows.aggregate(first=Min("sequence"), last=Max("sequence"))
    return SequenceRange(found["first"] or 1, found["last"] or 0)


def audit_file(
    *, organization: Organization, wanted: SequenceRange, exported_at: datetime
) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines, in memory that does not grow with it.

    Events are never edited, so each batch is a query of its own and no transaction stays open
    while a slow reader takes the file.
    """
    digest = hashlib.sha256()
    checkpoints = _checkpoints(organization.pk, wanted)
    number = 0
    for lines in _pieces(organization, wanted, checkpoints, exported_at=exported_at):
        piece = b"".join(canonical_json(line) + b"\n" for line in lines)
        number += len(lines)
        digest.update(piece)
        yield piece
    yield canonical_json({"kind": "end", "lines": number, "sha256": digest.hexdigest()}) + b"\n"


def _pieces(
    organization: Organization,
    wanted: SequenceRange,
    checkpoints: Mapping[int, AuditCheckpoint],
    *,
    exported_at: datetime,
) -> Iterator[list[Json]]:
    begin: list[Json] = [
        {
            "kind": "audit_log",
            "format": FORMAT,
            "organization": {"id": organization.pk, "slug": organization.slug},
            "first_sequence": wanted.first,
            "last_sequence": wanted.last,
            "exported_at": exported_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "public_keys": [key.hex() for key in list_trusted_keys()],
        }
    ]
    if base := checkpoints.get(wanted.first - 1):
        begin.append(_checkpoint_line(base))  # where retention has cut the log
    yield begin
    for events in _batches(organization.pk, wanted):
        lines: list[Json] = []
        for event in events:
            lines.append(_event_line(event))
            if checkpoint := checkpoints.get(event.sequence):
                lines.append(_checkpoint_line(checkpoint))
        yield lines


def _batches(organization_id: int, wanted: SequenceRange) -> Iterator[list[AuditEvent]]:
    rows = (
        AuditEvent.objects.filter(organization_id=organization_id, sequence__lte=wanted.last)
        .order_by("sequence")
        .prefetch_related("personal_values")
    )
    batch = list(rows.filter(sequence__gte=wanted.first)[:EVENTS_AT_ONCE])
    while batch:
        yield batch
        batch = list(rows.filter(sequence__gt=batch[-1].sequence)[:EVENTS_AT_ONCE])


def _checkpoints(organization_id: int, wanted: SequenceRange) -> dict[int, AuditCheckpoint]:
    rows = AuditCheckpoint.objects.filter(
        organization_id=organization_id,
        sequence__gte=wanted.first - 1,
        sequence__lte=wanted.last,
    )
    return {row.sequence: row for row in rows}


def _event_line(event: AuditEvent) -> Json:
    return {
        "kind": "event",
        "content": event_content(chained(event), previous_hash=bytes(event.previous_hash)),
        "hash": bytes(event.hash).hex(),
        "personal": {
            kept.name: {"salt": bytes(kept.salt).hex(), "value": kept.value}
            for kept in event.personal_values.all()
        },
    }


def _checkpoint_line(checkpoint: AuditCheckpoint) -> Json:
    return {
        "kind": "checkpoint",
        "content": statement_content(checkpoint.get_statement()),
        "public_key": bytes(checkpoint.public_key).hex(),
        "signature": bytes(checkpoint.signature).hex(),
    }
