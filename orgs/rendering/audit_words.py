"""What readers of the audit log choose among, and what may be wrong with a chain, in words."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from orgs.domain.actors import ActorKind
from orgs.domain.audit_actions import ActionGroup

GROUP_WORDS: Final[Mapping[str, Any]] = {
    ActionGroup.ORGANIZATION: _("Organization"),
    ActionGroup.MEMBERS: _("Members"),
    ActionGroup.TEAMS: _("Teams"),
    ActionGroup.POLICY: _("Policy"),
    ActionGroup.EXCEPTIONS: _("Exceptions"),
    ActionGroup.SETTINGS: _("Developers' choices"),
    ActionGroup.PRODUCTS: _("Products"),
    ActionGroup.DEVICES: _("Devices"),
    ActionGroup.TOKENS: _("Tokens"),
    ActionGroup.BILLING: _("Billing"),
}
"""What actions are about."""

TARGET_WORDS: Final[Mapping[str, Any]] = {
    "organization": _("Organization"),
    "member": _("Member"),
    "team": _("Team"),
    "device": _("Device"),
    "device_sign_in": _("Device sign-in"),
    "exception": _("Exception"),
    "product": _("Product"),
    "token": _("Token"),
    "rate_card": _("Rate card"),
    "billing_period": _("Billing period"),
}
"""What actions are done to."""

ACTOR_KIND_WORDS: Final[Mapping[str, Any]] = {
    ActorKind.USER: pgettext_lazy("actor", "Person"),
    ActorKind.TOKEN: pgettext_lazy("actor", "Token"),
    ActorKind.SCIM: pgettext_lazy("actor", "SCIM"),
    ActorKind.SYSTEM: pgettext_lazy("actor", "Automatic"),
    ActorKind.OPERATOR: pgettext_lazy("actor", "Docker staff"),
    ActorKind.SUPPORT: pgettext_lazy("actor", "Docker support"),
}
"""Where the right to act came from."""

PROBLEM_WORDS: Final[Mapping[str, Any]] = {
    "the event is missing": _("the entry is missing"),
    "the event was changed": _("the entry was changed"),
    "it does not follow the event before it": _("it does not follow the entry before it"),
    "the chain's end was changed": _("the end of the chain was changed"),
    "it lies beyond the chain's end": _("it lies beyond the end of the chain"),
    "its checkpoint says another hash": _("its checkpoint says another hash"),
    "its checkpoint is not signed by us": _("its checkpoint is not signed by us"),
}


def problem_text(problem: str) -> str:
    """Return what is wrong with a chain, in the active language."""
    known = PROBLEM_WORDS.get(problem)
    return str(known if known is not None else _("a personal value was changed"))
