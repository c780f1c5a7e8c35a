"""What the OpenAPI generator cannot see: `POST /session-events`, a plain Django view.

Named in `SPECTACULAR_SETTINGS`; the limits are those of the modules that enforce them.
"""

from typing import Any

from billing.api.bodies import DEPTH_AT_MOST, INFLATED_AT_MOST, SENT_AT_MOST
from billing.api.cloudevents import BATCH, EVENTS_AT_MOST, NAME_AT_MOST, SINGLE

MEGABYTE = 1024 * 1024

_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvents 1.0 event, as a runner reports it.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
        "source": {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST},
        "type": {
            "enum": [
                "offload.session.active",
                "offload.session.idle",
                "offload.session.ended",
            ]
        },
        "subject": {"type": "string", "description": "The member's e-mail address or id."},
        "time": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "required": ["organization", "machine", "idle_timeout_seconds"],
            "properties": {
                "organization": {"type": "string"},
                "machine": {"type": "string"},
                "idle_timeout_seconds": {"type": "integer", "minimum": 10, "maximum": 3600},
            },
        },
    },
    "example": {
        "specversion": "1.0",
        "id": "01JE8W3Q5Z",
        "source": "/runners/eu-1",
        "type": "offload.session.active",
        "time": "2026-11-23T20:00:00.123Z",
        "subject": "mei@acme.example",
        "data": {"organization": "acme", "machine": "cpu-4x8", "idle_timeout_seconds": 300},
    },
}
_VERDICT: dict[str, Any] = {
    "type": "object",
    "description": "What became of one event that was not plainly accepted.",
    "required": ["index", "id", "status"],
    "properties": {
        "index": {"type": "integer", "minimum": 0, "description": "Its place in the batch."},
        "id": {"type": "string"},
        "status": {"enum": ["duplicate", "conflict", "rejected"]},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_VERDICTS: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "duplicates", "conflicts", "rejected", "results"],
    "properties": {
        "accepted": _COUNT,
        "duplicates": _COUNT,
        "conflicts": _COUNT,
        "rejected": _COUNT,
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/EventVerdict"}},
    },
}


def describe_session_events(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the metering call to the document; a postprocessing hook of drf-spectacular."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(
        {"SessionEvent": _EVENT, "EventVerdict": _VERDICT, "EventVerdicts": _VERDICTS}
    )
    verdicts = {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventVerdicts"}}}
    }
    event = {"$ref": "#/components/schemas/SessionEvent"}
    result["paths"]["/api/v1/session-events"] = {
        "post": {
            "operationId": "report_session_events",
            "description": (
                "Report one event, or a batch of up to "
                f"{EVENTS_AT_MOST} in any order and as often as you like: an event is taken "
                "once. Each event is judged by itself; the answer comes after all that is "
                f"accepted is stored. At most {SENT_AT_MOST // MEGABYTE} MB sent, "
                f"{INFLATED_AT_MOST // MEGABYTE} MB inflated, {DEPTH_AT_MOST} levels of nesting."
            ),
            "tags": ["metering"],
            "parameters": [
                {
                    "name": "Content-Encoding",
                    "in": "header",
                    "schema": {"enum": ["gzip", "identity"]},
                }
            ],
            "requestBody": {
                "required": True,
                "content": {
                    SINGLE: {"schema": event},
                    BATCH: {
                        "schema": {"type": "array", "items": event, "maxItems": EVENTS_AT_MOST}
                    },
                },
            },
            "security": [{"bearer": []}],
            "responses": {
                "200": verdicts | {"description": "All events are accepted or duplicates."},
                "207": verdicts | {"description": "Some are rejected or in conflict."},
            },
        }
    }
    return result
