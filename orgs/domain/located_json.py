"""JSON text read with the line and column of each key, so that an error can say where it is.

The standard library reads and judges the text; a scan of its tokens adds the places.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 16
"""Objects and arrays within one another; the outermost is 1."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_MOST_DIGITS: Final = 20
"""More digits than this make no number that anybody means; reading them all takes long."""

_TOKEN: Final = re.compile(
    r"""
    (?P<string> " (?: [^"\\\n] | \\. )* "? ) (?= (?P<is_key> \s* : )? )
    | (?P<mark> [{}\[\]\n] )
    | (?P<constant> NaN | -? Infinity )
    """,
    re.VERBOSE,
)


class Place(NamedTuple):
    """A character of the text: its line and its column, both from 1."""

    line: int
    column: int


class Member(NamedTuple):
    """One member of an object, at the place of its key."""

    key: str
    value: object
    place: Place


class LocatedObject(NamedTuple):
    """A JSON object at the place of its brace: every member in order, repeated keys as well."""

    place: Place
    members: tuple[Member, ...]


class InvalidJson(ValueError):
    """A text that is no JSON, or beyond a limit, from `place` on; `code` says which."""

    def __init__(self, place: Place, code: str, detail: str) -> None:
        super().__init__(f"line {place.line}, column {place.column}: {detail}")
        self.place = place
        self.code = code
        self.detail = detail


def read_located(text: str) -> object:
    """Return the value of a JSON text, whose objects are `LocatedObject`s.

    A byte order mark before it is passed over and counts no column. Of a whole number the first
    20 digits are kept. Raises `InvalidJson`: `too_large` beyond 256 KiB, `too_deep` beyond 16
    levels, `not_json` for all that the standard does not know, comments and NaN among it.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise InvalidJson(Place(1, 1), "too_large", f"The text is longer than {MOST_BYTES} bytes.")
    scan = _Scan(text)
    ends = iter(scan.objects)

    def locate(pairs: list[tuple[str, object]]) -> LocatedObject:
        """Objects end in the order of their closing braces, here and in the scan."""
        place, keys = next(ends)
        members = zip(pairs, keys, strict=True)
        return LocatedObject(place, tuple(Member(*pair, at) for pair, at in members))

    def refuse(constant: str) -> NoReturn:
        raise InvalidJson(next(scan.constants()), "not_json", f"JSON has no {constant}.")

    try:
        return json.loads(
            text, object_pairs_hook=locate, parse_int=_whole_number, parse_constant=refuse
        )
    except json.JSONDecodeError as error:
        place = Place(error.lineno, error.colno)
        raise InvalidJson(place, "not_json", f"{error.msg}.") from None


def _whole_number(digits: str) -> int:
    return int(digits[:_MOST_DIGITS])


class _Scan:
    """The places of a text's objects and of their keys, in the order in which objects end.

    Of a text that is no JSON it is right up to the place where that shows, which is as far as
    anybody reads.
    """

    def __init__(self, text: str) -> None:
        self.objects: list[tuple[Place, list[Place]]] = []
        self._open: list[tuple[Place, list[Place]]] = []
        self._tokens = list(_placed(text))
        for token, place in self._tokens:
            if token["mark"]:
                self._mark(token["mark"], place)
            elif token["is_key"] and self._open:
                self._open[-1][1].append(place)

    def constants(self) -> Iterator[Place]:
        """Yield the places of NaN and the infinities."""
        return (place for token, place in self._tokens if token["constant"])

    def _mark(self, mark: str, place: Place) -> None:
        if mark in {"{", "["}:
            if len(self._open) == MOST_DEPTH:
                detail = f"There are more than {MOST_DEPTH} levels within one another."
                raise InvalidJson(place, "too_deep", detail)
            self._open.append((place, []))
        elif mark != "\n" and self._open:
            ended = self._open.pop()
            if mark == "}":
                self.objects.append(ended)


def _placed(text: str) -> Iterator[tuple[re.Match[str], Place]]:
    line, begin = 1, 0
    for token in _TOKEN.finditer(text):
        yield token, Place(line, token.start() - begin + 1)
        if token[0] == "\n":
            line, begin = line + 1, token.end()
