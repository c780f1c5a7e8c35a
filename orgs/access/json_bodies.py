"""JSON bodies: read within a limit before anything is parsed, and checked field by field."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import IO, Any, ClassVar, Final

import msgspec
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from orgs.access.problems import FieldError, Problem
from orgs.domain.policy_documents import RuleError

LARGEST_INTEGER: Final = 2**31 - 1


class SmallJson(BaseParser):
    """`application/json` of at most 4 KB, strictly: UTF-8, no NaN, no lone surrogates."""

    media_type = "application/json"
    bytes_at_most: ClassVar[int] = 4096

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value; raises `Problem` 413 for a longer body, 400 for what is no JSON."""
        body = stream.read(self.bytes_at_most + 1)
        if len(body) > self.bytes_at_most:
            raise Problem(
                413, "body_too_large", f"The body is larger than {self.bytes_at_most} bytes."
            )
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, "malformed_json", "The body is no JSON.") from error


class DocumentJson(SmallJson):
    """The same for documents with prose in them: at most 32 KB."""

    bytes_at_most: ClassVar[int] = 32 * 1024


class BulkJson(SmallJson):
    """The same for documents with long lists in them: at most 1 MB."""

    bytes_at_most: ClassVar[int] = 1024 * 1024


class Fields:
    """The fields of a JSON object; what is wrong is collected until `check` refuses it all."""

    def __init__(self, body: object, *, allowed: Collection[str]) -> None:
        """Take the body; raises `Problem` 400 when it is no object."""
        if not isinstance(body, Mapping):
            raise Problem(400, "invalid", "The body is a JSON object.")
        self._body: Mapping[str, Any] = body
        self._errors: list[FieldError] = []
        for name in body:
            if name not in allowed:
                step = name.replace("~", "~0").replace("/", "~1")
                detail = f"There is no such field; the fields are {', '.join(allowed)}."
                self.refuse(f"/{step}", "unknown_field", detail)

    def __contains__(self, name: str) -> bool:
        """Whether the field was sent."""
        return name in self._body

    def raw(self, name: str) -> object:
        """Return a field as it was sent; None when it is left out."""
        return self._body.get(name)

    def text(self, name: str, *, length: int, is_required: bool = False) -> str:
        """Return printable text (line breaks allowed) of at most `length`; empty if left out."""
        value = self._body.get(name, "")
        is_text = isinstance(value, str) and len(value) <= length
        if not is_text or not value.replace("\n", "").isprintable():
            detail = f"{name} is printable text of at most {length} characters."
            self.refuse(f"/{name}", "invalid_text", detail)
            return ""
        if is_required and not value.strip():
            self.refuse(f"/{name}", "required", f"{name} is missing.")
        return str(value)

    def word(self, name: str, *, among: Collection[str]) -> str:
        """Return one of some words; the field is needed."""
        value = self._body.get(name)
        if isinstance(value, str) and value in among:
            return value
        self.refuse(f"/{name}", "unknown_value", f"{name} is one of {', '.join(among)}.")
        return ""

    def integer(self, name: str) -> int | None:
        """Return a whole number from 0 on, None for null or when it is left out."""
        value = self._body.get(name)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (is_number and 0 <= value <= LARGEST_INTEGER):
            return value
        self.refuse(f"/{name}", "not_a_number", f"{name} is a whole number from 0 on, or null.")
        return None

    def flag(self, name: str) -> bool:
        """Return true or false; the field is needed."""
        value = self._body.get(name)
        if isinstance(value, bool):
            return value
        self.refuse(f"/{name}", "not_a_boolean", f"{name} is true or false.")
        return False

    def words(self, name: str, *, among: Collection[str]) -> list[str]:
        """Return a list of some words, sorted, each once; empty when it is left out."""
        value = self._body.get(name, [])
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if is_list and set(value) <= set(among):
            return sorted(set(value))
        detail = f"{name} is a list of {', '.join(sorted(among))}."
        self.refuse(f"/{name}", "unknown_value", detail)
        return []

    def instant(self, name: str) -> datetime | None:
        """Return an instant (RFC 3339) in UTC; the field is needed."""
        value = self._body.get(name)
        try:
            found = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
        self.refuse(f"/{name}", "invalid_instant", f"{name} is an instant (RFC 3339) with offset.")
        return None

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        """Note a mistake."""
        self._errors.append(FieldError(pointer, code, detail))

    def check(self) -> None:
        """Raise `Problem` 400 with every mistake, if there was one."""
        if self._errors:
            raise Problem(400, "invalid", "The body is not valid.", errors=self._errors)


def fields_of(request: Request, *, allowed: Collection[str], may_be_empty: bool = False) -> Fields:
    """Return the fields of a request's body; raises `Problem` when there are none to be had."""
    if "Transfer-Encoding" in request.headers:  # WSGI would show us an empty body
        raise Problem(411, "length_required", "Send the body with a Content-Length.")
    if request.stream is None:
        if may_be_empty:
            return Fields({}, allowed=allowed)
        raise Problem(400, "malformed_json", "The body is empty.")
    return Fields(request.data, allowed=allowed)


def invalid_policy(errors: Collection[RuleError], *, below: str = "") -> Problem:
    """Return the refusal of rules that can't be taken; `below` is where they stand in the body."""
    return Problem(
        400,
        "invalid_policy",
        "The rules cannot be taken.",
        errors=[FieldError(below + error.pointer, error.code, error.detail) for error in errors],
    )
