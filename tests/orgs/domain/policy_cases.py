"""Short ways to write down a member's standing, and to read a trace as lines of text."""

from datetime import UTC, datetime

from orgs.domain.policy import ExceptionLevel, Standing, TeamLevel
from orgs.domain.rules import Rules, SwitchState, TimeoutRule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVENING = datetime(2026, 11, 23, 20, tzinfo=UTC)

ALWAYS_ON, ON = SwitchState.ALWAYS_ENABLED, SwitchState.ENABLED
ALWAYS_OFF, OFF = SwitchState.ALWAYS_DISABLED, SwitchState.DISABLED
OPEN = SwitchState.USER_DEFINED


def standing(rules: Rules | None = None, **said) -> Standing:
    """Return a member of acme, entitled to Offload, below the organization's `rules`."""
    return Standing(
        organization="acme",
        organization_rules=rules or Rules(),
        **{"is_entitled": True} | said,
    )


def team(slug: str, *, priority: int = 1, **rules) -> TeamLevel:
    return TeamLevel(priority=priority, slug=slug, rules=Rules(**rules))


def exception(number: int = 7, *, expires_at: datetime = EVENING, **rules) -> ExceptionLevel:
    return ExceptionLevel(number=number, rules=Rules(**rules), expires_at=expires_at)


def timeout(**parts) -> Rules:
    return Rules(idle_timeout_seconds=TimeoutRule(**parts))


def lines(setting) -> list[str]:
    """Return the trace as text: `level name: what it said → outcome, reason`."""
    return [
        f"{step.level} {step.name}".strip()
        + f": {spoken(step.said)} → {step.outcome}, {step.reason}"
        for step in setting.trace
    ]


def spoken(said) -> str:
    if isinstance(said, dict):
        return " ".join(f"{part} {spoken(value)}" for part, value in said.items())
    return {True: "on", False: "off"}[said] if isinstance(said, bool) else str(said)
