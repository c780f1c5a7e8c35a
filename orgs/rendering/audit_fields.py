"""The fields of a change in words: what each is called, what it was and what it is now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from orgs.domain.audit import ADDRESS, Json
from orgs.domain.audit_log import LoggedEvent
from orgs.domain.rules import Setting, SpendingState
from orgs.rendering.audit_sentences import role_text, setting_text
from orgs.templatetags.console import instant_text
from orgs.templatetags.policy import field_value, field_word, on_off, rule_text

FIELDS_SHOWN: Final = 50
"""Fields of one event on a page; the export has all."""

ITEMS_SHOWN: Final = 20
"""Items of one list; the rest is counted."""

NOTHING: Final = "\N{EN DASH}"

FIELD_WORDS: Final[Mapping[str, Any]] = {
    "added": _("Joined"),
    "client_id": _("Program"),
    "cutoff": _("Cutoff"),
    "desktop_version": _("Version"),
    "device_id": _("Device"),
    "device_name": _("Name"),
    "email": _("E-mail"),
    "enabled": _("On"),
    "expires_at": _("Ends"),
    "invoice": _("Invoice"),
    "is_device_sign_in_enabled": _("Device sign-in"),
    "leads": _("Leads"),
    "member_id": _("Member"),
    "member_ids": _("Members"),
    "members_affected": _("Members with other settings"),
    "name": _("Name"),
    "order": _("Order"),
    "os": _("Operating system"),
    "offload_enabled": _("Enable Docker Offload"),
    "period": _("Billing period"),
    "plan": _("Plan"),
    "policy_revision": _("Revision of the policy"),
    "priority": _("Priority"),
    "removed": _("Left"),
    "removed_at": _("Taken off the list"),
    "revision": _("Revision"),
    "revoked_at": _("Revoked"),
    "role": _("Role"),
    "rolled_back_to": _("Back to revision"),
    "rule": _("Allows"),
    "scopes": _("Scopes"),
    "session_events": _("Session events"),
    "setting": _("Setting"),
    "slug": _("Short name"),
    "source_prefix": _("Event source"),
    "started_at": _("Started"),
    "state": _("State"),
    "user_agent": _("Browser or program"),
}
"""What fields of a diff and personal values are called. Settings have words of their own."""


SPENDING_WORDS: Final[Mapping[str, Any]] = {
    SpendingState.OK: _("Within the limit"),
    SpendingState.WARNING: _("Close to the limit"),
    SpendingState.BLOCKED: _("No new sessions"),
    SpendingState.STOPPING: _("Sessions are stopped"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """One field in words; `is_change` is false for what only says which thing is meant."""

    label: str
    before: str
    after: str
    is_change: bool


def field_changes(event: LoggedEvent, *, zone: str, most: int = FIELDS_SHOWN) -> list[FieldChange]:
    """Return the fields of an event, personal values last; at most `most` of the diff."""
    found = [
        _change(event, field, pair, zone=zone) for field, pair in list(event.diff.items())[:most]
    ]
    return found + [
        FieldChange(
            label=_label(event, name),
            before=NOTHING,
            after=gettext("erased") if value is None else value,
            is_change=False,
        )
        for name, value in event.personal.items()
        if name != ADDRESS
    ]


def _change(event: LoggedEvent, field: str, pair: Json, *, zone: str) -> FieldChange:
    was, now = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, pair)  # noqa: PLR2004 - before and after
    return FieldChange(
        label=_label(event, field),
        before=_value(event, field, was, zone=zone),
        after=_value(event, field, now, zone=zone),
        is_change=was != now,
    )


def _label(event: LoggedEvent, field: str) -> str:
    if field in FIELD_WORDS:
        return str(FIELD_WORDS[field])
    kind, _colon, number = field.partition(":")
    if number:
        return event.name_of(kind, number)
    try:
        return field_word(field)
    except (KeyError, ValueError):
        return field.replace("_", " ")


def _value(event: LoggedEvent, field: str, value: Json, *, zone: str) -> str:
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return on_off(value=value)
    reader = _reader(field)
    try:
        return reader(event, value, zone)
    except (KeyError, ValueError, TypeError, AttributeError):
        return str(value)  # written by code that meant something else by it


def _reader(field: str) -> Callable[[LoggedEvent, Any, str], str]:
    kind, _colon, number = field.partition(":")
    if number:
        return READERS["team_id"]
    if kind.partition(".")[0] in set(Setting):
        return lambda _event, value, _zone: field_value(value)
    if kind.endswith("_at"):
        return _instant
    return READERS.get(kind, lambda _event, value, _zone: _listed(value, str))


def _instant(_event: LoggedEvent, value: Any, zone: str) -> str:
    return instant_text(datetime.fromisoformat(value), zone=zone, style="second")


def _members(event: LoggedEvent, value: Any, _zone: str) -> str:
    return _listed(value, lambda each: event.name_of("member", each))


READERS: Final[Mapping[str, Callable[[LoggedEvent, Any, str], str]]] = {
    "added": _members,
    "cutoff": _instant,
    "leads": _members,
    "member_id": _members,
    "member_ids": _members,
    "removed": _members,
    "plan": lambda _event, value, _zone: str(value).title(),
    "role": lambda _event, value, _zone: role_text(value),
    "rule": lambda _event, value, _zone: rule_text(value),
    "setting": lambda _event, value, _zone: setting_text(value),
    "state": lambda _event, value, _zone: str(SPENDING_WORDS[value]),
    "team_id": lambda event, value, _zone: event.name_of("team", value),
}
"""How values are read that are not simply shown."""


def _listed(value: Any, text_of: Any) -> str:
    items = value if isinstance(value, list | tuple) else [value]
    shown = pgettext("list", ", ").join(text_of(each) for each in items[:ITEMS_SHOWN])
    if len(items) <= ITEMS_SHOWN:
        return shown
    return gettext("{items} and {number} more").format(
        items=shown, number=len(items) - ITEMS_SHOWN
    )
