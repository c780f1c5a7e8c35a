"""The state directory of local runs: what lies where, who may read it."""

import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from offload_admin.env import Environment
from offload_admin.local.faults import LocalFault, fault_of

PROJECT = Path(__file__).resolve().parent.parent.parent
SOCKET_PATH_BYTES = 100  # Linux takes 107, macOS 103
SECRET_BYTES = 48
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, kw_only=True)
class ServiceDirectory:
    """What one embedded service keeps under the state directory."""

    path: Path

    @property
    def data(self) -> Path:
        """The server's own files, 0700."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.path / "server.log"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the service."""
        return self.path / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper as long as it lives."""
        return self.path / "keeper.lock"

    @property
    def gate_lock(self) -> Path:
        """Held while someone joins or leaves, so that only one starts or stops the keeper."""
        return self.path / "gate.lock"

    @property
    def record(self) -> Path:
        """The keeper's process id and the service's address, as JSON."""
        return self.path / "running.json"

    def sockets(self) -> Path:
        """Return the directory of the server's unix socket.

        Below the state directory; where that path is too long for a socket, in the system's
        temporary directory under a name that only depends on the state directory.
        """
        inside = self.path / "run"
        if len(os.fsencode(inside / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES:
            return inside
        return Path(tempfile.gettempdir()) / f"offload-{os.geteuid()}-{self.digest()}"

    def drop_outside_sockets(self) -> None:
        """Remove the socket directory if it lies outside and is empty; the server is stopped."""
        if self.sockets().parent != self.path:
            with contextlib.suppress(OSError):
                self.sockets().rmdir()

    def digest(self) -> str:
        """Return a short name that stands for this path outside the state directory."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]


def state_directory(env: Environment) -> Path:
    """Return OFFLOAD_STATE_DIR, or `var` beside manage.py; absolute, not created."""
    named = env.find("OFFLOAD_STATE_DIR")
    return Path(named).expanduser().absolute() if named else PROJECT / "var"


def open_state(path: Path) -> Path:
    """Create the state directory if needed and return it. Raises LocalFault."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise LocalFault(
                f"cannot write to {path}: Permission denied;"
                " change its rights or set OFFLOAD_STATE_DIR to another directory"
            )
    except OSError as error:
        raise fault_of(error, path=path) from error
    return path


def open_service(state: Path, name: str) -> ServiceDirectory:
    """Create the directory of one service and return it. Raises LocalFault."""
    directory = ServiceDirectory(path=open_state(state) / name)
    try:
        directory.path.mkdir(exist_ok=True)
    except OSError as error:
        raise fault_of(error, path=directory.path) from error
    return directory


def make_private(path: Path, *, owner: tuple[int, int] | None) -> None:
    """Make `path` a directory that only `owner` (uid, gid; None: this user) may enter.

    Raises OSError, and LocalFault when someone else made it first, as may happen in the
    system's temporary directory.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    wanted = owner or (os.geteuid(), os.getegid())
    if not stat.S_ISDIR(found.st_mode) or (found.st_uid != wanted[0] and os.geteuid() != 0):
        raise LocalFault(
            f"{path} belongs to another user; run as that user"
            " or set OFFLOAD_STATE_DIR to another directory"
        )
    if found.st_uid != wanted[0]:  # root ran the server another way before
        os.chown(path, *wanted)
    path.chmod(0o700)


def read_or_make_secret(state: Path, name: str) -> str:
    """Return the secret `name` of this state directory; the first call makes it, mode 0600.

    Two first calls at once agree on one value. Raises LocalFault.
    """
    path = secret_path(state, name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _publish_secret(path)
        value = path.read_text(encoding="ascii")
    except OSError as error:
        raise fault_of(error, path=path) from error
    if not value:
        raise LocalFault(f"{path} is empty; remove it and a new secret is made")
    return value


def secret_path(state: Path, name: str) -> Path:
    """Return where the secret `name` is kept."""
    return state / "secrets" / name.lower()


def _publish_secret(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(SECRET_BYTES), encoding="ascii")
        with contextlib.suppress(FileExistsError):  # another process was first; its value counts
            path.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)
