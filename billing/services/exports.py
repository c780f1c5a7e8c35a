"""Exports: tables of one organization and billing period, written as files.

Rows come from server-side cursors in one read-only snapshot, so that an export is consistent in
itself, holds up nobody and needs the same memory for any length.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple, TypeVar

from django.db import connection, transaction

from billing.domain.instants import instant_of, instant_text, seconds_text
from billing.domain.money import decimal_text, decimals_of
from billing.models import BillingPeriod, Invoice
from billing.rendering.invoice_rows import invoice_rows
from billing.rendering.tables import INVOICES, SESSIONS, USAGE
from billing.selectors.exported_sessions import stream_sessions
from billing.selectors.exported_usage import stream_usage
from orgs.models import Organization
from orgs.rendering.audit_table import AUDIT, audit_row
from orgs.rendering.tables import Row, Table, csv_pieces, json_line_pieces
from orgs.selectors.audit_export import audit_file, find_range
from orgs.selectors.audit_log import AuditFilter, stream_events

Value = TypeVar("Value")
Pieces = tuple[int, Iterator[bytes]]
"""How many rows a file has, and its bytes."""


class ExportRefused(ValueError):
    """There is no such export; the text says in one line what there is."""


class _Kind(NamedTuple):
    table: Table
    rows: Callable[[BillingPeriod, datetime], Iterator[Row]]
    files: Mapping[str, Callable[[BillingPeriod, datetime], Pieces]] = MappingProxyType({})
    """Formats in which this kind is more than a table."""


def write_export(
    out: BinaryIO,
    *,
    organization: Organization,
    kind: str,
    period: str,
    file_format: str,
    as_of: datetime,
) -> int:
    """Write an export as of an instant to an open file; return its number of rows.

    Raises:
        ExportRefused: there is no such kind, format or period.
        OSError: the file does not take it.
    """
    chosen = _choice(KINDS, kind, what="kind")
    pieces = _choice(FORMATS, file_format, what="format")
    found = _period(organization, label=period)
    count = 0

    def counted(rows: Iterator[Row]) -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with _snapshot():
        if file_format in chosen.files:
            length, content = chosen.files[file_format](found, as_of)
            out.writelines(content)
            return length
        out.writelines(pieces(counted(chosen.rows(found, as_of)), table=chosen.table))
    return count


def export_to_file(
    path: Path,
    *,
    organization: Organization,
    kind: str,
    period: str,
    file_format: str,
    as_of: datetime,
) -> int:
    """Write an export to `path`, whole or not at all; return its number of rows.

    It is written beside its place and then renamed. A place that is not a plain file (a device,
    a pipe) is written to as it is.

    Raises:
        ExportRefused: there is no such kind, format or period.
        OSError: the place cannot be written.
    """
    with _whole_file(path.resolve()) as out:
        return write_export(
            out,
            organization=organization,
            kind=kind,
            period=period,
            file_format=file_format,
            as_of=as_of,
        )


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        with path.open("wb") as out:
            yield out
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _snapshot() -> Iterator[None]:
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _choice(among: Mapping[str, Value], name: str, *, what: str) -> Value:
    if name not in among:
        raise ExportRefused(f"there is no {what} {name!r}; there are {', '.join(among)}")
    return among[name]


def _period(organization: Organization, *, label: str) -> BillingPeriod:
    stored = BillingPeriod.objects.filter(organization=organization).select_related("organization")
    periods = {period.label: period for period in stored.order_by("starts_at")}
    found = periods.get(label)
    if found is None:
        known = f"there are {min(periods)} to {max(periods)}" if periods else "there is none yet"
        raise ExportRefused(
            f"organization {organization.slug} has no billing period {label!r}; {known}"
        )
    return found


def _session_rows(period: BillingPeriod, as_of: datetime) -> Iterator[Row]:
    organization = period.organization.slug
    for session, invoices in stream_sessions(period=period, as_of=as_of):
        yield (
            str(session.id),
            organization,
            session.member_email,
            session.team_slug or None,
            session.machine,
            instant_text(instant_of(session.started_at)),
            None if session.ended_at is None else instant_text(instant_of(session.ended_at)),
            session.state,
            seconds_text(session.billable_us),
            seconds_text(session.working_us),
            seconds_text(session.bridged_us),
            session.event_count,
            " ".join(invoices) or None,
        )


def _usage_rows(period: BillingPeriod, as_of: datetime) -> Iterator[Row]:
    organization = period.organization.slug
    for use in stream_usage(period=period, as_of=as_of):
        line = use.line
        decimals = decimals_of(line.currency)
        price = line.hourly_price
        yield (
            use.day.isoformat(),
            organization,
            use.member,
            use.team,
            use.machine,
            seconds_text(use.quantity_us),
            None if price is None else decimal_text(price, decimals=decimals),
            None if use.amount is None else f"{use.amount:f}",
            line.currency,
            str(use.session_id),
            line.invoice or None,
        )


def _invoice_rows(period: BillingPeriod, _as_of: datetime) -> Iterator[Row]:
    documents = (
        Invoice.objects.filter(organization_id=period.organization_id, period=period)
        .order_by("series", "year", "sequence")
        .values_list("document", flat=True)
    )
    return invoice_rows(document.encode() for document in documents.iterator())


def _audit_rows(period: BillingPeriod, _as_of: datetime) -> Iterator[Row]:
    narrowed = AuditFilter(since=period.starts_at, until=period.ends_at)
    events = stream_events(organization_id=period.organization_id, narrowed=narrowed)
    return map(audit_row, events)


def _audit_file(period: BillingPeriod, as_of: datetime) -> Pieces:
    wanted = find_range(
        organization_id=period.organization_id, since=period.starts_at, until=period.ends_at
    )
    content = audit_file(organization=period.organization, wanted=wanted, exported_at=as_of)
    return wanted.length, content


KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "usage": _Kind(USAGE, _usage_rows),
        "sessions": _Kind(SESSIONS, _session_rows),
        "invoices": _Kind(INVOICES, _invoice_rows),
        "audit": _Kind(AUDIT, _audit_rows, MappingProxyType({"jsonl": _audit_file})),
    }
)
FORMATS: Final = MappingProxyType({"csv": csv_pieces, "jsonl": json_line_pieces})
