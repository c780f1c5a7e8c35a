"""What a level may say below another: a range only narrows, never to nothing (domain.md §4)."""

from collections.abc import Iterable

from orgs.domain.policy_documents import RuleError
from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    PRODUCT_TIMEOUT,
    Rules,
    TimeoutRule,
)

_POINTER = "/idle_timeout_seconds"


def check_team(
    rules: Rules, *, team: str, organization: str, above: Rules, at: str = ""
) -> list[RuleError]:
    """Return what a team's rules may not say below its organization's; empty if all is well.

    Refused: a bound wider than the organization's, a default outside of the team's range. What
    the organization locks may be said: it stays without effect while the lock holds. `at` is the
    pointer of the settings object within its document.
    """
    rule = rules.idle_timeout_seconds
    if rule is None:
        return []
    parent = above.idle_timeout_seconds or PRODUCT_TIMEOUT
    low, high = _range(parent)
    errors = [
        RuleError(
            f"{at}{_POINTER}/{name}",
            "wider_than_parent",
            f"The {name} of team {team}, {said} s, is outside of the range of organization "
            f"{organization}, {low} to {high} s; a team may only narrow.",
            {"team": team, "organization": organization, "minimum": low, "maximum": high},
        )
        for name, said in (("minimum", rule.minimum), ("maximum", rule.maximum))
        if said is not None and not low <= said <= high
    ]
    if errors:
        return errors
    narrowest = max(low, rule.minimum or low), min(high, rule.maximum or high)
    if rule.default is not None and not narrowest[0] <= rule.default <= narrowest[1]:
        errors.append(
            RuleError(
                f"{at}{_POINTER}/default",
                "default_outside_range",
                f"The default of {rule.default} s is outside of {narrowest[0]} to "
                f"{narrowest[1]} s.",
                {"minimum": narrowest[0], "maximum": narrowest[1], "default": rule.default},
            )
        )
    return errors


def check_organization(
    rules: Rules, *, organization: str, teams: Iterable[tuple[str, Rules]], at: str = ""
) -> list[RuleError]:
    """Return the teams whose stored range has nothing in common with the organization's new one.

    `teams` are (slug, rules). A range that merely narrows a team's is fine: ranges intersect.
    `at` is the pointer of the settings object within its document.
    """
    low, high = _range(rules.idle_timeout_seconds or PRODUCT_TIMEOUT)
    errors = []
    for team, below in teams:
        if below.idle_timeout_seconds is None:
            continue
        team_low, team_high = _range(below.idle_timeout_seconds)
        if max(low, team_low) > min(high, team_high):
            errors.append(
                RuleError(
                    f"{at}{_POINTER}",
                    "empty_intersection",
                    f"The range of organization {organization}, {low} to {high} s, and that of "
                    f"team {team}, {team_low} to {team_high} s, have no value in common.",
                    {
                        "organization": organization,
                        "team": team,
                        "minimum": low,
                        "maximum": high,
                        "team_minimum": team_low,
                        "team_maximum": team_high,
                    },
                )
            )
    return errors


def _range(rule: TimeoutRule) -> tuple[int, int]:
    return (
        rule.minimum or IDLE_TIMEOUT_MINIMUM_SECONDS,
        rule.maximum or IDLE_TIMEOUT_MAXIMUM_SECONDS,
    )
