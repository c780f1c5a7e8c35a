"""A workload trace as use of an organization: its people, its teams, and their session events.

The events go through the same ingest as a runner's, as an authorized backfill. Everything here
may run again: a second import of the same trace finds only duplicates.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final
from uuid import UUID

from billing.domain.events import MAXIMUM_IDLE_TIMEOUT, MINIMUM_IDLE_TIMEOUT, Kind
from billing.domain.instants import datetime_of
from billing.domain.swf import Activity, Trace, count_events, event_id, events_of
from billing.models import Machine, SessionEvent
from billing.selectors.identities import PricedMachines, resolve_identities
from billing.services.event_store import event_digest
from billing.services.ingest import IngestResult, IngestScope, Reported, Verdict, ingest_events
from billing.services.periods import ensure_periods
from orgs.domain.actors import Actor
from orgs.models import Organization
from orgs.selectors.teams import list_team_assignments
from orgs.services.audit import recording
from orgs.services.members import ensure_members
from orgs.services.teams import assign_primary_teams, ensure_teams

BATCH: Final = 10_000
"""Events of one transaction."""

VERDICTS_KEPT: Final = 20
_ACTIVE: Final = Kind.ACTIVE.wire
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a user's first group carries the cost: before anything that any trace can hold, so
that a later import of earlier jobs finds a team as well."""


class CannotImportError(ValueError):
    """The trace can't be imported like this; nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceImport:
    """A trace and how to report it.

    `idle_timeout` in whole seconds; `shift_us` moves every instant; `source` is the events'
    source, by which an import is known again.
    """

    organization: Organization
    trace: Trace
    source: str
    machine: str
    idle_timeout: int
    shift_us: int = 0

    @property
    def event_count(self) -> int:
        """How many events the whole import reports."""
        return count_events(trace=self.trace, idle_timeout=self.idle_timeout)

    def email(self, user: int) -> str:
        """Return the member's address of a user of the trace."""
        return f"u{user}@{self.organization.slug}.example"

    def reported(self, activity: Activity, *, ordinal: int = 0) -> Reported:
        """Return the event as a runner would have reported it."""
        return Reported(
            ordinal,
            event_id(activity),
            self.source,
            _ACTIVE,
            datetime_of(activity.at),
            self.organization.slug,
            self.email(activity.user),
            self.machine,
            self.idle_timeout,
        )


@dataclass(kw_only=True, slots=True)
class ImportTally:
    """What ingest said, summed over the batches so far; kept verdicts are bounded."""

    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """Rejected and conflicting events by code."""
    first_refused: list[Verdict] = field(default_factory=list)

    def add(self, result: IngestResult, *, events: int) -> None:
        """Count a batch."""
        self.events += events
        self.accepted += result.accepted
        self.duplicates += result.duplicates
        if result.rejected or result.conflicts:
            refused = [v for v in result.verdicts if v.status != "duplicate"]
            self.refusals.update(verdict.code for verdict in refused)
            room = VERDICTS_KEPT - len(self.first_refused)
            self.first_refused += refused[:room]


def import_trace(wanted: TraceImport, *, actor: Actor, now: datetime) -> Iterator[ImportTally]:
    """Import a trace; yield the tally so far after each committed batch, always the same object.

    Members and teams first, in one transaction with one audit append, then the events, one
    transaction a batch. Memory is that of the trace, not of its events. When it fails on the
    way, the tally says how much is stored; the next import goes on from there.

    Raises:
        CannotImportError: idle timeout out of bounds, a machine without a price, or the trace
            is there already, reported otherwise. Nothing was written.
        OperationalError: the database could not take a batch.
    """
    _check(wanted, now=now)
    begin_at = wanted.trace.begin_at
    if begin_at is None:
        return
    _ensure_people(wanted, actor=actor, now=now)
    first = datetime_of(begin_at + wanted.shift_us)
    if first <= now:
        ensure_periods({wanted.organization.pk: first}, until=now)
    scope = IngestScope(organization_id=wanted.organization.pk, may_backfill=True)
    tally = ImportTally()
    for batch in _batches(wanted):
        tally.add(ingest_events(batch, scope=scope), events=len(batch))
        yield tally


