"""What every answer says to the browser, and what the logs say about a request."""

import json
import logging

import pytest
from django.conf import settings

from offload_admin.logs import logging_config

STRICT = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def test_every_answer_carries_the_strict_policy(client):
    answer = client.get("/healthz")
    assert set(answer["Content-Security-Policy"].split("; ")) == STRICT
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_request_keeps_a_safe_id_and_gets_one_otherwise(client):
    answer = client.get("/healthz", headers={"X-Request-ID": "from-a-proxy.1"})
    assert answer["X-Request-ID"] == "from-a-proxy.1"
    for unsafe in ("a b", "x" * 65, "evil\x1b[31m", "short"):
        answer = client.get("/healthz", headers={"X-Request-ID": unsafe})
        assert answer["X-Request-ID"] != unsafe
        assert len(answer["X-Request-ID"]) == 32


def test_a_log_line_is_one_json_object_with_the_request_id(client, capsys, caplog):
    formatter = logging_config(log_format="json")["formatters"]["line"]
    line = formatter.pop("()")(
        processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
    )
    with caplog.at_level(logging.INFO, logger="offload_admin.requests"):
        client.get("/nothing-here/", headers={"X-Request-ID": "request-1234"})
    record = next(r for r in caplog.records if r.name == "offload_admin.requests")
    said = json.loads(line.format(record))
    assert said["request_id"] == "request-1234"
    assert (said["method"], said["path"], said["status"]) == ("GET", "/nothing-here/", 404)
    assert (said["event"], said["level"]) == ("request", "info")
    assert said["at"].endswith("Z")


@pytest.mark.parametrize("word", ["optional", "SECRET_KEY"])
def test_the_settings_do_not_leak_into_pages(client, word):
    assert settings.DEBUG is False
    assert word.encode() not in client.get("/nothing-here/").content


def test_postgresql_is_used_as_a_transaction_pool_allows():
    options = settings.DATABASES["default"]["OPTIONS"]
    assert options["prepare_threshold"] is None
    assert options["pool"]["max_size"] >= settings.WEB_THREADS
    assert settings.DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] is False


def test_sweeps_cannot_pile_up():
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] <= entry["schedule"]
