"""The unchanged poll of a Desktop, answered from this process's memory (ADR-0016).

No SQL and no cache on the way, except once a second for all polls together: see `Generations`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from time import monotonic, time
from typing import Final, NamedTuple

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import parse_etags

from orgs.access.generations import Generations
from orgs.access.problems import Problem
from orgs.domain.tokens import hash_of
from orgs.models import AccessToken
from orgs.selectors.settings_versions import list_generations
from orgs.services.tokens import LAST_USE_PRECISION, note_uses

SETTINGS_PATH: Final = "/api/v1/desktop/settings"
ENTRIES_AT_MOST: Final = 200_000
"""Tokens remembered: about 100 MB when all are there."""

CACHE_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_NOTE_AGAIN_SECONDS: Final = LAST_USE_PRECISION.total_seconds()


class Remembered(NamedTuple):
    """What a token's Desktop was answered last.

    It holds while the organization has this generation, and before `valid_until`, in seconds of
    `time()`. `noted_at` is when the token's last use was noted.
    """

    token_id: int
    organization_id: int
    generation: int
    etag: str
    valid_until: float
    noted_at: float


class PollMemory:
    """Remembers, by the hash of a token, the ETag that its Desktop was answered."""

    def __init__(self, *, entries_at_most: int = ENTRIES_AT_MOST) -> None:
        """Begin with nothing."""
        self._entries: dict[bytes, Remembered] = {}
        self._entries_at_most = entries_at_most
        self._lock = Lock()
        self._used: set[int] = set()
        self.generations = Generations(self._read_generations, clock=monotonic)

    def find_etag(self, secret_hash: bytes) -> str | None:
        """Return the ETag that holds for a token now; None when that has to be looked up.

        A token of which it returns one opened the settings as of less than a second ago.
        """
        found = self._entries.get(secret_hash)
        now = time()
        if found is None or found.valid_until <= now:
            return None
        if found.noted_at + _NOTE_AGAIN_SECONDS <= now:
            self._note_use(secret_hash, found, now)
        if self.generations.of(found.organization_id) != found.generation:
            return None
        return found.etag

    def remember(
        self, token: AccessToken, *, etag: str, generation: int, valid_until: datetime | None
    ) -> None:
        """Keep what a token's Desktop is answered.

        `generation` is the one from before anything of the answer was read, the token included:
        a change in between then has another. `valid_until` is when the settings change by
        themselves.
        """
        assert token.organization_id is not None  # noqa: S101 - the database holds it
        ends = [at.timestamp() for at in (valid_until, token.expires_at) if at is not None]
        entry = Remembered(
            token_id=token.pk,
            organization_id=token.organization_id,
            generation=generation,
            etag=etag,
            valid_until=min(ends, default=float("inf")),
            noted_at=time(),
        )
        self._put(bytes(token.secret_hash), entry)

    def _put(self, secret_hash: bytes, entry: Remembered) -> None:
        with self._lock:
            self._entries.pop(secret_hash, None)
            while len(self._entries) >= self._entries_at_most:
                # the one put first; whatever is in use is put again once a minute
                self._entries.pop(next(iter(self._entries)))
            self._entries[secret_hash] = entry

    def _note_use(self, secret_hash: bytes, found: Remembered, now: float) -> None:
        with self._lock:
            self._used.add(found.token_id)
        self._put(secret_hash, found._replace(noted_at=now))

    def _read_generations(self) -> Mapping[int, int]:
        with self._lock:
            used, self._used = self._used, set()
        if used:
            note_uses(used, at=timezone.now())
        return list_generations()


MEMORY: Final = PollMemory()
"""This process's; `orgs.api.desktop` fills it."""


class UnchangedPolls:
    """Answers 304 to a poll whose ETag still holds, before any other layer does its work.

    Stands first in MIDDLEWARE. Everything else goes on to the view, whose answer it leaves to be
    kept by the Desktop alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer from memory, or pass on."""
        if request.path_info != SETTINGS_PATH:
            return self.get_response(request)
        unchanged = _unchanged(request) if request.method == "GET" else None
        if unchanged is not None:
            return unchanged
        answer = self.get_response(request)
        if "ETag" in answer:  # other layers note that pages vary by cookie and language
            answer["Vary"] = CACHE_HEADERS["Vary"]
        return answer


def _unchanged(request: HttpRequest) -> HttpResponse | None:
    presented = request.META.get("HTTP_IF_NONE_MATCH")
    scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not presented or scheme.lower() != "bearer":
        return None
    try:
        etag = MEMORY.find_etag(hash_of(text.strip()))
    except DatabaseError:
        return Problem(
            503,
            "not_available",
            "Whether anything has changed cannot be said now.",
            headers={"Retry-After": "5"},
        ).response()
    return not_modified(etag) if etag is not None and matches(presented, etag) else None


def matches(presented: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the ETag: a list, weak ones, or `*` (RFC 9110, 13.1.2)."""
    if presented == etag:
        return True
    named = parse_etags(presented)
    return named == ["*"] or etag in {name.removeprefix("W/") for name in named}


def not_modified(etag: str) -> HttpResponse:
    """Return the 304 of a poll."""
    return HttpResponseNotModified(headers={"ETag": etag} | CACHE_HEADERS)
