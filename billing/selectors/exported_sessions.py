"""All sessions of a period, one after the other, with the invoices that billed them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Max, Min

from billing.models import BilledUsage, BillingPeriod, OffloadSession
from billing.selectors.sessions import SessionView, look_at

ROWS_AT_ONCE: Final = 1_000
"""Rows that the server-side cursor hands over in one go."""


class ExportedSession(NamedTuple):
    """A session as it looks at the instant of the export, and the numbers of its invoices."""

    session: SessionView
    invoices: tuple[str, ...]


class _Billed(NamedTuple):
    started_at: datetime
    session_id: UUID
    number: str

    def is_before(self, session: SessionView) -> bool:
        """Say whether it comes before the session in the order of both streams."""
        if self.started_at != session.started_at:
            return self.started_at < session.started_at
        return self.session_id > session.id


def stream_sessions(*, period: BillingPeriod, as_of: datetime) -> Iterator[ExportedSession]:
    """Yield each session that overlaps the period, whole, oldest start first.

    `invoices` names the invoices that billed any part of the session, in the order of their
    issue. Two server-side cursors are read side by side: constant memory, but only inside a
    transaction, and consistent only in one snapshot.
    """
    overlapping = OffloadSession.objects.filter(
        organization_id=period.organization_id,
        started_at__lt=min(period.ends_at, as_of),
        active_until__gt=period.starts_at,
    )
    if as_of <= period.starts_at:
        return  # what overlaps it has not come yet
    # descending ids, so that the index of the newest sessions serves read backwards
    rows = (
        overlapping.select_related("member", "team", "machine")
        .order_by("started_at", "-id")
        .iterator(chunk_size=ROWS_AT_ONCE)
    )
    billed = _stream_billed(
        period, **overlapping.aggregate(since=Min("started_at"), until=Max("active_until"))
    )
    upcoming = next(billed, None)
    for row in rows:
        session = look_at(row, as_of=as_of)
        while upcoming is not None and upcoming.is_before(session):
            upcoming = next(billed, None)
        numbers: dict[str, None] = {}
        while upcoming is not None and upcoming.session_id == session.id:
            numbers[upcoming.number] = None
            upcoming = next(billed, None)
        yield ExportedSession(session, tuple(numbers))


def _stream_billed(
    period: BillingPeriod, *, since: datetime | None, until: datetime | None
) -> Iterator[_Billed]:
    """Yield (session, invoice) of every period that the sessions touch, in their order."""
    if since is None or until is None:
        return
    touched = BillingPeriod.objects.filter(
        organization_id=period.organization_id, ends_at__gt=since, starts_at__lt=until
    )
    rows = (
        BilledUsage.objects.filter(
            organization_id=period.organization_id, period__in=list(touched)
        )
        .order_by(
            "session_started_at",
            "-session_id",
            "line__invoice__finalized_at",
            "line__invoice__number",
        )
        .values_list("session_started_at", "session_id", "line__invoice__number")
        .distinct()
    )
    for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
        yield _Billed(*row)
