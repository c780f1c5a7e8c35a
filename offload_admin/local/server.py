"""What every embedded server has in common."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from offload_admin.local.faults import fault_of_output

LOG_TAIL_BYTES = 4000
START_SECONDS = 60.0  # crash recovery of a large database may take this long
POLL_SECONDS = 0.02


class Server(Protocol):
    """An embedded server that a keeper starts, watches and stops."""

    def start(self) -> str:
        """Start it and return its URL once it answers. Raises LocalFault, OSError."""

    def is_running(self) -> bool:
        """Say whether its process lives."""

    def stop(self) -> None:
        """Stop it in good order; returns when it is gone."""


def open_log(path: Path) -> None:
    """Begin a new log; the one of the run before is kept beside it. Raises OSError."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.before"))
    path.touch(mode=0o600)


def log_tail(path: Path) -> str:
    """Return the last part of a log; empty when it cannot be read."""
    try:
        return path.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return ""


def wait_until_ready(
    child: subprocess.Popen[bytes],
    *,
    is_ready: Callable[[], bool],
    service: str,
    path: Path,
    log: Path,
) -> None:
    """Return once the server answers. Raises LocalFault when it ends or takes too long."""
    end = time.monotonic() + START_SECONDS
    while not is_ready():
        if child.poll() is not None or time.monotonic() > end:
            raise fault_of_output(log_tail(log), service=service, path=path, log=log)
        time.sleep(POLL_SECONDS)
