"""Two transactions that meet: the second is known to wait for the first before it commits."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from django.db import connection

PATIENCE_SECONDS = 30


@contextmanager
def second_waits(work: Callable[[], Any]) -> Iterator[Callable[[], Future[Any]]]:
    """Hand out a starter of `work` on a connection of its own, which returns once it is blocked.

    Call the starter inside the first transaction, after what it locks. Its future holds the
    second's outcome after the first has committed.
    """
    with ThreadPoolExecutor(1) as pool:

        def start() -> Future[Any]:
            future = pool.submit(_own, work)
            _wait_until_blocked(future)
            return future

        yield start


def _own(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def _wait_until_blocked(future: Future[Any]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not _is_somebody_blocked():
        if future.done():
            future.result()
            raise AssertionError("the second did not wait for the first")
        assert monotonic() < deadline, "the second neither ended nor waited"
        sleep(0.01)


def _is_somebody_blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            # not pg_stat_activity, which a transaction sees as it first looked
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
