"""One live product for all tests of clients, without Redis: no client needs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import NO_REDIS, Live, live_product


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one worker: they share the processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "live" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("live"))


@pytest.fixture(scope="session")
def live(
    django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """The web and the stream process on this worker's test database."""
    with django_db_blocker.unblock():
        running = live_product(tmp_path_factory.mktemp("live"), REDIS_URL=NO_REDIS)
        with running as live:
            yield live
