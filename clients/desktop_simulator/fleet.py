"""Many Desktops at once, each on threads of its own, until told to stop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, Thread

from clients.desktop_simulator.day import Day, Play
from clients.desktop_simulator.desktop import Desktop
from clients.desktop_simulator.listener import Listener
from clients.desktop_simulator.server import Server

STACK_BYTES = 256 * 1024
"""Enough for these threads, of which there are two or three a Desktop."""

LOOK_SECONDS = 0.1
JOIN_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long to go on, and how the Desktops come: `ramp_seconds` from the first to the last."""

    server_url: str
    duration_seconds: float
    ramp_seconds: float = 0.0
    play: Play | None = None


def run(desktops: Sequence[Desktop], how: Run, stop: Event) -> None:
    """Run all Desktops; return when told to stop, after the duration, or when all signed out."""
    threads: list[Thread] = []
    end = time.monotonic() + how.duration_seconds
    for desktop in desktops:
        threads += _start(desktop, how, stop)
        if stop.wait(how.ramp_seconds / len(desktops)):
            break
    while not _is_over(desktops, end) and not stop.wait(LOOK_SECONDS):
        pass
    stop.set()
    for desktop in desktops:
        desktop.wake()
    last = time.monotonic() + JOIN_SECONDS
    for thread in threads:  # a listener may be waiting for a heartbeat, and is left alone
        thread.join(max(0.0, last - time.monotonic()))


def _is_over(desktops: Sequence[Desktop], end: float) -> bool:
    return time.monotonic() >= end or all(desktop.is_signed_out for desktop in desktops)


def _start(desktop: Desktop, how: Run, stop: Event) -> list[Thread]:
    works = [desktop.sync]
    if desktop.habits.listens:
        works.append(Listener(desktop).listen)
    if how.play is not None:
        works.append(Day(desktop, Server(how.server_url), how.play).play)
    threads = [Thread(target=work, args=(stop,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads
