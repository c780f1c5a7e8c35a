"""Background work. Every task may run twice, late, or not at all: beat comes round again."""

import structlog
from celery import shared_task
from django.utils import timezone

from orgs.domain.actors import system
from orgs.services.audit import recording
from orgs.services.audit_checkpoints import (
    AuditLogBroken,
    list_trimmable,
    trim_audit,
)
from orgs.services.audit_checkpoints import sign_checkpoints as sign_due
from orgs.services.device_exchange import remove_expired_sign_ins as remove_expired
from orgs.services.exceptions import end_expired

log = structlog.get_logger(__name__)


@shared_task
def remove_expired_sign_ins() -> None:
    """Remove sign-ins of Docker Desktop that have expired; how many nobody opened is logged."""
    removed = remove_expired(actor=system(label="remove_expired_sign_ins"), at=timezone.now())
    if removed.sign_ins:
        log.info("device_sign_ins_removed", sign_ins=removed.sign_ins, unopened=removed.unopened)


@shared_task
def end_expired_exceptions() -> None:
    """Note the end of exceptions whose time is over; what they allowed ended at that instant."""
    actor = system(label="end_expired_exceptions")
    with recording(actor=actor, at=timezone.now()) as trail:
        ended = end_expired(trail=trail)
    if ended:
        log.info("exceptions_ended", exceptions=ended)


def sign_checkpoints() -> None:
    """Verify every audit log once a day, and sign where it ends."""
    for verified in sign_due(at=timezone.now()):
        if verified.problem:
            log.error(
                "audit_log_broken",
                organization_id=verified.organization_id,
                sequence=verified.fault_sequence,
                problem=verified.problem,
            )
        elif verified.is_signed:
            log.info(
                "audit_checkpoint_signed",
                organization_id=verified.organization_id,
                sequence=verified.sequence,
            )


@shared_task
def trim_audit_logs() -> None:
    """Cut from every audit log what its retention of 400 days is over for."""
    at = timezone.now()
    for organization_id in list_trimmable(at=at):
        try:
            count = trim_audit(organization_id=organization_id, at=at)
        except AuditLogBroken:
            log.exception("audit_log_broken", organization_id=organization_id)
        else:
            log.info("audit_log_trimmed", organization_id=organization_id, events=count)
