"""OAuth 2.0 as Docker Desktop speaks it: the device authorization grant (RFC 8628).

oauthlib knows the protocol (which parameter, which error, which status); this module tells it
which clients there are and where codes are kept. Clients are public: they have no secret.
"""

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest
from django.utils import timezone
from oauthlib.common import Request
from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.endpoints.token import TokenEndpoint
from oauthlib.oauth2.rfc6749.tokens import BearerToken
from oauthlib.oauth2.rfc8628 import errors as device_errors
from oauthlib.oauth2.rfc8628.endpoints import DeviceAuthorizationEndpoint
from oauthlib.oauth2.rfc8628.grant_types import DeviceCodeGrant

from orgs.domain.device_sign_in import (
    CLIENTS,
    CODE_LIFETIME,
    POLL_SECONDS,
    USER_CODE_LENGTH,
    USER_CODE_LETTERS,
    PollAnswer,
    show_user_code,
)
from orgs.domain.roles import Scope
from orgs.services.device_exchange import exchange_device_code

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
BODY_BYTES: Final = 16 * 1024
"""Many times what a start or a poll needs."""

PROTOCOL_FIELDS: Final = frozenset({"client_id", "scope", "grant_type", "device_code"})
"""What oauthlib gets to see: it mixes all other fields with its own state by their names."""

_REFUSALS: Mapping[PollAnswer, type[errors.OAuth2Error]] = {
    PollAnswer.PENDING: device_errors.AuthorizationPendingError,
    PollAnswer.SLOW_DOWN: device_errors.SlowDownError,
    PollAnswer.DENIED: device_errors.AccessDenied,
    PollAnswer.EXPIRED: device_errors.ExpiredTokenError,
    PollAnswer.UNKNOWN: errors.InvalidGrantError,
}


class OAuthForm(NamedTuple):
    """A form as it was sent: each field's values in order."""

    values: Mapping[str, list[str]]

    def text(self, field: str) -> str:
        """Return a field that may be sent once, trimmed; empty if it is missing.

        Raises `InvalidRequestError` for a field that was sent twice.
        """
        values = self.values.get(field, [])
        if len(values) > 1:
            raise errors.InvalidRequestError(description=f"{field} was sent more than once.")
        return values[0].strip() if values else ""


class Codes(NamedTuple):
    """The answer to a start, and the user code in its stored form."""

    document: dict[str, Any]
    device_code: str
    user_code: str


class _Client(NamedTuple):
    client_id: str


class _Validator(RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """What oauthlib asks us. A client is authentic by being known: it has no secret to prove."""

    def client_authentication_required(self, request: Request, *_: Any, **__: Any) -> bool:
        return False

    def validate_client_id(self, client_id: str, request: Request, *_: Any, **__: Any) -> bool:
        return True  # the next question decides, whose refusal is the right one: invalid_client

    def authenticate_client_id(
        self, client_id: str | None, request: Request, *_: Any, **__: Any
    ) -> bool:
        if client_id is None or client_id not in CLIENTS:
            return False
        request.client = _Client(client_id)
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        return grant_type == DEVICE_GRANT

    def get_default_scopes(
        self, client_id: str, request: Request, *_: Any, **__: Any
    ) -> list[str]:
        return [Scope.DESKTOP.value]

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Request, *_: Any, **__: Any
    ) -> bool:
        return scopes == [Scope.DESKTOP.value]

    def save_bearer_token(self, token: Any, request: Request, *_: Any, **__: Any) -> None:
        """Do nothing: the exchange has stored the token already, as a hash."""


def read_form(request: HttpRequest) -> OAuthForm:
    """Return the fields of a start or a poll; raises `OAuth2Error` for a body that is no form."""
    if request.content_type != FORM_TYPE:
        raise errors.InvalidRequestError(description=f"The body is {FORM_TYPE}.")
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_BYTES:
            raise errors.InvalidRequestError(
                description=f"The body has more than {BODY_BYTES} bytes.",
                status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        return OAuthForm(dict(request.POST.lists()))
    except (BadRequest, SuspiciousOperation, ValueError) as error:
        raise errors.InvalidRequestError(description="The body cannot be read.") from error


def make_codes(form: OAuthForm, *, verification_uri: str) -> Codes:
    """Return new codes for a start (RFC 8628, 3.2); raises `OAuth2Error`."""
    endpoint = DeviceAuthorizationEndpoint(
        _Validator(),
        verification_uri=verification_uri,
        verification_uri_complete=lambda user_code: f"{verification_uri}?user_code={user_code}",
        expires_in=int(CODE_LIFETIME.total_seconds()),
        interval=POLL_SECONDS,
        user_code_generator=_make_user_code,
    )
    _, document, _ = endpoint.create_device_authorization_response(
        "", body=_body(form), headers={"Content-Type": FORM_TYPE}
    )
    if form.text("scope") not in {"", Scope.DESKTOP.value}:
        raise errors.InvalidScopeError
    user_code = document["user_code"].replace("-", "")
    return Codes(document, device_code=document["device_code"], user_code=user_code)


def answer_token_request(form: OAuthForm) -> tuple[dict[str, str], str, int]:
    """Return headers, JSON and status for a poll (RFC 8628, 3.5): a token, or why not (yet)."""
    validator = _Validator()
    endpoint = TokenEndpoint(
        default_grant_type=DEVICE_GRANT,
        default_token_type=BearerToken(
            validator,
            token_generator=lambda request: request.created.text,
            expires_in=_seconds_of_token,
        ),
        grant_types={
            DEVICE_GRANT: DeviceCodeGrant(validator, post_token=[_exchange], refresh_token=False)
        },
    )
    headers, body, status = endpoint.create_token_response("", body=_body(form))
    return headers, body, status


def _body(form: OAuthForm) -> str:
    """Return the protocol's own fields; one without a value counts as not sent (RFC 6749, 3.2)."""
    return urlencode(
        [
            (field, value)
            for field, values in form.values.items()
            if field in PROTOCOL_FIELDS
            for value in values
            if value
        ]
    )


def _make_user_code() -> str:
    letters = [secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_LENGTH)]
    return show_user_code("".join(letters))


def _exchange(request: Request) -> None:
    """Fetch the token, as the grant's last check: whatever is refused here has no effect."""
    device_code = getattr(request, "device_code", None)
    if not device_code or "device_code" in request.duplicate_params:
        raise errors.InvalidRequestError(description="One device_code is needed.")
    exchange = exchange_device_code(
        client_id=request.client.client_id, device_code=device_code, at=timezone.now()
    )
    if exchange.created is None:
        raise _REFUSALS[exchange.answer]
    request.created = exchange.created


def _seconds_of_token(request: Request) -> int:
    token = request.created.token
    return int((token.expires_at - token.created_at).total_seconds())
