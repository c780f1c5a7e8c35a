"""Docker's settings file: what is read, what is passed over, what is written."""

import json

import pytest
from hypothesis import given, settings

from orgs.domain.admin_settings import (
    read_admin_settings,
    write_admin_settings,
)
from orgs.domain.rules import DEFAULT_RULES, Rules, SwitchState, TimeoutRule
from tests.orgs.domain.admin_files import DOCKERS, settings_file
from tests.orgs.domain.policy_cases import ALWAYS_OFF, ALWAYS_ON, OFF, ON, OPEN, timeout
from tests.orgs.domain.policy_strategies import documents, rules_told, saved_timeouts


def test_a_file_of_dockers_is_read_and_names_what_was_passed_over():
    found = read_admin_settings(DOCKERS)
    assert found.rules == Rules(
        offload_enabled=ALWAYS_ON,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=False),
        gpu_enabled=OFF,
    )
    assert found.ignored == (
        (3, "exposeDockerAPIOnTCP2375"),
        (7, "proxy"),
        (17, "enhancedContainerIsolation"),
        (24, "linuxVM"),
        (33, "filesharingAllowedDirectories"),
    )


def test_a_byte_order_mark_and_windows_line_ends_are_taken():
    found = read_admin_settings("\ufeff" + DOCKERS.replace("\n", "\r\n"))
    assert found == read_admin_settings(DOCKERS)


def test_the_file_that_is_written():
    rules = Rules(
        offload_enabled=ALWAYS_ON,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300),
        gpu_enabled=OFF,
    )
    assert write_admin_settings(rules) == (
        "{\n"
        '  "configurationFileVersion": 2,\n'
        '  "enableCloud": {\n'
        '    "locked": true,\n'
        '    "value": true\n'
        "  },\n"
        '  "offloadIdleTimeoutSeconds": {\n'
        '    "locked": false,\n'
        '    "value": 300,\n'
        '    "minimum": 60,\n'
        '    "maximum": 900\n'
        "  },\n"
        '  "offloadGpuEnabled": {\n'
        '    "locked": false,\n'
        '    "value": false\n'
        "  }\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("state", "member"),
    [
        (ALWAYS_ON, {"locked": True, "value": True}),
        (ON, {"locked": False, "value": True}),
        (OFF, {"locked": False, "value": False}),
        (ALWAYS_OFF, {"locked": True, "value": False}),
    ],
)
def test_a_state_is_a_lock_and_a_value(state, member):
    for key, rules in (
        ("enableCloud", Rules(offload_enabled=state, gpu_enabled=OPEN)),
        ("offloadGpuEnabled", Rules(offload_enabled=OPEN, gpu_enabled=state)),
    ):
        document = {"configurationFileVersion": 2, key: member}
        assert json.loads(write_admin_settings(rules)) == document
        assert read_admin_settings(json.dumps(document)).rules == rules


def test_what_nobody_manages_is_left_out():
    empty = '{\n  "configurationFileVersion": 2\n}\n'
    for rules in (
        Rules(),
        Rules(offload_enabled=OPEN, gpu_enabled=OPEN),
        timeout(),
        timeout(locked=False),
    ):
        assert write_admin_settings(rules) == empty
    assert read_admin_settings(empty).rules == Rules(offload_enabled=OPEN, gpu_enabled=OPEN)
    assert read_admin_settings(DOCKERS).ignored
    assert read_admin_settings(empty).ignored == ()


def test_the_policy_of_a_new_organization_is_written_with_its_range():
    assert json.loads(write_admin_settings(DEFAULT_RULES)) == {
        "configurationFileVersion": 2,
        "offloadIdleTimeoutSeconds": {
            "locked": False,
            "value": 300,
            "minimum": 10,
            "maximum": 3600,
        },
    }


def test_an_idle_timeout_may_say_a_part_only():
    for member, rule in (
        ("{}", None),
        ('{"locked": false}', None),
        ('{"locked": true}', TimeoutRule(locked=True)),
        ('{"maximum": 60}', TimeoutRule(maximum=60, locked=False)),
        ('{"value": 10, "locked": true}', TimeoutRule(default=10, locked=True)),
    ):
        text = settings_file(f'"offloadIdleTimeoutSeconds": {member}')
        assert read_admin_settings(text).rules.idle_timeout_seconds == rule


def normalised(rules: Rules) -> Rules:
    """Return rules with the one of several ways to say the same that a file gives back."""
    rule = rules.idle_timeout_seconds
    if rule is not None:
        rule = TimeoutRule(
            minimum=rule.minimum,
            maximum=rule.maximum,
            default=rule.default,
            locked=bool(rule.locked),
        )
    return Rules(
        offload_enabled=rules.offload_enabled or OPEN,
        idle_timeout_seconds=None if rule == TimeoutRule(locked=False) else rule,
        gpu_enabled=rules.gpu_enabled or OPEN,
    )


@settings(max_examples=200, deadline=None)
@given(documents(saved_timeouts()).map(rules_told))
def test_what_is_written_is_read_again(rules):
    text = write_admin_settings(rules)
    found = read_admin_settings(text)
    assert found.rules == normalised(rules)
    assert found.ignored == ()
    assert write_admin_settings(found.rules) == text


def test_whatever_dockers_keys_hold_is_no_error():
    text = settings_file(
        '"proxy": null',
        '"proxy": {"locked": 7, "locked": 7}',
        '"": [1e999]',
        '"enableCloud": {"value": true, "extra": {"deep": [1]}}',
        '"EnableCloud": {"value": false}',
        '"locked": true',
        '"half \\ud800": 1',
    )
    found = read_admin_settings(text)
    assert found.rules.offload_enabled is SwitchState.ENABLED
    assert found.ignored == (
        (3, "proxy"),
        (4, "proxy"),
        (5, ""),
        (6, "enableCloud.extra"),
        (7, "EnableCloud"),
        (8, "locked"),
        (9, "half ?"),
    )
