"""Docker's `admin-settings.json`: import and export of what a level says of Offload.

The shape is Docker's (docs.docker.com, "Configure Settings Management with a JSON file"): a
version, and per setting `{"locked": …, "value": …}`, `locked` being false where it is left out.
`enableCloud` is Docker's key for Offload. The idle timeout and the GPU have no key there, so
theirs are ours. Every other key belongs to Docker Desktop and is passed over, by name.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from orgs.domain.audit import Json
from orgs.domain.located_json import InvalidJson, LocatedObject, Member, Place, read_located
from orgs.domain.policy_documents import InvalidPolicy, read_rules, rules_document
from orgs.domain.rules import Rules, Setting, SwitchState, TimeoutRule

FILE_VERSION: Final = 2

_VERSION: Final = "configurationFileVersion"
_OFFLOAD: Final = "enableCloud"
_TIMEOUT: Final = "offloadIdleTimeoutSeconds"
_GPU: Final = "offloadGpuEnabled"
_KEYS: Final = (_VERSION, _OFFLOAD, _TIMEOUT, _GPU)

_SWITCH_FIELDS: Final = ("locked", "value")
_TIMEOUT_FIELDS: Final = {
    "locked": "locked",
    "value": "default",
    "minimum": "minimum",
    "maximum": "maximum",
}
"""Fields of the file with their names in the policy document."""

_STATES: Final = {
    (True, True): SwitchState.ALWAYS_ENABLED,
    (False, True): SwitchState.ENABLED,
    (False, False): SwitchState.DISABLED,
    (True, False): SwitchState.ALWAYS_DISABLED,
}
"""By (locked, value). A key that is left out is user-defined."""


class AdminSettingsError(NamedTuple):
    """One thing wrong with a file: where, at which dotted key (empty: the file), and what.

    Lines and columns begin at 1. `values` are what `detail` speaks of, so that a page can say the
    same in its own language by `code`.
    """

    line: int
    column: int
    key: str
    code: str
    detail: str
    values: Mapping[str, str | int] = {}


class InvalidAdminSettings(ValueError):
    """A file that can't be taken; `errors` name every place, from the top."""

    def __init__(self, errors: list[AdminSettingsError]) -> None:
        super().__init__("; ".join(f"line {error.line}: {error.detail}" for error in errors))
        self.errors = tuple(errors)


class IgnoredKey(NamedTuple):
    """A key that says nothing of Offload, by the line where it stands."""

    line: int
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AdminSettings:
    """What a file says of Offload, and the keys that were passed over."""

    rules: Rules
    ignored: tuple[IgnoredKey, ...]


def read_admin_settings(text: str) -> AdminSettings:
    """Return the rules of a file; `text` may begin with a byte order mark.

    A switch that is left out is user-defined, an idle timeout that is left out says nothing.
    Raises `InvalidAdminSettings`: a text that is no JSON or beyond a limit (`located_json`), a
    version other than 2, a key of ours twice or of a wrong type, seconds out of bounds.
    """
    try:
        document = read_located(text)
    except InvalidJson as error:
        raise InvalidAdminSettings(
            [AdminSettingsError(*error.place, "", error.code, error.detail)]
        ) from None
    reader = _Reader()
    rules = reader.rules(document)
    if reader.errors:
        raise InvalidAdminSettings(sorted(reader.errors, key=lambda error: error[:2]))
    return AdminSettings(rules=rules, ignored=tuple(sorted(reader.ignored)))


def write_admin_settings(rules: Rules) -> str:
    """Return the file of `rules`: indented, keys in one order, with a line feed at its end.

    What nobody manages is left out: a user-defined switch, an idle timeout that says nothing.
    """
    document: dict[str, Json] = {_VERSION: FILE_VERSION}
    document |= _switch_document(_OFFLOAD, rules.offload_enabled)
    document |= _timeout_document(rules.idle_timeout_seconds)
    document |= _switch_document(_GPU, rules.gpu_enabled)
    return json.dumps(document, indent=2) + "\n"


def _switch_document(key: str, state: SwitchState | None) -> dict[str, Json]:
    if state is None or state.value_given is None:
        return {}
    return {key: {"locked": state.is_locked, "value": state.value_given}}


def _timeout_document(rule: TimeoutRule | None) -> dict[str, Json]:
    parts = rules_document(Rules(idle_timeout_seconds=rule))
    said = parts.get(Setting.IDLE_TIMEOUT_SECONDS.value)
    if not isinstance(said, Mapping) or not any(said.values()):
        return {}
    names = _TIMEOUT_FIELDS.items()
    written = {field: said[name] for field, name in names if name in said}
    return {_TIMEOUT: {"locked": False} | written}


