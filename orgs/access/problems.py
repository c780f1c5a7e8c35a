"""Refusals of the HTTP API, all in one shape: RFC 9457 `application/problem+json`.

`title` follows `Accept-Language`; `code` is for programs and never changes. `type` is
`about:blank`: the meaning is in `status` and `code`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from django.views.csrf import csrf_failure
from rest_framework import exceptions

API_ROOT = "/api/"
CONTENT_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="api"'

ERRORS_AT_MOST = 100
"""Mistakes that one answer tells of; whoever sent more has more than these to mend."""

TITLES = {
    400: _("Bad request"),
    401: _("Not signed in"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    406: _("Not acceptable"),
    409: _("Conflict"),
    412: _("Precondition failed"),
    413: _("Too large"),
    415: _("Unsupported media type"),
    421: _("Wrong process"),
    428: _("Precondition required"),
    429: _("Too many requests"),
    500: _("Internal error"),
    503: _("Not available"),
}

_CODES: Mapping[type[exceptions.APIException], str] = {
    exceptions.ParseError: "malformed_request",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}


class FieldError(NamedTuple):
    """One thing wrong with the request. `pointer` is a JSON pointer, or a parameter's name."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """A refusal with its status, stable code and explanation.

    `more` is what a program needs to go on, such as the current document (RFC 9457, 3.2). Raised
    anywhere below a view of the API: Django REST framework's views answer it by
    `answer_exception`, plain ones by the middleware `orgs.access.middleware.ProblemAnswers`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> HttpResponse:
        """Return the answer; a 401 names the way to sign in."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": str(TITLES.get(self.status, HTTPStatus(self.status).phrase)),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            told = self.errors[:ERRORS_AT_MOST]
            document["errors"] = [error._asdict() for error in told]
        document |= self.more
        headers = self.headers
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers = {"WWW-Authenticate": CHALLENGE} | headers
        return HttpResponse(
            json.dumps(document, ensure_ascii=False),
            status=self.status,
            content_type=CONTENT_TYPE,
            headers=headers,
        )


def answer_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer what a REST framework view raised; None (a 500) for what nobody foresaw."""
    problem = _problem_of(error)
    return None if problem is None else problem.response()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 outside any view: a problem below `/api/`, else a page."""
    if _is_api(request):
        return Problem(400, "malformed_request", "The request cannot be read.").response()
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 outside any view: a problem below `/api/`, else a page."""
    if _is_api(request):
        return Problem(403, "forbidden", "This is not allowed.").response()
    return defaults.permission_denied(request, exception)


def forbidden_by_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a write without the browser's CSRF token: a problem below `/api/`, else a page."""
    if _is_api(request):
        return Problem(403, "csrf_failed", reason).response()
    return csrf_failure(request, reason)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: a problem below `/api/`, else a page."""
    if _is_api(request):
        return Problem(404, "not_found", "There is nothing here.").response()
    return defaults.page_not_found(request, exception)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer 500: a problem below `/api/`, else a page. What happened stands in the log only."""
    if _is_api(request):
        return Problem(500, "internal_error", "Something went wrong on our side.").response()
    return defaults.server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_ROOT)


def _problem_of(error: Exception) -> Problem | None:
    match error:
        case Problem():
            return error
        case Http404():
            error = exceptions.NotFound("There is nothing here.")
        case PermissionDenied():
            error = exceptions.PermissionDenied("This is not allowed.")
        case RequestDataTooBig():
            return Problem(413, "body_too_large", "The body is too large.")
        case exceptions.ValidationError():
            errors = tuple(_field_errors(error.get_full_details(), pointer=""))
            return Problem(400, "invalid", "The request is not valid.", errors=errors)
        case _:
            pass
    return _problem_of_framework(error) if isinstance(error, exceptions.APIException) else None


def _problem_of_framework(error: exceptions.APIException) -> Problem:
    return Problem(
        error.status_code,
        _CODES.get(type(error), str(error.default_code)),
        str(error.detail),
        headers=_headers_of(error),
    )


def _headers_of(error: exceptions.APIException) -> dict[str, str]:
    wait = getattr(error, "wait", None)
    return {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}


def _field_errors(details: Any, *, pointer: str) -> list[FieldError]:
    """Flatten the framework's nested details; keys and indexes make the pointer (RFC 6901)."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [FieldError(pointer, str(details["code"]), str(details["message"]))]
    if isinstance(details, dict):
        found: list[FieldError] = []
        for key, value in details.items():
            step = "" if key == "non_field_errors" else "/" + _escape(str(key))
            found += _field_errors(value, pointer=pointer + step)
        return found
    found = []
    for index, value in enumerate(details):
        is_leaf = isinstance(value, dict) and set(value) == {"message", "code"}
        found += _field_errors(value, pointer=pointer if is_leaf else f"{pointer}/{index}")
    return found


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
