"""Request bodies of the metering API: read within limits, inflated, checked for depth.

The limits are those of the public contract: 5 MB sent, 20 MB inflated, depth 8.
"""

import gzip
import io
import zlib
from typing import Final

from django.http import HttpRequest

from orgs.access.problems import Problem

SENT_AT_MOST: Final = 5 * 1024 * 1024
INFLATED_AT_MOST: Final = 20 * 1024 * 1024
DEPTH_AT_MOST: Final = 8

_NEITHER_BRACKET_NOR_QUOTE: Final = bytes(range(256)).translate(None, b'[]{}"')
_ROUND: Final = bytes.maketrans(b"[]{}", b"()()")


def read_body(request: HttpRequest) -> bytes:
    """Return the request's body, inflated when it says that it is gzip.

    Raises:
        Problem: 411 when its length is not told beforehand, 413 when it is too large, 415 for
            another encoding, 400 when the gzip stream is broken.
    """
    if "Transfer-Encoding" in request.headers:  # WSGI would show us an empty body
        raise Problem(411, "length_required", "Send the body with a Content-Length.")
    body = request.read(SENT_AT_MOST + 1)
    if len(body) > SENT_AT_MOST:
        raise Problem(413, "body_too_large", "The body is larger than 5 MB.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        body = _inflate(body)
    elif encoding not in {"identity", ""}:
        raise Problem(415, "unsupported_encoding", "Content-Encoding must be gzip or identity.")
    return body


def _inflate(body: bytes) -> bytes:
    try:
        # Reads on through any number of members, at a cost of their size.
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            inflated = stream.read(INFLATED_AT_MOST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(400, "malformed_gzip", f"The gzip body is broken: {error}.") from error
    if len(inflated) > INFLATED_AT_MOST:
        raise Problem(413, "body_too_large", "The inflated body is larger than 20 MB.")
    return inflated


def check_depth(body: bytes) -> None:
    """Refuse JSON that is nested deeper than 8, before any parser recurses into it.

    Raises:
        Problem: 413.
    """
    # Without its strings JSON is a word of brackets; one pass of `replace` removes its innermost
    # pairs, so the number of passes is the depth.
    brackets = _brackets(body)
    for _ in range(DEPTH_AT_MOST):
        brackets = brackets.replace(b"()", b"")
    if b"()" in brackets:
        raise Problem(413, "too_deep", f"The JSON is nested deeper than {DEPTH_AT_MOST}.")
    # Openings that are never closed recurse as deep.
    if len(brackets) > DEPTH_AT_MOST:
        raise Problem(400, "malformed_json", "The JSON has brackets that do not match.")


def _brackets(body: bytes) -> bytes:
    """Return the brackets that stand outside of strings, all as round ones."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Once escaped quotes are gone, even pieces between quotes lie outside of strings.
    pieces = body.translate(_ROUND, _NEITHER_BRACKET_NOR_QUOTE).split(b'"')
    return b"".join(pieces[::2])