class _Reader:
    def __init__(self) -> None:
        self.errors: list[AdminSettingsError] = []
        self.ignored: list[IgnoredKey] = []

    def rules(self, document: object) -> Rules:
        if not isinstance(document, LocatedObject):
            self._refuse("", Place(1, 1), "not_an_object", "The file holds one JSON object.")
            return Rules()
        keys = self._members(document, "", _KEYS, others_are_dockers=True)
        if not self._is_known_version(keys.get(_VERSION), document.place):
            return Rules()
        return Rules(
            offload_enabled=self._switch(_OFFLOAD, keys, is_dockers=True),
            idle_timeout_seconds=self._timeout(keys.get(_TIMEOUT)),
            gpu_enabled=self._switch(_GPU, keys, is_dockers=False),
        )

    def _is_known_version(self, member: Member | None, top: Place) -> bool:
        """A file of another version is not judged any further: its keys may mean other things."""
        if member is not None and member.value == FILE_VERSION and type(member.value) is int:
            return True
        self.errors.clear()
        detail = f"A file says version {FILE_VERSION} here; no other can be read."
        code = "missing_version" if member is None else "unknown_version"
        place = top if member is None else member.place
        self._refuse(_VERSION, place, code, detail, version=FILE_VERSION)
        return False

    def _switch(
        self, key: str, keys: Mapping[str, Member], *, is_dockers: bool
    ) -> SwitchState | None:
        if key not in keys:
            return SwitchState.USER_DEFINED
        fields = self._fields(keys[key], _SWITCH_FIELDS, others_are_dockers=is_dockers)
        if fields is None:
            return None
        if "value" not in fields:
            detail = "A setting has a value, true or false."
            self._refuse(f"{key}.value", keys[key].place, "missing_value", detail)
        flags = {name: self._flag(f"{key}.{name}", member) for name, member in fields.items()}
        locked, value = flags.get("locked", False), flags.get("value")
        return None if locked is None or value is None else _STATES[locked, value]

    def _timeout(self, member: Member | None) -> TimeoutRule | None:
        """Have the policy document's reader judge the parts; put its errors in their places."""
        fields = member and self._fields(member, tuple(_TIMEOUT_FIELDS), others_are_dockers=False)
        if member is None or fields is None:
            return None
        said = {_TIMEOUT_FIELDS[name]: field.value for name, field in fields.items()}
        try:
            rules = read_rules({Setting.IDLE_TIMEOUT_SECONDS.value: {"locked": False} | said})
        except InvalidPolicy as invalid:
            names = {f"/{Setting.IDLE_TIMEOUT_SECONDS}/{_TIMEOUT_FIELDS[n]}": n for n in fields}
            for error in invalid.errors:
                name = names.get(error.pointer)
                key, at = (f"{_TIMEOUT}.{name}", fields[name]) if name else (_TIMEOUT, member)
                self._refuse(key, at.place, error.code, error.detail, **error.values)
            return None
        rule = rules.idle_timeout_seconds
        return None if rule == TimeoutRule(locked=False) else rule

    def _fields(
        self, member: Member, allowed: Collection[str], *, others_are_dockers: bool
    ) -> dict[str, Member] | None:
        if isinstance(member.value, LocatedObject):
            prefix = f"{member.key}."
            return self._members(
                member.value, prefix, allowed, others_are_dockers=others_are_dockers
            )
        self._refuse(member.key, member.place, "not_an_object", "This is a JSON object.")
        return None

    def _members(
        self,
        found: LocatedObject,
        prefix: str,
        allowed: Collection[str],
        *,
        others_are_dockers: bool,
    ) -> dict[str, Member]:
        """Return the members that are ours; refuse repeated ones, pass over or refuse others."""
        ours: dict[str, Member] = {}
        for member in found.members:
            key = f"{prefix}{_sendable(member.key)}"
            if member.key in ours:
                first = ours[member.key].place.line
                detail = f"This key stands in line {first} already."
                self._refuse(key, member.place, "duplicate_key", detail, first_line=first)
            elif member.key in allowed:
                ours[member.key] = member
            elif others_are_dockers:
                self.ignored.append(IgnoredKey(member.place.line, key))
            else:
                detail = f"There is no such field; the fields here are {', '.join(allowed)}."
                self._refuse(key, member.place, "unknown_field", detail)
        return ours

    def _flag(self, key: str, member: Member) -> bool | None:
        if isinstance(member.value, bool):
            return member.value
        self._refuse(key, member.place, "not_a_boolean", "This is true or false.")
        return None

    def _refuse(self, key: str, place: Place, code: str, detail: str, **values: str | int) -> None:
        self.errors.append(AdminSettingsError(*place, key, code, detail, values))


def _sendable(key: str) -> str:
    """Return a key of the file as text that UTF-8 takes: no half of a surrogate pair in it."""
    return key.encode("utf-8", "replace").decode()
