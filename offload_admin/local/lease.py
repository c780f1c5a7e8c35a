"""Using an embedded service: join it, starting it if need be; leave it, stopping it if last."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from offload_admin.local.faults import LocalFault, fault_of
from offload_admin.local.locks import FileLock
from offload_admin.local.state import PROJECT, ServiceDirectory, open_service

GATE_SECONDS = 120.0  # someone else may be creating the database behind the gate
STOP_SECONDS = 45.0  # longer than the servers' own limits


class Lease:
    """The right to use one embedded service; it lives at least as long as the lease."""

    def __init__(self, state: Path, name: str) -> None:
        """Join the service `name` of `state`. Raises LocalFault."""
        self.name = name
        self._directory = open_service(state, name)
        try:
            self._users = FileLock(self._directory.users_lock)
            self.url = self._join()
        except OSError as error:
            raise fault_of(error, path=self._directory.path) from error

    def is_kept(self) -> bool:
        """Say whether the service still has its keeper."""
        with FileLock(self._directory.keeper_lock) as keeper:
            return not keeper.try_exclusive()

    def close(self) -> None:
        """Leave; the last one to leave stops the service and waits until it is gone."""
        # Nobody waits for ever to leave: the kernel frees the lock and the keeper sees it.
        with contextlib.suppress(LocalFault), _gate(self._directory):
            self._users.release()
            if self._users.try_exclusive():
                self._stop_keeper()
            elif not self._users.try_shared():  # the keeper noticed first and is stopping
                self._wait_for_keeper()
        self._users.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _join(self) -> str:
        with _gate(self._directory):
            # Fails only while a keeper stops, which holds this lock alone.
            if not self._users.wait_shared(seconds=STOP_SECONDS):
                raise LocalFault(f"the embedded {self.name} takes too long to stop")
            if self.is_kept():
                with contextlib.suppress(OSError, ValueError, KeyError):
                    return str(_read(self._directory)["url"])
                self._wait_for_keeper()  # no record: it was told to stop from outside
            return self._start_keeper()

    def _start_keeper(self) -> str:
        command = [sys.executable, "-m", "offload_admin.local.keeper", self.name]
        errors = self._directory.path / "keeper.log"
        with errors.open("wb") as log:
            # The keeper forks at once, so this returns when it has said its one line.
            said = subprocess.run(  # noqa: S603 - our own module
                [*command, str(self._directory.path.parent)],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=PROJECT,
                start_new_session=True,
            ).stdout
        try:
            answer = json.loads(said)
        except ValueError as error:
            raise LocalFault(f"the embedded {self.name} did not start; see {errors}") from error
        if "fault" in answer:
            raise LocalFault(answer["fault"])
        return str(answer["url"])

    def _stop_keeper(self) -> None:
        if self.is_kept():
            with contextlib.suppress(OSError, ValueError, KeyError):
                os.kill(int(_read(self._directory)["process"]), signal.SIGTERM)
        self._wait_for_keeper()

    def _wait_for_keeper(self) -> None:
        with FileLock(self._directory.keeper_lock) as keeper:
            if not keeper.wait_exclusive(seconds=STOP_SECONDS):
                raise LocalFault(f"the embedded {self.name} takes too long to stop")


@contextlib.contextmanager
def _gate(directory: ServiceDirectory) -> Iterator[None]:
    with FileLock(directory.gate_lock) as gate:
        if not gate.wait_exclusive(seconds=GATE_SECONDS):
            raise LocalFault(f"another process has been starting {directory.path} for too long")
        yield


def _read(directory: ServiceDirectory) -> dict[str, str | int]:
    record: dict[str, str | int] = json.loads(directory.record.read_text(encoding="utf-8"))
    return record
