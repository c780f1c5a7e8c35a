"""Probes for whoever runs the processes: is this one alive, and can it serve?"""

import logging
from collections.abc import Callable, Collection

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)
BROKER_TIMEOUT_SECONDS = 2.0


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all; touches nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest, *, parts: Collection[str] | None = None) -> JsonResponse:
    """Answer 200 when database, migrations and broker are fit, else 503 and which is not.

    `parts` names those that count, for a process that does not need all. The body names the part
    and "ok" or "failed" only; the reason goes to the log.
    """
    found = {name: _try(name, CHECKS[name]) for name in parts or CHECKS}
    is_ready = all(found.values())
    body = {name: "ok" if fits else "failed" for name, fits in found.items()}
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": body},
        status=200 if is_ready else 503,
    )


def _try(name: str, check: Callable[[], bool]) -> bool:
    try:
        fits = check()
    except (DatabaseError, redis.RedisError, OSError) as error:
        logger.warning("not ready: %s: %s", name, error)
        return False
    if not fits:
        logger.warning("not ready: %s", name)
    return fits


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _migrations_are_applied() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _broker_answers() -> bool:
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_TIMEOUT_SECONDS,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
    ) as client:
        return bool(client.ping())


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database_answers,
    "migrations": _migrations_are_applied,
    "broker": _broker_answers,
}
