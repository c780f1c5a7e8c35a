"""What all pages of this room share: the instant they speak for, the zone, the query's words."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.functional import cached_property

from billing.domain.instants import datetime_of
from billing.domain.periods import FIRST_YEAR, LAST_YEAR, first_instant
from billing.selectors.overview import get_zone
from orgs.access.pages import ConsolePage


class BillingPage(ConsolePage):
    """A page with days of the organization's billing zone."""

    @cached_property
    def zone(self) -> str:  # type: ignore[override] # read once, when first asked for
        """The billing zone of the organization."""
        return get_zone(actor=self.request.actor)

    @property
    def today(self) -> date:
        """The day of `as_of` in the billing zone, as people there call it."""
        return timezone.localdate(self.as_of, timezone=ZoneInfo(self.zone))

    def day_in_query(self, name: str) -> date | None:
        """Return a date of the query (`YYYY-MM-DD`); None if it is absent, none, or too far."""
        try:
            day = date.fromisoformat(self.word(name))
        except ValueError:
            return None
        # The calendar's last year is left out: the day after its last has no instant.
        return day if FIRST_YEAR < day.year < LAST_YEAR else None

    def start_of(self, day: date | None) -> datetime | None:
        """Return the first instant of a day in the billing zone."""
        return None if day is None else datetime_of(first_instant(day, zone=self.zone))


def instant_and_id(text: str) -> tuple[datetime, UUID] | None:
    """Return the two parts of a cursor; None if it is not one."""
    head, _, tail = text.partition("~")
    try:
        at = datetime.fromisoformat(head)
        found = UUID(tail)
    except ValueError:
        return None
    return (at, found) if at.tzinfo is not None else None
