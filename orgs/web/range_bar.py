"""The picture of a range of idle timeouts: decoration beside the number fields."""

import math
from typing import Final, NamedTuple

from orgs.domain.rules import (
    IDLE_TIMEOUT_DEFAULT_SECONDS,
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    Rules,
    TimeoutRule,
)

WIDTH: Final = 1000
"""The picture's own units across; it is stretched to where it stands."""


class Limits(NamedTuple):
    """The bounds that a level may choose from, in seconds."""

    minimum: int
    maximum: int
    default: int


class RangeBar(NamedTuple):
    """Where things lie on the bar, on a logarithmic scale from 10 s to 1 h."""

    above_x: int
    above_width: int
    x: int
    width: int
    default_x: int


def limits_of(above: Rules) -> Limits:
    """Return what the level above leaves to choose from."""
    rule = above.idle_timeout_seconds or TimeoutRule()
    return Limits(
        minimum=rule.minimum or IDLE_TIMEOUT_MINIMUM_SECONDS,
        maximum=rule.maximum or IDLE_TIMEOUT_MAXIMUM_SECONDS,
        default=rule.default or IDLE_TIMEOUT_DEFAULT_SECONDS,
    )


def range_bar(rules: Rules, *, above: Rules) -> RangeBar:
    """Return the bar of `rules` within what the level above allows."""
    limits = limits_of(above)
    rule = rules.idle_timeout_seconds or TimeoutRule()
    low = max(rule.minimum or limits.minimum, limits.minimum)
    high = max(min(rule.maximum or limits.maximum, limits.maximum), low)
    default = min(max(rule.default or limits.default, low), high)
    return RangeBar(
        above_x=_x(limits.minimum),
        above_width=_x(limits.maximum) - _x(limits.minimum),
        x=_x(low),
        width=max(_x(high) - _x(low), 4),
        default_x=_x(default),
    )


def _x(seconds: int) -> int:
    whole = math.log(IDLE_TIMEOUT_MAXIMUM_SECONDS / IDLE_TIMEOUT_MINIMUM_SECONDS)
    return int(WIDTH * math.log(seconds / IDLE_TIMEOUT_MINIMUM_SECONDS) / whole)
