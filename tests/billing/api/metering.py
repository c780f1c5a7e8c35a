"""Events as a runner writes them, and what it reads in the answers."""

from datetime import UTC, datetime, timedelta
from itertools import count

from tests.billing.services.threads import rows

URL = "/api/v1/session-events"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_ids = count()


def now_text(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat().replace("+00:00", "Z")


def event(**changes) -> dict:
    data = {"organization": "acme", "machine": "cpu-4x8", "idle_timeout_seconds": 300}
    data |= {key: changes.pop(key) for key in list(changes) if key in data}
    values = {
        "specversion": "1.0",
        "id": f"e{next(_ids)}",
        "source": "/runners/eu-1",
        "type": "offload.session.active",
        "time": now_text(hours=1),
        "subject": "dev@acme.example",
        "data": data,
    }
    return values | changes


def problem(response) -> tuple[int, str]:
    assert response["Content-Type"].startswith("application/problem+json")
    document = response.json()
    assert document["status"] == response.status_code
    assert {"type", "title", "status", "detail", "code"} <= set(document)
    return response.status_code, document["code"]


def verdicts(response) -> list[tuple[int, str, str | None]]:
    return [
        (result["index"], result["status"], result.get("code"))
        for result in response.json()["results"]
    ]


def stored() -> int:
    return rows("SELECT count(*) FROM billing_sessionevent")[0][0]
