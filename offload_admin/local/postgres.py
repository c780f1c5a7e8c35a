"""The embedded PostgreSQL: binaries from a package, one server on a unix socket, no network."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from offload_admin.local.children import Identity, run_as, spawn, stop
from offload_admin.local.faults import LocalFault, fault_of_output
from offload_admin.local.postgres_user import Placement, choose_placement
from offload_admin.local.server import open_log, wait_until_ready
from offload_admin.local.state import ServiceDirectory, make_private

ROLE = DATABASE = "offload"
PORT = 5432  # only names the socket file; nothing listens on the network
OPTIONS_VARIABLE = "OFFLOAD_POSTGRES_OPTIONS"  # more server options; tests turn fsync off
MAX_CONNECTIONS = 200
STOP_SECONDS = 30.0
ORPHAN_SECONDS = 20.0
NEW_CLUSTER_BYTES = 120 * 1024 * 1024  # 40 MB of files, two WAL segments, room to migrate
SMALL_SHARED_MEMORY_BYTES = 256 * 1024 * 1024
STILL_IN_USE = "pre-existing shared memory block"


class PostgresServer:
    """One PostgreSQL server on the data directory of one state directory.

    The caller holds the keeper's lock, so no other keeper works on these files.
    """

    name = "PostgreSQL"

    def __init__(self, directory: ServiceDirectory) -> None:
        """Work on `directory`; nothing is started yet."""
        self.directory = directory
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Create the cluster if it is missing, start the server, return its URL.

        Clears what a killed server left behind. Raises LocalFault, OSError.
        """
        placement = choose_placement(self.directory)
        make_private(placement.sockets, owner=placement.identity.owner)
        if not (placement.data / "PG_VERSION").exists():
            self._create_cluster(placement)
        _own(placement.data, placement.identity)
        _end_orphan(placement.data)
        for leftover in placement.sockets.glob(".s.PGSQL.*"):
            leftover.unlink()
        end = time.monotonic() + ORPHAN_SECONDS
        while True:
            try:
                self._launch(placement)
                break
            except LocalFault as fault:
                # Backends of a postmaster that was killed need a moment to notice it.
                if STILL_IN_USE not in fault.reason or time.monotonic() > end:
                    raise
                time.sleep(0.2)
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(placement.sockets))}&port={PORT}"

    def is_running(self) -> bool:
        """Say whether the server's first process lives."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End it by SIGINT: open connections are cut, data is written. Waits for it."""
        if self._child is not None:
            stop(self._child, first=signal.SIGINT, seconds=STOP_SECONDS)

    def _create_cluster(self, placement: Placement) -> None:
        """Make the cluster beside its place and move it there whole, so no half one is met."""
        free = shutil.disk_usage(placement.data.parent).free
        if free < NEW_CLUSTER_BYTES:
            raise LocalFault(
                f"no space left on the disk of {self.directory.path}: {free // 2**20} MB are free,"
                f" a new database needs {NEW_CLUSTER_BYTES // 2**20} MB"
            )
        fresh = placement.data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        make_private(fresh, owner=placement.identity.owner)
        initdb: list[str | Path] = [
            placement.binaries / "initdb",
            "-D",
            fresh,
            "-U",
            ROLE,
            "-A",
            "trust",
        ]
        encoding = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._must(placement, [*initdb, *encoding, "--locale=C", "--no-sync", "--no-instructions"])
        single: list[str | Path] = [
            placement.binaries / "postgres",
            "--single",
            "-D",
            fresh,
            "postgres",
        ]
        self._must(placement, single, given=f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n")
        if placement.data.exists():
            placement.data.rmdir()
        fresh.rename(placement.data)

    def _must(self, placement: Placement, command: list[str | Path], *, given: str = "") -> None:
        done = run_as(command, identity=placement.identity, given=given)
        if done.returncode or "ERROR:" in done.stderr:
            log = self.directory.log
            log.write_text(done.stdout + done.stderr, encoding="utf-8", errors="replace")
            raise fault_of_output(
                done.stderr, service=f"the embedded {self.name}", path=self.directory.path, log=log
            )

    def _launch(self, placement: Placement) -> None:
        log = self.directory.log
        open_log(log)
        options: list[str | Path] = [
            *("-D", placement.data, "-k", placement.sockets, "-p", str(PORT)),
            *_settings(listen_addresses="", max_connections=str(MAX_CONNECTIONS)),
            *_settings(timezone="UTC", log_timezone="UTC", shared_buffers="256MB", jit="off"),
            *_settings(max_wal_size="2GB", random_page_cost="1.1", work_mem="16MB"),
            *_settings(dynamic_shared_memory_type=_shared_memory()),
            *shlex.split(os.environ.get(OPTIONS_VARIABLE, "")),
        ]
        with log.open("ab") as output:
            self._child = spawn(
                [placement.binaries / "postgres", *options],
                identity=placement.identity,
                end_signal=signal.SIGINT,
                output=output,
            )
        asks: list[str | Path] = [
            placement.binaries / "pg_isready",
            "-q",
            "-h",
            placement.sockets,
            "-p",
            str(PORT),
        ]
        wait_until_ready(
            self._child,
            is_ready=lambda: run_as(asks, identity=Identity()).returncode == 0,
            service=f"the embedded {self.name}",
            path=self.directory.path,
            log=log,
        )


def _settings(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in ("-c", f"{name}={value}")]


def _shared_memory() -> str:
    """Containers often have 64 MB in /dev/shm, which one parallel query can fill."""
    try:
        is_small = shutil.disk_usage("/dev/shm").total < SMALL_SHARED_MEMORY_BYTES  # noqa: S108
    except OSError:
        return "mmap"
    return "mmap" if is_small else "posix"


def _own(data: Path, identity: Identity) -> None:
    """Give the cluster to the user that the server runs as, when root ran it otherwise before.

    Raises LocalFault when this user may not.
    """
    wanted = identity.owner or (os.geteuid(), os.getegid())
    found = data.stat().st_uid
    if found == wanted[0]:
        return
    if os.geteuid() != 0:
        raise LocalFault(
            f"{data} belongs to another user (id {found}); run as that user"
            " or set OFFLOAD_STATE_DIR to another directory"
        )
    for path in [data, *data.rglob("*")]:
        os.chown(path, *wanted, follow_symlinks=False)


def _end_orphan(data: Path) -> None:
    """End a server whose keeper was killed, and remove its mark if that names a stranger.

    PostgreSQL refuses to start while the process id in postmaster.pid lives, though after a
    restart of the machine or a container that id may be anybody's.
    """
    mark = data / "postmaster.pid"
    try:
        process_id = int(mark.read_text(encoding="utf-8", errors="replace").split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    sent = signal.SIGINT
    end = time.monotonic() + ORPHAN_SECONDS
    while _serves(process_id, data):
        if time.monotonic() > end:
            sent = signal.SIGKILL
        os.kill(process_id, sent)
        time.sleep(0.1)
    mark.unlink(missing_ok=True)


def _serves(process_id: int, data: Path) -> bool:
    """Say whether that process is a server on `data` (it works in its data directory)."""
    process = Path("/proc") / str(process_id)
    try:
        state = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state not in {"Z", "X"} and (process / "cwd").samefile(data)
    except OSError:
        return False
