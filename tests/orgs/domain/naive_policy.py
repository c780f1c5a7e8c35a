"""A second, deliberately naive resolution, for the tests only.

It was written from the text of the rules and works on plain documents: a range is the set of its
seconds, so that narrowing is an intersection and clamping is a search for the nearest. It shares
no line, type or constant with the product. Speed is no aim, and it gives no trace.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Story(NamedTuple):
    """Everything that decides about one member, as documents.

    `teams` are (priority, slug, settings), `exceptions` (number, settings, hour of expiry);
    settings have the shape of the policy document. Hours are whole, from noon of one day.
    """

    organization: dict
    teams: list[tuple[int, str, dict]]
    exceptions: list[tuple[int, dict, int]]
    choices: dict
    is_entitled: bool
    spending: str


GIVES = {
    "product": "PRODUCT_DEFAULT",
    "organization": "ORGANIZATION_DEFAULT",
    "team": "TEAM_PRIORITY",
    "exception": "EXCEPTION",
    "user": "USER_CHOICE",
}
LOCKS = {
    "organization": "LOCKED_BY_ORGANIZATION",
    "team": "LOCKED_BY_TEAM",
    "exception": "EXCEPTION",
}
STATES = {"always_enabled": True, "enabled": True, "disabled": False, "always_disabled": False}


def naive_settings(story: Story, *, hour: int) -> dict:
    """Return the public settings document that holds at an hour."""
    return {
        "offload_enabled": forbidden(story) or naive_switch(story, "offload_enabled", True, hour),
        "idle_timeout_seconds": naive_timeout(story, hour),
        "gpu_enabled": naive_switch(story, "gpu_enabled", False, hour),
    }


def forbidden(story: Story) -> dict | None:
    """Above all stand the entitlement and the spending limit."""
    off = {"value": False, "state": "always_disabled", "locked": True}
    off["chosen"] = story.choices.get("offload_enabled")
    if not story.is_entitled:
        return {**off, "source": {"level": "entitlement"}, "reasons": ["ENTITLEMENT_OFF"]}
    if story.spending in {"blocked", "stopping"}:
        source = {"level": "spending", "name": story.spending}
        return {**off, "source": source, "reasons": ["SPENDING_LIMIT"]}
    return None


def naive_switch(story: Story, setting: str, product: bool, hour: int) -> dict:
    """The last exception overrides all; else a lock above; else the most specific level."""
    level, name, state = naive_state(story, setting, hour)
    chosen = story.choices.get(setting)
    locked = state.startswith("always_")
    if state == "user_defined":
        level, name = "product", None
    if chosen is not None and not locked:
        level, name = "user", None
    return {
        "value": chosen if level == "user" else STATES.get(state, product),
        "state": state,
        "locked": locked,
        "chosen": chosen,
        "source": {"level": level, "name": name} if name else {"level": level},
        "reasons": [(LOCKS if locked else GIVES)[level]],
    }


def naive_state(story: Story, setting: str, hour: int) -> tuple[str, str | None, str]:
    """Return (level, name, state) of the level that decides."""
    for number, said in reversed(living_exceptions(story, hour)):
        if setting in said:
            return "exception", str(number), said[setting]["state"]
    organization = story.organization.get(setting, {"state": "user_defined"})["state"]
    if not organization.startswith("always_"):
        for _priority, slug, said in sorted(story.teams, key=lambda team: team[:2]):
            if setting in said:
                return "team", slug, said[setting]["state"]
    return "organization", "acme", organization


@dataclass
class Line:
    """What has been made of the idle timeout, as the levels are heard from the top."""

    allowed: set[int] = field(default_factory=lambda: set(range(10, 3601)))
    default: int = 300
    level: str = "product"
    name: str | None = None
    locked: bool = False

    def hear(self, level: str, name: str, rule: dict) -> None:
        """An exception widens, others narrow; who gives or locks the default is its source."""
        if level == "exception":
            self.allowed = widened(self.allowed, rule)
        else:
            self.allowed &= set(range(rule.get("minimum", 10), rule.get("maximum", 3600) + 1))
        if "default" in rule or rule.get("locked"):
            self.default = rule.get("default", self.default)
            self.level, self.name = level, name
        self.locked = rule.get("locked", False)


def naive_timeout(story: Story, hour: int) -> dict:
    """Ranges intersect from the top, only an exception widens, a choice is clamped in effect."""
    line = Line()
    line.hear("organization", "acme", story.organization.get("idle_timeout_seconds", {}))
    for _priority, slug, said in sorted(story.teams, key=lambda team: team[:2]):
        rule = said.get("idle_timeout_seconds", {})
        says_nothing = rule in ({}, {"locked": False})
        if not line.locked and not says_nothing:
            line.hear("team", slug, rule)
            break
    for number, said in reversed(living_exceptions(story, hour)):
        if said.get("idle_timeout_seconds"):
            line.hear("exception", str(number), said["idle_timeout_seconds"])
            break
    chosen = story.choices.get("idle_timeout_seconds")
    wanted, level, name = line.default, line.level, line.name
    if chosen is not None and not line.locked:
        wanted, level, name = chosen, "user", None
    value = nearest(line.allowed, wanted)
    clamped = {1: ["CLAMPED_TO_MINIMUM"], 0: [], -1: ["CLAMPED_TO_MAXIMUM"]}
    return {
        "value": value,
        "minimum": min(line.allowed),
        "maximum": max(line.allowed),
        "default": nearest(line.allowed, line.default),
        "locked": line.locked,
        "chosen": chosen,
        "source": {"level": level, "name": name} if name else {"level": level},
        "reasons": [
            (LOCKS if line.locked else GIVES)[level],
            *clamped[(value > wanted) - (value < wanted)],
        ],
    }


def living_exceptions(story: Story, hour: int) -> list[tuple[int, dict]]:
    """An exception ends by itself at its expiry; of several, the last granted decides."""
    return sorted((number, said) for number, said, expiry in story.exceptions if hour < expiry)


def widened(allowed: set[int], rule: dict) -> set[int]:
    """An exception overrides the ends it names; its default must fit in."""
    ends = [rule[name] for name in ("minimum", "maximum", "default") if name in rule]
    low = rule.get("minimum", min([min(allowed), *ends]))
    high = rule.get("maximum", max([max(allowed), *ends]))
    return set(range(low, high + 1))


def nearest(allowed: set[int], wanted: int) -> int:
    return min(allowed, key=lambda seconds: abs(seconds - wanted))
