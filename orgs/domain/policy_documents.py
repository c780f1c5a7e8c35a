"""Policy documents: JSON ⇄ rules, with an error for each place that cannot be read.

The shape is the `settings` object of the public contract. Nothing is guessed: an unknown field, a
wrong type or a value outside the product's bounds is refused, all of them at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from orgs.domain.audit import Json
from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    SWITCHES,
    Choices,
    Rules,
    Setting,
    SwitchState,
    TimeoutRule,
)

_BOUNDS: Final = ("minimum", "maximum", "default")


class RuleError(NamedTuple):
    """One thing wrong with a document.

    `pointer` is a JSON pointer (RFC 6901) into it; `values` are what `detail` speaks of, so that
    a page can say the same in its own language by `code`.
    """

    pointer: str
    code: str
    detail: str
    values: Mapping[str, str | int] = {}


class InvalidPolicy(ValueError):
    """A policy document that can't be taken; `errors` name every place."""

    def __init__(self, errors: list[RuleError]) -> None:
        super().__init__("; ".join(f"{error.pointer}: {error.detail}" for error in errors))
        self.errors = tuple(errors)


def read_rules(document: object, *, at: str = "") -> Rules:
    """Return the rules of a settings object; a setting left out says nothing.

    `at` is the pointer of the object within its document. Raises `InvalidPolicy` with every error.
    """
    reader = _Reader(at)
    rules = reader.rules(document)
    if reader.errors:
        raise InvalidPolicy(reader.errors)
    return rules


def read_choices(document: object) -> dict[Setting, bool | int | None]:
    """Return what a developer chooses: settings with their values, null or a subset of them.

    A null takes the choice back and is returned as such. Raises `InvalidPolicy`: an unknown
    setting, a wrong type, an idle timeout outside the product's bounds.
    """
    reader = _Reader("")
    choices = reader.choices(document)
    if reader.errors:
        raise InvalidPolicy(reader.errors)
    return choices


def rules_document(rules: Rules) -> dict[str, Json]:
    """Return the settings object of `rules`, without what they do not say."""
    document: dict[str, Json] = {}
    for setting in SWITCHES:
        state = rules.switch(setting)
        if state is not None:
            document[setting.value] = {"state": state.value}
    rule = rules.idle_timeout_seconds or TimeoutRule()
    parts: dict[str, Json] = {
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "default": rule.default,
        "locked": rule.locked,
    }
    said = {name: value for name, value in parts.items() if value is not None}
    if said:
        document[Setting.IDLE_TIMEOUT_SECONDS.value] = said
    return document


def rules_of(document: Mapping[str, Any]) -> Rules:
    """Return the rules of a stored settings object, which was checked when it was saved."""
    return read_rules(document)


def choices_document(choices: Choices) -> dict[str, Json]:
    """Return the choices that were made, by setting."""
    made: dict[str, Json] = {
        Setting.OFFLOAD_ENABLED.value: choices.offload_enabled,
        Setting.IDLE_TIMEOUT_SECONDS.value: choices.idle_timeout_seconds,
        Setting.GPU_ENABLED.value: choices.gpu_enabled,
    }
    return {name: value for name, value in made.items() if value is not None}


