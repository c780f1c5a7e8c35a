"""All use of a period, record by record, with what each record costs.

Use that was billed is told by `BilledUsage`, so that it stays what it was. What the live records
hold beyond that (all of an open period; of a closed one, what later events changed) is not
invoiced yet. Both together are the live records, to the microsecond.

Amounts: what a line billed, or what a line of the uninvoiced use would come to, is split over
its days and each day over its records, by largest remainder. So the records of a line sum to
the line exactly, and each lies within two of the currency's smallest units of its exact share.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from billing.domain.instants import instant_of
from billing.domain.money import decimals_of, largest_remainder
from billing.domain.periods import days
from billing.domain.rating import RateCardVersion, amount_of, card_on
from billing.models import BillingPeriod, InvoiceLine, OffloadSession
from billing.selectors.rate_cards import get_rate_cards

ROWS_AT_ONCE: Final = 1_000
"""Rows that the server-side cursor hands over in one go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedLine:
    """An invoice line, or (`invoice` empty) the line that uninvoiced use would make.

    `amount` is None where the rate card has no price for the machine; ingest refuses such use.
    """

    invoice: str
    hourly_price: Decimal | None
    amount: Decimal | None
    currency: str


class ExportedUse(NamedTuple):
    """The use of one session on one day that one line billed, or that none has billed yet."""

    day: date
    member: str
    team: str | None
    machine: str
    session_id: UUID
    quantity_us: int
    amount: Decimal | None
    line: PricedLine


class _Found(NamedTuple):
    day: date
    machine: str
    line_id: int | None
    session_id: UUID
    member: str
    team: str | None
    quantity_us: int


_LineKey = tuple[int | None, str, date | None]
"""An invoice line by its id; else machine and first day of the rate card."""

_USE: Final = """
    WITH billed AS (
        SELECT day, session_id, session_started_at AS started_at, member_id, team_id, machine_id,
               quantity_us, line_id
          FROM billing_billedusage
         WHERE organization_id = %(organization)s AND period_id = %(period)s
    ), live AS (
        SELECT record.day, record.session_id, session.started_at, record.member_id,
               record.team_id, record.machine_id,
               record.working_us + record.bridged_us AS quantity_us
          FROM billing_usagerecord record
          JOIN billing_offloadsession session ON session.id = record.session_id
         WHERE record.organization_id = %(organization)s AND record.period_id = %(period)s
    ), use AS (
        SELECT day, session_id, started_at, member_id, team_id, machine_id, quantity_us, line_id
          FROM billed
         UNION ALL
        SELECT day, session_id, started_at, member_id, team_id, machine_id,
               sum(quantity_us)::bigint, NULL
          FROM (SELECT * FROM live
                 UNION ALL
                SELECT day, session_id, started_at, member_id, team_id, machine_id, -quantity_us
                  FROM billed) difference
         GROUP BY day, session_id, started_at, member_id, team_id, machine_id
        HAVING sum(quantity_us) <> 0
    )
"""

_SUMS: Final = f"""{_USE}
    SELECT use.day, machine.name, use.line_id, sum(use.quantity_us)::bigint
      FROM use JOIN billing_machine machine ON machine.id = use.machine_id
     GROUP BY use.day, machine.name, use.line_id
     ORDER BY use.day, machine.name, use.line_id
"""  # noqa: S608 - constants only

_ROWS: Final = f"""{_USE}
    SELECT use.day, machine.name, use.line_id, use.session_id, member.email, team.slug,
           use.quantity_us
      FROM use
      JOIN billing_machine machine ON machine.id = use.machine_id
      JOIN orgs_member member ON member.id = use.member_id
      LEFT JOIN orgs_team team ON team.id = use.team_id
     ORDER BY use.day, machine.name, use.line_id, use.started_at, member.email, use.session_id,
              team.slug
"""  # noqa: S608 - constants only


def stream_usage(*, period: BillingPeriod, as_of: datetime) -> Iterator[ExportedUse]:
    """Yield the use of the period up to `as_of`, by day, machine, line and session start.

    Only the records of one day, machine and line are in memory at once. Read it inside a
    transaction, and in one snapshot: the sums are read before the rows.

    Raises:
        RateCardError: there is use, but no rate card.
    """
    ahead = _ahead(period, as_of=as_of)
    book = _Book(period, ahead=ahead)
    for (day, line_key), rows in groupby(
        _stream_rows(period, ahead=ahead), key=lambda row: (row.day, book.key_of(row))
    ):
        records = list(rows)
        line = book.lines[line_key]
        amounts = _split(
            book.day_amounts[line_key].get(day), [record.quantity_us for record in records], line
        )
        for record, amount in zip(records, amounts, strict=True):
            yield ExportedUse(
                day=day,
                member=record.member,
                team=record.team,
                machine=record.machine,
                session_id=record.session_id,
                quantity_us=record.quantity_us,
                amount=amount,
                line=line,
            )


