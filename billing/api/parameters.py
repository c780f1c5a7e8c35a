"""The query of a list: words, days and instants, checked, with all mistakes told at once."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from rest_framework.request import Request

from billing.domain.instants import datetime_of
from billing.domain.periods import FIRST_YEAR, LAST_YEAR, InstantOutOfRangeError, first_instant
from orgs.access.problems import FieldError, Problem

WORD_CHARACTERS: Final = 254
"""The longest e-mail address; no slug, machine name or id is longer."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_ONE_DAY: Final = timedelta(days=1)


class Parameters:
    """Reads the query of a request; what is wrong is collected until `check` refuses it."""

    def __init__(self, request: Request) -> None:
        self._query = request.query_params
        self._errors: list[FieldError] = []

    def word(self, name: str) -> str:
        """Return a word; empty when it is left out."""
        text = self._query.get(name, "")
        if len(text) > WORD_CHARACTERS or not text.isprintable():
            self.refuse(name, f"{name} is text of at most {WORD_CHARACTERS} characters.")
            return ""
        return text

    def choice(self, name: str, *, among: Sequence[str], default: str) -> str:
        """Return one of some words."""
        text = self._query.get(name, default)
        if text not in among and text != default:
            self.refuse(name, f"{name} is one of {', '.join(among)}.")
            return default
        return text

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

    def number(self, name: str, *, maximum: int) -> int:
        """Return a whole number from 0 to `maximum`; 0 when it is left out."""
        text = self._query.get(name, "0")
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
        if not is_number or int(text) > maximum:
            self.refuse(name, f"{name} is a number from 0 to {maximum}.")
            return 0
        return int(text)

    def refuse(self, name: str, detail: str) -> None:
        """Note a mistake."""
        self._errors.append(FieldError(name, "invalid", detail))

    def check(self) -> None:
        """Raise `Problem` 400 with every mistake, if there was one."""
        if self._errors:
            raise Problem(400, "invalid", "The query is not valid.", errors=self._errors)


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
