"""Locks on files that the kernel gives back when their holder dies."""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

POLL_SECONDS = 0.02


class FileLock:
    """One advisory lock (flock) on one file; shared or exclusive.

    The descriptor is not inherited by programs that this process starts, so a lock never
    outlives its holder. The file stays: removing it would let two holders lock two files.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`, creating it for this user only. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_shared(self) -> bool:
        """Take or keep the lock together with others; False when someone has it alone."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Take the lock alone; False when anyone else has it."""
        return self._try(fcntl.LOCK_EX)

    def wait_shared(self, *, seconds: float) -> bool:
        """Take the lock together with others within `seconds`; False when that failed."""
        return self._wait(fcntl.LOCK_SH, seconds)

    def wait_exclusive(self, *, seconds: float) -> bool:
        """Take the lock alone within `seconds`; False when that failed."""
        return self._wait(fcntl.LOCK_EX, seconds)

    def release(self) -> None:
        """Give the lock back; the file stays open for the next try."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the lock back and close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self, kind: int, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self._try(kind):
            if time.monotonic() >= end:
                return False
            time.sleep(POLL_SECONDS)
        return True
