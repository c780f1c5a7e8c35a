"""The query of a list of this app: days and instants in the billing time zone."""

from datetime import date, datetime

from billing.domain.instants import datetime_of
from billing.domain.periods import InstantOutOfRangeError, first_instant
from orgs.access.parameters import (
    FIRST_YEAR,
    LAST_YEAR,
    ONE_DAY,
    QueryParameters,
    read_day,
    read_instant,
)


class Parameters(QueryParameters):
    """Reads the query of a request; what is wrong is collected until `check` refuses it."""

    def day(self, name: str) -> date | None:
        """Return a day written `YYYY-MM-DD`; None when it is left out."""
        text = self.text(name)
        if text is None:
            return None
        found = read_day(text)
        if found is None:
            self.refuse(name, f"{name} is a day, YYYY-MM-DD, of {FIRST_YEAR} to {LAST_YEAR}.")
        return found

    def instant(self, name: str, *, zone: str, is_end: bool = False) -> datetime | None:
        """Return an instant (RFC 3339), or the start of a day of the zone; None when left out.

        A day as an end means its whole: the start of the next day.
        """
        text = self.text(name)
        if text is None:
            return None
        day = read_day(text)
        try:
            if day is not None:
                return datetime_of(first_instant(day + ONE_DAY if is_end else day, zone=zone))
        except (ValueError, OverflowError, InstantOutOfRangeError):
            pass
        else:
            if found := read_instant(text):
                return found
        self.refuse_instant(name)
        return None
