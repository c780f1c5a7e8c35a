"""The probes tell the truth about the parts they name."""

import pytest
from django.db import connection


def test_alive_without_any_service(client):
    """No database mark: the probe of the process must not need it."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_with_all_parts(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok"},
    }


@pytest.mark.django_db
def test_not_ready_without_the_broker(client, settings):
    settings.REDIS_URL = "unix:///nonexistent/valkey.sock?db=0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {"database": "ok", "migrations": "ok", "broker": "failed"},
    }


@pytest.mark.django_db
def test_not_ready_with_a_migration_that_is_not_applied(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "migrations": "failed", "broker": "ok"}


def test_probes_only_read(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
