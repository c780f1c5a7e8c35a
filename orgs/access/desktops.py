"""From a request of a Docker Desktop to its token, or a refusal."""

from collections.abc import Mapping
from typing import Any, Final

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from structlog.contextvars import bind_contextvars

from orgs.access.desktop_polls import MEMORY
from orgs.access.problems import Problem
from orgs.access.tokens import find_token, require
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import AccessToken, Member, Organization
from orgs.selectors.tokens import token_actor

DESKTOP_AUTH: Final[Any] = [{"bearer": []}]
"""What `extend_schema` is to say of every method of a `DesktopAPIView`."""


class _IsDesktop(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        assert isinstance(view, DesktopAPIView)  # noqa: S101 - only that view names it
        view.enter(request)
        return True


class DesktopAPIView(APIView):
    """Base of every API view below `/desktop`: for a token with the scope `desktop` alone.

    `self.token`, `self.actor`, `self.member` and `self.organization` are set before the method
    runs, from the one query that found the token; `self.generations` are from before that query,
    so whatever changes after it has another generation.
    """

    authentication_classes = ()  # `enter` looks for the token; a browser session opens nothing
    permission_classes = (_IsDesktop,)
    token: AccessToken
    actor: Actor
    member: Member
    organization: Organization
    generations: Mapping[int, int]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Note the generations, then let the request in or refuse it."""
        self.generations = MEMORY.generations.all()
        super().initial(request, *args, **kwargs)

    def enter(self, request: Request) -> None:
        """Set who asks, or refuse: 401 without a good token, 403 for another kind of token."""
        token = find_token(request._request)  # noqa: SLF001 - the request below the framework's
        if token is None:
            raise Problem(401, "not_authenticated", "This call needs a bearer token.")
        actor = token_actor(token)
        require(actor, Capability.OWN_READ)
        # a token with that capability has both, which the database holds
        assert token.member is not None  # noqa: S101
        assert token.organization is not None  # noqa: S101
        self.token, self.actor = token, actor
        self.member, self.organization = token.member, token.organization
        bind_contextvars(organization=token.organization.slug)
