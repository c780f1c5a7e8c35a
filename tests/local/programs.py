"""Programs that use the embedded services, started as a person would: as processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
# Says where the services are, then uses them until its input closes.
USER = """
import json, os, sys
from offload_admin.local.attach import attached
with attached(os.environ) as leases:
    found = {"services": [lease.name for lease in leases]}
    found |= {name: os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
    print(json.dumps(found), flush=True)
    sys.stdin.read()
"""
WAIT_SECONDS = 60.0
# `env` in between, because setpriv itself still has root's capabilities when it looks for a file.
OTHER_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"]
SERVICE_VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "SIGNING_KEY",
    "OFFLOAD_STATE_DIR",
    "EMAIL_URL",
)


class Programs:
    """Starts processes on one state directory and remembers them."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing set but the state directory, and what the caller adds."""
        kept = {key: value for key, value in os.environ.items() if key not in SERVICE_VARIABLES}
        return {**kept, "OFFLOAD_STATE_DIR": str(self.state), **more}

    def start(
        self, command: Sequence[str | Path], *, wrapper: Sequence[str] = (), **more: str
    ) -> "subprocess.Popen[str]":
        program = subprocess.Popen(
            [*wrapper, *map(str, command)],
            cwd=PROJECT,
            env=self.environment(**more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(program)
        return program

    def use(self, *, wrapper: Sequence[str] = (), python: str = sys.executable, **more: str):
        """Start a user of the services; it leaves when `leave` is called."""
        return self.start([python, "-c", USER], wrapper=wrapper, **more)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one manage.py command to its end."""
        program = self.start([sys.executable, "manage.py", *arguments], **more)
        out, err = program.communicate(timeout=WAIT_SECONDS)
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    def refused(self, program: "subprocess.Popen[str]") -> str:
        """The one line on standard error of a program that must not start."""
        out, err = program.communicate(timeout=WAIT_SECONDS)
        assert program.returncode == 1, (out, err)
        assert len(err.splitlines()) == 1, err
        return err.strip()

    def kill_all(self) -> None:
        for program in self._started:
            if program.poll() is None:
                program.kill()
            program.communicate()
        wait_until(lambda: not services_of(self.state), "the services end with their users")


def found(program: "subprocess.Popen[str]") -> dict:
    """What a user of the services said once it had them."""
    line = program.stdout.readline()
    assert line, program.communicate()[1]
    return json.loads(line)


def leave(program: "subprocess.Popen[str]") -> None:
    """Let a user of the services go in good order."""
    program.communicate(input="", timeout=WAIT_SECONDS)
    assert program.returncode == 0


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end, f"never so: {what}"
        time.sleep(0.05)


def left_of(state: Path) -> list[int]:
    """What still runs on `state` after a moment.

    A keeper lets go of its lock, on which the last user waits, just before its process ends.
    """
    end = time.monotonic() + 10
    while (left := services_of(state)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def services_of(state: Path) -> list[int]:
    """Process ids of the first processes of the servers, and of keepers, on `state`."""
    ids = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        text = b" ".join(words).decode("utf-8", "replace")
        is_server = any(name in text for name in ("bin/postgres", "valkey-server", "local.keeper"))
        if is_server and str(state) in text:
            ids.append(int(process.name))
    return ids


def keeper_of(state: Path, service: str) -> int:
    return json.loads((state / service / "running.json").read_text())["process"]


def free_port() -> int:
    """A port that is free, and so is the one after it, which the stream process takes."""
    while True:
        with socket.socket() as probe, socket.socket() as beside:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            try:
                beside.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def send(program: "subprocess.Popen[str]", number: signal.Signals) -> None:
    os.kill(program.pid, number)
