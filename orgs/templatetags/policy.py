"""Policy in words: settings, states, levels, reasons, and what a level said."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django import template
from django.utils.translation import gettext, pgettext

from orgs.domain.compliance import Compliance
from orgs.domain.policy_documents import RuleError
from orgs.domain.roles import Role
from orgs.domain.rules import Setting, SwitchState
from orgs.domain.trace import Level, Outcome, Reason

register = template.Library()

HOUR_SECONDS: Final = 3600
MINUTE_SECONDS: Final = 60


@register.filter
def timeout(value_seconds: int) -> str:
    """Return an idle timeout: `10 s`, `5 min`, `1 h`, `1 min 30 s`."""
    hours, rest = divmod(value_seconds, HOUR_SECONDS)
    minutes, seconds = divmod(rest, MINUTE_SECONDS)
    parts = [
        pgettext("duration", "{h} h").format(h=hours) if hours else "",
        pgettext("duration", "{m} min").format(m=minutes) if minutes else "",
        pgettext("duration", "{s} s").format(s=seconds) if seconds or not value_seconds else "",
    ]
    return " ".join(part for part in parts if part)


@register.filter
def setting_word(setting: str) -> str:
    """Return the name of a setting, as Docker Desktop shows it."""
    return {
        Setting.OFFLOAD_ENABLED: gettext("Enable Docker Offload"),
        Setting.IDLE_TIMEOUT_SECONDS: gettext("Idle timeout"),
        Setting.GPU_ENABLED: gettext("GPU support"),
    }[Setting(setting)]


@register.filter
def switch_word(state: str) -> str:
    """Return one of Docker's five states of an on/off setting."""
    return {
        SwitchState.USER_DEFINED: gettext("User-defined"),
        SwitchState.ALWAYS_ENABLED: gettext("Always enabled"),
        SwitchState.ENABLED: gettext("Enabled"),
        SwitchState.DISABLED: gettext("Disabled"),
        SwitchState.ALWAYS_DISABLED: gettext("Always disabled"),
    }[SwitchState(state)]


@register.filter
def switch_note(state: str) -> str:
    """Return what a state of an on/off setting means for developers."""
    return {
        SwitchState.USER_DEFINED: gettext("Each developer decides; nothing is managed here."),
        SwitchState.ALWAYS_ENABLED: gettext("On for everyone, and locked."),
        SwitchState.ENABLED: gettext("On by default; developers may switch it off."),
        SwitchState.DISABLED: gettext("Off by default; developers may switch it on."),
        SwitchState.ALWAYS_DISABLED: gettext("Off for everyone, and locked."),
    }[SwitchState(state)]


@register.filter
def level_word(level: str) -> str:
    """Return the name of a level of policy."""
    return {
        Level.PRODUCT: gettext("Docker Offload"),
        Level.ORGANIZATION: gettext("Organization"),
        Level.TEAM: gettext("Team"),
        Level.EXCEPTION: gettext("Exception"),
        Level.USER: gettext("The developer's own choice"),
        Level.SPENDING: gettext("Spending limit"),
        Level.ENTITLEMENT: gettext("Subscription"),
    }[Level(level)]


@register.filter
def outcome_word(outcome: str) -> str:
    """Return what came of what a level said."""
    return {
        Outcome.WON: gettext("Decides"),
        Outcome.NARROWED: gettext("Narrows"),
        Outcome.WIDENED: gettext("Widens"),
        Outcome.LEFT_OPEN: gettext("Leaves open"),
        Outcome.IGNORED: gettext("No effect"),
    }[Outcome(outcome)]


@register.filter
def reason_text(reason: str) -> str:
    """Return a reason code as a sentence."""
    return {
        Reason.PRODUCT_BOUND: gettext("The bounds of Docker Offload itself."),
        Reason.PRODUCT_DEFAULT: gettext("The default of Docker Offload."),
        Reason.ORGANIZATION_DEFAULT: gettext("Set by the organization; developers may change it."),
        Reason.ENTITLEMENT_OFF: gettext(
            "Offload is not part of the subscription, or an owner has switched it off."
        ),
        Reason.LOCKED_BY_ORGANIZATION: gettext("Locked by the organization."),
        Reason.LOCKED_BY_TEAM: gettext("Locked by the team."),
        Reason.NARROWED_BY_ORGANIZATION: gettext("The organization's range."),
        Reason.NARROWED_BY_TEAM: gettext("The team's range."),
        Reason.TEAM_PRIORITY: gettext(
            "The first of the member's teams that says something decides."
        ),
        Reason.EXCEPTION: gettext("An exception for this member."),
        Reason.USER_CHOICE: gettext("Chosen by the developer."),
        Reason.CLAMPED_TO_MINIMUM: gettext("Raised to the smallest value allowed."),
        Reason.CLAMPED_TO_MAXIMUM: gettext("Lowered to the largest value allowed."),
        Reason.SPENDING_LIMIT: gettext("The spending limit is reached."),
    }[Reason(reason)]


