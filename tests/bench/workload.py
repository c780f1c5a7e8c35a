"""Events as runners report them: bursts of activity every 150 s with gaps, nothing by chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

import msgspec

TIMEOUT = 300
MACHINE = "cpu-4x8"
SOURCE = "/runners/eu-1"
COLUMNS = (
    "organization_id, member_id, occurred_at, event_key, kind, machine_id, "
    "idle_timeout_seconds, received_at, source, event_id"
)


class Happening(NamedTuple):
    """One event: which member (by place in the list), when, what; `id` as runners make them."""

    member: int
    at: datetime
    kind: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Customer:
    """An organization to measure with: ids and names that events need."""

    id: int
    slug: str
    token: str
    members: Sequence[int]
    machine: int

    def address(self, member: int) -> str:
        """The e-mail address of a member by place in the list."""
        return f"u{member}@{self.slug}.example"


def make_customer(slug: str, *, members: int, now: datetime) -> Customer:
    """Make an organization with members, by the product's own services."""
    from billing.models import Machine
    from billing.services.organizations import create_organization
    from orgs.domain.actors import operator
    from orgs.domain.products import Plan
    from orgs.services.audit import recording
    from orgs.services.members import ensure_members

    actor = operator(label="bench")
    made = create_organization(
        actor=actor,
        now=now,
        slug=slug,
        name=slug.title(),
        owner_email=f"owner@{slug}.example",
        plan=Plan.BUSINESS,
        currency="USD",
        zone="UTC",
        is_offload_enabled=True,
    )
    emails = [f"u{number}@{slug}.example" for number in range(members)]
    with recording(actor=actor, at=now) as trail:
        ids = ensure_members(
            trail=trail, organization_id=made.organization.pk, emails=emails, names={}
        )
    return Customer(
        id=made.organization.pk,
        slug=slug,
        token=made.metering_token,
        members=[ids[email] for email in emails],
        machine=Machine.objects.get(name=MACHINE).pk,
    )


def happenings(*, members: int, each: int, since: datetime, name: str) -> list[Happening]:
    """Return `each` events of every member, in order of time, as one runner would report them.

    Bursts of about an hour: `active` every 150 s. Between them a gap inside the continuity
    window, one beyond it, or a long one; every third burst ends by `idle`, every fifth by
    `ended`.
    """
    random = Random(name)
    events: list[Happening] = []
    for member in range(members):
        at = since + timedelta(seconds=random.random() * 3600)
        burst, left = 0, each
        while left:
            burst += 1
            ticks = min(left, random.randint(10, 40))
            for _ in range(ticks):
                events.append(Happening(member, at, "active", f"{name}-{member:05}-{left:06}"))
                at += timedelta(seconds=149, microseconds=random.randint(0, 999_999))
                left -= 1
            last = "ended" if burst % 5 == 0 else "idle" if burst % 3 == 0 else ""
            if last and left:
                events.append(Happening(member, at, last, f"{name}-{member:05}-{left:06}"))
                left -= 1
            at += timedelta(seconds=random.choice((200, 290, 700, 5_000, 30_000)))
    events.sort(key=lambda event: event.at)
    return events


def body(customer: Customer, events: Sequence[Happening]) -> bytes:
    """Return a batch as CloudEvents."""
    return msgspec.json.encode(
        [
            {
                "specversion": "1.0",
                "id": event.id,
                "source": SOURCE,
                "type": f"offload.session.{event.kind}",
                "time": event.at.isoformat().replace("+00:00", "Z"),
                "subject": customer.address(event.member),
                "data": {
                    "organization": customer.slug,
                    "machine": MACHINE,
                    "idle_timeout_seconds": TIMEOUT,
                },
            }
            for event in events
        ]
    )


def copy_lines(customer: Customer, events: Sequence[Happening]) -> Iterator[bytes]:
    """Yield the rows of the event table in the text format of COPY."""
    from billing.services.event_store import event_digest

    received = datetime.now(UTC).isoformat()
    for event in events:
        key = event_digest(SOURCE, event.id).hex()
        yield (
            f"{customer.id}\t{customer.members[event.member]}\t{event.at.isoformat()}\t{key}\t"
            f"{event.kind}\t{customer.machine}\t{TIMEOUT}\t{received}\t{SOURCE}\t{event.id}\n"
        ).encode()


def load(customer: Customer, events: Sequence[Happening]) -> None:
    """Put events and their marks into the database, as ingest would have left them."""
    from django.db import connection

    from billing.services.partitions import create_months

    create_months({event.at for event in events})
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY billing_sessionevent ({COLUMNS}) FROM STDIN") as copy:
            for line in copy_lines(customer, events):
                copy.write(line)
        cursor.execute(
            """
            INSERT INTO billing_streammark (organization_id, member_id, since, until)
            SELECT organization_id, member_id, min(occurred_at), max(occurred_at)
              FROM billing_sessionevent WHERE organization_id = %s
             GROUP BY organization_id, member_id, date_trunc('day', occurred_at, 'UTC')
            """,
            [customer.id],
        )
        cursor.execute("ANALYZE billing_sessionevent, billing_streammark")
