"""The query of a list: words and numbers, checked, with all mistakes told at once."""

from collections.abc import Sequence
from typing import Final

from rest_framework.request import Request

from orgs.access.problems import FieldError, Problem

WORD_CHARACTERS: Final = 254
"""The longest e-mail address; no slug, machine name or id is longer."""


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