@register.simple_tag
def on_off(*, value: bool) -> str:
    """Return the word of an on/off value."""
    return gettext("On") if value else gettext("Off")


@register.filter
def said_text(said: Any) -> str:
    """Return what a level said: a state, on or off, a time, or the parts of a timeout rule."""
    if isinstance(said, bool):
        return on_off(value=said)
    if isinstance(said, int):
        return timeout(said)
    if isinstance(said, Mapping):
        return timeout_rule_text(said)
    return switch_word(said) if said in set(SwitchState) else str(said)


@register.filter
def timeout_rule_text(rule: Mapping[str, Any]) -> str:
    """Return a timeout rule in one line: `1 min to 15 min, default 5 min, locked`."""
    low, high = rule.get("minimum"), rule.get("maximum")
    parts = []
    if low is not None and high is not None:
        words = pgettext("timeouts", "{low} to {high}")
        parts.append(words.format(low=timeout(low), high=timeout(high)))
    elif low is not None:
        parts.append(pgettext("timeouts", "at least {low}").format(low=timeout(low)))
    elif high is not None:
        parts.append(pgettext("timeouts", "at most {high}").format(high=timeout(high)))
    if rule.get("default") is not None:
        words = pgettext("timeouts", "default {value}")
        parts.append(words.format(value=timeout(rule["default"])))
    if rule.get("locked"):
        parts.append(pgettext("timeouts", "locked"))
    return pgettext("list", ", ").join(parts)


@register.filter
def rule_text(rule: Mapping[str, Any]) -> str:
    """Return what a document says of one setting: a state or a timeout rule."""
    return switch_word(rule["state"]) if "state" in rule else timeout_rule_text(rule)


@register.filter
def field_word(path: str) -> str:
    """Return the name of a field of a policy document, by its dotted path."""
    setting, _, part = path.partition(".")
    words = {
        "minimum": gettext("Smallest value"),
        "maximum": gettext("Largest value"),
        "default": gettext("Default"),
        "locked": gettext("Locked"),
    }
    name = setting_word(setting)
    return f"{name} · {words[part]}" if part in words else name


@register.filter
def field_value(value: Any) -> str:
    """Return the value of a field of a policy document; a dash where it says nothing."""
    return "\N{EN DASH}" if value is None else said_text(value)


@register.filter
def timeout_of(value: timedelta) -> str:
    """Return a length of time, cut to whole seconds, at least one."""
    return timeout(max(1, int(value.total_seconds())))


@register.filter
def compliance_word(state: str) -> str:
    """Return the state of a device."""
    return {
        Compliance.DRIFTED: gettext("Differs"),
        Compliance.OUTDATED_CLIENT: gettext("Too old"),
        Compliance.PENDING: gettext("Not applied yet"),
        Compliance.OFFLINE: gettext("Offline"),
        Compliance.NEVER_SEEN: gettext("Never seen"),
        Compliance.IN_SYNC: gettext("In sync"),
    }[Compliance(state)]


@register.filter
def role_word(role: str) -> str:
    """Return the name of a role."""
    return {
        Role.OWNER: gettext("Owner"),
        Role.POLICY_ADMIN: gettext("Policy admin"),
        Role.BILLING_MANAGER: gettext("Billing manager"),
        Role.AUDITOR: gettext("Auditor"),
        Role.TEAM_LEAD: gettext("Team lead"),
        Role.MEMBER: gettext("Member"),
    }[Role(role)]


@register.filter
def exception_word(state: str) -> str:
    """Return the state of an exception."""
    return {
        "requested": gettext("Waiting for a decision"),
        "refused": gettext("Refused"),
        "withdrawn": gettext("Withdrawn"),
        "granted": gettext("In force"),
        "expired": gettext("Ended by itself"),
        "revoked": gettext("Ended early"),
    }[state]


def rule_error_text(error: RuleError) -> str:
    """Return what is wrong with a document, in the reader's language."""
    texts = {
        "not_a_number": gettext("Enter a whole number of seconds."),
        "out_of_bounds": gettext("Enter {minimum} to {maximum} seconds."),
        "empty_range": gettext(
            "The smallest value, {minimum} s, is above the largest, {maximum} s."
        ),
        "default_outside_range": gettext(
            "The default of {default} s is outside of {minimum} to {maximum} s."
        ),
        "wider_than_parent": gettext(
            "A team may only narrow: organization {organization} allows {minimum} to {maximum} s."
        ),
        "empty_intersection": gettext(
            "Organization {organization} ({minimum} to {maximum} s) and team {team} "
            "({team_minimum} to {team_maximum} s) would have no value in common. "
            "Change the team first."
        ),
        "invalid_state": gettext("Choose one of the states."),
        "blank": gettext("Give a reason."),
        "max_length": gettext("Keep it to {maximum} characters."),
        "empty_rule": gettext("Say what the exception allows."),
        "exception_end": gettext("Choose an end within {days} days."),
    }
    text = texts.get(error.code)
    return error.detail if text is None else text.format(**error.values)
