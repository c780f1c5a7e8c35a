"""A client that costs little: prepared bytes out, the head of the answer in, connections kept."""

import selectors
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

HOST = "127.0.0.1"


class Measured(NamedTuple):
    """How fast a server answered, and with which statuses."""

    per_second: float
    statuses: frozenset[int]


def request(path: str, **headers: str) -> bytes:
    """Return a GET as bytes."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n".encode()


def measure(port: int, requests: Sequence[bytes], *, seconds: float) -> Measured:
    """Ask as often as the server answers, each request on a connection of its own, in turn."""
    selector = selectors.DefaultSelector()
    for text in requests:
        connection = socket.create_connection((HOST, port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(text)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, text)
    answers, statuses = 0, set()
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        for key, _ in selector.select(1.0):
            connection = key.fileobj
            statuses.add(_status(connection))
            answers += 1
            connection.sendall(key.data)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return Measured(answers / spent, frozenset(statuses))


def _status(connection: socket.socket) -> int:
    """Read one whole answer, which is small, and return its status."""
    said = connection.recv(65536)
    while b"\r\n\r\n" not in said:
        said += _more(connection)
    head, _, body = said.partition(b"\r\n\r\n")
    _, found, rest = head.lower().partition(b"\r\ncontent-length: ")
    length = int(rest.partition(b"\r\n")[0]) if found else 0
    while len(body) < length:
        body += _more(connection)
    return int(head[9:12])


def _more(connection: socket.socket) -> bytes:
    with selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        waiting.select(10)
    return connection.recv(65536)
