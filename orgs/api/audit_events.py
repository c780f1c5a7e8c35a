"""`/organizations/{slug}/audit-events`: the audit log, in pages and as files."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.files import streamed_file
from orgs.access.negotiation import AsAddressed
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.parameters import QueryParameters
from orgs.api.listed import PAGE_PARAMETERS, page_of, utc_text
from orgs.domain.actors import ActorKind
from orgs.domain.audit import ADDRESS
from orgs.domain.audit_actions import ACTIONS, TARGET_KINDS, ActionGroup
from orgs.domain.audit_log import LoggedEvent
from orgs.domain.roles import Capability
from orgs.models import AuditEvent
from orgs.rendering.audit_sentences import actor_text, sentence_text, target_text
from orgs.rendering.audit_table import AUDIT, audit_row
from orgs.rendering.tables import csv_pieces
from orgs.selectors.audit_export import audit_file, find_range
from orgs.selectors.audit_log import AuditFilter, audit_events, logged, stream_events

_RANGE: Final = [
    OpenApiParameter(
        "from",
        description="Only entries at or after this instant (RFC 3339), or of this day "
        "(YYYY-MM-DD, UTC) and later.",
    ),
    OpenApiParameter(
        "to", description="Only entries before this instant, or up to the end of this day."
    ),
]
_FILTERS: Final = [
    OpenApiParameter(
        "actor", description="A part of a member's name or address, or of a token's name."
    ),
    OpenApiParameter("actor_kind", enum=[kind.value for kind in ActorKind]),
    OpenApiParameter(
        "group", enum=[group.value for group in ActionGroup], description="What it is about."
    ),
    OpenApiParameter("action", enum=sorted(ACTIONS)),
    OpenApiParameter("target_kind", enum=TARGET_KINDS),
    OpenApiParameter("target_id", description="With `target_kind`: of that thing alone."),
    OpenApiParameter("text", description="Text in actions, reasons, changes and personal values."),
    *_RANGE,
]


class AuditActorSerializer(serializers.Serializer[Any]):
    """Who acted; `name` is what they are called now."""

    kind = serializers.ChoiceField(choices=[kind.value for kind in ActorKind])
    name = serializers.CharField()
    member_id = serializers.IntegerField(allow_null=True)
    token_id = serializers.IntegerField(allow_null=True)
    label = serializers.CharField(  # type: ignore[assignment]  # the framework takes fields off the class
        help_text="The command, task or kind of token."
    )


class AuditTargetSerializer(serializers.Serializer[Any]):
    """What an action was done to."""

    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField(help_text="What it is called now, or `#id`.")


class AuditEventSerializer(serializers.Serializer[Any]):
    """One entry. `hash` follows from it and `previous_hash` as the exported file shows."""

    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    sentence = serializers.CharField(help_text="In the language of `Accept-Language`.")
    actor = AuditActorSerializer()
    target = AuditTargetSerializer()
    diff = serializers.DictField(
        child=serializers.JSONField(), help_text="Field → [before, after]; secrets as `***`."
    )
    reason = serializers.CharField()
    address = serializers.CharField(
        allow_null=True, help_text="Where the request came from; null if erased or from nowhere."
    )
    personal = serializers.DictField(
        child=serializers.CharField(allow_null=True),
        help_text="Personal values beside the chain; null for one that was erased.",
    )
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class NewestEntries(CursorPages):
    """The last entry first."""

    ordering = ("-sequence",)


class AuditAPIView(OrganizationAPIView):
    """What every form of the audit log needs: the right, and a filter that makes sense."""

    capabilities: ClassVar = {"GET": Capability.AUDIT_READ}

    def narrowed(self, request: Request, *, only: Sequence[str] = ()) -> AuditFilter:
        """Return the filter of the query; raises `Problem` 400 with every mistake.

        `only` names the parameters that are taken; none means all.
        """
        query = QueryParameters(request)
        for name in request.query_params if only else ():
            if name not in only:
                query.refuse(name, f"Of the filters, only {' and '.join(only)} are taken here.")
        since, until = query.utc_instant("from"), query.utc_instant("to", is_end=True)
        if since is not None and until is not None and since >= until:
            query.refuse("to", "to lies before from.")
        kind = query.choice("actor_kind", among=list(ActorKind), default="")
        group = query.choice("group", among=list(ActionGroup), default="")
        target_kind = query.choice("target_kind", among=TARGET_KINDS, default="")
        target_id = query.word("target_id")
        if target_id and not target_kind:
            query.refuse("target_id", "target_id goes with target_kind.")
        narrowed = AuditFilter(
            actor=query.word("actor"),
            actor_kind=ActorKind(kind) if kind else None,
            group=ActionGroup(group) if group else None,
            action=query.choice("action", among=sorted(ACTIONS), default=""),
            target_kind=target_kind,
            target_id=target_id,
            text=query.word("text"),
            since=since,
            until=until,
        )
        query.check()
        return narrowed


class AuditEventList(AuditAPIView):
    """The audit log, last entry first."""

    @extend_schema(
        operation_id="list_audit_events",
        tags=["audit"],
        parameters=[*_FILTERS, *PAGE_PARAMETERS],
        responses=page_of("AuditEventPage", AuditEventSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the entries that the filters leave."""
        pages = NewestEntries()
        rows: list[AuditEvent] = pages.paginate_queryset(
            audit_events(
                organization_id=self.organization.pk, narrowed=self.narrowed(request)
            ).prefetch_related("personal_values"),
            request,
        )
        return pages.get_paginated_response([_document(event) for event in logged(rows)])


class AuditEventCsv(AuditAPIView):
    """The audit log as CSV."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        operation_id="get_audit_events_csv",
        tags=["audit"],
        parameters=_FILTERS,
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Return what the filters leave as CSV (RFC 4180, UTF-8, header row), oldest first."""
        events = stream_events(
            organization_id=self.organization.pk, narrowed=self.narrowed(request)
        )
        pieces = csv_pieces(map(audit_row, events), table=AUDIT)
        return streamed_file(pieces, slug=slug, ending="csv", at=timezone.now())


class AuditEventFile(AuditAPIView):
    """The audit log as a file that proves itself."""

    content_negotiation_class = AsAddressed

    @extend_schema(
        operation_id="get_audit_events_jsonl",
        tags=["audit"],
        parameters=_RANGE,
        responses={(200, "application/jsonl"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Return JSON lines with hashes and signed checkpoints, which `verify_audit.py` verifies.

        From the first entry of the range to its last, without holes.
        """
        narrowed, now = self.narrowed(request, only=("from", "to")), timezone.now()
        wanted = find_range(
            organization_id=self.organization.pk, since=narrowed.since, until=narrowed.until
        )
        pieces = audit_file(organization=self.organization, wanted=wanted, exported_at=now)
        return streamed_file(pieces, slug=slug, ending="jsonl", at=now)


def _document(event: LoggedEvent) -> dict[str, Any]:
    """Return an entry as the API sends it."""
    return {
        "sequence": event.sequence,
        "at": utc_text(event.at),
        "action": event.action,
        "sentence": sentence_text(event),
        "actor": {
            "kind": event.actor_kind.value,
            "name": actor_text(event),
            "member_id": event.actor_member_id,
            "token_id": event.actor_token_id,
            "label": event.actor_label,
        },
        "target": {
            "kind": event.target_kind,
            "id": event.target_id,
            "name": target_text(event),
        },
        "diff": event.diff,
        "reason": event.reason,
        "address": event.address,
        "personal": {name: kept for name, kept in event.personal.items() if name != ADDRESS},
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }
