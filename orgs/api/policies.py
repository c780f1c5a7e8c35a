"""`/organizations/{slug}/policy` and `/teams/{team}/policy`: rules, revisions, rollback."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.desktop_polls import CACHE_HEADERS, matches, not_modified
from orgs.access.json_bodies import DocumentJson, fields_of, invalid_policy
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.problems import CONTENT_TYPE, Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.api.policy_shapes import (
    PolicySerializer,
    RevisionSerializer,
    RollbackSerializer,
    StalePolicySerializer,
)
from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy, diff_documents, read_rules
from orgs.domain.roles import Capability
from orgs.models import PolicyRevision, Team
from orgs.selectors.policies import Policy, UnknownRevision, get_policy, list_revisions
from orgs.selectors.policy_pages import documents_before, find_team
from orgs.selectors.reach import is_led_by
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, roll_back_policy, save_policy

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
IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of what the caller has."
)
_AS_LEAD: Final = {
    Capability.POLICY_READ: Capability.TEAM_POLICY_READ,
    Capability.POLICY_WRITE: Capability.TEAM_POLICY_NARROW,
}
"""What opens to a lead, in their own team, what takes a right over all policy elsewhere."""


SAVED: Final[dict[Any, Any]] = {
    200: PolicySerializer,
    (412, CONTENT_TYPE): OpenApiResponse(
        StalePolicySerializer, description="Somebody else has saved; `current` is in force."
    ),
}


class PolicyView(OrganizationAPIView):
    """What the views of a scope share: whose rules they are, and who may touch them."""

    parser_classes: tuple[type[BaseParser], ...] = (DocumentJson,)
    team: Team | None

    def admit(self, *needed: Capability) -> None:
        """Let in who may read or write all policy, and leads for the team of the address.

        Whoever may in no way gets 403, whether there is such a team or not.
        """
        self.team = None
        slug = self.kwargs.get("team")
        if slug is not None:
            self.team = find_team(organization_id=self.organization.pk, slug=slug)
        if not self._is_led(needed):
            super().admit(*needed)
        if slug is not None and self.team is None:
            raise Problem(404, "not_found", "There is no such team.")

    def _is_led(self, needed: Sequence[Capability]) -> bool:
        return (
            self.team is not None
            and any(self.actor.may_as_lead(_AS_LEAD[capability]) for capability in needed)
            and is_led_by(self.actor, organization_id=self.organization.pk, team_id=self.team.pk)
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

    capabilities: ClassVar = {"GET": Capability.POLICY_READ, "PUT": Capability.POLICY_WRITE}

    @extend_schema(
        operation_id="get_policy",
        tags=["policy"],
        parameters=[IF_NONE_MATCH, ETAG],
        responses={
            200: PolicySerializer,
            304: OpenApiResponse(description="The caller has what is in force."),
        },
    )
    def get(self, request: Request, slug: str, team: str = "") -> HttpResponse:
        """Return the rules in force; the ETag is for the next PUT."""
        policy = get_policy(organization_id=self.organization.pk, team_id=self.team_id)
        etag = f'"{policy.revision}"'
        presented = request.headers.get("If-None-Match", "")
        return not_modified(etag) if matches(presented, etag) else _answer(policy)

    @extend_schema(
        operation_id="save_policy",
        tags=["policy"],
        parameters=[IF_MATCH, ETAG],
        request=PolicySerializer,
        responses=SAVED,
    )
    def put(self, request: Request, slug: str, team: str = "") -> Response:
        """Put rules in force in place of those seen; every Desktop follows within seconds.

        428 without `If-Match`, 412 `stale_policy` with the rules in force when somebody else has
        saved, 400 `invalid_policy` with a pointer for each rule that can't be.
        """
        expected = self.expected_revision(request)
        fields = fields_of(request, allowed=("revision", "settings", "reason"))
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

    capabilities: ClassVar = {"POST": Capability.POLICY_WRITE}

    @extend_schema(
        operation_id="roll_back_policy",
        tags=["policy"],
        parameters=[IF_MATCH, ETAG],
        request=RollbackSerializer,
        responses=SAVED,
    )
    def post(self, request: Request, slug: str, team: str = "") -> Response:
        """Put the rules of an earlier revision in force again, as a new revision."""
        expected = self.expected_revision(request)
        fields = fields_of(request, allowed=("revision", "reason"))
        revision = fields.integer("revision")
        reason = fields.text("reason", length=REASON_LENGTH)
        if fields.raw("revision") is None:
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

    capabilities: ClassVar = {"GET": Capability.POLICY_READ}

    @extend_schema(
        operation_id="list_policy_revisions",
        tags=["policy"],
        parameters=PAGE_PARAMETERS,
        responses=page_of("RevisionPage", RevisionSerializer),
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


@extend_schema_view(
    get=extend_schema(operation_id="get_team_policy"),
    put=extend_schema(operation_id="save_team_policy"),
)
class TeamPolicyDetail(PolicyDetail):
    """The rules of a team, which may only narrow its organization's."""


@extend_schema_view(post=extend_schema(operation_id="roll_back_team_policy"))
class TeamPolicyRollback(PolicyRollback):
    """Going back to an earlier revision of a team's rules."""


@extend_schema_view(get=extend_schema(operation_id="list_team_policy_revisions"))
class TeamPolicyRevisions(PolicyRevisions):
    """The history of a team's rules."""


def document_of(policy: Policy) -> dict[str, Any]:
    """Return the public policy document."""
    return {
        "revision": policy.revision,
        "settings": policy.document,
        "reason": policy.reason,
    }


def _answer(policy: Policy) -> Response:
    headers = {"ETag": f'"{policy.revision}"'} | CACHE_HEADERS
    return Response(document_of(policy), headers=headers)


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
