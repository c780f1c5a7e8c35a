"""From a bearer token to the actor it is (RFC 6750)."""

from dataclasses import replace

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from orgs.access.addresses import find_address
from orgs.access.problems import CHALLENGE, Problem
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import AccessToken
from orgs.selectors.tokens import TokenRefused, get_token, token_actor
from orgs.services.tokens import note_use


def find_token(request: HttpRequest) -> AccessToken | None:
    """Return the request's bearer token with organization and member, None when it carries none.

    Costs one query, and one more at most once a minute for the token's last use. Raises
    `Problem` 401 for a token that opens nothing.
    """
    text = bearer_text(request)
    if text is None:
        return None
    now = timezone.now()
    try:
        token = get_token(text, at=now)
    except TokenRefused as refused:
        raise refused_token(refused) from refused
    note_use(token, at=now)
    return token


def bearer_text(request: HttpRequest) -> str | None:
    """Return the text of the request's bearer token, None when it carries none."""
    scheme, _, text = request.headers.get("Authorization", "").strip().partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def refused_token(refused: TokenRefused) -> Problem:
    """Return the answer to a token that opens nothing."""
    challenge = f'{CHALLENGE}, error="invalid_token"'
    return Problem(401, refused.code, refused.detail, headers={"WWW-Authenticate": challenge})


def find_token_actor(request: HttpRequest) -> Actor | None:
    """Return the actor of the request's bearer token; as `find_token`."""
    token = find_token(request)
    if token is None:
        return None
    return replace(token_actor(token), address=find_address(request))


def require_token_actor(request: HttpRequest, *, capability: Capability) -> Actor:
    """Return the actor of the request's bearer token if it holds `capability`.

    For calls that programs alone make. Raises `Problem` 401 without a good token, 403 for one
    without the right.
    """
    actor = find_token_actor(request)
    if actor is None:
        raise Problem(401, "not_authenticated", "This call needs a bearer token.")
    require(actor, capability)
    return actor


def require(actor: Actor, *any_of: Capability) -> None:
    """Raise `Problem` 403 unless the actor holds one of these capabilities."""
    if not any(actor.may(capability) for capability in any_of):
        if actor.scopes:
            raise Problem(403, "insufficient_scope", "The token's scopes do not allow this.")
        raise Problem(403, "forbidden", "Your role does not allow this.")


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` for REST framework views; `request.auth` is the `Actor`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Actor] | None:
        """Return nobody and the token's actor; None lets the browser session speak."""
        actor = find_token_actor(request._request)  # noqa: SLF001 - the request below the framework's
        return None if actor is None else (AnonymousUser(), actor)

    def authenticate_header(self, request: Request) -> str:
        """Return how to sign in, so that a missing token is a 401 and not a 403."""
        return CHALLENGE
