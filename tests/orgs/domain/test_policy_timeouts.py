"""The idle timeout as worked cases: ranges, defaults, locks and exceptions, with their traces."""

from dataclasses import replace

import pytest

from orgs.domain.policy import resolve
from orgs.domain.rules import (
    Choices,
    TimeoutRule,
)
from orgs.domain.trace import Reason
from tests.orgs.domain.policy_cases import (
    EVENING,
    NOON,
    ON,
    exception,
    lines,
    standing,
    team,
    timeout,
)


def test_a_lock_of_the_organization_silences_teams_and_the_developer():
    found = resolve(
        standing(
            timeout(default=600, locked=True),
            teams=(team("web", idle_timeout_seconds=TimeoutRule(maximum=60, default=60)),),
            choices=Choices(idle_timeout_seconds=30),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.value, found.locked, found.chosen) == (600, True, 30)
    assert lines(found) == [
        "product: default 300 → ignored, PRODUCT_DEFAULT",
        "product: minimum 10 maximum 3600 → narrowed, PRODUCT_BOUND",
        "organization acme: default 600 locked on → won, LOCKED_BY_ORGANIZATION",
        "team web: maximum 60 default 60 → ignored, LOCKED_BY_ORGANIZATION",
        "user: 30 → ignored, LOCKED_BY_ORGANIZATION",
    ]


def test_a_lock_without_a_default_locks_the_one_it_finds_and_names_it():
    found = resolve(
        standing(
            timeout(default=900),
            teams=(team("web", idle_timeout_seconds=TimeoutRule(locked=True)),),
            choices=Choices(idle_timeout_seconds=30),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.value, found.default, found.locked) == (900, 900, True)
    assert lines(found)[2:] == [
        "organization acme: default 900 → ignored, ORGANIZATION_DEFAULT",
        "team web: default 900 locked on → won, LOCKED_BY_TEAM",
        "user: 30 → ignored, LOCKED_BY_TEAM",
    ]


def test_the_first_team_by_priority_decides_the_whole_setting():
    """The second team's bounds are not heard either; a setting of which the first is silent is."""
    found = resolve(
        standing(
            timeout(minimum=60, maximum=1800, default=900),
            teams=(
                team("z", priority=1, idle_timeout_seconds=TimeoutRule(maximum=1200)),
                team(
                    "a",
                    priority=2,
                    idle_timeout_seconds=TimeoutRule(maximum=120, default=120),
                    gpu_enabled=ON,
                ),
            ),
        ),
        at=NOON,
    )
    assert found.gpu_enabled.source == ("team", "a")
    assert found.idle_timeout_seconds.value == 900
    assert lines(found.idle_timeout_seconds) == [
        "product: default 300 → ignored, PRODUCT_DEFAULT",
        "product: minimum 10 maximum 3600 → narrowed, PRODUCT_BOUND",
        "organization acme: minimum 60 maximum 1800 → narrowed, NARROWED_BY_ORGANIZATION",
        "organization acme: default 900 → won, ORGANIZATION_DEFAULT",
        "team z: maximum 1200 → narrowed, NARROWED_BY_TEAM",
        "team a: maximum 120 default 120 → ignored, TEAM_PRIORITY",
    ]


def test_bounds_that_change_nothing_are_in_the_trace():
    """Else the second team would be ignored for a first one of which nothing is seen."""
    found = resolve(
        standing(
            timeout(minimum=60, maximum=900),
            teams=(
                team("a", priority=1, idle_timeout_seconds=TimeoutRule(maximum=900)),
                team("b", priority=2, idle_timeout_seconds=TimeoutRule(default=120)),
            ),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert lines(found)[2:] == [
        "organization acme: minimum 60 maximum 900 → narrowed, NARROWED_BY_ORGANIZATION",
        "team a: maximum 900 → ignored, NARROWED_BY_ORGANIZATION",
        "team b: default 120 → ignored, TEAM_PRIORITY",
    ]


@pytest.mark.parametrize(
    ("chosen", "clamp"),
    [
        (1200, "organization acme: maximum 900 → narrowed, CLAMPED_TO_MAXIMUM"),
        (30, "organization acme: minimum 60 → narrowed, CLAMPED_TO_MINIMUM"),
    ],
)
def test_a_clamp_names_the_highest_level_that_set_the_bound(chosen, clamp):
    """The team only repeats what the organization says."""
    found = resolve(
        standing(
            timeout(minimum=60, maximum=900),
            teams=(team("web", idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900)),),
            choices=Choices(idle_timeout_seconds=chosen),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert lines(found)[-1] == clamp


@pytest.mark.parametrize("empty", [TimeoutRule(), TimeoutRule(locked=False)])
def test_a_team_that_says_nothing_of_the_idle_timeout_leaves_it_to_the_next(empty):
    """A form saved with every field empty still says that it does not lock."""
    found = resolve(
        standing(
            teams=(
                team("a", priority=1, idle_timeout_seconds=empty),
                team("b", priority=2, idle_timeout_seconds=TimeoutRule(default=120)),
            ),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.value, found.source) == (120, ("team", "b"))
    assert [line for line in lines(found) if "team a" in line] == []


def test_a_default_above_the_teams_range_is_clamped_and_says_so():
    found = resolve(
        standing(
            timeout(default=900),
            teams=(team("web", idle_timeout_seconds=TimeoutRule(maximum=600)),),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.minimum, found.value, found.default, found.maximum) == (10, 600, 600, 600)
    assert found.source == ("organization", "acme")
    assert found.reasons == (Reason.ORGANIZATION_DEFAULT, Reason.CLAMPED_TO_MAXIMUM)
    assert lines(found)[-1] == "team web: maximum 600 → narrowed, CLAMPED_TO_MAXIMUM"


def test_a_range_that_an_organization_narrowed_later_meets_the_teams():
    """Team 600..1800 was fine below 10..3600; below 60..900 it is 600..900."""
    found = resolve(
        standing(
            timeout(minimum=60, maximum=900),
            teams=(team("web", idle_timeout_seconds=TimeoutRule(minimum=600, maximum=1800)),),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.minimum, found.default, found.maximum) == (600, 600, 900)
    assert found.reasons == (Reason.PRODUCT_DEFAULT, Reason.CLAMPED_TO_MINIMUM)
    assert lines(found)[-1] == "team web: minimum 600 → narrowed, CLAMPED_TO_MINIMUM"


def test_a_choice_is_kept_as_chosen_and_comes_back_when_the_policy_is_widened():
    narrow = standing(timeout(maximum=600), choices=Choices(idle_timeout_seconds=1800))
    wide = replace(narrow, organization_rules=timeout(maximum=3600))
    assert resolve(narrow, at=NOON).idle_timeout_seconds.value == 600
    assert resolve(narrow, at=NOON).idle_timeout_seconds.chosen == 1800
    assert resolve(wide, at=NOON).idle_timeout_seconds.value == 1800
    assert resolve(wide, at=NOON).idle_timeout_seconds.reasons == (Reason.USER_CHOICE,)


def test_an_exception_lifts_a_lock_and_widens_until_it_expires():
    member = standing(
        timeout(minimum=60, maximum=300, default=120, locked=True),
        exceptions=(exception(idle_timeout_seconds=TimeoutRule(maximum=1800)),),
        choices=Choices(idle_timeout_seconds=1500),
    )
    during = resolve(member, at=NOON).idle_timeout_seconds
    assert (during.minimum, during.value, during.maximum) == (60, 1500, 1800)
    assert during.locked is False
    assert lines(during) == [
        "product: default 300 → ignored, PRODUCT_DEFAULT",
        "product: minimum 10 maximum 3600 → narrowed, PRODUCT_BOUND",
        "organization acme: minimum 60 maximum 300 → narrowed, NARROWED_BY_ORGANIZATION",
        "organization acme: default 120 locked on → ignored, ORGANIZATION_DEFAULT",
        "exception 7: maximum 1800 → widened, EXCEPTION",
        "user: 1500 → won, USER_CHOICE",
    ]
    after = resolve(member, at=EVENING).idle_timeout_seconds
    assert (after.minimum, after.value, after.maximum, after.locked) == (60, 120, 300, True)
    assert after.reasons == (Reason.LOCKED_BY_ORGANIZATION,)


def test_an_exceptions_default_makes_room_for_itself():
    """Who grants 1800 s gives 1800 s, also where the range above ends at 900."""
    found = resolve(
        standing(
            timeout(minimum=60, maximum=900, default=300),
            exceptions=(exception(idle_timeout_seconds=TimeoutRule(default=1800)),),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.minimum, found.value, found.maximum) == (60, 1800, 1800)
    assert lines(found)[-2:] == [
        "exception 7: maximum 1800 → widened, EXCEPTION",
        "exception 7: default 1800 → won, EXCEPTION",
    ]


def test_an_exception_may_do_nothing_but_lift_a_lock():
    found = resolve(
        standing(
            timeout(default=300, locked=True),
            exceptions=(exception(idle_timeout_seconds=TimeoutRule(locked=False)),),
            choices=Choices(idle_timeout_seconds=600),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.value, found.locked) == (600, False)
    assert lines(found)[2:] == [
        "organization acme: default 300 locked on → ignored, ORGANIZATION_DEFAULT",
        "exception 7: locked off → widened, EXCEPTION",
        "user: 600 → won, USER_CHOICE",
    ]


def test_an_empty_exception_lifts_no_lock():
    found = resolve(
        standing(
            timeout(default=300, locked=True),
            exceptions=(exception(idle_timeout_seconds=TimeoutRule()),),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert found.locked is True


def test_of_several_exceptions_the_last_granted_decides_the_whole_setting():
    """The lock of the earlier one is not in force, and its maximum is not either."""
    found = resolve(
        standing(
            timeout(default=120, locked=True),
            exceptions=(
                exception(2, idle_timeout_seconds=TimeoutRule(default=600, locked=True)),
                exception(11, idle_timeout_seconds=TimeoutRule(maximum=1800)),
            ),
            choices=Choices(idle_timeout_seconds=1500),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.value, found.default, found.locked) == (1500, 120, False)
    assert lines(found)[2:] == [
        "organization acme: default 120 locked on → ignored, ORGANIZATION_DEFAULT",
        "exception 11: maximum 1800 → widened, EXCEPTION",
        "exception 2: default 600 locked on → ignored, EXCEPTION",
        "user: 1500 → won, USER_CHOICE",
    ]


# The range above is 60..900.
EXCEPTIONAL_RANGES = [
    ({"maximum": 1800}, (60, 1800)),
    ({"minimum": 10}, (10, 900)),
    ({"minimum": 10, "maximum": 3600}, (10, 3600)),
    ({"maximum": 30}, (30, 30)),
    ({"minimum": 1200}, (1200, 1200)),
    ({"minimum": 1200, "default": 1500}, (1200, 1500)),
    ({"maximum": 30, "default": 20}, (20, 30)),
    ({"default": 20}, (20, 900)),
    # Never beyond the product, whatever stands in a row.
    ({"minimum": 5000}, (3600, 3600)),
    ({"maximum": 5}, (10, 10)),
    ({"minimum": 1, "maximum": 9999}, (10, 3600)),
    ({"default": 9999}, (60, 3600)),
]


@pytest.mark.parametrize(("parts", "span"), EXCEPTIONAL_RANGES)
def test_the_range_of_an_exception(parts, span):
    found = resolve(
        standing(
            timeout(minimum=60, maximum=900),
            exceptions=(exception(idle_timeout_seconds=TimeoutRule(**parts)),),
        ),
        at=NOON,
    ).idle_timeout_seconds
    assert (found.minimum, found.maximum) == span
