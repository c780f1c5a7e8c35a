"""Runs web, stream, worker and beat with the embedded services until Ctrl-C, and ends all of them.

Children get SIGTERM when the supervisor is killed (PR_SET_PDEATHSIG); the services' keepers
see its locks go. Whatever way it ends, nothing stays behind and the next start works at once.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offload_admin.env import Environment, read_ports
from offload_admin.local.attach import attached, fill_secrets
from offload_admin.local.children import Identity, end_with_parent, spawn, stop_all
from offload_admin.local.faults import LocalFault, fault_of, fault_of_output
from offload_admin.local.lease import Lease
from offload_admin.local.locks import FileLock
from offload_admin.local.ports import require_free_port
from offload_admin.local.processes import process_commands
from offload_admin.local.state import PROJECT, open_state, state_directory

WATCH_SECONDS = 0.3
LOOK_AT_SERVICES_SECONDS = 2.0
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
AFTER_KILL_SECONDS = 15.0  # how long the children of a killed supervisor may keep a port


class Ordered(Exception):
    """Somebody asked for the end."""


class Orders:
    """Turns signals into an order to stop; after a second one nothing is waited for."""

    def __init__(self) -> None:
        """Listen to Ctrl-C, kill and a closed terminal."""
        self._stop = threading.Event()
        self.is_impatient = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`; raises Ordered as soon as an order came."""
        if self._stop.wait(seconds):
            raise Ordered

    def _take(self, *_: object) -> None:
        self.is_impatient = self._stop.is_set()
        self._stop.set()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one run lives: its state directory, its address, its children's environment."""

    state: Path
    host: str
    port: int
    stream_port: int
    web_threads: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """What a person on this machine types into the browser."""
        is_here = self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"}  # noqa: S104 - only compared
        return f"http://{'localhost' if is_here else self.host}:{self.port}"


def supervise(*, should_end_with_parent: bool) -> int:
    """Run everything; return 0 after an order to stop.

    Raises LocalFault or BadEnvironment, one line each, when it cannot start or go on.
    """
    ask = end_with_parent(signal.SIGTERM, parent=os.getppid())
    if should_end_with_parent and ask is not None:
        ask()
    orders = Orders()
    place = _place()
    try:
        with _claimed(place), attached(place.environment) as leases:
            fill_secrets(place.environment, place.state, can_make=True)
            sign_in = _prepare(place, orders)
            _serve(place, leases, sign_in, orders)
    except Ordered:
        _say("stopped")
    except OSError as error:
        raise fault_of(error, path=place.state) from error
    return 0


def _place() -> Place:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    env = Environment(environment)
    port, stream_port = read_ports(env)
    state = open_state(state_directory(env))
    environment["OFFLOAD_STATE_DIR"] = str(state)
    environment.setdefault("LOG_FORMAT", "console")
    return Place(
        state=state,
        host=env.text("BIND", default="127.0.0.1"),
        port=port,
        stream_port=stream_port,
        web_threads=env.integer("WEB_THREADS", default=8, minimum=1, maximum=256),
        environment=environment,
    )


@contextmanager
def _claimed(place: Place) -> Iterator[None]:
    """Hold the state directory against a second supervisor, and make sure of the ports.

    A mark that is still there means that the supervisor before was killed: its children are
    on their way out and may need a moment to give the ports back.
    """
    mark = place.state / "supervisor.running"
    with FileLock(place.state / "supervisor.lock") as lock:
        if not lock.try_exclusive():
            raise LocalFault(
                f"another `make run` uses {place.state};"
                " set OFFLOAD_STATE_DIR and PORT to run beside it"
            )
        patience = AFTER_KILL_SECONDS if mark.exists() else 0.0
        for variable, port in (("PORT", place.port), ("STREAM_PORT", place.stream_port)):
            require_free_port(place.host, port, variable=variable, patience_seconds=patience)
        mark.write_text(f"{os.getpid()}\n", encoding="ascii")
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)


