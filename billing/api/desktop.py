"""`GET /api/v1/desktop/session`: the session of whoever the Desktop belongs to, now."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api.shapes import Seconds, utc_text
from billing.domain.instants import seconds_text
from billing.selectors.current_session import CurrentSession, get_current_session
from orgs.access.tokens import require_token_actor
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability

_HEADERS: Final = {"Cache-Control": "private, no-store"}
"""It changes with the time, and is nobody else's."""


class CurrentSessionSerializer(serializers.Serializer[Any]):
    """The session at the instant of the request; instants are null while there is none.

    `idles_at` is given while active, `purges_at`, when the environment is deleted, while idle.
    `environment` is what the next activity on the same machine type finds: `preserved` the
    containers of this session, `new` a clean environment since the last one is gone, `none` the
    first environment ever.
    """

    state = serializers.ChoiceField(choices=["active", "idle", "none"])
    started_at = serializers.DateTimeField(allow_null=True)
    idles_at = serializers.DateTimeField(allow_null=True)
    purges_at = serializers.DateTimeField(allow_null=True)
    billed_seconds = Seconds(help_text="What this session has cost so far in billed time.")
    environment = serializers.ChoiceField(choices=["preserved", "new", "none"])


class _IsDesktop(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        assert isinstance(view, DesktopSession)  # noqa: S101 - only that view names it
        view.actor = require_token_actor(
            request._request,  # noqa: SLF001 - the request below the framework's
            capability=Capability.OWN_READ,
        )
        return True


class DesktopSession(APIView):
    """The current session of the token's member."""

    authentication_classes = ()  # the token alone says whose session it is, no browser session
    permission_classes = (_IsDesktop,)
    actor: Actor

    @extend_schema(
        operation_id="get_desktop_session",
        tags=["desktop"],
        auth=[{"bearer": []}],  # type: ignore[list-item]  # a requirement, as the document has it
        responses=CurrentSessionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the user's session right now, and whether its containers are still there."""
        organization_id, member_id = self.actor.organization_id, self.actor.member_id
        # A token with that capability has both, which the database holds.
        assert organization_id is not None  # noqa: S101
        assert member_id is not None  # noqa: S101
        session = get_current_session(
            organization_id=organization_id, member_id=member_id, as_of=timezone.now()
        )
        return Response(_document(session), headers=_HEADERS)


def _document(session: CurrentSession) -> dict[str, Any]:
    return {
        "state": session.state,
        "started_at": utc_text(session.started_at),
        "idles_at": utc_text(session.idles_at),
        "purges_at": utc_text(session.purges_at),
        "billed_seconds": seconds_text(session.billed_us),
        "environment": session.environment,
    }
