"""`/organizations/{slug}/teams`: who is grouped how, who leads, and which team speaks first."""

from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.json_bodies import BulkJson, Fields, SmallJson, fields_of
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.problems import FieldError, Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.api.member_fields import NAMED_AT_MOST, members_named
from orgs.domain.names import NAME_LENGTH, SLUG_LENGTH, SLUG_PATTERN, InvalidSlug
from orgs.domain.roles import Capability
from orgs.models import Team
from orgs.selectors.reach import teams_within
from orgs.selectors.teams import list_leads, with_member_counts
from orgs.services.audit import recording
from orgs.services.team_members import LeadNotInTeam, change_team
from orgs.services.teams import (
    TeamExists,
    TeamNameMissing,
    TeamsDiffer,
    UnknownInOrganization,
    create_team,
    order_teams,
)

LEADS_AT_MOST: Final = 100
TEAMS_AT_MOST: Final = 10_000
"""Teams of one order."""

_READERS: Final = (Capability.MEMBERS_READ, Capability.OWN_READ)
"""Either is enough: whoever may not read all members gets the teams they are in."""


class TeamSerializer(serializers.Serializer[Any]):
    """A team; `GET …/members?team=` lists who is in it. A lower `priority` speaks first."""

    slug = serializers.RegexField(SLUG_PATTERN)
    name = serializers.CharField()
    priority = serializers.IntegerField(min_value=0)
    member_count = serializers.IntegerField(min_value=0)
    leads = serializers.ListField(child=serializers.EmailField())


class NewTeamSerializer(serializers.Serializer[Any]):
    """A team to be made; without a name it is called by its slug."""

    slug = serializers.RegexField(SLUG_PATTERN, max_length=SLUG_LENGTH)
    name = serializers.CharField(required=False, max_length=NAME_LENGTH)


class TeamChangeSerializer(serializers.Serializer[Any]):
    """What changes of a team; lists are whole, by e-mail address or id."""

    name = serializers.CharField(required=False, max_length=NAME_LENGTH)
    members = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=NAMED_AT_MOST
    )
    leads = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        max_length=LEADS_AT_MOST,
        help_text="All of them in the team. Left out, whoever stays leads on.",
    )


class TeamOrderSerializer(serializers.Serializer[Any]):
    """The slugs of all teams; the first that says something decides."""

    teams = serializers.ListField(
        child=serializers.RegexField(SLUG_PATTERN), max_length=TEAMS_AT_MOST
    )


class TeamsInOrder(CursorPages):
    """The one that speaks first, first."""

    ordering = ("priority", "id")


