"""Ingest: session events into the append-only table, with a verdict for each (ADR-0004).

Everything a batch says is written in one transaction: the events, the marks that tell the fold
where new ones lie, and conflicting ones into quarantine. Nothing is acknowledged before it is
committed, and the same batch may arrive any number of times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from django.db import InternalError, OperationalError, transaction
from django.db.utils import IntegrityError

from billing.domain.events import MAXIMUM_IDLE_TIMEOUT, MINIMUM_IDLE_TIMEOUT
from billing.selectors.identities import Identities, resolve_identities
from billing.services import event_store
from billing.services.event_store import NewEvent, Receipt, Stored
from billing.services.partitions import create_months

AHEAD_AT_MOST: Final = timedelta(minutes=5)
BACK_AT_MOST: Final = timedelta(days=400)
ATTEMPTS: Final = 5
"""Tries of one batch: deadlock victims and batches that met a month without a partition."""

Status = Literal["duplicate", "conflict", "rejected"]


class Reported(NamedTuple):
    """One event as a runner reported it, of the right shape but not yet believed.

    `at` is aware; digits below a microsecond are already cut off.
    """

    ordinal: int
    event_id: str
    source: str
    kind: str
    at: datetime
    organization: str
    subject: str
    machine: str
    idle_timeout_seconds: int


class Verdict(NamedTuple):
    """Why an event was not plainly accepted; `code` is stable, `detail` is for people."""

    ordinal: int
    event_id: str
    status: Status
    code: str
    detail: str


class RefusedError(Exception):
    """An event that can't be attributed, with a stable code and words for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _MonthMissing(Exception):
    """Some of these instants, all of good events, lie in a month without a partition."""

    def __init__(self, instants: Sequence[datetime]) -> None:
        super().__init__()
        self.instants = instants


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestScope:
    """What the sender may write: one organization or all, and sources with this prefix.

    `may_backfill` lifts the 400-day limit: an operator's authorized backfill.
    """

    organization_id: int | None
    source_prefix: str = ""
    may_backfill: bool = False


@dataclass(kw_only=True, slots=True)
class IngestResult:
    """Counts of a batch and a verdict for each event that was not plainly accepted."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count and keep a verdict."""
        self.verdicts.append(verdict)
        if verdict.status == "rejected":
            self.rejected += 1
        elif verdict.status == "duplicate":
            self.duplicates += 1
        else:
            self.conflicts += 1


Append = Callable[[Sequence[NewEvent]], Sequence[tuple[NewEvent, Stored]]]
"""Stores events and returns those that were there already."""


def ingest_events(reported: Sequence[Reported], *, scope: IngestScope) -> IngestResult:
    """Store what can be stored, and say of every other event why not.

    One committed transaction; a deadlock or a month without a partition is retried. Events are
    never refused for policy, only when they can't be attributed: unknown organization, member
    or machine, an idle timeout or a time out of bounds, a source the token is not bound to.

    Raises:
        OperationalError: the database could not take the batch; nothing was stored.
    """
    identities = resolve_identities(
        reported=[(event.organization, event.subject) for event in reported],
        organization_id=scope.organization_id,
    )
    append: Append = _append_new
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _ingest_once(reported, identities=identities, scope=scope, append=append)
        except event_store.AlreadyRecorded:
            append = event_store.append
        except (OperationalError, InternalError) as error:
            if not event_store.is_deadlock(error) or attempt == ATTEMPTS:
                raise
        except _MonthMissing as missing:
            if attempt == ATTEMPTS:
                raise
            create_months(missing.instants)
    raise AssertionError  # the last attempt returned or raised


def _ingest_once(
    reported: Sequence[Reported], *, identities: Identities, scope: IngestScope, append: Append
) -> IngestResult:
    result = IngestResult()
    receipt = event_store.take_receipt(sorted(identities.organizations.values()))
    news: list[NewEvent] = []
    for event in reported:
        try:
            new = _attributed(event, identities=identities, scope=scope, receipt=receipt)
        except RefusedError as refused:
            result.add(
                Verdict(event.ordinal, event.event_id, "rejected", refused.code, refused.detail)
            )
        else:
            news.append(new)
    try:
        not_new = append(news)
    except IntegrityError as error:
        if event_store.is_missing_partition(error):
            raise _MonthMissing([new.occurred_at for new in news]) from error
        raise
    for new, stored in not_new:
        result.add(_verdict_of(new, stored))
    result.accepted = len(reported) - len(result.verdicts)
    result.verdicts.sort(key=lambda verdict: verdict.ordinal)
    return result


def _append_new(news: Sequence[NewEvent]) -> Sequence[tuple[NewEvent, Stored]]:
    event_store.append_new(news)
    return ()


def _verdict_of(new: NewEvent, stored: Stored) -> Verdict:
    if stored is Stored.SAME:
        return Verdict(new.ordinal, new.event_id, "duplicate", "duplicate", "Already recorded.")
    return Verdict(
        new.ordinal,
        new.event_id,
        "conflict",
        "identity_conflict",
        "An event of this source, id and time is recorded with other content.",
    )


def _attributed(
    event: Reported, *, identities: Identities, scope: IngestScope, receipt: Receipt
) -> NewEvent:
    """Return the row of an event, or say why there can be none."""
    organization_id = identities.organizations.get(event.organization)
    if organization_id is None:
        detail = f"No organization {event.organization!r} for this token."
        raise RefusedError("unknown_organization", detail)
    member_id = identities.members.get((organization_id, event.subject))
    if member_id is None:
        detail = f"No member {event.subject!r} in {event.organization!r}."
        raise RefusedError("unknown_member", detail)
    received_at = receipt.received_at[organization_id]
    _check_bounds(event, scope=scope, received_at=received_at)
    machine_id = identities.priced[organization_id].find(event.machine, at=event.at)
    if machine_id is None:
        detail = f"Machine {event.machine!r} has no price on the day of the event."
        raise RefusedError("unknown_machine", detail)
    return NewEvent(
        organization_id,
        member_id,
        event.at,
        event_store.event_digest(event.source, event.event_id),
        event.kind,
        machine_id,
        event.idle_timeout_seconds,
        received_at,
        event.source,
        event.event_id,
        event.ordinal,
    )


def _check_bounds(event: Reported, *, scope: IngestScope, received_at: datetime) -> None:
    if not event.source.startswith(scope.source_prefix):
        detail = f"This token writes for sources {scope.source_prefix}* only."
        raise RefusedError("source_not_allowed", detail)
    if not MINIMUM_IDLE_TIMEOUT <= event.idle_timeout_seconds <= MAXIMUM_IDLE_TIMEOUT:
        bounds = f"{MINIMUM_IDLE_TIMEOUT}..{MAXIMUM_IDLE_TIMEOUT}"
        detail = f"idle_timeout_seconds must be in {bounds}."
        raise RefusedError("idle_timeout_out_of_bounds", detail)
    if event.at > received_at + AHEAD_AT_MOST:
        detail = "time is more than 5 minutes ahead of receipt."
        raise RefusedError("time_in_the_future", detail)
    if event.at < received_at - BACK_AT_MOST and not scope.may_backfill:
        raise RefusedError("time_too_old", "time is more than 400 days back.")
