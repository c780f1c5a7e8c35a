"""Who listens to this process's stream, and what each of them has to be told (ADR-0016).

One look at the generations serves all: at most about one query a second, and one more for all
Desktops of the organizations that changed. Everything but the looking itself runs on the event
loop's thread, so nothing here is locked.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from django.db import DatabaseError, connections
from django.http import HttpRequest
from django.utils import timezone

from orgs.access.desktop_polls import MEMORY
from orgs.access.generations import USABLE_SECONDS
from orgs.access.problems import Problem
from orgs.access.tokens import find_token, require
from orgs.domain.roles import Capability
from orgs.selectors.desktops import DesktopState, list_desktops
from orgs.selectors.tokens import token_actor
from orgs.services.effective_settings import ensure_settings

PER_TOKEN: Final = 2
PER_ORGANIZATION: Final = 2_000
PER_PROCESS: Final = 5_000
LOOK_SECONDS: Final = 0.2
"""Between two looks at what is known of the generations, which are read less often."""

SETTLE_SECONDS: Final = USABLE_SECONDS
"""A hint waits this long, until every web process answers by what it hints at."""

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
_database_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="database")


async def in_database(work: Callable[[], Result]) -> Result:
    """Run something that uses the database in a thread, and give its connection back."""
    return await asyncio.get_running_loop().run_in_executor(_database_threads, _own, work)


def _own(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        connections.close_all()


class Admission(NamedTuple):
    """What is known of a Desktop when it comes: see `DesktopState`."""

    token_id: int
    organization_id: int
    generation: int
    revision: int
    user: str
    valid_until: datetime | None


class Seat:
    """One open stream. `woken` is set when `hint` or `farewell` is there to be sent."""

    def __init__(self, known: Admission) -> None:
        """Begin with what the Desktop is told at once."""
        self.known = known
        self.hint: int | None = None
        self.farewell: str | None = None
        self.woken = asyncio.Event()

    def tell(self, revision: int) -> None:
        """Let the stream send a hint."""
        self.hint = revision
        self.woken.set()

    def end(self, reason: str) -> None:
        """Let the stream end; an empty reason: nobody is there to be told."""
        if self.farewell is None:
            self.farewell = reason
        self.woken.set()


def admit(request: HttpRequest) -> Admission:
    """Return what is known of the request's Desktop; raises `Problem` 401 or 403."""
    generations = MEMORY.generations.all()  # before the token is read, as everywhere
    token = find_token(request)
    if token is None:
        raise Problem(401, "not_authenticated", "This call needs a bearer token.")
    require(token_actor(token), Capability.OWN_READ)
    # a token with that capability has both, which the database holds
    assert token.member is not None  # noqa: S101
    assert token.organization_id is not None  # noqa: S101
    held = ensure_settings(
        organization_id=token.organization_id, member_id=token.member.pk, at=timezone.now()
    )
    ends = [at for at in (held.valid_until, token.expires_at) if at is not None]
    return Admission(
        token_id=token.pk,
        organization_id=token.organization_id,
        generation=generations.get(token.organization_id, 0),
        revision=held.version.revision,
        user=token.member.email,
        valid_until=min(ends, default=None),
    )


class Seats:
    """The streams of this process; a task looks for news as long as there are some."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seats: set[Seat] = set()
        self._watch: asyncio.Task[None] | None = None

    def require_room(self) -> None:
        """Raise `Problem` 429 when the process is full; asked before anything is looked up."""
        if len(self._seats) >= PER_PROCESS:
            raise _full("This process has no room for another stream.")

    def take(self, admission: Admission) -> Seat:
        """Return a seat; raises `Problem` 429 when token, organization or process has no more."""
        self.require_room()
        known = [seat.known for seat in self._seats]
        if sum(one.token_id == admission.token_id for one in known) >= PER_TOKEN:
            raise _full(f"A token has {PER_TOKEN} streams at the most.")
        of_organization = sum(one.organization_id == admission.organization_id for one in known)
        if of_organization >= PER_ORGANIZATION:
            raise _full(f"An organization has {PER_ORGANIZATION} streams at the most.")
        seat = Seat(admission)
        self._seats.add(seat)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_for_news())
        return seat

    def leave(self, seat: Seat) -> None:
        """Give a seat back."""
        self._seats.discard(seat)

    async def _look_for_news(self) -> None:
        try:
            while self._seats:
                await asyncio.sleep(LOOK_SECONDS)
                await self._look()
        finally:
            # without anybody who looks, a stream would be silent for ever
            for seat in self._seats:
                seat.end("restart")

    async def _look(self) -> None:
        seats = list(self._seats)
        try:
            news = await in_database(lambda: _news(seats))
        except DatabaseError as error:
            logger.warning("no look at the generations: %s", error)
            return
        for seat, known, state in news:
            _apply(seat, known, state)


def _news(seats: Sequence[Seat]) -> list[tuple[Seat, int, DesktopState | None]]:
    """Return each seat that may have news, its organization's generation, and what holds now."""
    now = timezone.now()
    generations = MEMORY.generations.all()
    stale = [seat for seat in seats if _is_stale(seat.known, generations, now)]
    if not stale:
        return []
    states = list_desktops(token_ids={seat.known.token_id for seat in stale}, at=now)
    return [
        (seat, generations.get(seat.known.organization_id, 0), states.get(seat.known.token_id))
        for seat in stale
    ]


def _is_stale(known: Admission, generations: Mapping[int, int], now: datetime) -> bool:
    return generations.get(known.organization_id, 0) != known.generation or (
        known.valid_until is not None and known.valid_until <= now
    )


def _apply(seat: Seat, generation: int, state: DesktopState | None) -> None:
    if state is None or state.refusal is not None:
        seat.end("token_revoked" if state is None or state.refusal is None else state.refusal.code)
        return
    before = seat.known
    seat.known = before._replace(
        generation=generation,
        revision=state.revision,
        user=state.user,
        valid_until=state.valid_until,
    )
    if (state.revision, state.user) != (before.revision, before.user):
        loop = asyncio.get_running_loop()
        loop.call_later(SETTLE_SECONDS, seat.tell, state.revision)


def _full(detail: str) -> Problem:
    # by chance, so that those who were refused together do not come back together
    seconds = random.randint(5, 30)  # noqa: S311 - no secret
    return Problem(429, "too_many_streams", detail, headers={"Retry-After": str(seconds)})


SEATS: Final = Seats()
"""This process's."""
