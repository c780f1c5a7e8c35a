"""What forbids a local run is said in one line that a person can act on."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests.local.programs import OTHER_USER, PROJECT, found, free_port, leave

SUPERVISOR = [sys.executable, "-m", "offload_admin.local"]


def test_a_taken_port(state, programs):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        line = programs.refused(programs.start(SUPERVISOR, PORT=str(port)))
    assert line == f"error: port {port} is taken by another program; set PORT to a free one"
    assert not (state / "postgres").exists()


def test_a_taken_port_of_the_stream_process(state, programs):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = str(listener.getsockname()[1])
        run = programs.start(SUPERVISOR, PORT=str(free_port()), STREAM_PORT=taken)
        line = programs.refused(run)
    assert line == (
        f"error: port {taken} is taken by another program; set STREAM_PORT to a free one"
    )
    assert not (state / "postgres").exists()


def test_a_stream_port_that_is_the_web_port(state, programs):
    line = programs.refused(programs.start(SUPERVISOR, PORT="9000", STREAM_PORT="9000"))
    assert line == "error: STREAM_PORT must be another port than PORT, which is 9000"
    assert not state.exists()


def test_a_state_path_that_is_a_file(state, programs):
    state.write_text("")
    line = programs.refused(programs.use())
    assert line == (
        f"error: {state} is a file, not a directory; set OFFLOAD_STATE_DIR to another directory"
    )


def test_a_state_path_below_a_file(state, programs):
    state.write_text("")
    programs.state = state / "below"
    line = programs.refused(programs.use())
    assert line == (
        f"error: {state}/below is a file, not a directory;"
        " set OFFLOAD_STATE_DIR to another directory"
    )


def mounted(state, options: str, then: str) -> list[str]:
    """A wrapper that runs a program on a file system of its own at `state`."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root to mount a file system")
    state.mkdir()
    state.chmod(0o755)
    mount = f"mount -t tmpfs -o {options} tmpfs {state} && {then} && "
    probe = subprocess.run(["unshare", "--mount", "sh", "-c", mount + "true"], check=False)
    if probe.returncode:
        pytest.skip("mounting is not allowed here")
    return ["unshare", "--mount", "sh", "-c", mount + 'exec "$0" "$@"']


def test_a_disk_without_room_for_a_database(state, programs):
    wrapper = mounted(state, "size=8m,mode=755", "true")
    line = programs.refused(programs.use(wrapper=wrapper))
    assert line == (
        f"error: no space left on the disk of {state}/postgres: 8 MB are free,"
        " a new database needs 120 MB"
    )


def test_a_disk_that_is_full_to_the_last_byte(state, programs):
    fill = f"(cat /dev/zero > {state}/filling 2>/dev/null; true)"
    wrapper = mounted(state, "size=4m,mode=755", fill)
    line = programs.refused(programs.use(wrapper=wrapper))
    assert line.startswith(f"error: no space left on the disk of {state}")


def test_a_disk_that_fills_while_the_database_is_made(state, programs, monkeypatch):
    """The check beforehand cannot know who else writes; initdb's own failure reads the same."""
    wrapper = mounted(state, "size=30m,mode=755", "true")
    program = (
        "from offload_admin.local import postgres\n"
        "postgres.NEW_CLUSTER_BYTES = 0\n"
        "from pathlib import Path\n"
        "from offload_admin.local.state import open_service\n"
        f"postgres.PostgresServer(open_service(Path({str(state)!r}), 'postgres')).start()\n"
    )
    line = programs.refused(programs.start([sys.executable, "-c", program], wrapper=wrapper))
    assert line == f"error: no space left on the disk of {state}/postgres"


def test_a_read_only_file_system(state, programs):
    wrapper = mounted(state, "size=8m,mode=755", f"mount -o remount,ro {state}")
    line = programs.refused(programs.use(wrapper=wrapper))
    assert line == (
        f"error: cannot write to {state}: Permission denied;"
        " change its rights or set OFFLOAD_STATE_DIR to another directory"
    )


def as_other_user(programs) -> dict:
    """How to run a program as an ordinary user: needless for one, a wrapper for root."""
    if os.geteuid() != 0:
        return {}
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if (
        python is None
        or subprocess.run(
            [*OTHER_USER, "test", "-r", "manage.py"], cwd=PROJECT, check=False
        ).returncode
    ):
        pytest.skip("no Python of this machine can be run by another user on this checkout")
    return {"wrapper": OTHER_USER, "python": python, "PYTHONPATH": str(PROJECT)}


def test_a_directory_without_the_right_to_write(state, programs):
    state.mkdir()
    state.chmod(0o555)
    line = programs.refused(programs.use(**as_other_user(programs)))
    assert line == (
        f"error: cannot write to {state}: Permission denied;"
        " change its rights or set OFFLOAD_STATE_DIR to another directory"
    )


def test_a_directory_of_which_another_user_owns_the_locks(state, programs):
    ordinary = as_other_user(programs)
    if not ordinary:
        pytest.skip("needs two users")
    user = programs.use()
    found(user)
    leave(user)
    state.chmod(0o777)
    line = programs.refused(programs.use(**ordinary))
    assert line == (
        f"error: cannot write to {state}/postgres/users.lock: Permission denied;"
        " change its rights or set OFFLOAD_STATE_DIR to another directory"
    )


def test_a_malformed_value_stops_every_command_before_a_service_starts(state, programs):
    done = programs.run("migrate", DATABASE_URL="mysql://somewhere/db")
    assert done.returncode == 1
    assert done.stderr == (
        "error: DATABASE_URL must begin with one of postgres://, postgresql://\n"
    )


def test_a_production_without_a_secret_key(state, programs):
    done = programs.run(
        "check",
        DATABASE_URL="postgresql://somewhere/db",
        REDIS_URL="redis://somewhere:6379/0",
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: SECRET_KEY is missing; set it, or SECRET_KEY_FILE to a file with it\n"
    )


def test_a_production_without_a_signing_key(state, programs):
    done = programs.run(
        "check",
        DATABASE_URL="postgresql://somewhere/db",
        REDIS_URL="redis://somewhere:6379/0",
        SECRET_KEY="s" * 50,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: SIGNING_KEY is missing; set it, or SIGNING_KEY_FILE to a file with it\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "celery", "-A", "offload_admin", "worker"],
        ["-m", "celery", "-A", "offload_admin", "beat"],
        ["-c", "import offload_admin.wsgi"],
        ["-c", "import offload_admin.asgi"],
    ],
    ids=["worker", "beat", "web", "stream"],
)
def test_a_server_process_without_its_database(programs, command):
    program = programs.start([sys.executable, *command], SECRET_KEY="s" * 50)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 1, (out, err)
    assert err.splitlines()[-1] == (
        "error: DATABASE_URL is missing; set it, or DATABASE_URL_FILE to a file with it"
    )
