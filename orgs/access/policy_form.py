"""From a submitted form to the rules of a policy, by the domain's own reader."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from django.http import QueryDict

from orgs.domain.names import REASON_LENGTH
from orgs.domain.policy_documents import InvalidPolicy, RuleError, read_rules
from orgs.domain.rules import SWITCHES, Rules, Setting
from orgs.templatetags.policy import rule_error_text

BOUNDS: Final = ("minimum", "maximum", "default")
SECONDS_DIGITS: Final = 6
"""Digits that are read as a number; a longer text is no idle timeout."""

_TIMEOUT: Final = Setting.IDLE_TIMEOUT_SECONDS.value


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyForm:
    """The texts of the form's fields, and what is wrong with them by field.

    An empty text says nothing: the level above decides. `revision` is the one the author saw.
    """

    states: dict[str, str]
    bounds: dict[str, str]
    is_locked: bool
    reason: str = ""
    revision: int
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Rules, *, revision: int) -> Self:
        """Return the form that shows `rules`."""
        rule = rules.idle_timeout_seconds
        return cls(
            states={setting.value: rules.switch(setting) or "" for setting in SWITCHES},
            bounds={
                name: "" if getattr(rule, name, None) is None else str(getattr(rule, name))
                for name in BOUNDS
            },
            is_locked=bool(rule and rule.locked),
            revision=revision,
        )

    @classmethod
    def typed(cls, data: QueryDict) -> Self:
        """Return the form as it was sent; anything that is no number is revision 0."""
        text = data.get("revision", "")
        return cls(
            states={setting.value: _word(data, setting.value) for setting in SWITCHES},
            bounds={name: _word(data, name) for name in BOUNDS},
            is_locked=data.get("locked") == "on",
            reason=data.get("reason", "").replace("\0", "").strip()[:REASON_LENGTH],
            revision=int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0,  # noqa: PLR2004
        )

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """The fields but the reason, to be sent again from a page between."""
        fields = [*self.states.items(), *self.bounds.items(), ("revision", str(self.revision))]
        return [*fields, ("locked", "on")] if self.is_locked else fields

    def rules(self, *, is_whole: bool) -> Rules:
        """Return the rules; `is_whole`: an open lock is said too, as an organization does.

        Raises `InvalidPolicy`.
        """
        document: dict[str, Any] = {
            name: {"state": state} for name, state in self.states.items() if state
        }
        timeout: dict[str, Any] = {
            name: _number(text) for name, text in self.bounds.items() if text
        }
        if self.is_locked or is_whole:
            timeout["locked"] = self.is_locked
        if timeout:
            document[_TIMEOUT] = timeout
        return read_rules(document)

    def with_errors(self, errors: Iterable[RuleError]) -> Self:
        """Return the form with what is wrong beside its fields."""
        texts = {_field(error.pointer): rule_error_text(error) for error in errors}
        return type(self)(
            states=self.states,
            bounds=self.bounds,
            is_locked=self.is_locked,
            reason=self.reason,
            revision=self.revision,
            errors=texts,
        )

    def rules_or_errors(self, *, is_whole: bool) -> tuple[Rules | None, Self]:
        """Return the rules and the form, or None and the form with its errors."""
        try:
            return self.rules(is_whole=is_whole), self
        except InvalidPolicy as invalid:
            return None, self.with_errors(invalid.errors)


def _word(data: QueryDict, name: str) -> str:
    return data.get(name, "").replace("\0", "").strip()[:40]


def _number(text: str) -> int | str:
    is_number = text.isascii() and text.isdigit() and len(text) <= SECONDS_DIGITS
    return int(text) if is_number else text


def _field(pointer: str) -> str:
    """Return the form's field of a pointer: the last step that names one."""
    steps = [step for step in pointer.split("/") if step]
    names = [step for step in steps if step in {*BOUNDS, "locked", *Setting}]
    return names[-1] if names else "policy"
