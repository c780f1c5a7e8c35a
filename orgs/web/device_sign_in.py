"""`/device/`: where a person enters the code that their Docker Desktop shows, and decides."""

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orgs.access.addresses import find_address
from orgs.domain.device_sign_in import (
    CLIENTS,
    WRONG_CODES_WINDOW,
    SignInState,
    read_user_code,
    show_user_code,
)
from orgs.domain.roles import Capability
from orgs.models import DeviceSignIn, User
from orgs.selectors.device_sign_ins import find_opened_sign_in, list_memberships
from orgs.selectors.members import member_actor
from orgs.services.audit import recording
from orgs.services.device_sign_ins import (
    DeviceSignInOff,
    SignInClosed,
    TooManyWrongCodes,
    approve_sign_in,
    deny_sign_in,
    open_sign_in,
)

SHOWN_CHARACTERS = 32
"""What is kept of a wrong code for the person to mend."""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code, which the Desktop's link fills in; a right one leads to the decision.

    The link alone decides nothing and shows nothing: the person says that it is their code.
    """
    assert isinstance(request.user, User)  # noqa: S101 - login_required saw to it
    if request.method != "POST":
        return _ask(request, typed=request.GET.get("user_code", ""))
    typed = request.POST.get("user_code", "")
    code = read_user_code(typed)
    if code is None:
        return _ask(request, typed=typed, problem=_("A code has 8 letters, such as WDJB-MJHT."))
    try:
        sign_in = open_sign_in(
            user_id=request.user.pk,
            user_code=code,
            address=find_address(request),
            at=timezone.now(),
        )
    except TooManyWrongCodes:
        return _ask_later(request, typed=typed)
    if sign_in is None:
        problem = _("This code opens nothing. It may be mistyped, used already, or too old.")
        return _ask(request, typed=typed, problem=problem)
    return redirect("device-sign-in", sign_in_id=sign_in.pk)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, sign_in_id: int) -> HttpResponse:
    """Show who asks from where, and take the person's answer; afterwards, what came of it."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required saw to it
    sign_in = find_opened_sign_in(sign_in_id=sign_in_id, user_id=request.user.pk)
    if sign_in is None:
        raise Http404
    now = timezone.now()
    if request.method != "POST":
        return _show(request, sign_in, user=request.user, now=now)
    problem = ""
    try:
        match request.POST.get("decision"):
            case "approve":
                problem = _approve(request, sign_in, user=request.user, now=now)
            case "deny":
                deny_sign_in(sign_in_id=sign_in.pk, user_id=request.user.pk, at=now)
            case _:
                problem = _("Approve or deny.")
    except DeviceSignInOff:
        problem = _("This organization lets no Docker Desktop sign in.")
    except SignInClosed:
        pass  # decided in another window, or too late: the page says which
    if problem:
        return _show(request, sign_in, user=request.user, now=now, problem=problem)
    return redirect("device-sign-in", sign_in_id=sign_in.pk)


def _approve(request: HttpRequest, sign_in: DeviceSignIn, *, user: User, now: datetime) -> str:
    """Approve for the organization of the form; return what is wrong with it, or nothing."""
    members = {each.organization.slug: each for each in list_memberships(user_id=user.pk)}
    member = members.get(request.POST.get("organization", ""))
    if member is None:
        return _("Choose an organization.")
    actor = member_actor(member)
    if not actor.may(Capability.OWN_WRITE):
        raise PermissionDenied
    with recording(actor=actor, at=now) as trail:
        approve_sign_in(trail=trail, sign_in_id=sign_in.pk, member=member)
    return ""


def _ask(
    request: HttpRequest, *, typed: str, problem: str = "", status: int = 200
) -> HttpResponse:
    code = read_user_code(typed)
    shown = show_user_code(code) if code else typed[:SHOWN_CHARACTERS]
    context = {"typed": shown, "problem": problem}
    return render(request, "orgs/device_code.html", context, status=status)


def _ask_later(request: HttpRequest, *, typed: str) -> HttpResponse:
    problem = _("Too many wrong codes. Wait ten minutes, then start again in Docker Desktop.")
    answer = _ask(request, typed=typed, problem=problem, status=429)
    answer["Retry-After"] = str(int(WRONG_CODES_WINDOW.total_seconds()))
    return answer


def _show(
    request: HttpRequest,
    sign_in: DeviceSignIn,
    *,
    user: User,
    now: datetime,
    problem: str = "",
) -> HttpResponse:
    state = sign_in.get_state()
    if state is not SignInState.PENDING or now >= sign_in.expires_at:
        is_left = state is not SignInState.EXCHANGED and now >= sign_in.expires_at
        context = {
            "sign_in": sign_in,
            "is_denied": state is SignInState.DENIED,
            "is_expired": is_left and state is not SignInState.DENIED,
        }
        return render(request, "orgs/device_done.html", context)
    memberships = list_memberships(user_id=user.pk)
    organizations = [member.organization for member in memberships]
    return render(
        request,
        "orgs/device_consent.html",
        {
            "sign_in": sign_in,
            "client": CLIENTS.get(sign_in.client_id, sign_in.client_id),
            "user_code": show_user_code(sign_in.user_code),
            "minutes": (now - sign_in.started_at) // timedelta(minutes=1),
            "open": [each for each in organizations if each.is_device_sign_in_enabled],
            "closed": [each for each in organizations if not each.is_device_sign_in_enabled],
            "problem": problem,
        },
    )
