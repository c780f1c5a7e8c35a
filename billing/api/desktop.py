"""`GET /api/v1/desktop/session`: the session of whoever the Desktop belongs to, now."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.shapes import Seconds, utc_text
from billing.domain.instants import seconds_text
from billing.selectors.current_session import CurrentSession, get_current_session
from orgs.access.desktops import DESKTOP_AUTH, DesktopAPIView

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


class DesktopSession(DesktopAPIView):
    """The current session of the token's member."""

    @extend_schema(
        operation_id="get_desktop_session",
        tags=["desktop"],
        auth=DESKTOP_AUTH,
        responses=CurrentSessionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the user's session right now, and whether its containers are still there."""
        session = get_current_session(
            organization_id=self.organization.pk,
            member_id=self.member.pk,
            as_of=timezone.now(),
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
