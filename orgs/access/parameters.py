"""The query of a list: words, choices, instants, checked, with all mistakes told at once."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from rest_framework.request import Request

from orgs.access.problems import FieldError, Problem

WORD_CHARACTERS: Final = 254
"""The longest e-mail address; no slug, machine name or id is longer."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
ONE_DAY: Final = timedelta(days=1)


class QueryParameters:
    """Reads the query of a request; what is wrong is collected until `check` refuses it."""

    def __init__(self, request: Request) -> None:
        self._query = request.query_params
        self._errors: list[FieldError] = []

    def text(self, name: str) -> str | None:
        """Return a parameter as it was sent; None when it is left out."""
        return self._query.get(name)

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

    def number(self, name: str, *, maximum: int) -> int:
        """Return a whole number from 0 to `maximum`; 0 when it is left out."""
        text = self._query.get(name, "0")
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
        if not is_number or int(text) > maximum:
            self.refuse(name, f"{name} is a number from 0 to {maximum}.")
            return 0
        return int(text)

    def utc_instant(self, name: str, *, is_end: bool = False) -> datetime | None:
        """Return an instant (RFC 3339), or the start of a day in UTC; None when left out.

        A day as an end means its whole: the start of the next day.
        """
        text = self._query.get(name)
        if text is None:
            return None
        day = read_day(text)
        if day is not None:
            start = datetime.combine(day, time(), tzinfo=UTC)
            return start + ONE_DAY if is_end else start
        found = read_instant(text)
        if found is None:
            self.refuse_instant(name)
        return found

    def refuse_instant(self, name: str) -> None:
        """Note that a parameter is neither an instant nor a day."""
        self.refuse(
            name,
            f"{name} is an instant (RFC 3339, for example 2026-11-24T09:00:00Z) "
            f"or a day (YYYY-MM-DD), of {FIRST_YEAR} to {LAST_YEAR}.",
        )

    def refuse(self, name: str, detail: str) -> None:
        """Note a mistake."""
        self._errors.append(FieldError(name, "invalid", detail))

    def check(self) -> None:
        """Raise `Problem` 400 with every mistake, if there was one."""
        if self._errors:
            raise Problem(400, "invalid", "The query is not valid.", errors=self._errors)


def read_day(text: str) -> date | None:
    """Return a day written `YYYY-MM-DD`; None if it is none, or of another age."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def read_instant(text: str) -> datetime | None:
    """Return an instant by RFC 3339 in UTC; None if it is none, or of another age."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if FIRST_YEAR <= found.year <= LAST_YEAR else None
