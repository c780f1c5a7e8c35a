"""What saving refuses so that a range only narrows, and never to nothing."""

from hypothesis import given, settings

from orgs.domain.constraints import check_organization, check_team
from orgs.domain.policy import resolve
from orgs.domain.rules import Rules, TimeoutRule
from tests.orgs.domain.policy_cases import ALWAYS_OFF, ALWAYS_ON, NOON, standing, team, timeout
from tests.orgs.domain.policy_strategies import rules_told, saved_timeouts

ACME = timeout(minimum=60, maximum=900, default=300)


def wider(bound: str, seconds: int) -> str:
    return (
        f"The {bound} of team web, {seconds} s, is outside of the range of organization acme, "
        "60 to 900 s; a team may only narrow."
    )


def nothing_in_common(name: str, span: str) -> str:
    return (
        f"The range of organization acme, 600 to 900 s, and that of team {name}, {span} s, "
        "have no value in common."
    )


def team_errors(rules: Rules, *, above: Rules = ACME) -> list[tuple]:
    errors = check_team(rules, team="web", organization="acme", above=above)
    return [(error.pointer, error.code, error.detail) for error in errors]


def organization_errors(rules: Rules, *teams: tuple[str, Rules]) -> list[tuple]:
    errors = check_organization(rules, organization="acme", teams=teams)
    return [(error.pointer, error.code, error.detail) for error in errors]


def test_a_team_may_narrow_and_may_repeat_what_stands_above():
    for parts in (
        {"minimum": 60, "maximum": 900},
        {"minimum": 120, "maximum": 600, "default": 300},
        {"maximum": 60, "default": 60},
        {"minimum": 900, "default": 900},
        {"default": 60},
        {"locked": True},
        {},
    ):
        assert team_errors(timeout(**parts)) == []
    assert team_errors(Rules()) == []


def test_a_team_may_not_widen_either_end():
    assert team_errors(timeout(minimum=59, maximum=901)) == [
        (
            "/idle_timeout_seconds/minimum",
            "wider_than_parent",
            wider("minimum", 59),
        ),
        (
            "/idle_timeout_seconds/maximum",
            "wider_than_parent",
            wider("maximum", 901),
        ),
    ]


def test_a_range_wholly_above_or_below_the_organizations_is_refused_naming_both():
    assert team_errors(timeout(minimum=901)) == [
        (
            "/idle_timeout_seconds/minimum",
            "wider_than_parent",
            wider("minimum", 901),
        )
    ]
    assert [error[0] for error in team_errors(timeout(maximum=59))] == [
        "/idle_timeout_seconds/maximum"
    ]


def test_a_default_must_lie_in_what_the_two_ranges_have_in_common():
    assert team_errors(timeout(maximum=600, default=601)) == [
        (
            "/idle_timeout_seconds/default",
            "default_outside_range",
            "The default of 601 s is outside of 60 to 600 s.",
        )
    ]
    assert [error[1] for error in team_errors(timeout(default=59))] == ["default_outside_range"]
    assert [error[1] for error in team_errors(timeout(default=901))] == ["default_outside_range"]


def test_an_organization_that_says_nothing_leaves_the_products_range():
    assert team_errors(timeout(minimum=10, maximum=3600, default=3600), above=Rules()) == []
    assert team_errors(timeout(minimum=10), above=timeout(maximum=900)) == []


def test_what_the_organization_locks_a_team_may_say_and_it_has_no_effect():
    above = Rules(
        gpu_enabled=ALWAYS_OFF,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=True),
    )
    below = Rules(
        gpu_enabled=ALWAYS_ON, idle_timeout_seconds=TimeoutRule(default=600, locked=True)
    )
    assert team_errors(below, above=above) == []
    member = standing(
        above,
        teams=(team("web", gpu_enabled=ALWAYS_ON, idle_timeout_seconds=TimeoutRule(default=600)),),
    )
    found = resolve(member, at=NOON)
    assert (found.gpu_enabled.value, found.idle_timeout_seconds.value) == (False, 300)


def test_narrowing_an_organization_is_fine_while_something_is_in_common():
    assert (
        organization_errors(
            timeout(minimum=600, maximum=900),
            ("touches", timeout(minimum=10, maximum=600)),
            ("touches-above", timeout(minimum=900)),
            ("open", timeout(default=30)),
            ("silent", Rules(gpu_enabled=ALWAYS_ON)),
        )
        == []
    )


def test_narrowing_an_organization_past_a_team_names_every_such_team():
    assert organization_errors(
        timeout(minimum=600, maximum=900),
        ("below", timeout(maximum=599)),
        ("fine", timeout(maximum=600)),
        ("above", timeout(minimum=901, maximum=1800)),
    ) == [
        (
            "/idle_timeout_seconds",
            "empty_intersection",
            nothing_in_common("below", "10 to 599"),
        ),
        (
            "/idle_timeout_seconds",
            "empty_intersection",
            nothing_in_common("above", "901 to 1800"),
        ),
    ]
    assert organization_errors(Rules(), ("any", timeout(minimum=10, maximum=10))) == []


def test_errors_carry_the_values_that_their_text_speaks_of():
    (error,) = check_team(timeout(minimum=59), team="web", organization="acme", above=ACME)
    assert error.values == {"team": "web", "organization": "acme", "minimum": 60, "maximum": 900}
    (error,) = check_organization(
        timeout(minimum=600), organization="acme", teams=[("web", timeout(maximum=599))]
    )
    assert error.values == {
        "organization": "acme",
        "team": "web",
        "minimum": 600,
        "maximum": 3600,
        "team_minimum": 10,
        "team_maximum": 599,
    }


def test_pointers_begin_where_the_settings_stand_in_their_document():
    (wider,) = check_team(
        timeout(maximum=901), team="web", organization="acme", above=ACME, at="/settings"
    )
    (outside,) = check_team(
        timeout(default=901), team="web", organization="acme", above=ACME, at="/settings"
    )
    (empty,) = check_organization(
        timeout(minimum=600),
        organization="acme",
        teams=[("web", timeout(maximum=599))],
        at="/settings",
    )
    assert [error.pointer for error in (wider, outside, empty)] == [
        "/settings/idle_timeout_seconds/maximum",
        "/settings/idle_timeout_seconds/default",
        "/settings/idle_timeout_seconds",
    ]


@settings(max_examples=200, deadline=None)
@given(saved_timeouts(), saved_timeouts())
def test_a_team_that_saving_takes_gets_its_own_range_and_default(above, below):
    """What was accepted is what its members get: nothing of it is clamped or cut."""
    upper = rules_told({"idle_timeout_seconds": above | {"locked": False}})
    lower = rules_told({"idle_timeout_seconds": below})
    if check_team(lower, team="web", organization="acme", above=upper):
        return
    found = resolve(
        standing(upper, teams=(team("web", idle_timeout_seconds=lower.idle_timeout_seconds),)),
        at=NOON,
    ).idle_timeout_seconds
    assert found.minimum == below.get("minimum", above.get("minimum", 10))
    assert found.maximum == below.get("maximum", above.get("maximum", 3600))
    if "default" in below:
        assert (found.value, found.default) == (below["default"], below["default"])
