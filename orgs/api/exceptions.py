"""`/organizations/{slug}/exceptions`: granted, asked for, decided, ended."""

from datetime import datetime
from typing import Any, ClassVar, Final, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import DocumentJson, Fields, fields_of, invalid_policy
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.parameters import QueryParameters
from orgs.access.problems import Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.access.tokens import require
from orgs.api.member_fields import member_named
from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy
from orgs.domain.roles import Capability
from orgs.domain.rules import Setting
from orgs.models import Member, PolicyException
from orgs.selectors.exceptions import exceptions_of, in_state, look_at_exception
from orgs.selectors.member_pages import get_member
from orgs.selectors.reach import members_within
from orgs.selectors.subjects import find_members
from orgs.services.audit import recording
from orgs.services.exceptions import (
    ExceptionNotOpen,
    RequestExists,
    approve_exception,
    grant_exception,
    refuse_exception,
    request_exception,
    revoke_exception,
    withdraw_exception,
)

READERS: Final = (Capability.POLICY_READ, Capability.OWN_READ)
WRITERS: Final = (Capability.EXCEPTIONS_WRITE, Capability.OWN_WRITE)
STATES: Final = tuple(PolicyException.State.values)
SETTINGS: Final = tuple(setting.value for setting in Setting)
_DECIDE = {"approve": approve_exception, "refuse": refuse_exception, "revoke": revoke_exception}


