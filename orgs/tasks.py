"""Background work. Every task may run twice, late, or not at all: beat comes round again."""

import structlog
from celery import shared_task
from django.utils import timezone

from orgs.domain.actors import system
from orgs.services.device_exchange import remove_expired_sign_ins as remove_expired

log = structlog.get_logger(__name__)


@shared_task
def remove_expired_sign_ins() -> None:
    """Remove sign-ins of Docker Desktop that have expired; how many nobody opened is logged."""
    removed = remove_expired(actor=system(label="remove_expired_sign_ins"), at=timezone.now())
    if removed.sign_ins:
        log.info("device_sign_ins_removed", sign_ins=removed.sign_ins, unopened=removed.unopened)
