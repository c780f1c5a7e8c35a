"""The ladder of the idle timeout: besides a value, each level may narrow the range."""

from dataclasses import replace
from typing import Final

from orgs.domain.audit import Json
from orgs.domain.rules import (
    IDLE_TIMEOUT_DEFAULT_SECONDS,
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    TimeoutRule,
)
from orgs.domain.trace import Ladder, Level, Outcome, Reason, Source

_NARROWS: Final = {
    Level.ORGANIZATION: Reason.NARROWED_BY_ORGANIZATION,
    Level.TEAM: Reason.NARROWED_BY_TEAM,
    Level.EXCEPTION: Reason.EXCEPTION,
}

_PARTS: Final = ("minimum", "maximum", "default", "locked")
_EMPTY: Final = TimeoutRule()
_UNLOCKED: Final = TimeoutRule(locked=False)


class TimeoutLadder:
    """The range and the default so far, in seconds; hear the levels from the top."""

    def __init__(self, steps: Ladder) -> None:
        """Begin with the product's bounds."""
        self.steps = steps
        self.minimum = IDLE_TIMEOUT_MINIMUM_SECONDS
        self.maximum = IDLE_TIMEOUT_MAXIMUM_SECONDS
        self.default = IDLE_TIMEOUT_DEFAULT_SECONDS
        self._minimum_by = self._maximum_by = Source(Level.PRODUCT, "")
        self._last_narrowed = Reason.PRODUCT_BOUND
        bounds: Json = {"minimum": self.minimum, "maximum": self.maximum}
        steps.note(Level.PRODUCT, "", bounds, Outcome.NARROWED, Reason.PRODUCT_BOUND)

    def hear(self, level: Level, name: str, rule: TimeoutRule) -> None:
        """Take what a level says: its bounds narrow (an exception's replace), its default wins.

        A lock without a default of its own locks the one it finds, and its step says which. Not
        to lock is to say nothing, except in an exception, which lifts the lock it meets.
        """
        if _says_nothing(level, rule) or self.steps.silences(level, name, _said(rule, *_PARTS)):
            return
        if level is Level.EXCEPTION:
            rule = _with_room(rule, self.minimum, self.maximum)
        if rule.minimum is not None or rule.maximum is not None:
            self._bound(level, name, rule)
        if rule.default is not None or rule.locked:
            self.default = self.default if rule.default is None else rule.default
            said = {"default": self.default} | _said(rule, "locked")
            self.steps.win(level, name, said, locks=bool(rule.locked))
        elif rule == _UNLOCKED:
            said = _said(rule, "locked")
            self.steps.note(level, name, said, Outcome.WIDENED, Reason.EXCEPTION)

    def clamp(self, seconds: int) -> int:
        """Return the value of the range that is nearest to `seconds`."""
        return min(max(seconds, self.minimum), self.maximum)

    def clamp_with_reason(self, seconds: int) -> tuple[int, tuple[Reason, ...]]:
        """Return the nearest value of the range; when it differs, note and return why."""
        value = self.clamp(seconds)
        if value == seconds:
            return value, ()
        if value > seconds:
            reason, said, by = Reason.CLAMPED_TO_MINIMUM, {"minimum": value}, self._minimum_by
        else:
            reason, said, by = Reason.CLAMPED_TO_MAXIMUM, {"maximum": value}, self._maximum_by
        self.steps.note(by.level, by.name, said, Outcome.NARROWED, reason)
        return value, (reason,)

    def _bound(self, level: Level, name: str, rule: TimeoutRule) -> None:
        before = (self.minimum, self.maximum)
        reason = _NARROWS[level]
        if level is Level.EXCEPTION:
            (minimum, maximum), outcome = _widened(rule, *before), Outcome.WIDENED
        else:
            (minimum, maximum), outcome = _narrowed(rule, *before), Outcome.NARROWED
            if (minimum, maximum) == before:
                outcome, reason = Outcome.IGNORED, self._last_narrowed
        if minimum != self.minimum:
            self._minimum_by = Source(level, name)
        if maximum != self.maximum:
            self._maximum_by = Source(level, name)
        self.minimum, self.maximum = minimum, maximum
        self._last_narrowed = reason
        self.steps.note(level, name, _said(rule, "minimum", "maximum"), outcome, reason)


def _says_nothing(level: Level, rule: TimeoutRule) -> bool:
    """Whether a level is silent: its form is empty but for the box that is not ticked."""
    return rule == _EMPTY or (rule == _UNLOCKED and level is not Level.EXCEPTION)


def _narrowed(rule: TimeoutRule, minimum: int, maximum: int) -> tuple[int, int]:
    """Return the intersection; where there is none, the nearest single value of the range above.

    Saving refuses an empty intersection, so the second half only keeps the function total.
    """
    low = minimum if rule.minimum is None else min(max(rule.minimum, minimum), maximum)
    high = maximum if rule.maximum is None else max(min(rule.maximum, maximum), minimum)
    return low, max(low, high)


def _with_room(rule: TimeoutRule, minimum: int, maximum: int) -> TimeoutRule:
    """Return an exception's rule with the bound that its own default needs in the range so far."""
    default = rule.default
    if default is not None and default < minimum and rule.minimum is None:
        return replace(rule, minimum=default)
    if default is not None and default > maximum and rule.maximum is None:
        return replace(rule, maximum=default)
    return rule


def _widened(rule: TimeoutRule, minimum: int, maximum: int) -> tuple[int, int]:
    """Return an exception's range: what it says, within the product's bounds, else as before."""
    low = minimum if rule.minimum is None else _within_product(rule.minimum)
    high = maximum if rule.maximum is None else _within_product(rule.maximum)
    if rule.minimum is None:
        low = min(low, high)
    return low, max(low, high)


def _within_product(seconds: int) -> int:
    return min(max(seconds, IDLE_TIMEOUT_MINIMUM_SECONDS), IDLE_TIMEOUT_MAXIMUM_SECONDS)


def _said(rule: TimeoutRule, *parts: str) -> dict[str, Json]:
    return {part: getattr(rule, part) for part in parts if getattr(rule, part) is not None}
