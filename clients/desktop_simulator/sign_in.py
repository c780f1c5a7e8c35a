"""Signing in by the OAuth 2.0 device authorization grant (RFC 8628)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from clients.desktop_simulator.server import Answer, NoAnswer, Server, split_address

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
METADATA_PATH = "/.well-known/oauth-authorization-server"
SCOPE = "desktop"
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
SLOW_DOWN_SECONDS = 5.0
"""What `slow_down` adds to the wait between two polls, for good (RFC 8628, 3.5)."""


class SignInFailed(Exception):
    """There is no token; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a Desktop says of the machine it runs on."""

    device_id: str
    name: str
    os: str
    desktop_version: str


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where the grant begins, and where the token comes from."""

    device_authorization: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What a person has to be shown: where to go and which code to enter there."""

    verification_uri: str
    verification_uri_complete: str
    user_code: str
    expires_in_seconds: float


def discover(server_url: str) -> Endpoints:
    """Return the endpoints that the server's metadata names (RFC 8414)."""
    base, _ = split_address(server_url)
    document = _ask(lambda: Server(base).get(METADATA_PATH))
    found = document if isinstance(document, Mapping) else {}
    try:
        return Endpoints(
            device_authorization=str(found["device_authorization_endpoint"]),
            token=str(found["token_endpoint"]),
        )
    except KeyError as error:
        msg = f"{base}{METADATA_PATH} names no {error.args[0]}"
        raise SignInFailed(msg) from error


def sign_in(
    endpoints: Endpoints,
    *,
    client_id: str,
    device: Device,
    show: Callable[[Prompt], None],
    wait: Callable[[float], None],
) -> str:
    """Return a token, once a person has approved the code that `show` was given.

    `wait` sleeps. Raises SignInFailed when the person denies, the code expires, or the server
    refuses.
    """
    facts = {
        "client_id": client_id,
        "scope": SCOPE,
        "device_id": device.device_id,
        "device_name": device.name,
        "os": device.os,
        "desktop_version": device.desktop_version,
    }
    start = _ask(lambda: _post(endpoints.device_authorization, facts))
    try:
        device_code = str(start["device_code"])
        interval = float(start.get("interval", 5))
        left = float(start["expires_in"])
        prompt = Prompt(
            verification_uri=str(start["verification_uri"]),
            verification_uri_complete=str(start.get("verification_uri_complete", "")),
            user_code=str(start["user_code"]),
            expires_in_seconds=left,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"the answer to the start is not of RFC 8628: {error}"
        raise SignInFailed(msg) from error
    show(prompt)
    form = {"grant_type": GRANT, "device_code": device_code, "client_id": client_id}
    while left > 0:
        wait(interval)
        left -= interval
        token, more = _poll(endpoints.token, form)
        if token:
            return token
        interval += more
    raise SignInFailed("the code has expired")


def _poll(endpoint: str, form: Mapping[str, str]) -> tuple[str, float]:
    """Return the token, or nothing and how much longer to wait from now on."""
    try:
        answer = _post(endpoint, form)
    except NoAnswer:
        return "", SLOW_DOWN_SECONDS  # RFC 8628, 3.5: a time-out makes the client slower
    document = answer.json()
    found: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    if answer.status == HTTPStatus.OK:
        if not found.get("access_token"):
            raise SignInFailed("the server granted, and sent no token")
        return str(found["access_token"]), 0.0
    error = str(found.get("error", f"status {answer.status}"))
    if error == "authorization_pending":
        return "", 0.0
    if error == "slow_down" or answer.status in BUSY:
        return "", SLOW_DOWN_SECONDS
    raise SignInFailed(str(found.get("error_description") or error))


def _post(url: str, fields: Mapping[str, str]) -> Answer:
    base, path = split_address(url)
    server = Server(base)
    try:
        return server.post_form(path, fields)
    finally:
        server.close()


def _ask(ask: Callable[[], Answer]) -> Any:
    try:
        answer = ask()
    except (NoAnswer, ValueError) as error:
        raise SignInFailed(str(error)) from error
    document = answer.json()
    if answer.status == HTTPStatus.OK:
        return document
    said = document.get("error_description") or document.get("error") if document else None
    raise SignInFailed(str(said or f"status {answer.status}"))
