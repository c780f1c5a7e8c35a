"""`/organizations/{slug}/policy` and `/teams/{team}/policy`: rules, revisions, rollback."""

from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import DocumentJson, Fields, invalid_policy
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.problems import Problem
from orgs.access.tokens import require
from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy, diff_documents, read_rules
from orgs.domain.roles import Capability
from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    SwitchState,
)
from orgs.models import PolicyRevision, Team
from orgs.selectors.policies import Policy, UnknownRevision, get_policy, list_revisions
from orgs.selectors.policy_pages import documents_before, find_team, is_lead
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, roll_back_policy, save_policy

_SECONDS: Final[dict[str, Any]] = {
    "min_value": IDLE_TIMEOUT_MINIMUM_SECONDS,
    "max_value": IDLE_TIMEOUT_MAXIMUM_SECONDS,
    "required": False,
}
IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the policy that the author has seen.",
)
ETAG: Final = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="The revision, quoted."
)
READERS: Final = (Capability.POLICY_READ, Capability.OWN_READ)
"""A lead without the right to read policy may read that of a team that they lead."""

WRITERS: Final = (Capability.POLICY_WRITE, Capability.OWN_WRITE)


class SwitchRuleSerializer(serializers.Serializer[Any]):
    """One of Docker's five states."""

    state = serializers.ChoiceField(choices=[state.value for state in SwitchState])


class TimeoutRuleSerializer(serializers.Serializer[Any]):
    """The range and default of the idle timeout in seconds; what is left out is inherited."""

    minimum = serializers.IntegerField(**_SECONDS)
    maximum = serializers.IntegerField(**_SECONDS)
    default = serializers.IntegerField(**_SECONDS)
    locked = serializers.BooleanField(required=False)


class RulesSerializer(serializers.Serializer[Any]):
    """What one level says; a setting left out is inherited."""

    offload_enabled = SwitchRuleSerializer(required=False)
    idle_timeout_seconds = TimeoutRuleSerializer(required=False)
    gpu_enabled = SwitchRuleSerializer(required=False)


class PolicySerializer(serializers.Serializer[Any]):
    """The rules in force, with the revision that made them; 0 where there were never any."""

    revision = serializers.IntegerField(required=False)
    settings = RulesSerializer()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class RevisionSerializer(PolicySerializer):
    """One revision: who, when, why, and the fields that it changed as `[before, after]`."""

    author = serializers.EmailField(allow_null=True)
    created_at = serializers.DateTimeField()
    rolled_back_to = serializers.IntegerField(allow_null=True)
    changes = serializers.DictField(child=serializers.ListField())


class RollbackSerializer(serializers.Serializer[Any]):
    """The revision whose rules are to be in force again."""

    revision = serializers.IntegerField()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class PolicyView(OrganizationAPIView):
    """What the views of a scope share: whose rules they are, and who may touch them."""

    parser_classes: tuple[type[BaseParser], ...] = (DocumentJson,)
    team: Team | None

    def enter(self, request: Request) -> None:
        """Let in who may read or write all policy, and leads for the team of the address."""
        super().enter(request)
        self.team = None
        slug = self.kwargs.get("team")
        if slug is not None:
            self.team = find_team(organization_id=self.organization.pk, slug=slug)
        is_writing = request.method not in {"GET", "HEAD"}
        needed = Capability.POLICY_WRITE if is_writing else Capability.POLICY_READ
        if not self.actor.may(needed) and not self._is_led():
            require(self.actor, needed)
        if slug is not None and self.team is None:
            raise Problem(404, "not_found", "There is no such team.")

    def _is_led(self) -> bool:
        return (
            self.team is not None
            and not self.actor.scopes  # a token has no scope for it
            and is_lead(
                organization_id=self.organization.pk,
                member_id=self.actor.member_id or 0,
                team_id=self.team.pk,
            )
        )

    @property
    def scope(self) -> dict[str, Any]:
        """The scope, as the services take it."""
        return {"organization": self.organization, "team": self.team}

    @property
    def team_id(self) -> int | None:
        """The team's id; None for the organization."""
        return self.team.pk if self.team else None

    def expected_revision(self, request: Request) -> int:
        """Return the revision of `If-Match`; raises `Problem` 428 without, 412 for another."""
        text = request.headers.get("If-Match")
        if text is None:
            raise Problem(428, "precondition_required", "Send If-Match with the policy's ETag.")
        digits = text.strip().removeprefix('"').removesuffix('"')
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):  # noqa: PLR2004 - a revision
            raise self.stale()
        return int(digits)

    def stale(self, current: Policy | None = None) -> Problem:
        """Return the refusal that shows what is in force now."""
        policy = current or get_policy(organization_id=self.organization.pk, team_id=self.team_id)
        return Problem(
            412,
            "stale_policy",
            f"The policy is at revision {policy.revision} now.",
            headers={"ETag": f'"{policy.revision}"'},
            more={"current": document_of(policy)},
        )


