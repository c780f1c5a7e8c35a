"""`/oauth/…` and its metadata: how Docker Desktop signs in (RFC 8628, RFC 8414)."""

import json

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from oauthlib.oauth2.rfc6749.errors import (
    InvalidRequestError,
    OAuth2Error,
    TemporarilyUnavailableError,
)

from orgs.access.addresses import find_address
from orgs.access.oauth import (
    DEVICE_GRANT,
    Codes,
    OAuthForm,
    answer_token_request,
    make_codes,
    read_form,
)
from orgs.domain.device_sign_in import (
    STARTS_WINDOW,
    USER_AGENT_LENGTH,
    DeviceFacts,
    InvalidDevice,
)
from orgs.domain.roles import Scope
from orgs.services.device_sign_ins import TooManyStarts, UserCodeTaken, start_sign_in

ANSWER_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
}
MOST_TRIES = 3
"""Times that a user code may happen to be taken before something else is wrong."""

log = structlog.get_logger(__name__)


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """Return where to sign in and how (RFC 8414)."""
    return JsonResponse(
        {
            "issuer": settings.BASE_URL,
            "device_authorization_endpoint": settings.BASE_URL + reverse("oauth-device-code"),
            "token_endpoint": settings.BASE_URL + reverse("oauth-token"),
            "grant_types_supported": [DEVICE_GRANT],
            "response_types_supported": [],
            "scopes_supported": [Scope.DESKTOP.value],
            "token_endpoint_auth_methods_supported": ["none"],
            "ui_locales_supported": ["zh-Hans", "en"],
        }
    )


@csrf_exempt
@require_POST
def device_code(request: HttpRequest) -> HttpResponse:
    """Start a sign-in: answer a device code and a user code (RFC 8628, 3.1 and 3.2).

    Beside `client_id` the form tells about the device: `device_id` (needed), `device_name`,
    `os`, `desktop_version`.
    """
    try:
        form = read_form(request)
        codes = _start(request, form)
    except OAuth2Error as error:
        return _refusal(error)
    return HttpResponse(json.dumps(codes.document), headers=ANSWER_HEADERS)


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Answer a poll: the token, or why there is none (RFC 8628, 3.4 and 3.5)."""
    try:
        headers, body, status = answer_token_request(read_form(request))
    except OAuth2Error as error:
        return _refusal(error)
    return HttpResponse(body, status=status, headers=ANSWER_HEADERS | headers)


def _start(request: HttpRequest, form: OAuthForm) -> Codes:
    verification_uri = settings.BASE_URL + reverse("device")
    address = find_address(request)
    for _ in range(MOST_TRIES):
        codes = make_codes(form, verification_uri=verification_uri)
        try:
            sign_in = start_sign_in(
                client_id=form.text("client_id"),
                device=_device(form),
                device_code=codes.device_code,
                user_code=codes.user_code,
                address=address,
                user_agent=_user_agent(request),
                at=timezone.now(),
            )
        except UserCodeTaken:
            continue
        except TooManyStarts as error:
            log.warning("device_sign_in_throttled", address=address)
            raise TemporarilyUnavailableError(
                description="Too many sign-ins were started here. Try again later.",
                status_code=429,
            ) from error
        log.info(
            "device_sign_in_started",
            sign_in=sign_in.pk,
            client_id=sign_in.client_id,
            address=address,
            user_agent=sign_in.user_agent,
        )
        return codes
    raise TemporarilyUnavailableError(status_code=503)


def _device(form: OAuthForm) -> DeviceFacts:
    try:
        return DeviceFacts(
            device_id=form.text("device_id"),
            name=form.text("device_name"),
            os=form.text("os"),
            desktop_version=form.text("desktop_version"),
        )
    except InvalidDevice as error:
        raise InvalidRequestError(description=f"{error}.") from error


def _user_agent(request: HttpRequest) -> str:
    text = request.headers.get("User-Agent", "")
    return "".join(filter(str.isprintable, text))[:USER_AGENT_LENGTH]


def _refusal(error: OAuth2Error) -> HttpResponse:
    headers = ANSWER_HEADERS | error.headers
    if error.status_code in {429, 503}:
        headers["Retry-After"] = str(int(STARTS_WINDOW.total_seconds()))
    return HttpResponse(error.json, status=error.status_code, headers=headers)
