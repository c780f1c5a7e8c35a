"""How the OpenAPI document describes our tokens and our refusals.

The scheme is loaded by `OrgsConfig.ready`, the hook is named in `SPECTACULAR_SETTINGS`.
"""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from orgs.access.problems import CONTENT_TYPE

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A refusal (RFC 9457). `code` is for programs and never changes.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string", "description": "In the language of `Accept-Language`."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer into the body, or a parameter's name.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_REFUSALS: Final = {
    "400": "The request is not valid.",
    "401": "No token or session, or a bad one.",
    "403": "The token's scopes or the caller's role do not allow it.",
    "404": "There is no such thing for this caller.",
    "default": "Any other refusal.",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <prefix>_<secret>`."""

    target_class = "orgs.access.tokens.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Return the scheme's definition."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ofd_… | ofo_… | ofm_…"}


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every operation its refusals; a postprocessing hook of drf-spectacular."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, description in _REFUSALS.items():
                operation["responses"].setdefault(
                    status, {"description": description, "content": content}
                )
    return result