class _Book:
    """The lines of a period and what falls to each of their days."""

    def __init__(
        self, period: BillingPeriod, *, ahead: Mapping[tuple[UUID, date], tuple[str, int]]
    ) -> None:
        self._cards = get_rate_cards(organization_id=period.organization_id)
        sums = self._sums(period, ahead=ahead)
        self.lines = self._lines(sums)
        self.day_amounts = {
            key: dict(zip(by_day, _split(line.amount, list(by_day.values()), line), strict=True))
            for key, by_day in sums.items()
            for line in [self.lines[key]]
        }

    def key_of(self, row: _Found) -> _LineKey:
        """Return the line that a row is on."""
        return self._key(row.line_id, row.machine, row.day)

    def _key(self, line_id: int | None, machine: str, day: date) -> _LineKey:
        if line_id is not None:
            return line_id, machine, None
        return None, machine, self._card(day).effective_from

    def _card(self, day: date) -> RateCardVersion:
        return card_on(self._cards, day)

    def _sums(
        self, period: BillingPeriod, *, ahead: Mapping[tuple[UUID, date], tuple[str, int]]
    ) -> dict[_LineKey, dict[date, int]]:
        sums: dict[_LineKey, dict[date, int]] = defaultdict(dict)
        with connection.cursor() as cursor:
            cursor.execute(_SUMS, _parameters(period))
            for day, machine, line_id, quantity_us in cursor.fetchall():
                sums[self._key(line_id, machine, day)][day] = quantity_us
        for (_, day), (machine, ahead_us) in ahead.items():
            by_day = sums[self._key(None, machine, day)]
            by_day[day] = by_day.get(day, 0) - ahead_us
        return dict(sums)

    def _lines(self, sums: Mapping[_LineKey, Mapping[date, int]]) -> dict[_LineKey, PricedLine]:
        invoiced = InvoiceLine.objects.select_related("invoice").in_bulk(
            [line_id for line_id, _, _ in sums if line_id is not None]
        )
        found: dict[_LineKey, PricedLine] = {}
        for key, by_day in sums.items():
            line_id, machine, since = key
            if line_id is not None:
                found[key] = _invoiced(invoiced[line_id])
            elif since is not None:
                found[key] = _prospective(
                    self._card(since), machine=machine, quantity_us=sum(by_day.values())
                )
        return found


def _invoiced(line: InvoiceLine) -> PricedLine:
    return PricedLine(
        invoice=line.invoice.number,
        hourly_price=line.unit_price,
        amount=line.amount,
        currency=line.invoice.currency,
    )


def _prospective(card: RateCardVersion, *, machine: str, quantity_us: int) -> PricedLine:
    price = card.prices.get(machine)
    if price is None:
        return PricedLine(invoice="", hourly_price=None, amount=None, currency=card.currency)
    money = amount_of(quantity_us=quantity_us, hourly=price.hourly, currency=card.currency)
    return PricedLine(
        invoice="", hourly_price=price.hourly, amount=money.amount, currency=card.currency
    )


def _split(
    amount: Decimal | None, weights: Sequence[int], line: PricedLine
) -> Sequence[Decimal | None]:
    if amount is None:
        return [None] * len(weights)
    return largest_remainder(amount, weights, decimals=decimals_of(line.currency))


def _stream_rows(
    period: BillingPeriod, *, ahead: Mapping[tuple[UUID, date], tuple[str, int]]
) -> Iterator[_Found]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ROWS, _parameters(period))
        while batch := cursor.fetchmany(ROWS_AT_ONCE):
            for values in batch:
                row = _Found(*values)
                beyond = ahead.get((row.session_id, row.day))
                if beyond is not None and row.line_id is None:
                    row = row._replace(quantity_us=row.quantity_us - beyond[1])
                if row.quantity_us:
                    yield row


def _ahead(period: BillingPeriod, *, as_of: datetime) -> dict[tuple[UUID, date], tuple[str, int]]:
    """Return, by session and day, what the records hold beyond `as_of`: waiting yet to come."""
    running = OffloadSession.objects.filter(
        organization_id=period.organization_id,
        active_until__gt=max(as_of, period.starts_at),
        started_at__lt=period.ends_at,
    ).values_list("id", "machine__name", "started_at", "active_until")
    found: dict[tuple[UUID, date], tuple[str, int]] = {}
    for session_id, machine, started_at, active_until in running:
        start = instant_of(max(as_of, started_at, period.starts_at))
        end = instant_of(min(active_until, period.ends_at))
        for piece in days(start, max(start, end), zone=period.zone):
            found[session_id, piece.date] = (machine, piece.end - piece.start)
    return found


def _parameters(period: BillingPeriod) -> dict[str, int]:
    return {"organization": period.organization_id, "period": period.pk}
