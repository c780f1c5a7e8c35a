"""Listening to a Desktop's stream, and listening again when it ends."""

import http.client
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from threading import Event
from typing import Any

from clients.desktop_simulator.desktop import (
    FIRST_BACKOFF_SECONDS,
    LAST_BACKOFF_SECONDS,
    Desktop,
)
from clients.desktop_simulator.hints import StreamEvent, read_events
from clients.desktop_simulator.server import NoAnswer, Server, split_address

SILENCE_SECONDS = 45.0
"""Three heartbeats: who hears nothing for so long listens to nobody."""

LOOK_SECONDS = 0.2
SIGNED_OUT = frozenset({"token_revoked", "token_expired"})


class Listener:
    """Hears hints for one Desktop; `listen` runs on a thread of its own."""

    def __init__(self, desktop: Desktop) -> None:
        """Hear for `desktop`."""
        self.desktop = desktop
        self._url = ""
        self._retry_seconds = 5.0
        self._failures = 0

    def listen(self, stop: Event) -> None:
        """Listen until told to stop or signed out; waits as the stream's `retry` says."""
        while not self.desktop.stream_url and not self._is_over(stop):
            stop.wait(LOOK_SECONDS)
        while not self._is_over(stop):
            wait = self._listen_once(stop)
            stop.wait(wait)

    def _is_over(self, stop: Event) -> bool:
        return stop.is_set() or self.desktop.is_signed_out

    def _listen_once(self, stop: Event) -> float:
        """Listen to one stream to its end; return the seconds to wait before the next."""
        base, path = split_address(self._url or self.desktop.stream_url)
        server = Server(base, timeout=SILENCE_SECONDS)
        headers = self.desktop.headers | {"Accept": "text/event-stream"}
        begun = time.monotonic()
        try:
            response = server.open(path, headers)
            if response.status != HTTPStatus.OK:
                return self._refused(response)
            self._failures = 0
            self._say("listening")
            self._hear(response, stop)
        except (NoAnswer, OSError, http.client.HTTPException) as error:
            self._say("stream_broke", why=str(error) or type(error).__name__)
            return max(self._retry_seconds, self._back_off())
        finally:
            server.close()
        self._say("stream_ended", seconds=int(time.monotonic() - begun))
        return self._retry_seconds

    def _hear(self, response: http.client.HTTPResponse, stop: Event) -> None:
        is_first = True
        for event in read_events(response):
            if event.retry_milliseconds is not None:
                self._retry_seconds = event.retry_milliseconds / 1000
            if event.name == "revision":
                self._hinted(event, is_first=is_first)
                is_first = False
            elif event.name == "bye":
                reason = str(_data(event).get("reason", ""))
                self._say("bye", reason=reason)
                if reason in SIGNED_OUT:
                    self.desktop.hint("bye")  # the settings' 401 decides
                return
            if self._is_over(stop):
                return

    def _hinted(self, event: StreamEvent, *, is_first: bool) -> None:
        revision = _data(event).get("revision")
        # the first one only tells what holds; a later one is news even with the same number
        is_news = not is_first or revision != self.desktop.revision
        self._say("hint", revision=revision, is_news=is_news)
        if is_news:
            self.desktop.hint("hint")

    def _refused(self, response: http.client.HTTPResponse) -> float:
        self._say("stream_refused", status=response.status)
        if response.status == HTTPStatus.MISDIRECTED_REQUEST and not self._url:
            self._url = response.headers.get("Location", "")
            return 0.0
        if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self.desktop.hint("refused")
        text = response.headers.get("Retry-After", "")
        asked = float(text) if text.isascii() and text.isdigit() else 0.0
        return max(asked, self._back_off())

    def _back_off(self) -> float:
        self._failures += 1
        wait = min(FIRST_BACKOFF_SECONDS * 2 ** (self._failures - 1), LAST_BACKOFF_SECONDS)
        return float(wait) * self.desktop.random.uniform(1.0, 2.0)

    def _say(self, event: str, **facts: object) -> None:
        self.desktop.report.say(event, desktop=self.desktop.name, **facts)


def _data(event: StreamEvent) -> Mapping[str, Any]:
    try:
        found = json.loads(event.data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
