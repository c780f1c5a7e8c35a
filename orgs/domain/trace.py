"""How an effective value is explained: the ladder of levels, what each said, what came of it."""

from enum import StrEnum
from typing import Final, NamedTuple

from orgs.domain.audit import Json


class Level(StrEnum):
    """Who says something about a setting, from the top."""

    PRODUCT = "product"
    ORGANIZATION = "organization"
    TEAM = "team"
    EXCEPTION = "exception"
    USER = "user"
    SPENDING = "spending"
    ENTITLEMENT = "entitlement"


class Outcome(StrEnum):
    """What came of what a level said."""

    WON = "won"
    """It gave the value; one step of each trace."""

    NARROWED = "narrowed"
    """It made the range narrower."""

    WIDENED = "widened"
    """It set the range anew, or lifted a lock; only an exception does."""

    LEFT_OPEN = "left_open"
    """It says that nobody manages the setting: the product's default, until somebody chooses."""

    IGNORED = "ignored"
    """Something else decided; the reason says what, or what the step itself would have been."""


class Reason(StrEnum):
    """Why a value is what it is; the codes never change (domain.md §4)."""

    PRODUCT_BOUND = "PRODUCT_BOUND"
    PRODUCT_DEFAULT = "PRODUCT_DEFAULT"
    ORGANIZATION_DEFAULT = "ORGANIZATION_DEFAULT"
    ENTITLEMENT_OFF = "ENTITLEMENT_OFF"
    LOCKED_BY_ORGANIZATION = "LOCKED_BY_ORGANIZATION"
    LOCKED_BY_TEAM = "LOCKED_BY_TEAM"
    NARROWED_BY_ORGANIZATION = "NARROWED_BY_ORGANIZATION"
    NARROWED_BY_TEAM = "NARROWED_BY_TEAM"
    TEAM_PRIORITY = "TEAM_PRIORITY"
    EXCEPTION = "EXCEPTION"
    USER_CHOICE = "USER_CHOICE"
    CLAMPED_TO_MINIMUM = "CLAMPED_TO_MINIMUM"
    CLAMPED_TO_MAXIMUM = "CLAMPED_TO_MAXIMUM"
    SPENDING_LIMIT = "SPENDING_LIMIT"


class Source(NamedTuple):
    """The level that gave a value; `name` is the organization's, team's or exception's."""

    level: Level
    name: str


class Step(NamedTuple):
    """One rung: a level, what it said in the terms of the policy document, what came of it."""

    level: Level
    name: str
    said: Json
    outcome: Outcome
    reason: Reason


_GIVES: Final = {
    Level.PRODUCT: Reason.PRODUCT_DEFAULT,
    Level.ORGANIZATION: Reason.ORGANIZATION_DEFAULT,
    Level.TEAM: Reason.TEAM_PRIORITY,
    Level.EXCEPTION: Reason.EXCEPTION,
    Level.USER: Reason.USER_CHOICE,
    Level.SPENDING: Reason.SPENDING_LIMIT,
    Level.ENTITLEMENT: Reason.ENTITLEMENT_OFF,
}
_LOCKS: Final = _GIVES | {
    Level.ORGANIZATION: Reason.LOCKED_BY_ORGANIZATION,
    Level.TEAM: Reason.LOCKED_BY_TEAM,
}


class Ladder:
    """Collects the steps of one setting, level by level from the top, and knows the winner."""

    def __init__(self, *, product_says: Json) -> None:
        """Begin with the product's default as the winner so far."""
        self.steps: list[Step] = []
        self._winner = 0
        self._lock: Reason | None = None
        self._heard: set[Level] = set()
        self.win(Level.PRODUCT, "", product_says)

    @property
    def winner(self) -> Step:
        """The step that gives the value so far."""
        return self.steps[self._winner]

    @property
    def source(self) -> Source:
        """Where the value comes from so far."""
        return Source(self.winner.level, self.winner.name)

    @property
    def is_locked(self) -> bool:
        """Whether nobody below may choose otherwise."""
        return self._lock is not None

    def silences(self, level: Level, name: str, said: Json) -> bool:
        """Whether a level is not heard, which is noted: a lock above, or another before this one.

        Of several teams, or several exceptions, the first one to speak is heard. An exception
        lifts the lock it meets.
        """
        if level in self._heard:
            self.note(level, name, said, Outcome.IGNORED, self._lock or _GIVES[level])
            return True
        if level is Level.EXCEPTION:
            self._lift_lock()
        elif self._lock is not None:
            self.note(level, name, said, Outcome.IGNORED, self._lock)
            return True
        self._heard.add(level)
        return False

    def win(self, level: Level, name: str, said: Json, *, locks: bool = False) -> None:
        """Let a level give the value, and lock it if it does."""
        self._unseat()
        reason = (_LOCKS if locks else _GIVES)[level]
        self._winner = len(self.steps)
        self._lock = reason if locks else None
        self.note(level, name, said, Outcome.WON, reason)

    def leave_open(self, level: Level, name: str, said: Json) -> None:
        """Let a level say that nobody manages the setting: the product's default is back."""
        self._unseat()
        self._winner, self._lock = 0, None
        self.steps[0] = self.steps[0]._replace(outcome=Outcome.WON)
        self.note(level, name, said, Outcome.LEFT_OPEN, _GIVES[level])

    def note(self, level: Level, name: str, said: Json, outcome: Outcome, reason: Reason) -> None:
        """Add a step that changes nothing about the winner."""
        self.steps.append(Step(level, name, said, outcome, reason))

    def _lift_lock(self) -> None:
        self._lock = None
        self.steps[self._winner] = self.winner._replace(reason=_GIVES[self.winner.level])

    def _unseat(self) -> None:
        if self.steps:
            self.steps[self._winner] = self.winner._replace(outcome=Outcome.IGNORED)
