"""`/organizations/{slug}/sessions`: as they look at the instant of the request."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from billing.api.parameters import Parameters
from billing.api.shapes import Seconds, utc_text
from billing.domain.instants import seconds_text
from billing.selectors.overview import get_zone
from billing.selectors.session_detail import SessionDetail, get_session_detail, recorded_events
from billing.selectors.sessions import SessionFilter, SessionView, look_at, sessions_at
from billing.selectors.stretches import Piece
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.domain.roles import Capability

STATES: Final = ("active", "idle", "ended")
SEGMENTS_AT_MOST: Final = 1000
SEGMENT_NUMBERS: Final = 9_999_999
"""Far more segments than any session has."""

READERS: Final = (Capability.SESSIONS_READ, Capability.OWN_READ)
"""Either is enough: whoever may not read all sessions gets their own and their teams'."""


class SessionSerializer(serializers.Serializer[Any]):
    """A session at the instant of the request; `ended_at` is the end of its billable span.

    `idles_at` is given while it is active, `purges_at` (when its environment is deleted) once it
    is idle or ended. `billable = working + bridged`; time that has not come is in none of them.
    """

    id = serializers.UUIDField()
    member = serializers.EmailField()
    team = serializers.SlugField(allow_null=True)
    machine = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)
    idles_at = serializers.DateTimeField(allow_null=True)
    purges_at = serializers.DateTimeField(allow_null=True)
    billable_seconds = Seconds()
    working_seconds = Seconds()
    bridged_seconds = Seconds()
    event_count = serializers.IntegerField()


class SegmentSerializer(serializers.Serializer[Any]):
    """A piece of a session's line of time, without holes; only `idle` is not billed."""

    kind = serializers.ChoiceField(choices=["working", "waiting", "bridged", "idle"])
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    seconds = Seconds()


class GapSerializer(serializers.Serializer[Any]):
    """An idle gap inside the continuity window: bridged, and billed."""

    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    seconds = Seconds()


class EventSerializer(serializers.Serializer[Any]):
    """An event behind a session. One of another machine may have had no effect on it."""

    time = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=["active", "idle", "ended"])
    machine = serializers.CharField()
    idle_timeout_seconds = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # the framework takes fields off the class
    id = serializers.CharField()
    received_at = serializers.DateTimeField()


class SessionInvoiceSerializer(serializers.Serializer[Any]):
    """What an invoice line billed of a session on a day."""

    number = serializers.CharField()
    line = serializers.IntegerField()
    day = serializers.DateField()
    quantity_seconds = Seconds()


class SessionDetailSerializer(SessionSerializer):
    """A session and what it is made of; long lists go on under the `…_next` addresses."""

    waiting_seconds = Seconds(help_text="The part of working after the last activity.")
    end_reason = serializers.ChoiceField(
        choices=["ended", "machine_changed"],
        allow_null=True,
        help_text="What ended the environment, if not silence.",
    )
    policy_revision = serializers.IntegerField(
        allow_null=True, help_text="The member's settings in force when it started."
    )
    outside_policy = serializers.ChoiceField(
        choices=["offload_disabled", "gpu_disabled"],
        allow_null=True,
        help_text="What those settings forbade; the use is metered all the same.",
    )
    gaps = GapSerializer(many=True)
    segments = SegmentSerializer(many=True)
    segments_next = serializers.URLField(allow_null=True)
    events = EventSerializer(many=True)
    events_next = serializers.URLField(allow_null=True)
    invoices = SessionInvoiceSerializer(
        many=True, allow_null=True, help_text="Null for callers who may not see money."
    )


class NewestSessions(CursorPages):
    """By start, newest first."""

    ordering = ("-started_at", "id")


class OldestEvents(CursorPages):
    """In the order of time."""

    ordering = ("occurred_at", "event_key")


