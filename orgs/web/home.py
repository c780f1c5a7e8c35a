"""The door: where a signed-in person goes first."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orgs.models import User
from orgs.selectors.organizations import list_organizations


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the overview of the person's first organization, by name.

    Someone who belongs to none is told so; that is no error.
    """
    assert isinstance(request.user, User)  # noqa: S101 - login_required saw to it
    organizations = list_organizations(user_id=request.user.pk)
    if organizations:
        return HttpResponseRedirect(f"/o/{organizations[0].slug}/")
    return render(request, "orgs/no_organization.html")
