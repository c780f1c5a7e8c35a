"""The audit log as its readers see it: filtered, newest first, with names for ids."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from orgs.domain.actors import ActorKind
from orgs.domain.audit import Json
from orgs.domain.audit_actions import ActionGroup, actions_of
from orgs.domain.audit_log import LoggedEvent, Names
from orgs.models import (
    AccessToken,
    AuditEvent,
    AuditPersonalValue,
    Device,
    Member,
    Organization,
    Team,
)

IDS_OF_EVENT: Final = 50
"""Ids of one event that are looked up: the fields and list items that a page shows."""

EVENTS_AT_ONCE: Final = 1000
ID_DIGITS: Final = 18

NAMED: Final[Mapping[str, Callable[[int], QuerySet[Any]]]] = {
    "organization": lambda own: Organization.objects.filter(pk=own),
    "member": lambda own: Member.objects.filter(organization_id=own),
    "device": lambda own: Device.objects.filter(organization_id=own),
    "team": lambda own: Team.objects.filter(organization_id=own),
    "token": lambda own: AccessToken.objects.filter(organization_id=own),
}
"""The things that have a name, by the kind of target: those of one organization."""

NAME_FIELDS: Final = {"member": ("name", "email")}
"""Where the name stands, if not in `name`; the first that is not empty counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFilter:
    """What to show; empty means all.

    `actor` is a part of a member's name or address or of a token's name; `member_id` is exact.
    `text` is looked for in actions, reasons, changes and personal values. `since` is included,
    `until` is not.
    """

    actor: str = ""
    member_id: int | None = None
    actor_kind: ActorKind | None = None
    group: ActionGroup | None = None
    action: str = ""
    target_kind: str = ""
    target_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return self != AuditFilter()


def audit_events(*, organization_id: int, narrowed: AuditFilter) -> QuerySet[AuditEvent]:
    """Return the organization's events that the filter leaves, in no order yet."""
    rows = AuditEvent.objects.filter(organization_id=organization_id)
    exact = {
        "actor_kind": narrowed.actor_kind.value if narrowed.actor_kind else "",
        "action": narrowed.action,
        "target_kind": narrowed.target_kind,
        "target_id": narrowed.target_id,
        "actor_member_id": narrowed.member_id,
        "at__gte": narrowed.since,
        "at__lt": narrowed.until,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    if narrowed.group is not None:
        rows = rows.filter(action__in=actions_of(narrowed.group))
    if narrowed.actor:
        rows = rows.filter(_acted_by(organization_id, narrowed.actor))
    return rows.filter(_says(narrowed.text)) if narrowed.text else rows


def list_events(
    *, organization_id: int, narrowed: AuditFilter, before: int | None, number: int
) -> list[LoggedEvent]:
    """Return `number` events, newest first, from below the sequence `before`."""
    rows = audit_events(organization_id=organization_id, narrowed=narrowed)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    return logged(rows.order_by("-sequence").prefetch_related("personal_values")[:number])


def stream_events(*, organization_id: int, narrowed: AuditFilter) -> Iterator[LoggedEvent]:
    """Yield the events that the filter leaves, oldest first, in memory that does not grow.

    Events are never edited, so each batch is a query of its own: no transaction stays open while
    a slow reader takes the file.
    """
    rows = audit_events(organization_id=organization_id, narrowed=narrowed)
    rows = rows.order_by("sequence").prefetch_related("personal_values")
    batch = logged(rows[:EVENTS_AT_ONCE])
    while batch:
        yield from batch
        batch = logged(rows.filter(sequence__gt=batch[-1].sequence)[:EVENTS_AT_ONCE])


def logged(events: Iterable[AuditEvent]) -> list[LoggedEvent]:
    """Return events of one organization with the names of what they speak of.

    Costs a query for each of organization, members, teams and tokens that are spoken of.
    """
    rows = list(events)
    names = _names(rows)
    return [
        LoggedEvent(
            organization_id=row.organization_id,
            sequence=row.sequence,
            at=row.at,
            actor_kind=ActorKind(row.actor_kind),
            actor_member_id=row.actor_member_id,
            actor_token_id=row.actor_token_id,
            actor_label=row.actor_label,
            action=row.action,
            target_kind=row.target_kind,
            target_id=row.target_id,
            diff=row.diff,
            personal=_personal(row),
            reason=row.reason,
            previous_hash=bytes(row.previous_hash).hex(),
            hash=bytes(row.hash).hex(),
            names=names,
        )
        for row in rows
    ]


def _acted_by(organization_id: int, wanted: str) -> Q:
    members = Member.objects.filter(organization_id=organization_id).filter(
        Q(email__icontains=wanted) | Q(name__icontains=wanted)
    )
    tokens = AccessToken.objects.filter(organization_id=organization_id, name__icontains=wanted)
    return Q(actor_member_id__in=members.values("pk")) | Q(actor_token_id__in=tokens.values("pk"))


def _says(text: str) -> Q:
    kept = AuditPersonalValue.objects.filter(event=OuterRef("pk"), value__icontains=text)
    changes = AuditEvent.objects.filter(pk=OuterRef("pk")).alias(
        told=Cast("diff", output_field=TextField())
    )
    return (
        Q(action__icontains=text)
        | Q(reason__icontains=text)
        | Exists(changes.filter(told__icontains=text))
        | Exists(kept)
    )


def _personal(row: AuditEvent) -> dict[str, str | None]:
    kept = {value.name: value.value for value in row.personal_values.all()}
    return {name: kept.get(name) for name in row.personal_digests}


def _names(rows: Sequence[AuditEvent]) -> Names:
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for kind, number in _spoken_of(row):
            if number.isascii() and number.isdigit() and len(number) <= ID_DIGITS:
                wanted[kind].add(number)
    return {
        (kind, str(pk)): next(filter(None, texts), "")
        for kind, named in NAMED.items()
        if wanted[kind]
        for pk, *texts in named(rows[0].organization_id)
        .filter(pk__in=wanted[kind])
        .values_list("pk", *NAME_FIELDS.get(kind, ("name",)))
    }


def _spoken_of(row: AuditEvent) -> Iterator[tuple[str, str]]:
    """Yield the kind and id of everything that an event speaks of."""
    yield row.target_kind, row.target_id
    if row.actor_member_id is not None:
        yield "member", str(row.actor_member_id)
    if row.actor_token_id is not None:
        yield "token", str(row.actor_token_id)
    for name, pair in list(row.diff.items())[:IDS_OF_EVENT]:
        kind, _, number = name.partition(":")
        if number:
            yield kind, number
            yield from (("team", text) for text in _ids(pair))
        elif name in {"member_id", "member_ids", "added", "removed", "leads"}:
            yield from (("member", text) for text in _ids(pair))
        elif name == "team_id":
            yield from (("team", text) for text in _ids(pair))


def _ids(value: Json) -> Iterator[str]:
    """Yield the numbers of a pair, and of lists in it."""
    if isinstance(value, list | tuple):
        for item in value[:IDS_OF_EVENT]:
            yield from _ids(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