class ExceptionSerializer(serializers.Serializer[Any]):
    """One setting of one member, from ask to end; `rule` is as in a policy document."""

    id = serializers.IntegerField()
    member = serializers.EmailField()
    setting = serializers.ChoiceField(choices=SETTINGS)
    rule = serializers.DictField()
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_by = serializers.EmailField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_note = serializers.CharField(allow_blank=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class NewExceptionSerializer(serializers.Serializer[Any]):
    """An exception to be granted to `member`, or asked for by the caller when it is left out."""

    member = serializers.CharField(required=False, help_text="An e-mail address or id.")
    setting = serializers.ChoiceField(choices=SETTINGS)
    rule = serializers.DictField()
    reason = serializers.CharField(max_length=REASON_LENGTH)
    expires_at = serializers.DateTimeField()


class NoteSerializer(serializers.Serializer[Any]):
    """Why."""

    note = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class NewestExceptions(CursorPages):
    """Newest first."""

    ordering = ("-requested_at", "-id")


class ExceptionList(OrganizationAPIView):
    """The exceptions of an organization."""

    capabilities: ClassVar = {"GET": READERS, "POST": WRITERS}
    parser_classes = (DocumentJson,)

    @extend_schema(
        operation_id="list_exceptions",
        tags=["exceptions"],
        parameters=[
            OpenApiParameter("state", enum=STATES, description="The state right now."),
            OpenApiParameter("member", description="A member's e-mail address or id."),
            OpenApiParameter("setting", enum=SETTINGS),
            *PAGE_PARAMETERS,
        ],
        responses=page_of("ExceptionPage", ExceptionSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the exceptions that the caller may see and that the filters leave.

        The newest first; without `policy:read` one's own, and those of the teams one leads.
        """
        query = QueryParameters(request)
        state = query.choice("state", among=STATES, default="")
        setting = query.choice("setting", among=SETTINGS, default="")
        subject = query.word("member")
        query.check()
        now, rows = timezone.now(), _within(self)
        if state:
            rows = in_state(rows, state, at=now)
        if setting:
            rows = rows.filter(setting=setting)
        if subject:
            known = find_members([(self.organization.pk, subject)])
            rows = rows.filter(member_id__in=known.values())
        pages = NewestExceptions()
        page = pages.paginate_queryset(rows, request)
        return pages.get_paginated_response([_document(row, at=now) for row in page])

    @extend_schema(
        operation_id="create_exception",
        tags=["exceptions"],
        request=NewExceptionSerializer,
        responses={201: ExceptionSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Grant an exception to `member`, in force at once; or ask for one's own.

        Without `member`, or for whoever may not grant, it is a wish, which waits to be decided
        (409 `request_exists` while another one for the setting does).
        """
        fields = fields_of(request, allowed=("member", "setting", "rule", "reason", "expires_at"))
        is_grant = "member" in fields and self.actor.may(Capability.EXCEPTIONS_WRITE)
        member = self._named(fields) if is_grant else self._oneself(fields)
        setting = fields.word("setting", among=SETTINGS)
        reason = fields.text("reason", length=REASON_LENGTH)
        expires_at = fields.instant("expires_at")
        fields.check()
        act = grant_exception if is_grant else request_exception
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                row = act(
                    trail=trail,
                    member=cast("Member", member),
                    setting=Setting(setting),
                    rule=cast("Any", fields.raw("rule")),
                    reason=reason,
                    expires_at=cast("datetime", expires_at),
                )
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors) from invalid
        except RequestExists as exists:
            raise Problem(409, "request_exists", str(exists)) from exists
        return Response(_document(row, at=timezone.now()), status=201)

    def _named(self, fields: Fields) -> Member | None:
        """Return the member that the body names; None is noted as a mistake."""
        member_id = member_named(fields, "member", organization_id=self.organization.pk)
        return get_member(organization_id=self.organization.pk, member_id=member_id or 0)

    def _oneself(self, fields: Fields) -> Member | None:
        """Return the caller's own member, whom alone the body may name without the right."""
        own = get_member(organization_id=self.organization.pk, member_id=self.actor.member_id or 0)
        names = () if own is None else (own.email, own.pk, str(own.pk))
        if "member" in fields and fields.raw("member") not in names:
            require(self.actor, Capability.EXCEPTIONS_WRITE)
        if own is None:
            fields.refuse("/member", "required", "Name the member; the token is nobody's.")
        return own


class ExceptionItem(OrganizationAPIView):
    """One exception."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="get_exception", tags=["exceptions"], responses=ExceptionSerializer
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the exception; 404 for somebody else's without `policy:read`."""
        return Response(_document(_visible(self, number), at=timezone.now()))


class ExceptionDecision(OrganizationAPIView):
    """What is done with an exception; a subclass says what."""

    act: ClassVar[str]
    capabilities: ClassVar = {"POST": Capability.EXCEPTIONS_WRITE}
    parser_classes = (DocumentJson,)

    @extend_schema(
        tags=["exceptions"],
        request=NoteSerializer,
        responses={200: ExceptionSerializer},
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Decide what was asked for, or end what is in force; 409 when that is over already."""
        row, act = _visible(self, number), self.act
        note = ""
        if request.stream is not None:
            fields = fields_of(request, allowed=("note",))
            note = fields.text("note", length=REASON_LENGTH)
            fields.check()
        if act == "withdraw" and row.member_id != self.actor.member_id:
            raise Problem(403, "forbidden", "Only who asked can take it back.")
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                if act == "withdraw":
                    withdraw_exception(trail=trail, member=row.member, number=number)
                else:
                    _DECIDE[act](
                        trail=trail,
                        organization_id=self.organization.pk,
                        number=number,
                        note=note,
                    )
        except ExceptionNotOpen as over:
            raise Problem(409, "not_open", str(over)) from over
        return Response(_document(_visible(self, number), at=timezone.now()))


@extend_schema_view(post=extend_schema(operation_id="approve_exception"))
class ApproveException(ExceptionDecision):
    """Grant what was asked for."""

    act = "approve"


@extend_schema_view(post=extend_schema(operation_id="refuse_exception"))
class RefuseException(ExceptionDecision):
    """Refuse what was asked for."""

    act = "refuse"


@extend_schema_view(post=extend_schema(operation_id="revoke_exception"))
class RevokeException(ExceptionDecision):
    """End what is in force."""

    act = "revoke"


@extend_schema_view(post=extend_schema(operation_id="withdraw_exception"))
class WithdrawException(ExceptionDecision):
    """Take back what one asked for."""

    act = "withdraw"
    capabilities: ClassVar = {"POST": Capability.OWN_WRITE}


def _within(view: OrganizationAPIView) -> QuerySet[PolicyException]:
    """Return the exceptions that the caller may look at."""
    members = members_within(
        view.actor,
        Capability.POLICY_READ,
        Capability.EXCEPTIONS_WRITE,
        organization_id=view.organization.pk,
    )
    return exceptions_of(members, organization_id=view.organization.pk)


def _visible(view: OrganizationAPIView, number: int) -> PolicyException:
    row = _within(view).filter(pk=number).first()
    if row is None:
        raise Problem(404, "not_found", "There is no such exception.")
    return row


def _document(row: PolicyException, *, at: datetime) -> dict[str, Any]:
    state, ended_at = look_at_exception(row, at=at)
    return {
        "id": row.pk,
        "member": row.member.email,
        "setting": row.setting,
        "rule": row.rule,
        "reason": row.reason,
        "state": state,
        "requested_at": row.requested_at,
        "expires_at": row.expires_at,
        "decided_by": row.decided_by.email if row.decided_by else None,
        "decided_at": row.decided_at,
        "decision_note": row.decision_note,
        "ended_at": ended_at,
    }
