"""The server as a client sees it: one connection that is kept, answers that are read whole."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 30.0


class NoAnswer(Exception):
    """The server could not be reached, or the connection broke."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; None for what is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server wants to be left alone, if it says so in seconds."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() else None


class Server:
    """One server, over one connection that is opened when it is needed."""

    def __init__(self, base_url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Talk to `base_url`, such as https://offload.example; raises ValueError for no such."""
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = f"{base_url!r} is no http:// or https:// address"
            raise ValueError(msg)
        self.prefix = parts.path.rstrip("/")
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._timeout = timeout
        self._kept: http.client.HTTPConnection | None = None

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; raises NoAnswer."""
        return self._ask("GET", path, headers or {}, None)

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Return the answer to a form; raises NoAnswer."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, headers, urlencode(fields).encode())

    def post_json(
        self,
        path: str,
        document: object,
        headers: Mapping[str, str],
        *,
        content_type: str = "application/json",
    ) -> Answer:
        """Return the answer to a JSON document; raises NoAnswer."""
        body = json.dumps(document).encode()
        return self._ask("POST", path, {**headers, "Content-Type": content_type}, body)

    def open(self, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Return the answer to a GET before its body is read, for streams; raises NoAnswer."""
        connection = self._connection()
        try:
            connection.request("GET", self.prefix + path, headers=dict(headers))
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(str(error)) from error

    def close(self) -> None:
        """Let the connection go."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        is_reused = self._kept is not None
        try:
            return self._ask_once(method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not (is_reused and method == "GET"):
                raise NoAnswer(str(error) or type(error).__name__) from error
        # a connection that was kept may have been closed by the server in the meantime
        try:
            return self._ask_once(method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error

    def _ask_once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        connection = self._connection()
        connection.request(method, self.prefix + path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )

    def _connection(self) -> http.client.HTTPConnection:
        if self._kept is None:
            if self._is_tls:
                self._kept = http.client.HTTPSConnection(
                    self._host,
                    self._port,
                    timeout=self._timeout,
                    context=ssl.create_default_context(),
                )
            else:
                self._kept = http.client.HTTPConnection(
                    self._host, self._port, timeout=self._timeout
                )
        return self._kept


def split_address(url: str) -> tuple[str, str]:
    """Return (base address, path with query) of a URL."""
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{parts.scheme}://{parts.netloc}", f"{path}?{parts.query}" if parts.query else path
