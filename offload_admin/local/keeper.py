"""The process that keeps one embedded service: `python -m offload_admin.local.keeper NAME STATE`.

It starts the service, says where it is (one JSON line on standard output), waits until nobody
uses it, stops it. If it is killed, the kernel ends the service with it (PR_SET_PDEATHSIG).
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from offload_admin.local.faults import LocalFault, fault_of
from offload_admin.local.locks import FileLock
from offload_admin.local.postgres import PostgresServer
from offload_admin.local.server import Server
from offload_admin.local.state import ServiceDirectory, open_service
from offload_admin.local.valkey import ValkeyServer

SERVERS: dict[str, Callable[[ServiceDirectory], Server]] = {
    "postgres": PostgresServer,
    "valkey": ValkeyServer,
}
WATCH_SECONDS = 0.25


def keep(name: str, state: Path) -> None:
    """Start the service `name`, serve until the last user has left, stop it.

    The one who started us waits behind the gate lock and holds the users' lock, so the
    service cannot be taken for unused before it was used.
    """
    should_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: should_stop.set())
    directory = open_service(state, name)
    with FileLock(directory.keeper_lock) as keeper, FileLock(directory.users_lock) as users:
        # A moment, because whoever asks whether a keeper lives tries the same lock.
        if not keeper.wait_exclusive(seconds=2):
            raise LocalFault(f"the embedded {name} already has a keeper")
        server = SERVERS[name](directory)
        try:
            url = server.start()
            _write_record(directory, url)
            _say({"url": url})
            while server.is_running() and not users.try_exclusive():
                if should_stop.wait(WATCH_SECONDS):
                    break
        finally:
            server.stop()
            directory.record.unlink(missing_ok=True)
            directory.drop_outside_sockets()


def main() -> None:
    """Leave the caller's process tree, then keep the service; faults go to standard output."""
    name, state = sys.argv[1], Path(sys.argv[2])
    if os.fork():
        os._exit(0)  # the caller has no child to wait for, whoever leaves first
    try:
        keep(name, state)
    except LocalFault as fault:
        _say({"fault": fault.reason})
    except OSError as error:
        _say({"fault": fault_of(error, path=state).reason})


def _write_record(directory: ServiceDirectory, url: str) -> None:
    fresh = directory.record.with_name(f"{directory.record.name}.new")
    fresh.write_text(json.dumps({"process": os.getpid(), "url": url}), encoding="utf-8")
    fresh.replace(directory.record)


def _say(message: dict[str, str]) -> None:
    """Answer the caller once and let go of its pipe, so that it does not wait for our end."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    main()
