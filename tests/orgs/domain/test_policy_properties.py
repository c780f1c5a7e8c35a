"""What must hold for whatever an organization, its teams, exceptions and developers may say."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from orgs.domain.policy import EffectiveSettings, Standing, resolve, schedule
from orgs.domain.rules import DEFAULT_RULES, NO_CHOICES, Choices, Rules, SpendingState
from orgs.domain.settings_documents import settings_document, trace_document
from tests.orgs.domain.naive_policy import naive_settings
from tests.orgs.domain.policy_strategies import HOURS, hour_of, stories, told_to_the_product

STATE_VALUES = {
    "always_enabled": True,
    "enabled": True,
    "disabled": False,
    "always_disabled": False,
}
LOCKING_REASONS = {
    "LOCKED_BY_ORGANIZATION",
    "LOCKED_BY_TEAM",
    "SPENDING_LIMIT",
    "ENTITLEMENT_OFF",
}
hours = st.sampled_from(HOURS)
any_stories = st.one_of(stories(), stories(wild=True))
standings = any_stories.map(told_to_the_product)
plain_standings = st.one_of(stories(exceptions=False), stories(wild=True, exceptions=False)).map(
    told_to_the_product
)


def both(settings_found: EffectiveSettings):
    """Return each setting's public document with its trace."""
    found, traces = settings_document(settings_found), trace_document(settings_found)
    return [(name, found[name], traces[name]) for name in found]


def span(standing: Standing, *, hour: int = 0) -> tuple[int, int]:
    found = resolve(standing, at=hour_of(hour)).idle_timeout_seconds
    return found.minimum, found.maximum


def check_naive(story, hour):
    document = settings_document(resolve(told_to_the_product(story), at=hour_of(hour)))
    assert document == naive_settings(story, hour=hour)
    for reason in document["idle_timeout_seconds"]["reasons"]:
        event(reason)


@settings(max_examples=300, deadline=None)
@given(stories(), hours)
def test_a_naive_resolution_says_the_same(story, hour):
    check_naive(story, hour)


@pytest.mark.prove
@settings(max_examples=5_000, deadline=None)
@given(stories(), hours)
def test_a_naive_resolution_says_the_same_of_very_many(story, hour):
    check_naive(story, hour)


@settings(max_examples=100, deadline=None)
@given(standings, hours, st.data())
def test_the_order_of_teams_and_exceptions_in_storage_is_no_matter(standing, hour, data):
    shuffled = replace(
        standing,
        teams=tuple(data.draw(st.permutations(standing.teams))),
        exceptions=tuple(data.draw(st.permutations(standing.exceptions))),
    )
    assert resolve(shuffled, at=hour_of(hour)) == resolve(standing, at=hour_of(hour))
    assert schedule(shuffled, at=hour_of(hour)) == schedule(standing, at=hour_of(hour))


@settings(max_examples=150, deadline=None)
@given(standings, hours)
def test_every_value_lies_in_a_range_within_the_products_bounds(standing, hour):
    found = resolve(standing, at=hour_of(hour)).idle_timeout_seconds
    assert 10 <= found.minimum <= found.default <= found.maximum <= 3600
    assert found.minimum <= found.value <= found.maximum
    if found.locked:
        assert found.value == found.default


@settings(max_examples=150, deadline=None)
@given(plain_standings)
def test_ranges_only_narrow_from_level_to_level(standing):
    product = span(replace(standing, organization_rules=Rules(), teams=()))
    organization = span(replace(standing, teams=()))
    team = span(standing)
    assert product == (10, 3600)
    for (above_low, above_high), (low, high) in pairwise([product, organization, team]):
        assert above_low <= low <= high <= above_high


@settings(max_examples=150, deadline=None)
@given(
    standings,
    hours,
    st.builds(
        Choices,
        offload_enabled=st.none() | st.booleans(),
        idle_timeout_seconds=st.none() | st.integers(10, 3600),
        gpu_enabled=st.none() | st.booleans(),
    ),
)
def test_a_locked_setting_yields_one_value_whatever_is_chosen(standing, hour, choices):
    before = resolve(standing, at=hour_of(hour))
    after = resolve(replace(standing, choices=choices), at=hour_of(hour))
    for (_, one, _), (_, other, _) in zip(both(before), both(after), strict=True):
        assert one["locked"] == other["locked"]
        if one["locked"]:
            assert one | {"chosen": None} == other | {"chosen": None}


@settings(max_examples=150, deadline=None)
@given(plain_standings)
def test_what_the_organization_locks_no_team_and_no_developer_changes(standing):
    alone = replace(standing, teams=(), choices=NO_CHOICES)
    for (_, whole, _), (_, bare, _) in zip(
        both(resolve(standing, at=hour_of(0))), both(resolve(alone, at=hour_of(0))), strict=True
    ):
        if bare["locked"]:
            assert whole | {"chosen": None} == bare


@settings(max_examples=100, deadline=None)
@given(
    standings,
    hours,
    st.booleans(),
    st.sampled_from([SpendingState.BLOCKED, SpendingState.STOPPING]),
)
def test_nothing_stands_above_the_entitlement_and_the_spending_limit(
    standing, hour, is_entitled, spending
):
    stopped = replace(
        standing,
        is_entitled=is_entitled,
        spending=spending if is_entitled else standing.spending,
    )
    found = resolve(stopped, at=hour_of(hour)).offload_enabled
    assert (found.value, found.state, found.locked) == (False, "always_disabled", True)
    assert found.reasons == ("SPENDING_LIMIT" if is_entitled else "ENTITLEMENT_OFF",)