class PolicyDetail(PolicyView):
    """The rules of an organization or of a team."""

    capabilities: ClassVar = {"GET": READERS, "PUT": WRITERS}

    @extend_schema(tags=["policy"], parameters=[ETAG], responses=PolicySerializer)
    def get(self, request: Request, slug: str, team: str = "") -> Response:
        """Return the rules in force; the ETag is for the next PUT."""
        policy = get_policy(organization_id=self.organization.pk, team_id=self.team_id)
        return _answer(policy)

    @extend_schema(
        tags=["policy"],
        parameters=[IF_MATCH, ETAG],
        request=PolicySerializer,
        responses=PolicySerializer,
    )
    def put(self, request: Request, slug: str, team: str = "") -> Response:
        """Put rules in force in place of those seen; every Desktop follows within seconds.

        428 without `If-Match`, 412 `stale_policy` with the rules in force when somebody else has
        saved, 400 `invalid_policy` with a pointer for each rule that can't be.
        """
        expected = self.expected_revision(request)
        fields = Fields(request.data, allowed=("revision", "settings", "reason"))
        reason = fields.text("reason", length=REASON_LENGTH)
        fields.integer("revision")
        if "settings" not in fields:
            fields.refuse("/settings", "required", "settings is missing.")
        fields.check()
        try:
            rules = read_rules(fields.raw("settings"))
            with recording(actor=self.actor, at=timezone.now()) as trail:
                saved = save_policy(
                    trail=trail,
                    rules=rules,
                    expected_revision=expected,
                    reason=reason,
                    **self.scope,
                )
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors, below="/settings") from invalid
        except StalePolicy as stale:
            raise self.stale(stale.current) from stale
        return _answer(saved)


class PolicyRollback(PolicyView):
    """Going back to an earlier revision."""

    capabilities: ClassVar = {"POST": WRITERS}

    @extend_schema(
        tags=["policy"],
        parameters=[IF_MATCH, ETAG],
        request=RollbackSerializer,
        responses={200: PolicySerializer},
    )
    def post(self, request: Request, slug: str, team: str = "") -> Response:
        """Put the rules of an earlier revision in force again, as a new revision."""
        expected = self.expected_revision(request)
        fields = Fields(request.data, allowed=("revision", "reason"))
        revision = fields.integer("revision")
        reason = fields.text("reason", length=REASON_LENGTH)
        if revision is None and "revision" not in fields:
            fields.refuse("/revision", "required", "revision is missing.")
        fields.check()
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                saved = roll_back_policy(
                    trail=trail,
                    revision=revision or 0,
                    expected_revision=expected,
                    reason=reason,
                    **self.scope,
                )
        except UnknownRevision as unknown:
            raise Problem(404, "unknown_revision", str(unknown)) from unknown
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors, below="/settings") from invalid
        except StalePolicy as stale:
            raise self.stale(stale.current) from stale
        return _answer(saved)


class NewestRevisions(CursorPages):
    """Newest first."""

    ordering = ("-revision",)


class PolicyRevisions(PolicyView):
    """The history of a scope's rules."""

    capabilities: ClassVar = {"GET": READERS}
    pagination_class = NewestRevisions

    @extend_schema(
        tags=["policy"],
        parameters=[
            OpenApiParameter("cursor", description="The page behind another, as `next` gives it."),
            OpenApiParameter("page_size", int, description="1 to 1000; 100 when left out."),
        ],
        responses=RevisionSerializer(many=True),
    )
    def get(self, request: Request, slug: str, team: str = "") -> Response:
        """Return the revisions, newest first, each with what it changed."""
        pages = NewestRevisions()
        of_scope = list_revisions(organization_id=self.organization.pk, team_id=self.team_id)
        rows: list[PolicyRevision] = pages.paginate_queryset(of_scope, request)
        befores = documents_before(rows)
        return pages.get_paginated_response(
            [_revision(row, before=before) for row, before in zip(rows, befores, strict=True)]
        )


def document_of(policy: Policy) -> dict[str, Any]:
    """Return the public policy document."""
    return {
        "revision": policy.revision,
        "settings": policy.document,
        "reason": policy.reason,
    }


def _answer(policy: Policy) -> Response:
    return Response(document_of(policy), headers={"ETag": f'"{policy.revision}"'})


def _revision(row: PolicyRevision, *, before: dict[str, Any]) -> dict[str, Any]:
    return {
        "revision": row.revision,
        "settings": row.document,
        "reason": row.reason,
        "author": row.author.email if row.author else None,
        "created_at": row.created_at,
        "rolled_back_to": row.rolled_back_to,
        "changes": diff_documents(before, row.document),
    }
