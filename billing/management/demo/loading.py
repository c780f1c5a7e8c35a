"""Loads the demo organization through the product's own services, once.

Every step may run again: what was interrupted is completed by the next call, which reports the
same events, since their reference is the organization's own first instant.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.utils.crypto import salted_hmac

from billing.management.demo.devices import shape_devices
from billing.management.demo.people import (
    CURRENCY,
    MOVES,
    NAME,
    OWNER,
    OWNER_NAME,
    PEOPLE,
    SLUG,
    TEAMS,
    ZONE,
)
from billing.management.demo.policies import shape_policy
from billing.management.demo.reports import reported_use
from billing.services.ingest import IngestScope, Reported, ingest_events
from billing.services.invoicing import close_due_periods
from billing.services.organizations import create_organization
from billing.services.sessions import fold_all
from orgs.domain.actors import operator
from orgs.domain.products import Plan
from orgs.models import AuditEvent, Organization, User
from orgs.selectors.organizations import find_organization
from orgs.services.audit import recording
from orgs.services.members import ensure_members
from orgs.services.teams import assign_primary_teams, ensure_teams

DAYS: Final = 60
OWNER_EMAIL: Final = f"{OWNER}@{SLUG}.example"
BATCH: Final = 5_000
LOADED: Final = "demo.loaded"
_ACTOR: Final = operator(label="load_demo")


class NotTheDemo(Exception):
    """An organization has the demo's slug, but was not made by loading it."""


class DemoRefused(Exception):
    """A part of the demo was not taken; nothing is hidden by going on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """The owner's address, and the password unless somebody has chosen another one."""

    email: str
    password: str | None


def load_demo(*, now: datetime, days: int = DAYS) -> bool:
    """Load the demo organization with use on the `days` days up to `now`; say if there was work.

    Raises:
        NotTheDemo: the slug belongs to somebody else; nothing is changed.
        DemoRefused: an event was rejected, or a period did not close.
    """
    organization = find_organization(slug=SLUG)
    if organization is None:
        organization = _create(since=now - timedelta(days=days))
    elif not _was_made_here(organization):
        raise NotTheDemo(f"the organization {SLUG} is not the demo; it stays as it is")
    elif _is_loaded(organization):
        return False
    begin = organization.created_at
    _ensure_people(organization, since=begin, moved_at=begin + timedelta(days=days / 2))
    loaded_at = begin + timedelta(days=days)
    shape_policy(organization, since=begin, now=loaded_at)
    shape_devices(organization, now=loaded_at)
    events = _ingest(organization, reported_use(now=loaded_at, days=days))
    fold_all(as_of=now, organization_id=organization.pk)
    _close(organization, now=now)
    with recording(actor=_ACTOR, at=now) as trail:
        trail.add(
            organization_id=organization.pk,
            action=LOADED,
            target=("organization", organization.pk),
            diff={"session_events": [None, events]},
        )
    return True


def find_sign_in() -> SignIn | None:
    """Return how the demo's owner signs in; `None` without the demo.

    The password follows from the installation's secret key: it is the same at each start,
    stored nowhere in clear, and another one on each machine.
    """
    organization = find_organization(slug=SLUG)
    if organization is None or not _was_made_here(organization):
        return None
    password = _password()
    owner = User.objects.get(email=OWNER_EMAIL)
    return SignIn(email=OWNER_EMAIL, password=password if owner.check_password(password) else None)


def _password() -> str:
    digest = salted_hmac("billing.management.demo", OWNER_EMAIL, algorithm="sha256").digest()
    letters = base64.b32encode(digest)[:12].decode().lower()
    return "-".join(letters[at : at + 4] for at in (0, 4, 8))


def _was_made_here(organization: Organization) -> bool:
    first = AuditEvent.objects.filter(organization=organization, sequence=1)
    return first.filter(actor_kind=_ACTOR.kind.value, actor_label=_ACTOR.label).exists()


def _is_loaded(organization: Organization) -> bool:
    return AuditEvent.objects.filter(organization=organization, action=LOADED).exists()


def _create(*, since: datetime) -> Organization:
    """Create the organization as it would have been made at `since`; its owner can sign in."""
    if not User.objects.filter(email=OWNER_EMAIL).exists():
        User.objects.create_user(OWNER_EMAIL, _password(), name=OWNER_NAME)
    return create_organization(
        actor=_ACTOR,
        now=since,
        slug=SLUG,
        name=NAME,
        owner_email=OWNER_EMAIL,
        plan=Plan.BUSINESS,
        currency=CURRENCY,
        zone=ZONE,
        is_offload_enabled=True,
    ).organization


def _ensure_people(organization: Organization, *, since: datetime, moved_at: datetime) -> None:
    if organization.members.count() > 1:
        return
    with recording(actor=_ACTOR, at=since) as trail:
        teams = ensure_teams(trail=trail, organization_id=organization.pk, teams=TEAMS)
        members = ensure_members(
            trail=trail,
            organization_id=organization.pk,
            emails=[person.email for person in PEOPLE],
            names={person.email: person.name for person in PEOPLE},
        )
        first = {members[p.email]: teams[MOVES.get(p.key, p.team)] for p in PEOPLE}
        later = {members[p.email]: teams[p.team] for p in PEOPLE if p.key in MOVES}
        for team_ids, at in ((first, since), (later, moved_at)):
            assign_primary_teams(
                trail=trail, organization_id=organization.pk, team_ids=team_ids, since=at
            )


def _ingest(organization: Organization, reported: Iterable[Reported]) -> int:
    """Send all events; return how many there are, known ones of an earlier try included."""
    scope = IngestScope(organization_id=organization.pk, may_backfill=True)
    count = 0
    for batch in _batches(reported):
        result = ingest_events(batch, scope=scope)
        if result.rejected or result.conflicts:
            refused = next(v for v in result.verdicts if v.status != "duplicate")
            raise DemoRefused(f"{refused.event_id}: {refused.code}: {refused.detail}")
        count += len(batch)
    return count


def _batches(reported: Iterable[Reported]) -> Iterator[list[Reported]]:
    events = iter(reported)
    while batch := list(islice(events, BATCH)):
        yield [event._replace(ordinal=place) for place, event in enumerate(batch)]


def _close(organization: Organization, *, now: datetime) -> None:
    outcomes = close_due_periods(as_of=now, actor=_ACTOR, organization_id=organization.pk)
    for outcome in outcomes:
        if outcome.failure:
            raise DemoRefused(f"{outcome.period}: {outcome.failure}")
