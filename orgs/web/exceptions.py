"""Exceptions: grant, decide, end; and a member's own wish for one."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext

from orgs.access.pages import ConsolePage
from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy
from orgs.domain.roles import Capability
from orgs.domain.rules import SWITCHES, Setting, SwitchState
from orgs.models import PolicyException
from orgs.selectors.member_pages import list_exceptions
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
from orgs.templatetags.policy import rule_error_text

OVER_SHOWN: Final = 20
FIELDS: Final = ("member", "setting", "minimum", "maximum", "reason", "days")
_STATE = PolicyException.State
_DECIDE = {"approve": approve_exception, "refuse": refuse_exception, "revoke": revoke_exception}


class ExceptionsPage(ConsolePage):
    """`/o/<slug>/exceptions/`: what waits, what is in force, what is over; a POST grants one."""

    capability = Capability.POLICY_READ
    section = "exceptions"
    template_name = "orgs/exceptions.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Grant what was typed, or show it again with what is wrong."""
        if not self.request.actor.may(Capability.EXCEPTIONS_WRITE):
            raise PermissionDenied
        typed = typed_exception(request.POST)
        member = find_member(organization_id=self.request.organization.pk, email=typed["member"])
        if member is None or member.status == member.Status.REMOVED:
            errors = [gettext("There is no such member.")]
            return self._again(typed, errors)
        try:
            with recording(actor=self.request.actor, at=self.as_of) as trail:
                grant_exception(trail=trail, member=member, **exception_of(typed, at=self.as_of))
        except InvalidPolicy as invalid:
            return self._again(typed, [rule_error_text(error) for error in invalid.errors])
        return HttpResponseRedirect(request.path)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the exceptions by state."""
        organization_id = self.request.organization.pk
        over = list_exceptions(
            organization_id=organization_id,
            states=[_STATE.REFUSED, _STATE.WITHDRAWN, _STATE.EXPIRED, _STATE.REVOKED],
        )
        return super().get_context_data(
            waiting=list_exceptions(organization_id=organization_id, states=[_STATE.REQUESTED]),
            granted=list_exceptions(organization_id=organization_id, states=[_STATE.GRANTED]),
            over=over[:OVER_SHOWN],
            may_decide=self.request.actor.may(Capability.EXCEPTIONS_WRITE),
            **({"typed": {"member": self.word("member")}} | kwargs),
        )

    def _again(self, typed: dict[str, str], errors: list[str]) -> HttpResponse:
        return self.render_to_response(
            self.get_context_data(typed=typed, errors=errors), status=400
        )


class DecisionPage(ConsolePage):
    """`/o/<slug>/exceptions/<id>/`: a POST approves, refuses, ends, or takes back one's own."""

    capability = Capability.OWN_READ
    section = "exceptions"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Do what the button says, and return to the list."""
        act, number = request.POST.get("act", ""), self.kwargs["number"]
        if act not in {*_DECIDE, "withdraw"}:
            return HttpResponse(status=400)
        if act != "withdraw" and not self.request.actor.may(Capability.EXCEPTIONS_WRITE):
            raise PermissionDenied
        try:
            with recording(actor=self.request.actor, at=self.as_of) as trail:
                if act == "withdraw":
                    withdraw_exception(trail=trail, member=self.request.member, number=number)
                else:
                    _DECIDE[act](
                        trail=trail,
                        organization_id=self.request.organization.pk,
                        number=number,
                        note=_text(request.POST, "note"),
                    )
        except ExceptionNotOpen:
            messages.warning(request, gettext("Somebody has decided this already."))
        page = "billing:my_offload" if act == "withdraw" else "orgs:exceptions"
        return HttpResponseRedirect(reverse(page, args=[self.request.organization.slug]))


class AskPage(ConsolePage):
    """`/o/<slug>/exceptions/ask/`: a member's own wish; comes back to My Offload."""

    capability = Capability.OWN_WRITE
    section = "my"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Store the wish, or say what is wrong with it."""
        typed = typed_exception(request.POST)
        try:
            with recording(actor=self.request.actor, at=self.as_of) as trail:
                request_exception(
                    trail=trail,
                    member=self.request.member,
                    **exception_of(typed, at=self.as_of),
                )
            messages.success(request, gettext("Asked. You see the decision on this page."))
        except InvalidPolicy as invalid:
            for error in invalid.errors:
                messages.error(request, rule_error_text(error))
        except RequestExists:
            messages.warning(request, gettext("You have asked for this already."))
        address = reverse("billing:my_offload", args=[self.request.organization.slug])
        return HttpResponseRedirect(address)


def typed_exception(data: QueryDict) -> dict[str, str]:
    """Return the texts of the form's fields."""
    return {name: _text(data, name) for name in FIELDS}


def exception_of(typed: dict[str, str], *, at: datetime) -> dict[str, Any]:
    """Return the arguments of the services; what can't be read is for them to refuse."""
    setting = Setting(typed["setting"]) if typed["setting"] in set(Setting) else None
    rule: dict[str, Any] = {"state": SwitchState.ENABLED.value}
    if setting not in SWITCHES:
        bounds = {name: typed[name] for name in ("minimum", "maximum") if typed[name]}
        rule = {name: _number(text) for name, text in bounds.items()}
    days = _number(typed["days"])
    return {
        "setting": setting or Setting.IDLE_TIMEOUT_SECONDS,
        "rule": rule,
        "reason": typed["reason"],
        "expires_at": at + timedelta(days=days if isinstance(days, int) else 0),
    }


def _text(data: QueryDict, name: str) -> str:
    return data.get(name, "").replace("\0", "").strip()[:REASON_LENGTH]


def _number(text: str) -> int | str:
    is_number = text.isascii() and text.isdigit() and len(text) <= 4  # noqa: PLR2004 - 3600 s, 90 days
    return int(text) if is_number else text