@settings(max_examples=100, deadline=None)
@given(stories(), hours)
def test_a_choice_stays_as_chosen_and_comes_back_when_nothing_is_forced(story, hour):
    standing = told_to_the_product(story)
    for name, setting, _ in both(resolve(standing, at=hour_of(hour))):
        assert setting["chosen"] == story.choices.get(name)
    free = replace(
        standing,
        organization_rules=DEFAULT_RULES,
        teams=(),
        exceptions=(),
        is_entitled=True,
        spending=SpendingState.OK,
    )
    for name, setting, _ in both(resolve(free, at=hour_of(hour))):
        if name in story.choices:
            assert setting["value"] == story.choices[name]
            assert setting["reasons"] == ["USER_CHOICE"]


@settings(max_examples=300, deadline=None)
@given(standings, hours)
def test_the_trace_explains_every_value(standing, hour):
    check_trace(standing, hour)


@pytest.mark.prove
@settings(max_examples=5_000, deadline=None)
@given(standings, hours)
def test_the_trace_explains_very_many_values(standing, hour):
    check_trace(standing, hour)


def check_trace(standing, hour):
    for name, setting, trace in both(resolve(standing, at=hour_of(hour))):
        (winner,) = [step for step in trace if step["outcome"] == "won"]
        source = {"level": winner["level"]} | ({"name": winner["name"]} if winner["name"] else {})
        assert setting["source"] == source
        assert setting["reasons"][0] == winner["reason"]
        said = winner["said"]
        locks = said.get("locked", False) if isinstance(said, dict) else "always" in str(said)
        assert setting["locked"] == (
            winner["reason"] in LOCKING_REASONS or (winner["reason"] == "EXCEPTION" and locks)
        )
        if name == "idle_timeout_seconds":
            check_timeout(setting, trace, said)
        else:
            assert len(setting["reasons"]) == 1
            assert setting["value"] == STATE_VALUES.get(said, said)


def check_timeout(setting, trace, said):
    """Go through the steps again: bounds give the range, the winner and a clamp the value."""
    value = said["default"] if isinstance(said, dict) else said
    low, high = 10, 3600
    clamps = []
    for step in trace:
        if step["reason"].startswith("CLAMPED"):
            (value,) = step["said"].values()
            clamps.append(step["reason"])
        elif step["outcome"] == "narrowed":
            low, high = narrowed(low, high, **step["said"])
        elif step["outcome"] == "widened" and "locked" not in step["said"]:
            low, high = widened(low, high, **step["said"])
    assert (setting["minimum"], setting["maximum"]) == (low, high)
    assert setting["value"] == value
    assert setting["reasons"][1:] == clamps
    assert len(clamps) <= 1


def narrowed(low, high, *, minimum=10, maximum=3600):
    """Where nothing is in common, which saving refuses: the nearest end of the range above."""
    ends = sorted([max(low, min(minimum, high)), min(high, max(maximum, low))])
    return ends if minimum <= maximum else (ends[-1], ends[-1])


def widened(low, high, *, minimum=None, maximum=None):
    new_low = low if minimum is None else min(max(minimum, 10), 3600)
    new_high = high if maximum is None else min(max(maximum, 10), 3600)
    if minimum is None:
        return min(new_low, new_high), new_high
    return new_low, max(new_low, new_high)


@settings(max_examples=150, deadline=None)
@given(stories(), hours)
def test_every_level_that_says_something_has_a_step(story, hour):
    found = resolve(told_to_the_product(story), at=hour_of(hour))
    spoken = [("organization", "acme", story.organization)]
    spoken += [("team", slug, said) for _, slug, said in story.teams]
    spoken += [
        ("exception", str(number), said)
        for number, said, expiry in story.exceptions
        if hour < expiry
    ]
    for name, _, trace in both(found):
        seen = {(step["level"], step["name"]) for step in trace}
        expected = {
            (level, who)
            for level, who, said in spoken
            if said.get(name) and (level == "exception" or said[name] != {"locked": False})
        }
        expected |= {("product", None)} | ({("user", None)} if name in story.choices else set())
        assert expected <= seen
        assert seen - expected <= {("spending", story.spending), ("entitlement", None)}


@settings(max_examples=100, deadline=None)
@given(standings, hours)
def test_the_schedule_says_at_each_instant_what_resolving_then_says(standing, hour):
    periods = schedule(standing, at=hour_of(hour))
    assert [period.since for period in periods] == sorted({period.since for period in periods})
    assert periods[0].since == hour_of(hour)
    instants = [hour_of(step / 2) for step in range(2 * hour, 2 * len(HOURS) + 2)]
    for instant in instants:
        current = [period for period in periods if period.since <= instant][-1]
        assert current.settings == resolve(standing, at=instant)
    for one, following in pairwise(periods):
        assert one.settings != following.settings


@settings(max_examples=100, deadline=None)
@given(standings, hours)
def test_an_expired_exception_is_as_if_it_had_never_been(standing, hour):
    assume(standing.exceptions)
    living = tuple(each for each in standing.exceptions if each.expires_at > hour_of(hour))
    without = replace(standing, exceptions=living)
    assert resolve(standing, at=hour_of(hour)) == resolve(without, at=hour_of(hour))
