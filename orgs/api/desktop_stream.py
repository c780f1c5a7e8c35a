"""`GET /api/v1/desktop/stream` on the stream process: server-sent events with hints of changes.

Plain ASGI: under Django's own handler each open stream would hold a thread.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from io import BytesIO
from typing import Any, Final, TypeAlias

import structlog
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from orgs.access.desktop_seats import SEATS, Seat, admit, in_database
from orgs.access.problems import Problem

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

HEARTBEAT_SECONDS: Final = 15.0
LIFETIME_SECONDS: Final = (12 * 60.0, 15 * 60.0)
"""How long a stream is open, by chance between these, so that streams do not all end together."""

RETRY_MILLISECONDS: Final = (1_000, 10_000)
"""How long a Desktop waits before it listens again, by chance for the same reason."""

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
logger = structlog.stdlib.get_logger(__name__)


async def desktop_stream(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Send the revision of the Desktop's settings now, and whenever it changes, until it is gone.

    Ends with `bye` when the token is revoked or has expired, and after 15 minutes.
    """
    request = ASGIRequest(dict(scope), BytesIO())
    try:
        seat = await _take_seat(request)
    except Problem as problem:
        await answer(_refusal(problem, request), send)
        return
    begun = time.monotonic()
    leaving = asyncio.create_task(_end_when_gone(seat, receive))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async for text in _events(seat):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        SEATS.leave(seat)
        leaving.cancel()
        logger.info(
            "stream",
            organization_id=seat.known.organization_id,
            token_id=seat.known.token_id,
            reason=seat.farewell or "gone",
            seconds=int(time.monotonic() - begun),
        )


async def answer(response: HttpResponse, send: Send) -> None:
    """Send an answer of Django's as ASGI."""
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    length = [(b"content-length", str(len(response.content)).encode())]
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": headers + length,
        }
    )
    await send({"type": "http.response.body", "body": response.content})


async def _take_seat(request: HttpRequest) -> Seat:
    if request.method != "GET":
        raise Problem(405, "method_not_allowed", "The stream is read.", headers={"Allow": "GET"})
    SEATS.require_room()
    try:
        admission = await in_database(lambda: admit(request))
    except DatabaseError as error:
        detail = "Who asks cannot be said now."
        raise Problem(503, "not_available", detail, headers={"Retry-After": "5"}) from error
    return SEATS.take(admission)


async def _events(seat: Seat) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    end = loop.time() + random.uniform(*LIFETIME_SECONDS)  # noqa: S311 - no secret
    retry = random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - no secret
    yield f"retry: {retry}\n\n" + _revision(seat.known.revision)
    while seat.farewell is None:
        is_woken = await _is_woken(seat, seconds=min(HEARTBEAT_SECONDS, end - loop.time()))
        if seat.hint is not None:
            hint, seat.hint = seat.hint, None
            yield _revision(hint)
        elif not is_woken and loop.time() < end:
            yield ":\n\n"
        elif not is_woken:
            seat.end("time_limit")
    if seat.farewell:
        yield f"event: bye\ndata: {json.dumps({'reason': seat.farewell})}\n\n"


async def _is_woken(seat: Seat, *, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await seat.woken.wait()
    except TimeoutError:
        return False
    seat.woken.clear()
    return True


def _revision(revision: int) -> str:
    data = json.dumps({"revision": revision}, separators=(",", ":"))
    return f"id: {revision}\nevent: revision\ndata: {data}\n\n"


async def _end_when_gone(seat: Seat, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    seat.end("")


def _refusal(problem: Problem, request: HttpRequest) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        return problem.response()
