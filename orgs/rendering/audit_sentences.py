"""The audit log in sentences: one template for each key of `audit_actions`, in both languages.

A sentence names people and things as they are called now. An erased person appears by the
pseudonym that took their name's place; what the log itself once knew of them is not read here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from orgs.domain.actors import ActorKind
from orgs.domain.audit_actions import after, before, sentence_key
from orgs.domain.audit_log import LoggedEvent
from orgs.domain.products import Product
from orgs.templatetags.policy import role_word, setting_word

SENTENCES: Final[Mapping[str, Promise | Callable[[int], str]]] = {
    "organization.created": _("{actor} created the organization {target}."),
    "demo.loaded": lambda n: ngettext(
        "{actor} loaded the demonstration with {count} session event.",
        "{actor} loaded the demonstration with {count} session events.",
        n,
    ),
    "member.added": _("{actor} added {target} with the role {role}."),
    "members.added": lambda n: ngettext(
        "{actor} added {count} member.", "{actor} added {count} members.", n
    ),
    "members.primary_team_assigned": lambda n: ngettext(
        "{actor} changed the primary team of {count} member.",
        "{actor} changed the primary teams of {count} members.",
        n,
    ),
    "organization.device_sign_in_switched:on": _("{actor} switched device sign-in on."),
    "organization.device_sign_in_switched:off": _("{actor} switched device sign-in off."),
    "device_sign_in.started": _("A Docker Desktop asked to sign in ({target})."),
    "device_sign_in.approved": _("{actor} approved the sign-in {target}."),
    "device_sign_in.denied": _("{actor} denied the sign-in {target}."),
    "device_sign_in.expired": _("The sign-in {target} expired without a token."),
    "device_sign_in.refused": _("The sign-in {target} was refused at its end."),
    "device.signed_in": _("{member} signed in on the device {target}."),
    "device.removed": _("{actor} took the device {target} off the list and signed it out."),
    "team.created": _("{actor} created the team {target}."),
    "team.renamed": _("{actor} renamed the team {target}."),
    "team.members_changed": _("{actor} changed who belongs to the team {target}."),
    "teams.ordered": _("{actor} changed the order of the teams."),
    "policy.saved:organization": _(
        "{actor} changed the policy of the organization: revision {revision}."
    ),
    "policy.saved:team": _("{actor} changed the policy of team {target}: revision {revision}."),
    "policy.rolled_back:organization": _(
        "{actor} put revision {earlier} of the organization's policy in force again, "
        "as revision {revision}."
    ),
    "policy.rolled_back:team": _(
        "{actor} put revision {earlier} of the policy of team {target} in force again, "
        "as revision {revision}."
    ),
    "exception.requested": _("{actor} asked for an exception for {member}: {setting}."),
    "exception.granted": _("{actor} granted an exception to {member}: {setting}."),
    "exception.refused": _("{actor} refused an exception to {member}: {setting}."),
    "exception.withdrawn": _(
        "{actor} took back the request for an exception for {member}: {setting}."
    ),
    "exception.revoked": _("{actor} ended the exception of {member} early: {setting}."),
    "exception.expired": _("The exception of {member} ended by itself: {setting}."),
    "settings.chosen": _("{actor} chose settings for {target}."),
    "product.switched:on": _("{actor} switched {target} on."),
    "product.switched:off": _("{actor} switched {target} off."),
    "token.created": _("{actor} created the token {target}."),
    "token.revoked": _("{actor} revoked the token {target}."),
    "spending.state_changed:ok": _("Spending is within its limit; sessions may start."),
    "spending.state_changed:warning": _("Spending comes close to its limit."),
    "spending.state_changed:blocked": _("Spending reached its limit: no new session may start."),
    "spending.state_changed:stopping": _(
        "Spending reached its limit: running sessions are told to stop."
    ),
    "rate_card.created": _("{actor} put a rate card in force."),
    "period.closed:invoiced": _(
        "{actor} closed the billing period {period} with invoice {invoice}."
    ),
    "period.closed:empty": _(
        "{actor} closed the billing period {period}; there was nothing to invoice."
    ),
}

_UNKNOWN: Final = _("{actor} did {action} to {target}.")

PRODUCT_NAMES: Final[Mapping[str, str]] = {
    Product.DESKTOP: "Docker Desktop",
    Product.HUB: "Docker Hub",
    Product.BUILD_CLOUD: "Docker Build Cloud",
    Product.SCOUT: "Docker Scout",
    Product.TESTCONTAINERS_CLOUD: "Testcontainers Cloud",
    Product.OFFLOAD: "Docker Offload",
}


def sentence_text(event: LoggedEvent) -> str:
    """Return what happened as one sentence in the active language."""
    values = _values(event)
    return _template(event, values).format(**values)


def sentence_html(event: LoggedEvent) -> SafeString:
    """Return the sentence with its names in bold, everything in it escaped."""
    values = _values(event)
    parts = {
        name: value if name == "count" else format_html("<b>{}</b>", value)
        for name, value in values.items()
    }
    text = conditional_escape(_template(event, values))
    return mark_safe(text.format(**parts))  # noqa: S308 - template and parts are escaped


def actor_text(event: LoggedEvent) -> str:
    """Return who acted, as the subject of a sentence."""
    match event.actor_kind:
        case ActorKind.USER:
            return event.name_of("member", event.actor_member_id)
        case ActorKind.TOKEN:
            return gettext("Token {name}").format(
                name=event.name_of("token", event.actor_token_id)
            )
        case ActorKind.SCIM:
            return gettext("The identity provider")
        case ActorKind.SYSTEM:
            return PRODUCT_NAMES[Product.OFFLOAD]
        case ActorKind.OPERATOR:
            return pgettext("actor", "Docker staff")
        case ActorKind.SUPPORT:
            return pgettext("actor", "Docker support")


def target_text(event: LoggedEvent) -> str:
    """Return what an event is about: a name, or `#id`."""
    if event.target_kind == "product":
        return PRODUCT_NAMES.get(event.target_id, event.target_id)
    return event.name_of(event.target_kind, event.target_id)


def setting_text(setting: object) -> str:
    """Return the name of a setting; the text itself for one that is not known any more."""
    try:
        return setting_word(str(setting))
    except (KeyError, ValueError):
        return str(setting)


def role_text(role: object) -> str:
    """Return the name of a role; the text itself for one that is not known any more."""
    try:
        return role_word(str(role))
    except (KeyError, ValueError):
        return str(role)


def _template(event: LoggedEvent, values: Mapping[str, object]) -> str:
    key = sentence_key(event.action, target_kind=event.target_kind, diff=event.diff)
    found = SENTENCES.get(key, _UNKNOWN)
    return str(found) if isinstance(found, Promise) else found(int(str(values["count"])))


def _values(event: LoggedEvent) -> dict[str, object]:
    diff = event.diff
    return {
        "actor": actor_text(event),
        "action": event.action,
        "target": target_text(event),
        "member": event.name_of("member", after(diff, "member_id")),
        "setting": setting_text(after(diff, "setting")),
        "role": role_text(after(diff, "role")),
        "revision": after(diff, "revision"),
        "earlier": after(diff, "rolled_back_to") or before(diff, "revision"),
        "period": after(diff, "period"),
        "invoice": after(diff, "invoice"),
        "count": _count(event),
    }


def _count(event: LoggedEvent) -> int:
    match event.action:
        case "members.added":
            ids = after(event.diff, "member_ids")
            return len(ids) if isinstance(ids, Sequence) and not isinstance(ids, str) else 0
        case "demo.loaded":
            number = after(event.diff, "session_events")
            return number if isinstance(number, int) else 0
        case _:
            return len(event.diff)
