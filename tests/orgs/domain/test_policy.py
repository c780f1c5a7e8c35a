"""The rules of resolution as worked cases: each with its value, most with the whole trace."""

import pytest

from orgs.domain.policy import resolve, schedule
from orgs.domain.rules import (
    DEFAULT_RULES,
    Choices,
    Rules,
    Setting,
    SpendingState,
    TimeoutRule,
)
from orgs.domain.settings_documents import settings_document, trace_document
from orgs.domain.trace import Reason
from tests.orgs.domain.policy_cases import (
    ALWAYS_OFF,
    ALWAYS_ON,
    EVENING,
    NOON,
    OFF,
    ON,
    OPEN,
    exception,
    lines,
    standing,
    team,
)

# The organization, the team and the developer of the public contract's sample document.
SAMPLE = standing(
    Rules(
        offload_enabled=ON,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=False),
        gpu_enabled=ALWAYS_OFF,
    ),
    teams=(team("backend", offload_enabled=ON),),
    choices=Choices(idle_timeout_seconds=1200),
)


def test_the_sample_of_the_contract_is_reproduced():
    """Field by field; `chosen` of the switches is ours."""
    assert settings_document(resolve(SAMPLE, at=NOON)) == {
        "offload_enabled": {
            "value": True,
            "state": "enabled",
            "locked": False,
            "chosen": None,
            "source": {"level": "team", "name": "backend"},
            "reasons": ["TEAM_PRIORITY"],
        },
        "idle_timeout_seconds": {
            "value": 900,
            "minimum": 60,
            "maximum": 900,
            "default": 300,
            "locked": False,
            "chosen": 1200,
            "source": {"level": "user"},
            "reasons": ["USER_CHOICE", "CLAMPED_TO_MAXIMUM"],
        },
        "gpu_enabled": {
            "value": False,
            "state": "always_disabled",
            "locked": True,
            "chosen": None,
            "source": {"level": "organization", "name": "acme"},
            "reasons": ["LOCKED_BY_ORGANIZATION"],
        },
    }


def test_the_trace_of_the_sample_as_a_document():
    document = trace_document(resolve(SAMPLE, at=NOON))
    assert list(document) == ["offload_enabled", "idle_timeout_seconds", "gpu_enabled"]
    assert document["offload_enabled"] == [
        {
            "level": "product",
            "name": None,
            "said": True,
            "outcome": "ignored",
            "reason": "PRODUCT_DEFAULT",
        },
        {
            "level": "organization",
            "name": "acme",
            "said": "enabled",
            "outcome": "ignored",
            "reason": "ORGANIZATION_DEFAULT",
        },
        {
            "level": "team",
            "name": "backend",
            "said": "enabled",
            "outcome": "won",
            "reason": "TEAM_PRIORITY",
        },
    ]
    assert lines(resolve(SAMPLE, at=NOON).idle_timeout_seconds) == [
        "product: default 300 → ignored, PRODUCT_DEFAULT",
        "product: minimum 10 maximum 3600 → narrowed, PRODUCT_BOUND",
        "organization acme: minimum 60 maximum 900 → narrowed, NARROWED_BY_ORGANIZATION",
        "organization acme: default 300 locked off → ignored, ORGANIZATION_DEFAULT",
        "user: 1200 → won, USER_CHOICE",
        "organization acme: maximum 900 → narrowed, CLAMPED_TO_MAXIMUM",
    ]


def test_where_nobody_says_anything_the_product_decides():
    found = resolve(standing(), at=NOON)
    assert (found.offload_enabled.value, found.gpu_enabled.value) == (True, False)
    assert found.offload_enabled.state is OPEN
    assert found.offload_enabled.reasons == (Reason.PRODUCT_DEFAULT,)
    timeout_found = found.idle_timeout_seconds
    assert (timeout_found.minimum, timeout_found.value, timeout_found.maximum) == (10, 300, 3600)
    assert timeout_found.locked is False
    assert lines(timeout_found) == [
        "product: default 300 → won, PRODUCT_DEFAULT",
        "product: minimum 10 maximum 3600 → narrowed, PRODUCT_BOUND",
    ]


