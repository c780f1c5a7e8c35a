"""A database of its own for one run of the benchmarks, and a web process beside it."""

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

PORT = 8973
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
    command = process_commands(
        host="127.0.0.1", port=PORT, stream_port=PORT + 1, web_threads=WEB_THREADS
    )["web"]
    child = subprocess.Popen(
        command, env=os.environ | {"ALLOWED_HOSTS": "127.0.0.1"}, cwd=PROJECT,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers():
            assert child.poll() is None, "the web process has ended"
            assert time.monotonic() < end, "the web process does not answer"
            time.sleep(0.1)
        yield PORT
    finally:
        child.terminate()
        child.wait(timeout=20)


def _answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
