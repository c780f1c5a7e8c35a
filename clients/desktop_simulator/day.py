"""A developer's day: when they work, and what the runner of their environment reports."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event
from typing import NamedTuple

from clients.desktop_simulator.desktop import Desktop
from clients.desktop_simulator.server import NoAnswer, Server

EVENTS_PATH = "/api/v1/session-events"
EVENTS_TYPE = "application/cloudevents+json"
GAPS_SECONDS = (45, 150, 240, 290, 420, 900, 1_800)
"""Between stretches: some shorter than the 5 minutes in which a session goes on, some longer."""


class Stretch(NamedTuple):
    """Work without a pause, in seconds of the day; `wants_gpu` if a GPU would help."""

    begin: float
    end: float
    wants_gpu: bool


@dataclass(frozen=True, kw_only=True)
class Play:
    """How a day is played: how long it is, how fast it passes, and who the runner is."""

    hours: float
    speed: float
    metering_token: str
    source: str
    machine: str = "cpu-4x8"
    gpu_machine: str = "gpu-l4"


def plan(random: Random, *, hours: float) -> Iterator[Stretch]:
    """Yield the stretches of a day: builds and tests of half a minute to 25 minutes, with gaps."""
    at = random.uniform(0, 60)
    while at < hours * 3600:
        end = at + random.choice((30, 90, 240, 600, 1_500)) * random.uniform(0.8, 1.2)
        yield Stretch(at, min(end, hours * 3600), random.random() < 0.2)  # noqa: PLR2004
        at = end + random.choice(GAPS_SECONDS) * random.uniform(0.9, 1.1)


class Day:
    """Plays one day of one Desktop; `play` runs on a thread of its own.

    The day passes `speed` times as fast as the clock, and ends when the clock gets there: no
    event lies ahead of its time. Without a metering token nothing is sent, only reported.
    """

    def __init__(self, desktop: Desktop, runner: Server, play: Play) -> None:
        """Play for `desktop`, with events to `runner`."""
        self.desktop = desktop
        self._runner = runner
        self._play = play
        self._begun = time.monotonic()
        lasts = timedelta(hours=play.hours)
        self._first = datetime.now(UTC) - lasts * (1 - 1 / play.speed)

    def play(self, stop: Event) -> None:
        """Work until the day is over or told to stop; a session that is open then goes idle."""
        stretches = list(plan(self.desktop.random, hours=self._play.hours))
        while not self.desktop.document and not stop.is_set():
            stop.wait(0.1)
        nexts = [stretch.begin for stretch in stretches[1:]]
        for stretch, following in zip(stretches, [*nexts, float("inf")], strict=True):
            if not self._wait_until(stretch.begin, stop):
                return
            self._work(stretch, following, stop)
            if stop.is_set():
                return
        self.desktop.report.say("day_over", desktop=self.desktop.name)

    def _work(self, stretch: Stretch, following: float, stop: Event) -> None:
        """Report one stretch as a runner does: `active` at least every half idle timeout."""
        at = stretch.begin
        machine = ""
        timeout = 0.0
        while True:
            if not self.desktop.setting("offload_enabled"):
                if machine:
                    self._report("ended", at, machine)
                self.desktop.report.say("works_locally", desktop=self.desktop.name)
                return
            is_gpu = stretch.wants_gpu and bool(self.desktop.setting("gpu_enabled"))
            machine = self._play.gpu_machine if is_gpu else self._play.machine
            timeout = float(self.desktop.setting("idle_timeout_seconds"))
            self._report("active", at, machine)
            if at >= stretch.end:
                break
            at = min(at + timeout / 2, stretch.end)
            if not self._wait_until(at, stop):
                return
        if at + timeout <= following and self._wait_until(at + timeout, stop):
            self._report("idle", at + timeout, machine)

    def _report(self, kind: str, at: float, machine: str) -> None:
        timeout = int(self.desktop.setting("idle_timeout_seconds"))
        when = (self._first + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": self._play.source,
            "type": f"offload.session.{kind}",
            "time": when,
            "subject": self.desktop.name,
            "data": {
                "organization": self.desktop.document.get("organization"),
                "machine": machine,
                "idle_timeout_seconds": timeout,
            },
        }
        self.desktop.report.say(
            kind,
            desktop=self.desktop.name,
            time=when,
            machine=machine,
            idle_timeout_seconds=timeout,
            status=self._send(event) if self._play.metering_token else None,
        )

    def _send(self, event: object) -> int | None:
        headers = {"Authorization": f"Bearer {self._play.metering_token}"}
        try:
            return self._runner.post_json(
                EVENTS_PATH, event, headers, content_type=EVENTS_TYPE
            ).status
        except NoAnswer as error:
            self.desktop.report.say("no_answer", desktop=self.desktop.name, why=str(error))
            return None

    def _wait_until(self, at: float, stop: Event) -> bool:
        """Return True at `at` seconds of the day, False when told to stop before."""
        left = at / self._play.speed - (time.monotonic() - self._begun)
        return not stop.wait(max(0.0, left))
