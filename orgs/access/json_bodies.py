"""Small JSON bodies, read within a limit before anything is parsed."""

from collections.abc import Mapping
from typing import IO, Any, Final

import msgspec
from rest_framework.parsers import BaseParser

from orgs.access.problems import Problem

BYTES_AT_MOST: Final = 4096


class SmallJson(BaseParser):
    """`application/json` of at most 4 KB, strictly: UTF-8, no NaN, no lone surrogates."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value; raises `Problem` 413 for a longer body, 400 for what is no JSON."""
        body = stream.read(BYTES_AT_MOST + 1)
        if len(body) > BYTES_AT_MOST:
            raise Problem(413, "body_too_large", f"The body is larger than {BYTES_AT_MOST} bytes.")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, "malformed_json", "The body is no JSON.") from error
