"""Desktop sign-in (RFC 8628): clients, codes, limits, and what a poll is answered.

A Desktop starts a sign-in and shows a user code; a person opens it in a browser, enters the code
and approves it for one of their organizations; the Desktop meanwhile polls for its token.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

CLIENTS: Mapping[str, str] = MappingProxyType({"docker-desktop": "Docker Desktop"})
"""The public clients that may ask for a sign-in: `client_id` and the name on the consent page."""

CLIENT_ID_LENGTH: Final = 64

CODE_LIFETIME: Final = timedelta(minutes=10)
"""How long device code and user code live, from the start to the exchange for a token."""

TOKEN_LIFETIME: Final = timedelta(days=90)
"""How long a Desktop stays signed in; there is no refresh, the person signs in again."""

POLL_SECONDS: Final = 5
"""What a client waits between polls, and what each `slow_down` adds (RFC 8628, 3.5)."""

POLL_SECONDS_MAXIMUM: Final = 600

POLL_TOLERANCE: Final = timedelta(seconds=1)
"""Clients that poll by a ticker arrive a little early when their earlier request was slow."""

USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no words arise, and no letters that look like another (RFC 8628, 6.1)."""

USER_CODE_LENGTH: Final = 8
"""20 ** 8 codes: of 1,000 open ones a guess hits one in 25 million tries, and few are allowed."""

WRONG_CODES_WINDOW: Final = timedelta(minutes=10)
WRONG_CODES_OF_PERSON: Final = 5
WRONG_CODES_OF_ADDRESS: Final = 30
"""Wrong codes in any window after which no code is taken; an office may share an address."""

STARTS_WINDOW: Final = timedelta(minutes=10)
STARTS_OF_ADDRESS: Final = 600
"""Starts from one address in any window: a company behind one address rolls out in a morning."""

DEVICE_ID_LENGTH: Final = 128
DEVICE_NAME_LENGTH: Final = 128
OS_LENGTH: Final = 64
DESKTOP_VERSION_LENGTH: Final = 32
USER_AGENT_LENGTH: Final = 256


class SignInState(StrEnum):
    """How far a sign-in has come. The text is stored."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXCHANGED = "exchanged"
    """Its token was handed out: the codes are spent."""


class PollAnswer(StrEnum):
    """What a polling client is told."""

    TOKEN = auto()
    PENDING = auto()
    SLOW_DOWN = auto()
    DENIED = auto()
    EXPIRED = auto()
    UNKNOWN = auto()
    """No such code for this client, or it is spent."""


class InvalidDevice(ValueError):
    """What a device says about itself cannot be kept; the text names the field, in ASCII."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFacts:
    """What a Desktop says about the device it runs on. Nothing of it is proven.

    `device_id` is chosen by the client and stays the same on this device. Raises
    `InvalidDevice` for a field that is too long or holds anything but printable characters
    (no line breaks, no marks that turn the direction of text), or for no `device_id`.
    """

    device_id: str
    name: str
    os: str
    desktop_version: str

    def __post_init__(self) -> None:
        for field, value, length in (
            ("device_id", self.device_id, DEVICE_ID_LENGTH),
            ("device_name", self.name, DEVICE_NAME_LENGTH),
            ("os", self.os, OS_LENGTH),
            ("desktop_version", self.desktop_version, DESKTOP_VERSION_LENGTH),
        ):
            if len(value) > length:
                msg = f"{field} has more than {length} characters"
                raise InvalidDevice(msg)
            if not value.isprintable():
                msg = f"{field} holds a character that is not printable"
                raise InvalidDevice(msg)
        if not self.device_id:
            msg = "device_id is missing"
            raise InvalidDevice(msg)


def read_user_code(text: str) -> str | None:
    """Return the stored form of a user code as a person typed it, None if it cannot be one.

    Case, width, spaces and dashes do not matter.
    """
    letters = "".join(
        letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum()
    )
    is_code = len(letters) == USER_CODE_LENGTH and set(letters) <= set(USER_CODE_LETTERS)
    return letters if is_code else None


def show_user_code(code: str) -> str:
    """Return a stored user code as people read it: `WDJB-MJHT`."""
    return f"{code[: USER_CODE_LENGTH // 2]}-{code[USER_CODE_LENGTH // 2 :]}"


def answer_poll(
    *,
    state: SignInState,
    expires_at: datetime,
    last_polled_at: datetime | None,
    interval_seconds: int,
    at: datetime,
) -> PollAnswer:
    """Return what a client that polls at `at` is told (RFC 8628, 3.5).

    `last_polled_at` and `interval_seconds` say when it polled before and how long it has to
    wait. Who asks too early is slowed down only while there is nothing to say.
    """
    if state is SignInState.EXCHANGED:
        return PollAnswer.UNKNOWN
    if at >= expires_at:
        return PollAnswer.EXPIRED
    if state is SignInState.DENIED:
        return PollAnswer.DENIED
    if state is SignInState.APPROVED:
        return PollAnswer.TOKEN
    wait = timedelta(seconds=interval_seconds) - POLL_TOLERANCE
    if last_polled_at is not None and at - last_polled_at < wait:
        return PollAnswer.SLOW_DOWN
    return PollAnswer.PENDING


def slowed(interval_seconds: int) -> int:
    """Return the interval of a client that was told to slow down."""
    return min(interval_seconds + POLL_SECONDS, POLL_SECONDS_MAXIMUM)
