"""Background work. Every task may run twice, late, or not at all: beat comes round again."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from billing.selectors.replays import UseReplay, replay_use
from billing.services.invoicing import close_due_periods as close_due
from billing.services.sessions import fold_all
from orgs.domain.actors import Actor, system
from orgs.models import Member
from orgs.selectors.members import member_actor

REPLAY_KEPT_SECONDS: Final = 900
"""How long a replay can be looked at; it can be made again at any time."""

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


class ReplayJob(NamedTuple):
    """How far a replay is, in members; `result` once it is done, `failed` if it will never be."""

    done: int
    total: int
    result: UseReplay | None = None
    failed: bool = False


def start_replay(*, actor: Actor, timeouts: Mapping[int, int | None], as_of: datetime) -> str:
    """Let a worker replay the use of many members, and return the name to look it up by.

    Progress and result are kept in the cache: a lost one is asked for again.
    """
    name = str(uuid.uuid4())
    cache.set(_key(actor, name), ReplayJob(0, len(timeouts)), REPLAY_KEPT_SECONDS)
    replay_many.delay(
        name=name,
        member_id=actor.member_id,
        timeouts=sorted(timeouts.items()),
        as_of=as_of.isoformat(),
    )
    return name


def find_replay(*, actor: Actor, name: str) -> ReplayJob | None:
    """Return a replay that this actor started, None when it is not (any more) there."""
    found: ReplayJob | None = cache.get(_key(actor, name))
    return found


@shared_task
def replay_many(
    *, name: str, member_id: int, timeouts: list[tuple[int, int | None]], as_of: str
) -> None:
    """Replay the use of members for the one who asked, with progress."""
    actor = member_actor(Member.objects.get(pk=member_id))
    key, total = _key(actor, name), len(timeouts)

    def note(done: int) -> None:
        cache.set(key, ReplayJob(done, total), REPLAY_KEPT_SECONDS)

    try:
        result = replay_use(
            actor=actor,
            timeouts=dict(timeouts),
            as_of=datetime.fromisoformat(as_of),
            on_progress=note,
        )
    except Exception:
        cache.set(key, ReplayJob(0, total, failed=True), REPLAY_KEPT_SECONDS)
        raise
    cache.set(key, ReplayJob(total, total, result), REPLAY_KEPT_SECONDS)


def _key(actor: Actor, name: str) -> str:
    return f"replay:{actor.organization_id}:{actor.member_id}:{name}"
