"""What decides about a member, drawn so that levels meet, lock and clamp one another often.

Stories are made as documents (`naive_policy.Story`); `told_to_the_product` gives them the
product's types. A *saved* story keeps what saving checks: each range holds its default, no range
is empty, and a team's has something in common with the organization's. A *wild* one keeps nothing.
"""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from orgs.domain.policy import ExceptionLevel, Standing, TeamLevel
from orgs.domain.rules import Choices, Rules, SpendingState, SwitchState, TimeoutRule
from tests.orgs.domain.naive_policy import Story
from tests.orgs.domain.policy_cases import NOON

STATES = ["user_defined", "always_enabled", "enabled", "disabled", "always_disabled"]
HOURS = range(7)
EDGES = [10, 11, 60, 120, 299, 300, 301, 600, 900, 1800, 3599, 3600]

seconds = st.sampled_from(EDGES) | st.integers(10, 3600)
wild_seconds = seconds | st.integers(-10, 10_000) | st.sampled_from([0, 9, 3601, 10**30])
switches = st.sampled_from(STATES).map(lambda state: {"state": state})


@st.composite
def saved_timeouts(draw: st.DrawFn, around: int | None = None) -> dict:
    """Return what one level says of the idle timeout; its range holds `around`, if given."""
    points = sorted(draw(st.tuples(seconds, seconds, seconds)))
    if around is not None:
        points = [min(points[0], around), points[1], max(points[2], around)]
    rule = {"minimum": points[0], "default": points[1], "maximum": points[2]}
    rule["locked"] = draw(st.sampled_from([False, False, True]))
    said = draw(st.sets(st.sampled_from(sorted(rule))))
    return {part: value for part, value in rule.items() if part in said}


@st.composite
def wild_timeouts(draw: st.DrawFn) -> dict:
    return draw(
        st.fixed_dictionaries(
            {},
            optional={
                "minimum": wild_seconds,
                "maximum": wild_seconds,
                "default": wild_seconds,
                "locked": st.booleans(),
            },
        )
    )


def documents(timeouts: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:
    """Return what a level says: of each setting something or nothing."""
    return st.fixed_dictionaries(
        {},
        optional={
            "offload_enabled": switches,
            "idle_timeout_seconds": timeouts,
            "gpu_enabled": switches,
        },
    )


@st.composite
def one_setting(draw: st.DrawFn, timeouts: st.SearchStrategy[dict]) -> dict:
    """Return what an exception says: one setting."""
    setting = draw(st.sampled_from(["offload_enabled", "idle_timeout_seconds", "gpu_enabled"]))
    return {setting: draw(timeouts if setting == "idle_timeout_seconds" else switches)}


@st.composite
def stories(draw: st.DrawFn, *, wild: bool = False, exceptions: bool = True) -> Story:
    """Return a member's standing: any organization, up to three teams and three exceptions."""
    free = wild_timeouts() if wild else saved_timeouts()
    organization = draw(documents(free))
    range_above = organization.get("idle_timeout_seconds", {})
    around = draw(st.sampled_from(common_seconds(range_above)))
    below = wild_timeouts() if wild else saved_timeouts(around=around)
    slugs = draw(st.lists(st.sampled_from(["api", "web", "ml"]), unique=True, max_size=3))
    numbers = draw(st.lists(st.integers(1, 12), unique=True, max_size=3 if exceptions else 0))
    return Story(
        organization=organization,
        teams=[(draw(st.integers(1, 3)), slug, draw(documents(below))) for slug in slugs],
        exceptions=[
            (number, draw(one_setting(free)), draw(st.sampled_from(HOURS))) for number in numbers
        ],
        choices=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "offload_enabled": st.booleans(),
                    "idle_timeout_seconds": wild_seconds if wild else seconds,
                    "gpu_enabled": st.booleans(),
                },
            )
        ),
        is_entitled=draw(st.sampled_from([True, True, True, False])),
        spending=draw(st.sampled_from(["ok", "ok", "warning", "blocked", "stopping"])),
    )


def common_seconds(rule: dict) -> list[int]:
    """Return seconds that a team's range may share with its organization's."""
    low, high = rule.get("minimum", 10), rule.get("maximum", 3600)
    return [low, high, (low + high) // 2]


def rules_told(document: dict) -> Rules:
    """Return a level's document in the product's type, without the product's reader."""

    def state(setting: str) -> SwitchState | None:
        return SwitchState(document[setting]["state"]) if setting in document else None

    rule = document.get("idle_timeout_seconds")
    return Rules(
        offload_enabled=state("offload_enabled"),
        idle_timeout_seconds=None if rule is None else TimeoutRule(**rule),
        gpu_enabled=state("gpu_enabled"),
    )


def hour_of(hour: float) -> datetime:
    return NOON + timedelta(hours=hour)


def told_to_the_product(story: Story) -> Standing:
    """Return the same standing in the product's own types."""
    return Standing(
        organization="acme",
        organization_rules=rules_told(story.organization),
        teams=tuple(
            TeamLevel(priority=priority, slug=slug, rules=rules_told(said))
            for priority, slug, said in story.teams
        ),
        exceptions=tuple(
            ExceptionLevel(number=number, rules=rules_told(said), expires_at=hour_of(expiry))
            for number, said, expiry in story.exceptions
        ),
        choices=Choices(**story.choices),
        is_entitled=story.is_entitled,
        spending=SpendingState(story.spending),
    )
