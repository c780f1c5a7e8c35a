"""The web and the stream process on the test database, as `make run` starts them."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from offload_admin.local.processes import process_commands
from offload_admin.local.state import PROJECT

START_SECONDS = 120
NO_REDIS = "unix:///nonexistent/valkey.sock?db=0"


@dataclass(frozen=True, kw_only=True)
class Live:
    """Where the processes answer."""

    url: str
    stream_url: str


@contextmanager
def live_product(logs: Path, **environment: str) -> Iterator[Live]:
    """Run both processes; tests must commit what they are to see (`transactional_db`)."""
    port = _free_ports()
    env = {
        **os.environ,
        "DATABASE_URL": _test_database(),
        "PORT": str(port),
        "STREAM_PORT": str(port + 1),
        "BASE_URL": f"http://127.0.0.1:{port}",
        **environment,
    }
    commands = process_commands(host="127.0.0.1", port=port, stream_port=port + 1, web_threads=4)
    children = []
    try:
        for name in ("web", "stream"):
            with (logs / f"{name}.log").open("wb") as log:
                child = subprocess.Popen(
                    commands[name], cwd=PROJECT, env=env, stdout=log, stderr=log
                )
            children.append(child)
        for number, child in enumerate(children):
            _wait_for(f"http://127.0.0.1:{port + number}/healthz", child, logs)
        yield Live(url=f"http://127.0.0.1:{port}", stream_url=f"http://127.0.0.1:{port + 1}")
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)


def _test_database() -> str:
    name = connection.settings_dict["NAME"]
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _free_ports() -> int:
    while True:
        with socket.socket() as probe, socket.socket() as beside:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            try:
                beside.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _wait_for(url: str, child: "subprocess.Popen[bytes]", logs: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    said = "\n".join(path.read_text("utf-8", "replace") for path in logs.glob("*.log"))
    raise AssertionError(f"{url} does not answer\n{said}")
