"""Policy documents: what is read, what is written, and an error for each place that is wrong."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgs.domain.policy_documents import (
    InvalidPolicy,
    choices_document,
    diff_documents,
    read_choices,
    read_rules,
    rules_document,
    rules_of,
)
from orgs.domain.rules import DEFAULT_RULES, Choices, Rules, SwitchState, TimeoutRule
from tests.orgs.domain.policy_strategies import documents, rules_told, saved_timeouts

CONTRACT = {
    "offload_enabled": {"state": "enabled"},
    "idle_timeout_seconds": {"minimum": 60, "maximum": 900, "default": 300, "locked": False},
    "gpu_enabled": {"state": "always_disabled"},
}
NO_STATE = "state is one of user_defined, always_enabled, enabled, disabled, always_disabled."
NO_NUMBER = "This is a whole number of seconds."
NO_SECONDS = "An idle timeout is 10 to 3600 seconds."
NO_SETTING = (
    "There is no such field; the fields here are offload_enabled, idle_timeout_seconds, "
    "gpu_enabled."
)


def errors_of(document, *, read=read_rules, **how) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidPolicy) as refused:
        read(document, **how)
    return [(error.pointer, error.code, error.detail) for error in refused.value.errors]


def test_the_contracts_document_is_read_and_written_as_it_is():
    rules = Rules(
        offload_enabled=SwitchState.ENABLED,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=False),
        gpu_enabled=SwitchState.ALWAYS_DISABLED,
    )
    assert read_rules(CONTRACT) == rules
    assert rules_document(rules) == CONTRACT
    assert rules_of(CONTRACT) == rules


def test_the_policy_of_a_new_organization():
    assert rules_document(DEFAULT_RULES) == {
        "offload_enabled": {"state": "user_defined"},
        "idle_timeout_seconds": {"minimum": 10, "maximum": 3600, "default": 300, "locked": False},
        "gpu_enabled": {"state": "user_defined"},
    }


def test_what_is_left_out_is_not_said():
    assert read_rules({}) == Rules()
    assert rules_document(Rules()) == {}
    assert read_rules({"idle_timeout_seconds": {}}) == Rules()
    assert rules_document(Rules(idle_timeout_seconds=TimeoutRule())) == {}
    assert read_rules({"idle_timeout_seconds": {"maximum": 60}}) == Rules(
        idle_timeout_seconds=TimeoutRule(maximum=60)
    )


@settings(max_examples=200, deadline=None)
@given(documents(saved_timeouts().filter(bool)))
def test_a_document_comes_back_through_rules_and_json(document):
    rules = read_rules(json.loads(json.dumps(document)))
    assert rules == rules_told(document)
    assert rules_document(rules) == document


@pytest.mark.parametrize(
    "document", [None, [], "policy", 7, True, 1.5, [["offload_enabled", {"state": "enabled"}]]]
)
def test_what_is_no_object_is_no_policy(document):
    assert errors_of(document) == [("", "not_an_object", "This is a JSON object.")]
    assert errors_of(document, at="/settings") == [
        ("/settings", "not_an_object", "This is a JSON object.")
    ]


@pytest.mark.parametrize("setting", ["offload_enabled", "gpu_enabled"])
@pytest.mark.parametrize(
    "state",
    [None, True, 1, 0.5, "", "ENABLED", "enabled ", "on", ["enabled"], {"state": "enabled"}],
)
def test_a_state_is_one_of_dockers_five(setting, state):
    assert errors_of({setting: {"state": state}}) == [
        (f"/{setting}/state", "invalid_state", NO_STATE)
    ]


def test_a_switch_without_a_state_is_refused_at_the_state():
    assert errors_of({"gpu_enabled": {}}) == [("/gpu_enabled/state", "invalid_state", NO_STATE)]
    assert errors_of({"gpu_enabled": "enabled"}) == [
        ("/gpu_enabled", "not_an_object", "This is a JSON object.")
    ]
    assert errors_of({"gpu_enabled": {"state": "enabled", "value": True}}) == [
        (
            "/gpu_enabled/value",
            "unknown_field",
            "There is no such field; the fields here are state.",
        )
    ]


@pytest.mark.parametrize("part", ["minimum", "maximum", "default"])
@pytest.mark.parametrize(
    "value",
    [True, False, None, "300", 300.0, 1e3, float("nan"), float("inf"), [300], {"seconds": 300}],
)
def test_seconds_are_whole_numbers(part, value):
    assert errors_of({"idle_timeout_seconds": {part: value}}) == [
        (f"/idle_timeout_seconds/{part}", "not_a_number", NO_NUMBER)
    ]


@pytest.mark.parametrize("part", ["minimum", "maximum", "default"])
@pytest.mark.parametrize("value", [9, 0, -1, -300, 3601, 2**63, 10**4000])
def test_seconds_lie_within_the_products_bounds(part, value):
    assert errors_of({"idle_timeout_seconds": {part: value}}) == [
        (f"/idle_timeout_seconds/{part}", "out_of_bounds", NO_SECONDS)
    ]


@pytest.mark.parametrize("value", [10, 3600])
def test_the_products_bounds_are_inside(value):
    said = {"minimum": value, "maximum": value, "default": value}
    assert rules_document(read_rules({"idle_timeout_seconds": said})) == {
        "idle_timeout_seconds": said
    }


@pytest.mark.parametrize("value", [None, 0, 1, "true", "", [], {}])
def test_locked_is_true_or_false(value):
    assert errors_of({"idle_timeout_seconds": {"locked": value}}) == [
        ("/idle_timeout_seconds/locked", "not_a_boolean", "This is true or false.")
    ]


def test_a_range_is_not_empty_and_holds_its_default():
    assert errors_of({"idle_timeout_seconds": {"minimum": 601, "maximum": 600}}) == [
        (
            "/idle_timeout_seconds",
            "empty_range",
            "The minimum of 601 s is above the maximum of 600 s.",
        )
    ]
    for outside in (59, 901):
        said = {"minimum": 60, "maximum": 900, "default": outside}
        assert errors_of({"idle_timeout_seconds": said}) == [
            (
                "/idle_timeout_seconds/default",
                "default_outside_range",
                f"The default of {outside} s is outside of 60 to 900 s.",
            )
        ]
    assert errors_of({"idle_timeout_seconds": {"minimum": 60, "default": 59}}) == [
        (
            "/idle_timeout_seconds/default",
            "default_outside_range",
            "The default of 59 s is outside of 60 to 3600 s.",
        )
    ]


def test_every_error_is_named_at_once():
    found = errors_of(
        {
            "offload_enabled": {"state": "maybe"},
            "idle_timeout_seconds": {"minimum": 5, "maximum": "900", "locked": 1, "step": 10},
            "gpu_enabled": [],
            "memory": {},
        },
        at="/settings",
    )
    assert sorted(error[:2] for error in found) == [
        ("/settings/gpu_enabled", "not_an_object"),
        ("/settings/idle_timeout_seconds/locked", "not_a_boolean"),
        ("/settings/idle_timeout_seconds/maximum", "not_a_number"),
        ("/settings/idle_timeout_seconds/minimum", "out_of_bounds"),
        ("/settings/idle_timeout_seconds/step", "unknown_field"),
        ("/settings/memory", "unknown_field"),
        ("/settings/offload_enabled/state", "invalid_state"),
    ]


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("a/b", "/a~1b"),
        ("~", "/~0"),
        ("~1", "/~01"),
        ("", "/"),
        ("offload_enabled ", "/offload_enabled "),
        ("Offload_Enabled", "/Offload_Enabled"),
        ("\ud800", "/?"),
        ("__class__", "/__class__"),
    ],
)
def test_unknown_fields_are_named_by_an_escaped_pointer(name, pointer):
    assert errors_of({name: {"state": "enabled"}}) == [(pointer, "unknown_field", NO_SETTING)]


def test_the_text_of_the_refusal_names_every_place():
    with pytest.raises(InvalidPolicy) as refused:
        read_rules({"idle_timeout_seconds": {"minimum": 5, "locked": 1}})
    assert str(refused.value) == (
        "/idle_timeout_seconds/minimum: An idle timeout is 10 to 3600 seconds.; "
        "/idle_timeout_seconds/locked: This is true or false."
    )


def test_errors_carry_the_values_that_their_text_speaks_of():
    with pytest.raises(InvalidPolicy) as refused:
        read_rules({"idle_timeout_seconds": {"minimum": 60, "maximum": 900, "default": 901}})
    (error,) = refused.value.errors
    assert error.values == {"minimum": 60, "maximum": 900, "default": 901}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*CONTRACT, "state", "minimum", "maximum", "default", "locked"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_anything_is_read_or_refused_and_what_is_read_can_be_written(document):
    with suppress(InvalidPolicy):
        read_choices(document)
    with suppress(InvalidPolicy):
        rules = read_rules(document)
        assert rules_document(rules) == {name: said for name, said in document.items() if said}


def test_choices_are_read_a_null_takes_one_back():
    assert read_choices({}) == {}
    assert read_choices(
        {"offload_enabled": False, "idle_timeout_seconds": 1200, "gpu_enabled": None}
    ) == {"offload_enabled": False, "idle_timeout_seconds": 1200, "gpu_enabled": None}
    assert read_choices({"idle_timeout_seconds": None}) == {"idle_timeout_seconds": None}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (None, ("", "not_an_object", "This is a JSON object.")),
        ({"gpu_enabled": 1}, ("/gpu_enabled", "not_a_boolean", "This is true or false.")),
        (
            {"offload_enabled": {"state": "enabled"}},
            ("/offload_enabled", "not_a_boolean", "This is true or false."),
        ),
        ({"idle_timeout_seconds": True}, ("/idle_timeout_seconds", "not_a_number", NO_NUMBER)),
        ({"idle_timeout_seconds": 60.0}, ("/idle_timeout_seconds", "not_a_number", NO_NUMBER)),
        ({"idle_timeout_seconds": 9}, ("/idle_timeout_seconds", "out_of_bounds", NO_SECONDS)),
        ({"idle_timeout_seconds": 3601}, ("/idle_timeout_seconds", "out_of_bounds", NO_SECONDS)),
        ({"locked": False}, ("/locked", "unknown_field", NO_SETTING)),
    ],
)
def test_a_choice_that_is_none_is_refused(document, error):
    assert errors_of(document, read=read_choices) == [error]


def test_the_document_of_choices_holds_those_that_were_made():
    assert choices_document(Choices()) == {}
    assert choices_document(Choices(offload_enabled=False, idle_timeout_seconds=10)) == {
        "offload_enabled": False,
        "idle_timeout_seconds": 10,
    }


def test_the_difference_of_two_documents_names_the_fields():
    after = {
        "offload_enabled": {"state": "enabled"},
        "idle_timeout_seconds": {"maximum": 600, "default": 300, "locked": True},
    }
    assert diff_documents(CONTRACT, after) == {
        "gpu_enabled.state": ["always_disabled", None],
        "idle_timeout_seconds.locked": [False, True],
        "idle_timeout_seconds.maximum": [900, 600],
        "idle_timeout_seconds.minimum": [60, None],
    }
    assert diff_documents(CONTRACT, CONTRACT) == {}
    assert diff_documents({}, {"gpu_enabled": {"state": "enabled"}}) == {
        "gpu_enabled.state": [None, "enabled"]
    }
