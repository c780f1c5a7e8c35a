"""Background work. Every task may run twice, late, or not at all: beat comes round again."""

import structlog
from celery import shared_task
from django.utils import timezone

from billing.services.invoicing import close_due_periods as close_due
from billing.services.sessions import fold_all
from orgs.domain.actors import system

log = structlog.get_logger(__name__)


@shared_task
def sweep_streams() -> None:
    """Fold whatever waits."""
    done = fold_all(as_of=timezone.now())
    if done.streams:
        log.info("streams_folded", streams=done.streams, events=done.events)


@shared_task
def close_due_periods() -> None:
    """Close the periods whose grace is over."""
    for outcome in close_due(as_of=timezone.now(), actor=system(label="close_due_periods")):
        if outcome.failure:
            log.error(
                "close_failed",
                organization=outcome.organization,
                period=outcome.period,
                failure=outcome.failure,
            )
        else:
            log.info(
                "period_closed",
                organization=outcome.organization,
                period=outcome.period,
                invoice=outcome.invoice.number if outcome.invoice else None,
            )
