"""Reads a stream as any program would: bytes from a socket, events out of them."""

import queue
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from clients.desktop_simulator.hints import StreamEvent, read_events

PATIENCE = 30.0


class Stream:
    """One open stream; `next` returns its next event, comments left out."""

    def __init__(self, base: str, token: str | None, *, method: str = "GET") -> None:
        parts = urlsplit(base)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._socket.sendall(
            f"{method} /api/v1/desktop/stream HTTP/1.1\r\nHost: localhost\r\n"
            f"{authorization}\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self._events: queue.Queue[StreamEvent | None] = queue.Queue()
        self.retry: int | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._thread.start()

    def next(self) -> StreamEvent | None:
        """The next named event; None at the end of the stream."""
        while (event := self._events.get(timeout=PATIENCE)) is not None and not event.name:
            self.retry = event.retry_milliseconds or self.retry
        return event

    def body(self) -> bytes:
        return self._file.read(int(self.headers["content-length"]))

    def close(self) -> None:
        """Go away; twice is as good as once."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        self._file.close()
        self._socket.close()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            for event in read_events(self._chunks()):
                self._events.put(event)
        self._events.put(None)

    def _chunks(self):
        """The lines of a chunked body."""
        left = b""
        while size := int(self._file.readline(), 16):
            left += self._file.read(size)
            self._file.readline()
            *lines, left = left.split(b"\n")
            yield from (line + b"\n" for line in lines)
