"""Pytest plugin (`-p tests.embedded`): real services for the tests, started once per run.

pytest-django reads the settings before any conftest.py, so this is a plugin, which is loaded
earlier. Under xdist the controller starts the services and the workers inherit the environment.
DATABASE_URL and REDIS_URL, when set, are used as they are.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from offload_admin.local.attach import attached
from offload_admin.local.postgres import OPTIONS_VARIABLE

# A crash loses nothing that a test needs, so nothing waits for the disk.
FAST_POSTGRES = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
TEST_SECRET = "only-for-tests-and-long-enough-to-be-taken-for-a-key"

_services = ExitStack()


def _start() -> None:
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    state = Path(tempfile.mkdtemp(prefix="offload-tests-"))
    state.chmod(0o755)  # as root the server runs as nobody, who must get through
    _services.callback(shutil.rmtree, state, ignore_errors=True)
    fast = {**os.environ, "OFFLOAD_STATE_DIR": str(state)}
    os.environ[OPTIONS_VARIABLE] = FAST_POSTGRES
    try:
        _services.enter_context(attached(fast))
    finally:
        del os.environ[OPTIONS_VARIABLE]
    for name in ("DATABASE_URL", "REDIS_URL", "OFFLOAD_STATE_DIR"):
        os.environ[name] = fast[name]


def _separate(worker: str) -> None:
    """Give a worker a database number of its own in the embedded Valkey, as in PostgreSQL."""
    address, _, number = os.environ["REDIS_URL"].rpartition("?db=")
    if address.startswith("unix://") and number == "0":
        os.environ["REDIS_URL"] = f"{address}?db={int(worker.removeprefix('gw')) % 15 + 1}"


if "PYTEST_XDIST_WORKER" in os.environ:
    _separate(os.environ["PYTEST_XDIST_WORKER"])
else:
    os.environ.setdefault("SECRET_KEY", TEST_SECRET)
    os.environ.setdefault("SIGNING_KEY", TEST_SECRET)
    os.environ.setdefault("EMAIL_URL", "console://")
    _start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop what was started; in a worker there is nothing."""
    _services.close()