def flatten(document: Mapping[str, Any], *, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the leaves of nested objects as (dotted path, value)."""
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flatten(value, prefix=f"{path}.")
        else:
            yield path, value


def diff_documents(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Json]:
    """Return `{dotted field: [before, after]}` of the fields that differ; null where absent."""
    old, new = dict(flatten(before)), dict(flatten(after))
    return {
        path: [old.get(path), new.get(path)]
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


class _Reader:
    def __init__(self, at: str) -> None:
        self.at = at
        self.errors: list[RuleError] = []

    def rules(self, document: object) -> Rules:
        settings = self._object(document, self.at, allowed=[setting.value for setting in Setting])
        switches: dict[Setting, SwitchState | None] = {
            setting: self._state(settings[setting.value], f"{self.at}/{setting.value}")
            for setting in SWITCHES
            if setting.value in settings
        }
        timeout = Setting.IDLE_TIMEOUT_SECONDS.value
        return Rules(
            offload_enabled=switches.get(Setting.OFFLOAD_ENABLED),
            gpu_enabled=switches.get(Setting.GPU_ENABLED),
            idle_timeout_seconds=self._timeout(settings[timeout], f"{self.at}/{timeout}")
            if timeout in settings
            else None,
        )

    def choices(self, document: object) -> dict[Setting, bool | int | None]:
        chosen = self._object(document, self.at, allowed=[setting.value for setting in Setting])
        found: dict[Setting, bool | int | None] = {}
        for name, value in chosen.items():
            setting, pointer = Setting(name), f"{self.at}/{name}"
            if value is None:
                found[setting] = None
            elif setting in SWITCHES:
                found[setting] = self._flag(value, pointer)
            else:
                found[setting] = self._seconds(value, pointer)
        return found

    def _state(self, value: object, pointer: str) -> SwitchState | None:
        parts = self._object(value, pointer, allowed=["state"])
        text = parts.get("state")
        if not isinstance(text, str) or text not in set(SwitchState):
            states = ", ".join(SwitchState)
            if isinstance(value, Mapping):
                self._refuse(f"{pointer}/state", "invalid_state", f"state is one of {states}.")
            return None
        return SwitchState(text)

    def _timeout(self, value: object, pointer: str) -> TimeoutRule | None:
        parts = self._object(value, pointer, allowed=[*_BOUNDS, "locked"])
        before = len(self.errors)
        seconds = {
            name: self._seconds(parts[name], f"{pointer}/{name}")
            for name in _BOUNDS
            if name in parts
        }
        locked = self._flag(parts["locked"], f"{pointer}/locked") if "locked" in parts else None
        if not parts or len(self.errors) > before:
            return None
        rule = TimeoutRule(
            minimum=seconds.get("minimum"),
            maximum=seconds.get("maximum"),
            default=seconds.get("default"),
            locked=locked,
        )
        self._check_order(rule, pointer)
        return rule

    def _check_order(self, rule: TimeoutRule, pointer: str) -> None:
        low = rule.minimum or IDLE_TIMEOUT_MINIMUM_SECONDS
        high = rule.maximum or IDLE_TIMEOUT_MAXIMUM_SECONDS
        if low > high:
            self._refuse(
                pointer,
                "empty_range",
                f"The minimum of {low} s is above the maximum of {high} s.",
                minimum=low,
                maximum=high,
            )
        elif rule.default is not None and not low <= rule.default <= high:
            self._refuse(
                f"{pointer}/default",
                "default_outside_range",
                f"The default of {rule.default} s is outside of {low} to {high} s.",
                minimum=low,
                maximum=high,
                default=rule.default,
            )

    def _seconds(self, value: object, pointer: str) -> int | None:
        low, high = IDLE_TIMEOUT_MINIMUM_SECONDS, IDLE_TIMEOUT_MAXIMUM_SECONDS
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(pointer, "not_a_number", "This is a whole number of seconds.")
            return None
        if not low <= value <= high:
            detail = f"An idle timeout is {low} to {high} seconds."
            self._refuse(pointer, "out_of_bounds", detail, minimum=low, maximum=high)
            return None
        return value

    def _flag(self, value: object, pointer: str) -> bool | None:
        if isinstance(value, bool):
            return value
        self._refuse(pointer, "not_a_boolean", "This is true or false.")
        return None

    def _object(self, value: object, pointer: str, *, allowed: list[str]) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            self._refuse(pointer, "not_an_object", "This is a JSON object.")
            return {}
        known = cast("Mapping[str, object]", value)
        for name in known:
            if name not in allowed:
                detail = f"There is no such field; the fields here are {', '.join(allowed)}."
                self._refuse(f"{pointer}/{_step(name)}", "unknown_field", detail)
        return {name: item for name, item in known.items() if name in allowed}

    def _refuse(self, pointer: str, code: str, detail: str, **values: str | int) -> None:
        self.errors.append(RuleError(pointer, code, detail, values))


def _step(name: str) -> str:
    """Return a name as a step of a pointer, in text that can be sent: no half of a pair in it."""
    sendable = name.encode("utf-8", "replace").decode()
    return sendable.replace("~", "~0").replace("/", "~1")