class SessionList(OrganizationAPIView):
    """Sessions, newest start first."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="list_sessions",
        tags=["sessions"],
        parameters=[
            OpenApiParameter("state", enum=STATES, description="The state right now."),
            OpenApiParameter("member", description="A member's e-mail address or id."),
            OpenApiParameter("team", description="A team's slug."),
            OpenApiParameter("machine", description="A machine type's name."),
            OpenApiParameter(
                "from",
                description="Only sessions that go on after this instant (RFC 3339), or after "
                "the start of this day (YYYY-MM-DD) in the billing time zone.",
            ),
            OpenApiParameter(
                "to",
                description="Only sessions that began before this instant, or before the end of "
                "this day.",
            ),
            *PAGE_PARAMETERS,
        ],
        responses=page_of("SessionPage", SessionSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the sessions that the caller may see and that the filters leave."""
        as_of = timezone.now()
        pages = NewestSessions()
        rows = pages.paginate_queryset(
            sessions_at(actor=self.actor, narrowed=self._narrowed(request), as_of=as_of), request
        )
        return pages.get_paginated_response(
            [session_document(look_at(row, as_of=as_of)) for row in rows]
        )

    def _narrowed(self, request: Request) -> SessionFilter:
        query = Parameters(request)
        has_range = not {"from", "to"}.isdisjoint(request.query_params)
        zone = get_zone(actor=self.actor) if has_range else "UTC"
        since = query.instant("from", zone=zone)
        until = query.instant("to", zone=zone, is_end=True)
        if since is not None and until is not None and since >= until:
            query.refuse("to", "to lies before from.")
        narrowed = SessionFilter(
            state=query.choice("state", among=STATES, default=""),
            subject=query.word("member"),
            team=query.word("team"),
            machine=query.word("machine"),
            since=since,
            until=until,
        )
        query.check()
        return narrowed


class SessionItem(OrganizationAPIView):
    """One session that explains itself."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="get_session",
        tags=["sessions"],
        parameters=[
            OpenApiParameter(
                "segments_from",
                {"type": "integer", "minimum": 0, "maximum": SEGMENT_NUMBERS, "default": 0},
                description="From `segments_next` of the answer before.",
            ),
            *PAGE_PARAMETERS,
        ],
        responses=SessionDetailSerializer,
    )
    def get(self, request: Request, slug: str, session_id: UUID) -> Response:
        """Return a session with its line of time, its events and the invoices that billed it.

        `cursor` and `page_size` page through the events.
        """
        query = Parameters(request)
        first = query.number("segments_from", maximum=SEGMENT_NUMBERS)
        query.check()
        detail = get_session_detail(actor=self.actor, session_id=session_id, as_of=timezone.now())
        if detail is None:
            raise Http404
        pages = OldestEvents()
        events = pages.paginate_queryset(
            recorded_events(detail.session, actor=self.actor), request
        )
        document = session_document(detail.session) | self._history(detail, request, first=first)
        document["events"] = [_event_document(event) for event in events]
        document["events_next"] = pages.next
        return Response(document)

    def _history(self, detail: SessionDetail, request: Request, *, first: int) -> dict[str, Any]:
        session, pieces = detail.session, detail.all_pieces
        following = first + SEGMENTS_AT_MOST
        shown = pieces[first:following]
        address = request.build_absolute_uri()
        return {
            "waiting_seconds": seconds_text(session.waiting_us),
            "end_reason": session.end_reason or None,
            "policy_revision": session.policy_revision,
            "outside_policy": session.outside_policy or None,
            "gaps": [_span(piece) for piece in shown if piece.kind == "bridged"],
            "segments": [{"kind": piece.kind} | _span(piece) for piece in shown],
            "segments_next": replace_query_param(address, "segments_from", following)
            if len(pieces) > following
            else None,
            "invoices": [
                {
                    "number": reference.number,
                    "line": reference.line,
                    "day": reference.day.isoformat(),
                    "quantity_seconds": seconds_text(reference.quantity_us),
                }
                for reference in detail.invoices
            ]
            if self.actor.may(Capability.MONEY_READ)
            else None,
        }


def session_document(session: SessionView) -> dict[str, Any]:
    """Return a session as the API sends it."""
    return {
        "id": str(session.id),
        "member": session.member_email,
        "team": session.team_slug or None,
        "machine": session.machine,
        "started_at": utc_text(session.started_at),
        "ended_at": utc_text(session.ended_at),
        "state": session.state,
        "idles_at": utc_text(session.idles_at),
        "purges_at": utc_text(session.purges_at),
        "billable_seconds": seconds_text(session.billable_us),
        "working_seconds": seconds_text(session.working_us),
        "bridged_seconds": seconds_text(session.bridged_us),
        "event_count": session.event_count,
    }


def _span(piece: Piece) -> dict[str, str | None]:
    return {
        "started_at": utc_text(piece.start),
        "ended_at": utc_text(piece.end),
        "seconds": seconds_text(piece.length_us),
    }


def _event_document(event: Any) -> dict[str, Any]:
    return {
        "time": utc_text(event.occurred_at),
        "kind": event.kind,
        "machine": event.machine,
        "idle_timeout_seconds": event.idle_timeout_seconds,
        "source": event.source,
        "id": event.event_id,
        "received_at": utc_text(event.received_at),
    }
