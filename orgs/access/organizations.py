"""From a request and a slug to the actor and its organization, or a refusal.

Whoever does not belong to an organization gets 404, as if it did not exist; whoever belongs to it
without the right gets 403.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.generic.base import View
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from structlog.contextvars import bind_contextvars

from orgs.access.addresses import find_address
from orgs.access.problems import Problem
from orgs.access.tokens import require
from orgs.domain.actors import Actor
from orgs.domain.roles import Capability
from orgs.models import Member, Organization, User
from orgs.selectors.members import find_membership, member_actor
from orgs.selectors.organizations import find_organization


class Entrance(NamedTuple):
    """Who came in, and where; `member` is empty for a token."""

    actor: Actor
    organization: Organization
    member: Member | None


def enter_by_session(user: User, *, slug: str, address: str | None = None) -> Entrance:
    """Return the entrance of a signed-in member; raises `Http404` for strangers.

    `address` is where the request came from, for the audit log.
    """
    member = find_membership(user_id=user.pk, slug=slug)
    if member is None:
        raise Http404(slug)
    actor = replace(member_actor(member), address=address)
    return Entrance(actor, member.organization, member)


def enter_by_token(actor: Actor, *, slug: str) -> Entrance:
    """Return the entrance of a token; raises `Http404` for another organization's."""
    organization = find_organization(slug=slug)
    if organization is None or actor.organization_id not in (organization.pk, None):
        raise Http404(slug)
    return Entrance(actor, organization, None)


class _MayEnter(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        assert isinstance(view, OrganizationAPIView)  # noqa: S101 - only that view names it
        view.enter(request)
        return True


class OrganizationAPIView(APIView):
    """Base of every API view below `/organizations/{slug}`.

    A subclass names the capability that each of its methods needs, or several of which one is
    enough (then its selectors bound what the actor sees); a method without one is answered 405.
    `self.actor` and `self.organization` are set before the method runs.
    """

    capabilities: ClassVar[Mapping[str, Capability | tuple[Capability, ...]]]
    permission_classes = (_MayEnter,)
    actor: Actor
    organization: Organization

    def enter(self, request: Request) -> None:
        """Set actor and organization, or refuse: 401, 404, 405, then 403."""
        slug = self.kwargs["slug"]
        if isinstance(request.auth, Actor):
            entrance = enter_by_token(request.auth, slug=slug)
        elif isinstance(request.user, User):
            entrance = enter_by_session(request.user, slug=slug, address=find_address(request))
        else:
            raise Problem(401, "not_authenticated", "Sign in, or send a bearer token.")
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = self.capabilities.get(method)
        if needed is None:
            raise MethodNotAllowed(str(request.method))
        self.actor, self.organization = entrance.actor, entrance.organization
        self.admit(*((needed,) if isinstance(needed, Capability) else needed))
        bind_contextvars(organization=slug)

    def admit(self, *needed: Capability) -> None:
        """Raise `Problem` 403 unless the actor holds one of these; a subclass may know more."""
        require(self.actor, *needed)

    @property
    def allowed_methods(self) -> list[str]:
        """The methods that have a capability, for the `Allow` header."""
        return list(self.capabilities)


class OrganizationRequest(HttpRequest):
    """A request of a page after `OrganizationPage` let it in."""

    actor: Actor
    organization: Organization
    member: Member


class OrganizationPage(View):
    """Base of every page below `/o/<slug>/`; use it before a view that renders a template.

    Anonymous people go to the sign-in, strangers get 404, members without `capability` get 403.
    The view and its template find `request.actor`, `request.organization`, `request.member`.
    """

    capability: ClassVar[Capability]
    request: OrganizationRequest

    def dispatch(
        self, request: HttpRequest, *args: Any, slug: str, **kwargs: Any
    ) -> HttpResponseBase:
        """Let the request in, or refuse it, before any of the view's own code runs."""
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        actor, organization, member = enter_by_session(
            request.user, slug=slug, address=find_address(request)
        )
        self.request.actor = actor
        self.request.organization = organization
        bind_contextvars(organization=slug)
        if member is not None:
            self.request.member = member
        if not actor.may(self.capability):
            raise PermissionDenied
        return super().dispatch(request, *args, slug=slug, **kwargs)