def _batches(wanted: TraceImport) -> Iterator[list[Reported]]:
    events = events_of(
        trace=wanted.trace, idle_timeout=wanted.idle_timeout, shift_us=wanted.shift_us
    )
    while batch := [
        wanted.reported(activity, ordinal=ordinal)
        for ordinal, activity in enumerate(islice(events, BATCH))
    ]:
        yield batch


def _check(wanted: TraceImport, *, now: datetime) -> None:
    """Refuse what ingest would refuse event by event."""
    if not MINIMUM_IDLE_TIMEOUT <= wanted.idle_timeout <= MAXIMUM_IDLE_TIMEOUT:
        bounds = f"{MINIMUM_IDLE_TIMEOUT}..{MAXIMUM_IDLE_TIMEOUT}"
        raise CannotImportError(f"the idle timeout must be in {bounds} seconds")
    slug = wanted.organization.slug
    emails = {user: wanted.email(user) for user in wanted.trace.running}
    identities = resolve_identities(
        reported=[(slug, email) for email in emails.values()] or [(slug, "")],
        organization_id=wanted.organization.pk,
    )
    _check_machine(wanted, priced=identities.priced.get(wanted.organization.pk), now=now)
    known = {
        user: identities.members[wanted.organization.pk, email]
        for user, email in emails.items()
        if (wanted.organization.pk, email) in identities.members
    }
    if _is_reported_otherwise(wanted, known=known):
        raise CannotImportError(
            f"{wanted.source} is in {slug} already, with another machine or idle timeout;"
            " the same use cannot be reported in two ways"
        )


def _check_machine(wanted: TraceImport, *, priced: PricedMachines | None, now: datetime) -> None:
    ends = [
        datetime_of(at + wanted.shift_us)
        for at in (wanted.trace.begin_at, wanted.trace.end_at)
        if at is not None
    ]
    if priced is None or all(priced.find(wanted.machine, at=at) is None for at in ends or [now]):
        raise CannotImportError(
            f"machine {wanted.machine!r} has no price in {wanted.organization.slug}"
        )


def _is_reported_otherwise(wanted: TraceImport, *, known: dict[int, int]) -> bool:
    """Say whether the first event of a user is stored with other content.

    `known` are the member ids of users who exist. A sample: whatever slips through is refused
    by ingest as a conflict.
    """
    first = {
        user: Activity(user, wanted.trace.running[user][0].begin_at + wanted.shift_us)
        for user in islice(known, BATCH)
    }
    keys = [UUID(bytes=event_digest(wanted.source, event_id(job))) for job in first.values()]
    stored = SessionEvent.objects.filter(
        organization_id=wanted.organization.pk,
        member_id__in=[known[user] for user in first],
        occurred_at__in=[datetime_of(activity.at) for activity in first.values()],
        event_key__in=keys,
    )
    return (
        stored.exclude(idle_timeout_seconds=wanted.idle_timeout).exists()
        or stored.exclude(machine_id__in=Machine.objects.filter(name=wanted.machine)).exists()
    )


def _ensure_people(wanted: TraceImport, *, actor: Actor, now: datetime) -> None:
    """Make the members and teams that are missing; who has had a team keeps it."""
    organization_id = wanted.organization.pk
    trace = wanted.trace
    slugs = {group: f"g{group}" for groups in trace.groups.values() for group in groups}
    with recording(actor=actor, at=now) as trail:
        teams = ensure_teams(
            trail=trail,
            organization_id=organization_id,
            teams=dict.fromkeys(slugs.values(), ""),
        )
        members = ensure_members(
            trail=trail,
            organization_id=organization_id,
            emails=[wanted.email(user) for user in trace.running],
        )
        primary = {
            members[wanted.email(user)]: teams[slugs[groups[0]]]
            for user, groups in trace.groups.items()
            if groups
        }
        assigned = list_team_assignments(primary)
        assign_primary_teams(
            trail=trail,
            organization_id=organization_id,
            team_ids={member: team for member, team in primary.items() if member not in assigned},
            since=_ALWAYS,
        )
