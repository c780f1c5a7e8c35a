"""What the OpenAPI generator cannot see: `GET /desktop/stream`, which another process answers.

Named in `SPECTACULAR_SETTINGS`.
"""

from typing import Any


def describe_desktop_stream(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the stream to the document; a postprocessing hook of drf-spectacular."""
    problem = {
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    }
    result["paths"]["/api/v1/desktop/stream"] = {
        "get": {
            "operationId": "listen_to_desktop_stream",
            "description": (
                "Server-sent events on the stream process, whose URL the settings document "
                "gives; this address itself answers 421 with that URL in `Location`.\n\n"
                "`revision`: the user's settings have this revision, sent at the beginning and "
                "whenever it changes; `id` is the revision. It is a hint: the Desktop then asks "
                "for the settings with its ETag, after a short wait by chance.\n\n"
                "`bye`: the stream ends, with `reason` `token_revoked`, `token_expired`, "
                "`time_limit` (15 minutes at the most) or `restart`. A comment comes every 15 "
                "seconds. `retry` says how long to wait before listening again."
            ),
            "tags": ["desktop"],
            "security": [{"bearer": []}],
            "responses": {
                "200": {
                    "description": "The stream.",
                    "content": {
                        "text/event-stream": {
                            "schema": {"type": "string"},
                            "example": (
                                'retry: 4210\n\nid: 42\nevent: revision\ndata: {"revision":42}\n\n'
                            ),
                        }
                    },
                },
                "421": problem
                | {"description": "This is the web process; `Location` is the stream's."},
                "429": problem | {"description": "Too many streams; `Retry-After` says when."},
            },
        }
    }
    return result