def test_a_new_organization_forces_nothing():
    found = resolve(
        standing(
            DEFAULT_RULES,
            choices=Choices(offload_enabled=False, idle_timeout_seconds=3600, gpu_enabled=True),
        ),
        at=NOON,
    )
    assert (found.offload_enabled.value, found.gpu_enabled.value) == (False, True)
    assert found.idle_timeout_seconds.value == 3600


# What the organization's state gives a developer who chose nothing, `on` or `off`.
FIVE_STATES = [
    (OPEN, (True, True, False), False, "PRODUCT_DEFAULT"),
    (ALWAYS_ON, (True, True, True), True, "LOCKED_BY_ORGANIZATION"),
    (ON, (True, True, False), False, "ORGANIZATION_DEFAULT"),
    (OFF, (False, True, False), False, "ORGANIZATION_DEFAULT"),
    (ALWAYS_OFF, (False, False, False), True, "LOCKED_BY_ORGANIZATION"),
]


@pytest.mark.parametrize(("state", "values", "locked", "reason"), FIVE_STATES)
def test_the_five_states_of_a_switch(state, values, locked, reason):
    found = [
        resolve(
            standing(Rules(offload_enabled=state), choices=Choices(offload_enabled=choice)),
            at=NOON,
        ).offload_enabled
        for choice in (None, True, False)
    ]
    assert tuple(setting.value for setting in found) == values
    assert {setting.state for setting in found} == {state}
    assert {setting.locked for setting in found} == {locked}
    assert found[0].reasons == (Reason(reason),)
    assert [setting.chosen for setting in found] == [None, True, False]


def test_a_team_that_leaves_a_switch_open_takes_the_organizations_default_away():
    found = resolve(
        standing(Rules(offload_enabled=OFF), teams=(team("web", offload_enabled=OPEN),)), at=NOON
    ).offload_enabled
    assert (found.value, found.state) == (True, OPEN)
    assert lines(found) == [
        "product: on → won, PRODUCT_DEFAULT",
        "organization acme: disabled → ignored, ORGANIZATION_DEFAULT",
        "team web: user_defined → left_open, TEAM_PRIORITY",
    ]


def test_a_lock_of_a_team_silences_the_next_team_and_the_developer():
    found = resolve(
        standing(
            Rules(gpu_enabled=ON),
            teams=(
                team("web", priority=2, gpu_enabled=ON),
                team("interns", priority=1, gpu_enabled=ALWAYS_OFF),
            ),
            choices=Choices(gpu_enabled=True),
        ),
        at=NOON,
    ).gpu_enabled
    assert (found.value, found.state, found.locked) == (False, ALWAYS_OFF, True)
    assert found.reasons == (Reason.LOCKED_BY_TEAM,)
    assert lines(found) == [
        "product: off → ignored, PRODUCT_DEFAULT",
        "organization acme: enabled → ignored, ORGANIZATION_DEFAULT",
        "team interns: always_disabled → won, LOCKED_BY_TEAM",
        "team web: enabled → ignored, LOCKED_BY_TEAM",
        "user: on → ignored, LOCKED_BY_TEAM",
    ]


def test_an_exception_for_one_setting_leaves_the_locks_of_others():
    found = resolve(
        standing(
            Rules(offload_enabled=ALWAYS_ON, gpu_enabled=ALWAYS_OFF),
            exceptions=(exception(gpu_enabled=ALWAYS_ON),),
        ),
        at=NOON,
    )
    assert found.offload_enabled.reasons == (Reason.LOCKED_BY_ORGANIZATION,)
    assert (found.gpu_enabled.value, found.gpu_enabled.locked) == (True, True)
    assert found.gpu_enabled.source == ("exception", "7")
    assert found.gpu_enabled.reasons == (Reason.EXCEPTION,)


