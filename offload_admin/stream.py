"""The addresses of the stream process: the stream of Desktops, and the probes."""

from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from offload_admin.health import healthz, readyz
from orgs.access.desktop_seats import in_database
from orgs.access.problems import Problem
from orgs.api.desktop_stream import Receive, Send, answer, desktop_stream

STREAM_PATH: Final = "/api/v1/desktop/stream"
PROBES: Final[Mapping[str, Callable[[HttpRequest], HttpResponse]]] = {
    "/healthz": healthz,
    "/readyz": partial(readyz, parts=("database", "migrations")),  # it needs no broker
}


async def serve(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one ASGI connection: the server's own start and end, or a request."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["path"] == STREAM_PATH:
        await desktop_stream(scope, receive, send)
    elif scope["path"] in PROBES:
        request = ASGIRequest(dict(scope), BytesIO())
        await answer(await in_database(lambda: PROBES[scope["path"]](request)), send)
    else:
        await answer(Problem(404, "not_found", "There is nothing here.").response(), send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
