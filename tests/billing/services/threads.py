"""Two workers at once: each with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the works in threads at the same time; return what they return, or raise."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(_own, w) for w in works]]


def _own(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return what a query says."""
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        return cursor.fetchall()
