"""How addresses, slugs and other text of people are written, and how long they may be."""

import re
import unicodedata

EMAIL_LENGTH = 254  # RFC 5321: the longest path is 256 with its angle brackets
SLUG_LENGTH = 63  # one DNS label, so that a slug can become a host name
NAME_LENGTH = 200
REASON_LENGTH = 1000  # of a change, in characters

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"

_SLUG = re.compile(SLUG_PATTERN)


class InvalidSlug(ValueError):
    """The text is not 1..63 ASCII lower-case letters, digits and inner hyphens."""


def require_slug(text: str) -> str:
    """Return `text` unchanged if it is a slug, raise `InvalidSlug` otherwise.

    ASCII only: two organizations can never differ by look-alike letters of two alphabets.
    """
    # fullmatch, because `$` also matches before a final line break
    if _SLUG.fullmatch(text) is None:
        msg = f"{text!r} is not a slug: use 1 to {SLUG_LENGTH} of a-z, 0-9 and inner hyphens"
        raise InvalidSlug(msg)
    return text


RESERVED_TEAM_SLUGS = frozenset({"order"})
"""What stands in an address where a team's slug stands otherwise."""


def require_team_slug(text: str) -> str:
    """Return `text` unchanged if a team may be called so, raise `InvalidSlug` otherwise."""
    if text in RESERVED_TEAM_SLUGS:
        msg = f"{text!r} means something else: choose another slug"
        raise InvalidSlug(msg)
    return require_slug(text)


def normalize_email(text: str) -> str:
    """Return the one stored form of an address: trimmed, composed (NFC), lower case.

    The form is stable: normalizing twice gives the same text. Whether it is an address at all
    is for the caller to check.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).lower())
