"""The text of access tokens: `<kind>_<secret><checksum>`, base 62.

The prefix and the checksum let secret scanners recognise a leaked token, and let a mistyped one be
refused without a query.
"""

import hashlib
import zlib
from enum import StrEnum

from orgs.domain.roles import Scope

SECRET_BYTES = 32
"""Bytes of randomness in a token."""

HASH_BYTES = 32
"""Bytes of what is stored of a token: SHA-256. The secret is random, so no slow hash is needed."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS = 43  # 62 ** 43 > 256 ** 32
_CHECKSUM_DIGITS = 6  # 62 ** 6 > 2 ** 32


class TokenKind(StrEnum):
    """What a token is for, which is its prefix too."""

    DESKTOP = "ofd"
    ORGANIZATION = "ofo"
    METERING = "ofm"


class ScopesDoNotFit(ValueError):
    """The scopes cannot stand on one token."""


def kind_of(scopes: frozenset[Scope]) -> TokenKind:
    """Return the kind of token that carries `scopes`.

    A metering or a desktop token does its one thing only, so that a leaked one opens nothing
    else. Raises `ScopesDoNotFit` for no scope, or for one of these two beside others.
    """
    if not scopes:
        msg = "a token needs a scope"
        raise ScopesDoNotFit(msg)
    for scope, kind in (
        (Scope.METERING_WRITE, TokenKind.METERING),
        (Scope.DESKTOP, TokenKind.DESKTOP),
    ):
        if scope in scopes:
            if len(scopes) > 1:
                msg = f"the scope {scope.value} stands alone on a token"
                raise ScopesDoNotFit(msg)
            return kind
    return TokenKind.ORGANIZATION


def assemble(*, kind: TokenKind, secret: bytes) -> str:
    """Return the text of a token made of `SECRET_BYTES` random bytes."""
    if len(secret) != SECRET_BYTES:
        msg = f"a secret has {SECRET_BYTES} bytes"
        raise ValueError(msg)
    body = f"{kind.value}_{_base_62(int.from_bytes(secret), digits=_SECRET_DIGITS)}"
    return body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Whether `text` has the shape and checksum of a token; says nothing about its validity."""
    body, checksum = text[:-_CHECKSUM_DIGITS], text[-_CHECKSUM_DIGITS:]
    prefix, _, digits = body.partition("_")
    return (
        len(digits) == _SECRET_DIGITS
        and digits.isascii()
        and digits.isalnum()
        and any(prefix == kind.value for kind in TokenKind)
        and checksum == _checksum(body)
    )


def hash_of(text: str) -> bytes:
    """Return what is stored of a token: the SHA-256 of its whole text, `HASH_BYTES` long."""
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base_62(zlib.crc32(body.encode()), digits=_CHECKSUM_DIGITS)


def _base_62(number: int, *, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _ALPHABET[digit] + text
    return text
