"""Real state directories and real processes for the tests of local runs."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.programs import Programs


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory that does not exist yet, below one that anybody may enter."""
    parent = Path(tempfile.mkdtemp(prefix="offload-local-"))
    parent.chmod(0o755)
    yield parent / "state"
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def programs(state: Path) -> Iterator[Programs]:
    """Starts programs on `state`; what still lives at the end is killed."""
    running = Programs(state)
    yield running
    running.kill_all()