class TeamList(OrganizationAPIView):
    """The teams of an organization."""

    parser_classes = (SmallJson,)
    capabilities: ClassVar = {"GET": _READERS, "POST": Capability.MEMBERS_WRITE}

    @extend_schema(
        operation_id="list_teams",
        tags=["teams"],
        parameters=PAGE_PARAMETERS,
        responses=page_of("TeamPage", TeamSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the teams in the order in which they speak."""
        pages = TeamsInOrder()
        teams = pages.paginate_queryset(_visible(self), request)
        return pages.get_paginated_response(_documents(teams))

    @extend_schema(
        operation_id="create_team",
        tags=["teams"],
        request=NewTeamSerializer,
        responses={201: TeamSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make a team, last in the order (409 `team_exists` for a slug that is taken)."""
        body = fields_of(request, allowed=("slug", "name"))
        team_slug = body.text("slug", length=SLUG_LENGTH, is_required=True)
        name = body.text("name", length=NAME_LENGTH)
        body.check()
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                team = create_team(
                    trail=trail,
                    organization_id=self.organization.pk,
                    slug=team_slug,
                    name=name.strip() or team_slug,
                )
        except InvalidSlug as invalid:
            error = FieldError("/slug", "invalid_slug", f"{invalid}.")
            raise Problem(400, "invalid", "The body is not valid.", errors=[error]) from invalid
        except TeamExists as taken:
            raise Problem(409, "team_exists", f"There is a team {team_slug} already.") from taken
        address = reverse("api-team", args=[slug, team.slug])
        return Response(_document(self, team), status=201, headers={"Location": address})


class TeamItem(OrganizationAPIView):
    """One team."""

    parser_classes = (BulkJson,)
    capabilities: ClassVar = {"GET": _READERS, "PATCH": Capability.MEMBERS_WRITE}

    @extend_schema(operation_id="get_team", tags=["teams"], responses=TeamSerializer)
    def get(self, request: Request, slug: str, team: str) -> Response:
        """Return a team."""
        return Response(_document(self, self._find(team)))

    @extend_schema(
        operation_id="change_team",
        tags=["teams"],
        request=TeamChangeSerializer,
        responses=TeamSerializer,
    )
    def patch(self, request: Request, slug: str, team: str) -> Response:
        """Change a team's name, its members, its leads; what is left out stays.

        Settings follow of those who come and go. Which team carries a member's cost stays.
        """
        found = self._find(team)
        body = fields_of(request, allowed=("name", "members", "leads"))
        name = _name(body)
        organization_id = self.organization.pk
        members = members_named(body, "members", organization_id=organization_id)
        leads = members_named(
            body, "leads", organization_id=organization_id, at_most=LEADS_AT_MOST
        )
        body.check()
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                change_team(trail=trail, team=found, name=name, member_ids=members, lead_ids=leads)
        except (LeadNotInTeam, UnknownInOrganization, TeamNameMissing) as refused:
            raise _refusal(refused) from refused
        return Response(_document(self, found))

    def _find(self, slug: str) -> Team:
        found = _visible(self).filter(slug=slug).first()
        if found is None:
            raise Http404(slug)
        return found


class TeamOrder(OrganizationAPIView):
    """The order of all teams."""

    parser_classes = (BulkJson,)
    capabilities: ClassVar = {"PUT": Capability.MEMBERS_WRITE}

    @extend_schema(
        operation_id="order_teams",
        tags=["teams"],
        request=TeamOrderSerializer,
        responses=TeamOrderSerializer,
    )
    def put(self, request: Request, slug: str) -> Response:
        """Let the teams speak in this order, each named once.

        Of a member's teams the first that says something of a setting decides it.
        """
        body = fields_of(request, allowed=("teams",))
        slugs = body.raw("teams")
        is_list = isinstance(slugs, list) and all(isinstance(each, str) for each in slugs)
        if not isinstance(slugs, list) or not is_list or len(slugs) > TEAMS_AT_MOST:
            body.refuse("/teams", "invalid", f"teams is a list of at most {TEAMS_AT_MOST} slugs.")
            slugs = []
        body.check()
        try:
            with recording(actor=self.actor, at=timezone.now()) as trail:
                order_teams(trail=trail, organization_id=self.organization.pk, slugs=slugs)
        except TeamsDiffer as differ:
            raise _differ(differ, slugs) from differ
        return Response({"teams": slugs})


def _visible(view: OrganizationAPIView) -> QuerySet[Team]:
    return with_member_counts(
        teams_within(
            view.actor,
            Capability.MEMBERS_READ,
            Capability.MEMBERS_WRITE,
            organization_id=view.organization.pk,
        )
    )


def _name(body: Fields) -> str | None:
    if "name" not in body:
        return None
    return body.text("name", length=NAME_LENGTH, is_required=True)


def _refusal(refused: Exception) -> Problem:
    match refused:
        case LeadNotInTeam():
            error = FieldError("/leads", "lead_not_in_team", "A lead is a member of the team.")
        case TeamNameMissing():
            error = FieldError("/name", "required", "name is missing.")
        case _:  # somebody left between the look and the change
            error = FieldError("/members", "unknown_member", "There is no such member.")
    return Problem(400, "invalid", "The body is not valid.", errors=[error])


def _differ(differ: TeamsDiffer, slugs: list[str]) -> Problem:
    errors = [
        FieldError("/teams", "missing_team", f"Team {slug} is missing.") for slug in differ.missing
    ]
    unknown, named = set(differ.unknown), set[str]()
    for index, slug in enumerate(slugs):
        place = f"/teams/{index}"
        if slug in unknown:
            errors.append(FieldError(place, "unknown_team", "There is no such team."))
        elif slug in named:
            errors.append(FieldError(place, "repeated_team", "The team is named before."))
        named.add(slug)
    return Problem(400, "invalid", "An order names each team once.", errors=errors)


def _document(view: OrganizationAPIView, team: Team) -> dict[str, Any]:
    # with the counts as they are now
    [document] = _documents(list(_visible(view).filter(pk=team.pk)))
    return document


def _documents(teams: list[Any]) -> list[dict[str, Any]]:
    if not teams:
        return []
    leads = list_leads(
        organization_id=teams[0].organization_id, team_ids=[team.pk for team in teams]
    )
    return [
        {
            "slug": team.slug,
            "name": team.name,
            "priority": team.priority,
            "member_count": team.member_count,
            "leads": leads.get(team.pk, []),
        }
        for team in teams
    ]