@pytest.mark.parametrize("state", [SpendingState.BLOCKED, SpendingState.STOPPING])
def test_a_spending_limit_switches_off_whatever_anybody_says(state):
    found = resolve(
        standing(
            Rules(offload_enabled=ALWAYS_ON, gpu_enabled=ALWAYS_ON),
            exceptions=(exception(offload_enabled=ALWAYS_ON),),
            spending=state,
        ),
        at=NOON,
    )
    assert (found.offload_enabled.value, found.offload_enabled.locked) == (False, True)
    assert found.offload_enabled.state is ALWAYS_OFF
    assert found.offload_enabled.source == ("spending", state.value)
    assert found.offload_enabled.reasons == (Reason.SPENDING_LIMIT,)
    assert found.gpu_enabled.value is True


@pytest.mark.parametrize("state", [SpendingState.OK, SpendingState.WARNING])
def test_a_warning_switches_nothing_off(state):
    found = resolve(standing(Rules(offload_enabled=ON), spending=state), at=NOON)
    assert found.offload_enabled.value is True


def test_without_the_entitlement_offload_is_off_and_the_spending_limit_stays_visible():
    found = resolve(
        standing(
            Rules(offload_enabled=ON),
            choices=Choices(offload_enabled=True),
            is_entitled=False,
            spending=SpendingState.BLOCKED,
        ),
        at=NOON,
    ).offload_enabled
    assert (found.value, found.state, found.locked, found.chosen) == (
        False,
        ALWAYS_OFF,
        True,
        True,
    )
    assert found.source == ("entitlement", "")
    assert found.reasons == (Reason.ENTITLEMENT_OFF,)
    assert lines(found) == [
        "product: on → ignored, PRODUCT_DEFAULT",
        "organization acme: enabled → ignored, ORGANIZATION_DEFAULT",
        "user: on → ignored, USER_CHOICE",
        "spending blocked: off → ignored, SPENDING_LIMIT",
        "entitlement: off → won, ENTITLEMENT_OFF",
    ]


def test_the_schedule_has_a_period_for_each_coming_end_of_an_exception():
    member = standing(
        Rules(gpu_enabled=ALWAYS_OFF),
        exceptions=(
            exception(1, expires_at=NOON, gpu_enabled=ON),
            exception(2, expires_at=EVENING, gpu_enabled=ALWAYS_ON),
        ),
    )
    periods = schedule(member, at=NOON)
    assert [period.since for period in periods] == [NOON, EVENING]
    assert [period.settings.gpu_enabled.value for period in periods] == [True, False]
    assert [period.since for period in schedule(member, at=EVENING)] == [EVENING]


def test_the_end_of_an_exception_that_says_nothing_begins_no_period():
    member = standing(exceptions=(exception(expires_at=EVENING),))
    assert [period.since for period in schedule(member, at=NOON)] == [NOON]


def test_the_idle_timeout_is_no_switch():
    for said in (Rules(offload_enabled=ON), Choices(offload_enabled=True)):
        with pytest.raises(KeyError):
            said.switch(Setting.IDLE_TIMEOUT_SECONDS)


def test_every_reason_code_is_of_the_rules_text():
    """The codes are public: pages, documents and programs outside know them by these words."""
    assert sorted(Reason) == [
        "CLAMPED_TO_MAXIMUM",
        "CLAMPED_TO_MINIMUM",
        "ENTITLEMENT_OFF",
        "EXCEPTION",
        "LOCKED_BY_ORGANIZATION",
        "LOCKED_BY_TEAM",
        "NARROWED_BY_ORGANIZATION",
        "NARROWED_BY_TEAM",
        "ORGANIZATION_DEFAULT",
        "PRODUCT_BOUND",
        "PRODUCT_DEFAULT",
        "SPENDING_LIMIT",
        "TEAM_PRIORITY",
        "USER_CHOICE",
    ]
