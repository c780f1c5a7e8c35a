"""One Desktop: follows its settings by conditional GETs, on time and on hints."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from threading import Condition, Event
from typing import Any

from clients.desktop_simulator.report import Report
from clients.desktop_simulator.server import Answer, NoAnswer, Server
from clients.desktop_simulator.sign_in import Device

SETTINGS_PATH = "/api/v1/desktop/settings"
CHECK_INS_PATH = "/api/v1/desktop/check-ins"
FIRST_BACKOFF_SECONDS = 1.0
LAST_BACKOFF_SECONDS = 60.0
POLL_AFTER_SECONDS = 300.0
POLL_JITTER = 0.2
EVENTS: Mapping[int, str] = {HTTPStatus.OK: "settings", HTTPStatus.NOT_MODIFIED: "poll"}
"""What an answer is in the report, by its status."""


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a Desktop behaves where the server leaves it open."""

    poll_after_seconds: float | None = None
    """Instead of what the document says; for tests and demonstrations."""

    spread_seconds: float = 1.0
    """A hint is followed after a wait by chance, up to this long."""

    listens: bool = True
    checks_in: bool = False


@dataclass(kw_only=True)
class Desktop:
    """What a Desktop knows: the document it obeys, its ETag, and when it asks again.

    `sync` runs on one thread and asks; `hint` may be called from another.
    """

    server: Server
    token: str
    device: Device
    report: Report
    habits: Habits
    random: Random
    name: str = "?"
    document: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    is_signed_out: bool = False
    _due_at: float = 0.0
    _not_before: float = 0.0
    _cause: str = "start"
    _failures: int = 0
    _news: Condition = field(default_factory=Condition)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def revision(self) -> int:
        """The revision of the document it obeys; 0 before the first."""
        return int(self.document.get("revision", 0))

    @property
    def stream_url(self) -> str:
        """Where hints come from; empty before the first document."""
        return str(self.document.get("stream", {}).get("url", ""))

    def setting(self, name: str) -> Any:
        """Return the value in effect of a setting; None before the first document."""
        return self.document.get("settings", {}).get(name, {}).get("value")

    def sync(self, stop: Event) -> None:
        """Ask, and ask again when it is time or a hint came, until told to stop or signed out."""
        while not stop.is_set() and not self.is_signed_out:
            with self._news:
                while (left := self._due_at - time.monotonic()) > 0 and not stop.is_set():
                    self._news.wait(left)
                cause = self._cause
            if not stop.is_set():
                self._ask(cause)
        self.server.close()

    def hint(self, cause: str, *, within_seconds: float | None = None) -> None:
        """Ask after a short wait by chance, unless it is to ask earlier anyway."""
        spread = self.habits.spread_seconds if within_seconds is None else within_seconds
        with self._news:
            due_at = time.monotonic() + self.random.uniform(0.0, spread)
            due_at = max(due_at, self._not_before)
            if due_at < self._due_at:
                self._due_at, self._cause = due_at, cause
                self._news.notify_all()

    def wake(self) -> None:
        """Let `sync` see at once that it is to stop."""
        with self._news:
            self._news.notify_all()

    def _ask(self, cause: str) -> None:
        known = {"If-None-Match": self.etag} if self.etag else {}
        begun = time.monotonic()
        # due again from here on: a hint that comes while the answer is under way makes it earlier
        self._wait(self._poll_seconds(), "poll")
        try:
            answer = self.server.get(SETTINGS_PATH, self.headers | known)
        except NoAnswer as error:
            self._back_off(None)
            self.report.say("no_answer", desktop=self.name, cause=cause, why=str(error))
            return
        milliseconds = int((time.monotonic() - begun) * 10_000) / 10
        self._take(answer)
        self.report.say(
            EVENTS.get(answer.status, "refused"),
            desktop=self.name,
            cause=cause,
            status=answer.status,
            revision=self.revision,
            milliseconds=milliseconds,
        )
        if self.habits.checks_in and answer.status in EVENTS:
            self._check_in()

    def _take(self, answer: Answer) -> None:
        match answer.status:
            case HTTPStatus.OK:
                self.document, self.etag = answer.json(), answer.headers.get("etag", "")
                self.name = str(self.document.get("user", self.name))
                self._failures = 0
                with self._news:
                    if self._cause == "poll":  # no hint came meanwhile
                        self._wait(self._poll_seconds(), "poll")
            case HTTPStatus.NOT_MODIFIED:
                self._failures = 0
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                self.is_signed_out = True
                problem = answer.json() or {}
                self.report.say("signed_out", desktop=self.name, code=problem.get("code"))
            case _:
                self._back_off(answer.retry_after)

    def _back_off(self, retry_after: float | None) -> None:
        """Wait as long as the server says and a little more, else twice as long as last time."""
        self._failures += 1
        wait = min(FIRST_BACKOFF_SECONDS * 2 ** (self._failures - 1), LAST_BACKOFF_SECONDS)
        if retry_after is not None:
            wait = max(retry_after, wait)
            self._not_before = time.monotonic() + retry_after
        self._wait(wait * self.random.uniform(1.0, 1.0 + POLL_JITTER), "retry")

    def _wait(self, seconds: float, cause: str) -> None:
        with self._news:
            self._due_at, self._cause = time.monotonic() + seconds, cause

    def _poll_seconds(self) -> float:
        poll = self.document.get("poll", {})
        seconds = self.habits.poll_after_seconds
        if seconds is None:
            seconds = float(poll.get("after_seconds", POLL_AFTER_SECONDS))
        jitter = float(poll.get("jitter", POLL_JITTER))
        return seconds * self.random.uniform(1.0 - jitter, 1.0 + jitter)

    def _check_in(self) -> None:
        """Tell which revision is applied, and by what."""
        said = {
            "device_id": self.device.device_id,
            "name": self.device.name,
            "os": self.device.os,
            "desktop_version": self.device.desktop_version,
            "applied_revision": self.revision,
            "drift": [],
        }
        try:
            answer = self.server.post_json(CHECK_INS_PATH, said, self.headers)
        except NoAnswer as error:
            self.report.say("no_answer", desktop=self.name, cause="check_in", why=str(error))
            return
        self.report.say("check_in", desktop=self.name, status=answer.status)
