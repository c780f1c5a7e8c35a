"""The query of a list about time: days and instants too, with all mistakes told at once."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from billing.domain.instants import datetime_of
from billing.domain.periods import FIRST_YEAR, LAST_YEAR, InstantOutOfRangeError, first_instant
from orgs.access.parameters import Parameters as OrgsParameters

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_ONE_DAY: Final = timedelta(days=1)


class Parameters(OrgsParameters):
    """Reads days and instants besides words and numbers."""

    def day(self, name: str) -> date | None:
        """Return a day written `YYYY-MM-DD`; None when it is left out."""
        text = self._query.get(name)
        if text is None:
            return None
        found = _day(text)
        if found is None:
            self.refuse(name, f"{name} is a day, YYYY-MM-DD, of {FIRST_YEAR} to {LAST_YEAR}.")
        return found

    def instant(self, name: str, *, zone: str, is_end: bool = False) -> datetime | None:
        """Return an instant (RFC 3339), or the start of a day of the zone; None when left out.

        A day as an end means its whole: the start of the next day.
        """
        text = self._query.get(name)
        if text is None:
            return None
        day = _day(text)
        try:
            if day is not None:
                return datetime_of(first_instant(day + _ONE_DAY if is_end else day, zone=zone))
            if _INSTANT.fullmatch(text):
                found = datetime.fromisoformat(text.upper()).astimezone(UTC)
                if FIRST_YEAR <= found.year <= LAST_YEAR:
                    return found
        except (ValueError, OverflowError, InstantOutOfRangeError):
            pass
        self.refuse(
            name,
            f"{name} is an instant (RFC 3339, for example 2026-11-24T09:00:00Z) "
            f"or a day (YYYY-MM-DD), of {FIRST_YEAR} to {LAST_YEAR}.",
        )
        return None


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
