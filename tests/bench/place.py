"""A database of its own for one run of the benchmarks, and processes beside it."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from offload_admin.local.attach import attached
from offload_admin.local.processes import process_commands
from offload_admin.local.state import PROJECT

PORT, STREAM_PORT = 8973, 8974
START_SECONDS = 60
WEB_THREADS = 8


@contextmanager
def database() -> Iterator[None]:
    """Set Django up on a new, empty, migrated database; it is gone afterwards.

    On the embedded PostgreSQL with its usual settings (nothing is switched off), or on the one
    of DATABASE_URL.
    """
    state = Path(tempfile.mkdtemp(prefix="offload-bench-"))
    state.chmod(0o755)  # as root the server runs as nobody, who must get through
    os.environ["OFFLOAD_STATE_DIR"] = str(state)
    os.environ["DJANGO_SETTINGS_MODULE"] = "offload_admin.settings"
    name = f"offload_bench_{os.getpid()}"
    try:
        with attached(os.environ):
            server = os.environ["DATABASE_URL"]
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            os.environ["DATABASE_URL"] = urlsplit(server)._replace(path=f"/{name}").geturl()
            try:
                _set_up()
                yield
            finally:
                _tear_down()
                with psycopg.connect(server, autocommit=True) as connection:
                    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _set_up() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _tear_down() -> None:
    from django.db import connection

    connection.close()
    connection.close_pool()


@contextmanager
def web_process() -> Iterator[int]:
    """Run one web process as `make run` does, without a log line for each request; its port."""
    with _process("web", PORT):
        yield PORT


@contextmanager
def stream_process() -> Iterator[int]:
    """Run one stream process beside it; its process id."""
    with _process("stream", STREAM_PORT) as child:
        (worker,) = _children(child.pid)
        yield worker


@contextmanager
def _process(name: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = process_commands(
        host="127.0.0.1", port=PORT, stream_port=STREAM_PORT, web_threads=WEB_THREADS
    )[name]
    address = {"PORT": str(PORT), "BASE_URL": f"http://127.0.0.1:{PORT}"}
    child = subprocess.Popen(
        command, env=os.environ | address, cwd=PROJECT, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers(port):
            assert child.poll() is None, f"the {name} process has ended"
            assert time.monotonic() < end, f"the {name} process does not answer"
            time.sleep(0.1)
        yield child
    finally:
        child.terminate()
        child.wait(timeout=20)


def _children(process: int) -> list[int]:
    """Return the processes that serve: the server's first process only watches them."""
    task = Path(f"/proc/{process}/task/{process}/children")
    found = [int(number) for number in task.read_text(encoding="ascii").split()]
    # beside it stands the resource tracker of multiprocessing
    return [
        number
        for number in found
        if b"tracker" not in Path(f"/proc/{number}/cmdline").read_bytes()
    ]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
