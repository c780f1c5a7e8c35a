"""`make run` as a person meets it: it serves, it ends, it starts again whatever ended it."""

import os
import signal
import sys
import urllib.request
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.local.programs import free_port, left_of

SUPERVISOR = [sys.executable, "-m", "offload_admin.local"]
QUIET = {"OFFLOAD_DEMO": "off", "LOG_FORMAT": "json"}
# Each of these runs all processes; side by side they would only slow each other down.
pytestmark = pytest.mark.xdist_group("supervisor")


def until_ready(program) -> list[str]:
    said = []
    for line in program.stdout:
        said.append(line)
        if line.startswith("ready on "):
            return said
    raise AssertionError("".join(said) + program.stderr.read())


def status(port: int, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status


def children_of(parent: int) -> list[int]:
    """Process ids of all descendants."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                words = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if words[0] != "Z" and int(words[1]) == parent:
                found += [int(path.name), *children_of(int(path.name))]
    return found


def living(ids: list[int]) -> list[int]:
    states = []
    for number in ids:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        states += [number] if state not in "ZX" else []
    return states


def test_it_serves_and_ctrl_c_ends_all_of_it(state, programs):
    port = free_port()
    run = programs.start(SUPERVISOR, PORT=str(port), **QUIET)
    said = until_ready(run)
    assert said[-1] == (
        f"ready on http://localhost:{port}  (Ctrl-C stops everything, data stays in {state})\n"
    )
    assert (status(port, "/healthz"), status(port, "/readyz")) == (200, 200)
    commands = [Path(f"/proc/{number}/cmdline").read_bytes() for number in children_of(run.pid)]
    assert (status(port + 1, "/healthz"), status(port + 1, "/readyz")) == (200, 200)
    for name in (b".wsgi:application", b".asgi:application", b"\0worker\0", b"\0beat\0"):
        assert any(name in command for command in commands)

    # A command beside it uses the same services and does not end them.
    assert programs.run("migrate", "--check").returncode == 0
    assert status(port, "/readyz") == 200
    # A second one on the same state directory is refused, and disturbs nothing.
    line = programs.refused(programs.start(SUPERVISOR, PORT=str(free_port()), **QUIET))
    assert line == (
        f"error: another `make run` uses {state}; set OFFLOAD_STATE_DIR and PORT to run beside it"
    )

    children = children_of(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert out.endswith("stopped\n")
    assert living(children) == []
    assert left_of(state) == []


def test_after_kill_9_nothing_stays_and_the_next_start_works_at_once(state, programs):
    port = free_port()
    run = programs.start(SUPERVISOR, PORT=str(port), **QUIET)
    until_ready(run)
    children = children_of(run.pid)
    run.kill()
    again = programs.start(SUPERVISOR, PORT=str(port), **QUIET)
    until_ready(again)
    assert status(port, "/readyz") == 200
    assert living(children) == []
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert left_of(state) == []


@pytest.mark.prove
def test_a_process_that_dies_ends_the_run_with_its_name(state, programs):
    port = free_port()
    run = programs.start(SUPERVISOR, PORT=str(port), **QUIET)
    until_ready(run)
    beat = next(
        number
        for number in children_of(run.pid)
        if b"\0beat\0" in Path(f"/proc/{number}/cmdline").read_bytes()
    )
    os.kill(beat, signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert err == "error: beat has ended with exit code -9; stopped the rest\n"
    assert left_of(state) == []


def test_with_both_addresses_set_nothing_embedded_starts(state, programs):
    name = f"run_{uuid.uuid4().hex}"
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        before, _, after = server.partition("?")
        address = f"{before.rpartition('/')[0]}/{name}" + (f"?{after}" if after else "")
        port = free_port()
        both = {"DATABASE_URL": address, "REDIS_URL": os.environ["REDIS_URL"]}
        run = programs.start(SUPERVISOR, PORT=str(port), **QUIET, **both)
        until_ready(run)
        assert left_of(state) == []
        assert not (state / "postgres").exists()
        assert status(port, "/readyz") == 200
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        assert run.returncode == 0
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_a_malformed_value_is_named_in_one_line(state, programs):
    line = programs.refused(
        programs.start(SUPERVISOR, PORT=str(free_port()), DEBUG="perhaps", OFFLOAD_DEMO="off")
    )
    assert line == "error: DEBUG must be true or false, not 'perhaps'"
    line = programs.refused(programs.start(SUPERVISOR, PORT="http"))
    assert line == "error: PORT must be a whole number, not 'http'"
