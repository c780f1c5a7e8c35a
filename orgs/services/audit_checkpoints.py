"""Signing what the audit log has come to, once a day, and cutting off what is old (ADR-0020)."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from orgs.domain.audit_checkpoints import (
    RETENTION,
    CheckpointStatement,
    SigningKey,
    sign_statement,
)
from orgs.models import AuditCheckpoint, AuditEvent, AuditHead, AuditVerification
from orgs.selectors.audit import ChainCheck, check_chain, find_last_checkpoint, is_checkpoint_ours
from orgs.selectors.signing_keys import get_signing_key

VERIFIED_AT_ONCE: Final = 50
"""Organizations whose log one sweep verifies."""

TRIMMED_AT_ONCE: Final = 50
"""Organizations whose log one sweep cuts."""

ABANDONED_AFTER: Final = timedelta(hours=2)
"""A verification that was begun so long ago died with its worker."""


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
    since its last checkpoint needs none. May run twice, also at the same time: whoever comes
    second takes other organizations. Looks at `VERIFIED_AT_ONCE` of them.
    """
    due = (
        AuditHead.objects.filter(sequence__gte=1)
        .exclude(organization__audit_verification__verified_at__gte=_day_of(at))
        .exclude(organization__audit_verification__started_at__gt=at - ABANDONED_AFTER)
        .order_by("organization_id")
        .values_list("organization_id", flat=True)
    )
    return [
        _verify_and_sign(organization_id, at=at)
        for organization_id in list(due[:VERIFIED_AT_ONCE])
        if _claim(organization_id, at=at)
    ]


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
    old = AuditCheckpoint.objects.filter(
        organization_id=OuterRef("organization_id"), signed_at__lte=at - RETENTION
    )
    events = AuditEvent.objects.filter(
        organization_id=OuterRef("organization_id"), sequence__lte=OuterRef("cut")
    )
    rows = (
        AuditHead.objects.annotate(cut=Subquery(old.order_by("-sequence").values("sequence")[:1]))
        .filter(Exists(events))
        .order_by("organization_id")
        .values_list("organization_id", flat=True)
    )
    return list(rows[:TRIMMED_AT_ONCE])


def _day_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _claim(organization_id: int, *, at: datetime) -> bool:
    """Note that the work begins; False if another worker was quicker.

    A row lock would do the same, but its transaction would be as long as the log, and closing a
    period waits for every transaction that is older.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orgs_auditverification AS noted
                   (organization_id, started_at, sequence, problem)
            VALUES (%s, %s, 0, '')
            ON CONFLICT (organization_id) DO UPDATE SET started_at = excluded.started_at
             WHERE noted.started_at <= %s
               AND (noted.verified_at IS NULL OR noted.verified_at < %s)
            RETURNING organization_id
            """,
            [organization_id, at, at - ABANDONED_AFTER, _day_of(at)],
        )
        return cursor.fetchone() is not None


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
        AuditVerification.objects.filter(organization_id=organization_id).update(
            verified_at=at,
            sequence=verified.sequence,
            fault_sequence=verified.fault_sequence,
            problem=verified.problem,
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
