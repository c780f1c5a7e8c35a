"""`/organizations/{slug}/exceptions`: granted, asked for, decided, ended."""

from datetime import datetime
from typing import Any, ClassVar, Final, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import DocumentJson, Fields, invalid_policy
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.problems import FieldError, Problem
from orgs.access.tokens import require
from orgs.domain.names import EMAIL_LENGTH, REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy
from orgs.domain.roles import Capability
from orgs.domain.rules import Setting
from orgs.models import Member, PolicyException
from orgs.selectors.member_pages import get_member, list_exceptions
from orgs.selectors.members import find_member
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
_DECIDE = {"approve": approve_exception, "refuse": refuse_exception, "revoke": revoke_exception}


class ExceptionSerializer(serializers.Serializer[Any]):
    """One setting of one member, from ask to end; `rule` is as in a policy document."""

    id = serializers.IntegerField()
    member = serializers.EmailField()
    setting = serializers.ChoiceField(choices=[setting.value for setting in Setting])
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

    member = serializers.EmailField(required=False)
    setting = serializers.ChoiceField(choices=[setting.value for setting in Setting])
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
            OpenApiParameter("state", enum=STATES),
            OpenApiParameter("cursor", description="The page behind another, as `next` gives it."),
            OpenApiParameter("page_size", int, description="1 to 1000; 100 when left out."),
        ],
        responses=ExceptionSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the exceptions, newest first; only the caller's own without `policy:read`."""
        state = request.query_params.get("state", "")
        if state and state not in STATES:
            detail = f"state is one of {', '.join(STATES)}."
            raise Problem(400, "invalid", detail, errors=[FieldError("state", "invalid", detail)])
        sees_all = self.actor.may(Capability.POLICY_READ)
        pages = NewestExceptions()
        rows = pages.paginate_queryset(
            list_exceptions(
                organization_id=self.organization.pk,
                states=[state] if state else STATES,
                member_id=None if sees_all else self.actor.member_id or 0,
            ),
            request,
        )
        return pages.get_paginated_response([_document(row) for row in rows])

    @extend_schema(
        operation_id="create_exception",
        tags=["exceptions"],
        request=NewExceptionSerializer,
        responses={201: ExceptionSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Grant an exception, in force at once; or, without `member`, ask for one's own."""
        fields = Fields(
            request.data, allowed=("member", "setting", "rule", "reason", "expires_at")
        )
        setting = fields.word("setting", among=[setting.value for setting in Setting])
        reason = fields.text("reason", length=REASON_LENGTH)
        expires_at = fields.instant("expires_at")
        address = fields.text("member", length=EMAIL_LENGTH)
        fields.check()
        member = self._member(address) if address else self._self()
        act = grant_exception if address else request_exception
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                row = act(
                    trail=trail,
                    member=member,
                    setting=Setting(setting),
                    rule=cast("Any", fields.raw("rule")),
                    reason=reason,
                    expires_at=cast("datetime", expires_at),
                )
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors) from invalid
        except RequestExists as exists:
            raise Problem(409, "request_exists", str(exists)) from exists
        return Response(_document(row), status=201)

    def _member(self, address: str) -> Member:
        require(self.actor, Capability.EXCEPTIONS_WRITE)
        member = find_member(organization_id=self.organization.pk, email=address)
        if member is None or member.status == Member.Status.REMOVED:
            detail = "There is no such member."
            errors = [FieldError("/member", "unknown_member", detail)]
            raise Problem(400, "invalid", detail, errors=errors)
        return member

    def _self(self) -> Member:
        if self.actor.member_id is None:
            detail = "Name the member; this token belongs to nobody."
            errors = [FieldError("/member", "required", detail)]
            raise Problem(400, "invalid", detail, errors=errors)
        member = get_member(organization_id=self.organization.pk, member_id=self.actor.member_id)
        assert member is not None  # noqa: S101 - the actor is one
        return member


class ExceptionItem(OrganizationAPIView):
    """One exception."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="get_exception", tags=["exceptions"], responses=ExceptionSerializer
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the exception; 404 for somebody else's without `policy:read`."""
        return Response(_document(_visible(self, number)))


class ExceptionDecision(OrganizationAPIView):
    """What is done with an exception; a subclass says what."""

    act: ClassVar[str]
    capabilities: ClassVar = {"POST": WRITERS}
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
            fields = Fields(request.data, allowed=("note",))
            note = fields.text("note", length=REASON_LENGTH)
            fields.check()
        if act != "withdraw":
            require(self.actor, Capability.EXCEPTIONS_WRITE)
        elif row.member_id != self.actor.member_id:
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
        return Response(_document(_visible(self, number)))


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


def _visible(view: OrganizationAPIView, number: int) -> PolicyException:
    sees_all = view.actor.may(Capability.POLICY_READ) or view.actor.may(
        Capability.EXCEPTIONS_WRITE
    )
    rows = list_exceptions(
        organization_id=view.organization.pk,
        states=STATES,
        member_id=None if sees_all else view.actor.member_id or 0,
    )
    row = rows.filter(pk=number).first()
    if row is None:
        raise Problem(404, "not_found", "There is no such exception.")
    return row


def _document(row: PolicyException) -> dict[str, Any]:
    return {
        "id": row.pk,
        "member": row.member.email,
        "setting": row.setting,
        "rule": row.rule,
        "reason": row.reason,
        "state": row.state,
        "requested_at": row.requested_at,
        "expires_at": row.expires_at,
        "decided_by": row.decided_by.email if row.decided_by else None,
        "decided_at": row.decided_at,
        "decision_note": row.decision_note,
        "ended_at": row.ended_at,
    }
