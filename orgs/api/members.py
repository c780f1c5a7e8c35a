"""`/organizations/{slug}/members`: who is there, as what, in which teams."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.parameters import QueryParameters
from orgs.access.problems import Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.access.tokens import require
from orgs.domain.names import SLUG_PATTERN
from orgs.domain.roles import MEMBER_ROLES, Capability
from orgs.models import Member
from orgs.selectors.members import narrow_members
from orgs.selectors.reach import members_within
from orgs.selectors.teams import list_team_slugs

READERS: Final = (Capability.MEMBERS_READ, Capability.OWN_READ)
"""Either is enough: whoever may not read all gets themself and those they lead."""

_ROLES: Final = tuple(role.value for role in MEMBER_ROLES)
_STATUSES: Final = tuple(Member.Status.values)


class MemberSerializer(serializers.Serializer[Any]):
    """A person in the organization; `teams` in the order in which they speak."""

    id = serializers.IntegerField()
    email = serializers.EmailField()
    name = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=_ROLES)
    status = serializers.ChoiceField(choices=_STATUSES)
    teams = serializers.ListField(child=serializers.RegexField(SLUG_PATTERN))


class MembersByAddress(CursorPages):
    """By e-mail address."""

    ordering = ("email",)


class MemberList(OrganizationAPIView):
    """The members of an organization."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="list_members",
        tags=["members"],
        parameters=[
            OpenApiParameter("q", description="A part of the address or the name."),
            OpenApiParameter("role", enum=_ROLES),
            OpenApiParameter(
                "status", enum=_STATUSES, description="Left out: all who have not left."
            ),
            OpenApiParameter("team", description="A team's slug."),
            *PAGE_PARAMETERS,
        ],
        responses=page_of("MemberPage", MemberSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the members that the caller may see and that the filters leave, by address."""
        query = QueryParameters(request)
        wanted = {
            "text": query.word("q"),
            "role": query.choice("role", among=_ROLES, default=""),
            "status": query.choice("status", among=_STATUSES, default=""),
            "team": query.word("team"),
        }
        query.check()
        within = members_within(
            self.actor, Capability.MEMBERS_READ, organization_id=self.organization.pk
        )
        pages = MembersByAddress()
        members = pages.paginate_queryset(narrow_members(within, **wanted), request)
        return pages.get_paginated_response(_documents(members))


class MemberItem(OrganizationAPIView):
    """One member."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(operation_id="get_member", tags=["members"], responses=MemberSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return a member, also one who has left.

        403 for another than oneself or a member of a team that one leads, without the right.
        """
        within = members_within(
            self.actor, Capability.MEMBERS_READ, organization_id=self.organization.pk
        )
        member = within.filter(pk=number).first()
        if member is None:
            require(self.actor, Capability.MEMBERS_READ)
            raise Problem(404, "not_found", "There is no such member.")
        return Response(_documents([member])[0])


def _documents(members: list[Member]) -> list[dict[str, Any]]:
    if not members:
        return []
    teams = list_team_slugs(
        organization_id=members[0].organization_id, member_ids=[member.pk for member in members]
    )
    return [
        {
            "id": member.pk,
            "email": member.email,
            "name": member.name,
            "role": member.role,
            "status": member.status,
            "teams": teams.get(member.pk, []),
        }
        for member in members
    ]
