"""Signing what the audit log has come to, once a day, and cutting off what is old (ADR-0020)."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from orgs.domain.audit_checkpoints import (
    RETENTION,
    CheckpointStatement,
    SigningKey,
    sign_statement,
)
from orgs.models import AuditCheckpoint, AuditEvent, AuditHead, AuditVerification
from orgs.selectors.audit import ChainCheck, check_chain, find_last_checkpoint, is_checkpoint_ours
from orgs.selectors.signing_keys import get_signing_key

TRIMMED_AT_ONCE: Final = 100
"""Organizations whose log one sweep cuts."""


class Verified(NamedTuple):
    """What the daily look at one organization's log came to; `problem` is empty if it holds."""

    organization_id: int
    sequence: int
    is_signed: bool
    fault_sequence: int | None
    problem: str


class AuditLogBroken(Exception):
    """What stands before the cut can't be proved, so it is not thrown away."""


def sign_checkpoints(*, at: datetime) -> list[Verified]:
    """Verify each log that was not verified on the UTC day of `at`, and sign where it ends.

    A log that does not hold gets no checkpoint, and the fault is noted. One that has not grown
    since its last checkpoint needs none. May run twice, also at the same time.
    """
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    due = (
        AuditHead.objects.filter(sequence__gte=1)
        .exclude(organization__audit_verification__verified_at__gte=today)
        .order_by("organization_id")
        .values_list("organization_id", flat=True)
    )
    return [_verify_and_sign(organization_id, at=at) for organization_id in list(due)]


def trim_audit(*, organization_id: int, at: datetime) -> int:
    """Delete events up to the newest checkpoint that is 400 days old; return how many.

    Whoever verifies the rest begins at that checkpoint. The database refuses every other
    deletion, and goes by its own clock.

    Raises `AuditLogBroken`: what would go, or the checkpoint, does not hold; nothing is deleted.
    """
    checkpoint = (
        AuditCheckpoint.objects.filter(
            organization_id=organization_id, signed_at__lte=at - RETENTION
        )
        .order_by("-sequence")
        .first()
    )
    if checkpoint is None or not _events_up_to(checkpoint).exists():
        return 0
    faults = check_chain(organization_id=organization_id).faults
    if faults or not is_checkpoint_ours(checkpoint):
        where = faults[0].sequence if faults else checkpoint.sequence
        msg = f"the audit log of organization {organization_id} does not hold at event {where}"
        raise AuditLogBroken(msg)
    return _delete_up_to(checkpoint)


def list_trimmable(*, at: datetime) -> list[int]:
    """Return organizations that have events before a checkpoint that is 400 days old."""
    cuts = (
        AuditCheckpoint.objects.filter(signed_at__lte=at - RETENTION)
        .values("organization_id")
        .annotate(last=Max("sequence"))
        .order_by("organization_id")
    )
    return [
        cut["organization_id"]
        for cut in cuts
        if AuditEvent.objects.filter(
            organization_id=cut["organization_id"], sequence__lte=cut["last"]
        ).exists()
    ][:TRIMMED_AT_ONCE]


def _verify_and_sign(organization_id: int, *, at: datetime) -> Verified:
    check = check_chain(organization_id=organization_id)
    last = find_last_checkpoint(organization_id=organization_id)
    has_grown = last is None or check.sequence > last.sequence
    is_signed = not check.faults and has_grown
    with transaction.atomic():
        if is_signed:
            _store(check, organization_id, key=get_signing_key())
        first = next(iter(check.faults), None)
        verified = Verified(
            organization_id=organization_id,
            sequence=check.sequence,
            is_signed=is_signed,
            fault_sequence=first.sequence if first else None,
            problem=first.problem if first else "",
        )
        AuditVerification.objects.update_or_create(
            organization_id=organization_id,
            defaults={
                "verified_at": at,
                "sequence": verified.sequence,
                "fault_sequence": verified.fault_sequence,
                "problem": verified.problem,
            },
        )
    return verified


def _store(check: ChainCheck, organization_id: int, *, key: SigningKey) -> None:
    statement = CheckpointStatement(
        organization_id=organization_id,
        sequence=check.sequence,
        hash=check.hash,
        signed_at=_database_now(),
    )
    AuditCheckpoint.objects.bulk_create(
        [
            AuditCheckpoint(
                organization_id=organization_id,
                sequence=statement.sequence,
                hash=statement.hash,
                signed_at=statement.signed_at,
                public_key=key.public_key,
                signature=sign_statement(statement, key=key),
            )
        ],
        ignore_conflicts=True,  # another worker has signed the same
    )


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)  # noqa: S101 - the column's type
    return now


def _events_up_to(checkpoint: AuditCheckpoint) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(
        organization_id=checkpoint.organization_id, sequence__lte=checkpoint.sequence
    )


def _delete_up_to(checkpoint: AuditCheckpoint) -> int:
    bounds = [checkpoint.organization_id, checkpoint.sequence]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('offload.trimmed_organization', %s, true)",
            [str(checkpoint.organization_id)],
        )
        cursor.execute(
            """
            DELETE FROM orgs_auditpersonalvalue kept USING orgs_auditevent event
             WHERE event.id = kept.event_id
               AND event.organization_id = %s AND event.sequence <= %s
            """,
            bounds,
        )
        cursor.execute(
            "DELETE FROM orgs_auditevent WHERE organization_id = %s AND sequence <= %s", bounds
        )
        return int(cursor.rowcount)