def _prepare(place: Place, orders: Orders) -> str:
    """Migrate and load the demo organization; return what there is to say about signing in."""
    _say("bringing the database up to date (the first time also a demo organization) …")
    log, said = place.state / "prepare.log", place.state / "prepare.out"
    said.touch(mode=0o600)
    with said.open("wb") as output, log.open("wb") as errors:
        child = spawn(
            [sys.executable, "-m", "offload_admin.local.prepare"],
            identity=Identity(),
            end_signal=signal.SIGTERM,
            output=output,
            errors=errors,
            environment=place.environment,
            directory=PROJECT,
        )
    try:
        while child.poll() is None:
            orders.wait(WATCH_SECONDS)
    finally:
        stop_all([child], first=signal.SIGTERM, seconds=STOP_SECONDS)
    if child.returncode:
        told = log.read_text(encoding="utf-8", errors="replace")
        raise fault_of_output(told, service="the product", path=place.state, log=log)
    return said.read_text(encoding="utf-8", errors="replace")


def _serve(place: Place, leases: Sequence[Lease], sign_in: str, orders: Orders) -> None:
    """Run the processes until one of them or a service ends, or an order comes."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    commands = process_commands(
        host=place.host,
        port=place.port,
        stream_port=place.stream_port,
        web_threads=place.web_threads,
    )
    listening = {"web": place.port, "stream": place.stream_port}
    try:
        for name, command in commands.items():
            children[name] = _start(place, name, command)
            if name in listening:  # first, so that the others do not take its processor time
                _wait_for(name, place.host, listening[name], children, orders)
        _say(f"ready on {place.url}  (Ctrl-C stops everything, data stays in {place.state})")
        if sign_in.strip():
            _say(sign_in.strip())
        _watch(children, leases, orders)
    finally:
        seconds = 0.0 if orders.is_impatient else STOP_SECONDS
        stop_all(children.values(), first=signal.SIGTERM, seconds=seconds)


def _start(place: Place, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    child = spawn(
        command,
        identity=Identity(),
        end_signal=signal.SIGTERM,
        output=subprocess.PIPE,
        environment=place.environment,
        directory=PROJECT,
    )
    threading.Thread(target=_pump, args=(name, child), daemon=True).start()
    return child


def _wait_for(
    name: str,
    host: str,
    port: int,
    children: dict[str, subprocess.Popen[bytes]],
    orders: Orders,
) -> None:
    end = time.monotonic() + READY_SECONDS
    while not _answers(host, port):
        _require_alive(children)
        if time.monotonic() > end:
            raise LocalFault(f"the {name} process does not answer on port {port}")
        orders.wait(WATCH_SECONDS)


def _answers(host: str, port: int) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    try:
        with urllib.request.urlopen(f"http://{here}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except urllib.error.HTTPError:
        return True  # it refuses our host name, so it is there
    except OSError:
        return False


def _watch(
    children: dict[str, subprocess.Popen[bytes]], leases: Sequence[Lease], orders: Orders
) -> None:
    last_look = time.monotonic()
    while True:
        orders.wait(WATCH_SECONDS)
        _require_alive(children)
        if time.monotonic() - last_look >= LOOK_AT_SERVICES_SECONDS:
            last_look = time.monotonic()
            for lease in leases:
                if not lease.is_kept():
                    raise LocalFault(f"the embedded {lease.name} has ended; stopped the rest")


def _require_alive(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise LocalFault(
                f"{name} has ended with exit code {child.returncode}; stopped the rest"
            )


def _pump(name: str, child: subprocess.Popen[bytes]) -> None:
    """Print what a child prints, each line with the child's name before it."""
    if child.stdout is None:
        return
    with child.stdout as lines:
        for line in lines:
            _say(line.decode("utf-8", "replace").rstrip(), name=name)


def _say(text: str, *, name: str = "") -> None:
    """Print each line of `text`; a terminal that has gone away is not an error."""
    mark = f"{name:6} | " if name else ""
    try:
        sys.stdout.write("".join(f"{mark}{line}\n" for line in text.splitlines()))
        sys.stdout.flush()
    except OSError:
        return
