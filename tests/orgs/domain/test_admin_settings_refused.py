"""Settings files that can't be taken: each error in its line and column, at its key."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgs.domain.admin_settings import (
    InvalidAdminSettings,
    read_admin_settings,
    write_admin_settings,
)
from tests.orgs.domain.admin_files import settings_file


def errors_of(text: str) -> list[tuple]:
    """Return (line, column, key, code) of each error."""
    with pytest.raises(InvalidAdminSettings) as refused:
        read_admin_settings(text)
    assert all(error.detail.endswith(".") for error in refused.value.errors)
    return [error[:4] for error in refused.value.errors]


def test_a_file_is_one_json_object():
    assert errors_of("[2]") == [(1, 1, "", "not_an_object")]
    assert errors_of("2") == [(1, 1, "", "not_an_object")]
    assert errors_of("") == [(1, 1, "", "not_json")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{\n  "configurationFileVersion": 2,\n  // ours\n}', (3, 3, "", "not_json")),
        ('{\n  "configurationFileVersion": 2\n  "proxy": {}}', (3, 3, "", "not_json")),
        ('{"a":' * 17 + "1" + "}" * 17, (1, 81, "", "too_deep")),
        (" " * (256 * 1024 + 1), (1, 1, "", "too_large")),
    ],
)
def test_what_is_no_json_or_beyond_a_limit_is_refused_at_its_place(text, error):
    assert errors_of(text) == [error]


@pytest.mark.parametrize("version", ["1", "3", "2.0", '"2"', "true", "null", "[2]", "{}", "-2"])
def test_a_file_of_another_version_is_not_judged_any_further(version):
    ours = '"enableCloud": 7,\n "enableCloud": 8'
    text = f'{{\n {ours},\n "configurationFileVersion": {version}}}'
    assert errors_of(text) == [(4, 2, "configurationFileVersion", "unknown_version")]


def test_a_file_without_a_version_is_refused():
    assert errors_of('\n {"enableCloud": 7}') == [
        (2, 2, "configurationFileVersion", "missing_version")
    ]


@pytest.mark.parametrize("key", ["enableCloud", "offloadGpuEnabled"])
@pytest.mark.parametrize(
    ("member", "errors"),
    [
        ("true", [("", "not_an_object")]),
        ("null", [("", "not_an_object")]),
        ('[{"value": true}]', [("", "not_an_object")]),
        ("{}", [(".value", "missing_value")]),
        ('{"locked": true}', [(".value", "missing_value")]),
        ('{"value": 1}', [(".value", "not_a_boolean")]),
        ('{"value": "true"}', [(".value", "not_a_boolean")]),
        ('{"value": null}', [(".value", "not_a_boolean")]),
        ('{"value": true, "locked": 0}', [(".locked", "not_a_boolean")]),
        (
            '{"locked": {}, "value": []}',
            [(".locked", "not_a_boolean"), (".value", "not_a_boolean")],
        ),
    ],
)
def test_a_switch_has_a_value_and_perhaps_a_lock(key, member, errors):
    found = errors_of(settings_file(f'"{key}": {member}'))
    assert {line for line, *_ in found} == {3}
    assert [error[2:] for error in found] == [(f"{key}{part}", code) for part, code in errors]


@pytest.mark.parametrize("field", ["value", "minimum", "maximum"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("9", "out_of_bounds"),
        ("3601", "out_of_bounds"),
        ("-300", "out_of_bounds"),
        ("1" * 5000, "out_of_bounds"),
        ("300.0", "not_a_number"),
        ("3e2", "not_a_number"),
        ('"300"', "not_a_number"),
        ("true", "not_a_number"),
        ("null", "not_a_number"),
        ("{}", "not_a_number"),
    ],
)
def test_seconds_are_refused_in_the_line_of_their_key(field, value, code):
    text = settings_file(
        '"proxy": {}',
        f'"offloadIdleTimeoutSeconds": {{\n    "locked": true,\n "{field}": {value}}}',
    )
    assert errors_of(text) == [(6, 2, f"offloadIdleTimeoutSeconds.{field}", code)]


def test_errors_of_the_range_stand_at_the_key_or_at_the_value():
    empty = '"offloadIdleTimeoutSeconds": {"minimum": 600, "maximum": 60}'
    assert errors_of(settings_file(empty)) == [(3, 3, "offloadIdleTimeoutSeconds", "empty_range")]
    outside = '"offloadIdleTimeoutSeconds": {"minimum": 600,\n"value": 60}'
    with pytest.raises(InvalidAdminSettings) as refused:
        read_admin_settings(settings_file(outside))
    (error,) = refused.value.errors
    assert error[:4] == (4, 1, "offloadIdleTimeoutSeconds.value", "default_outside_range")
    assert error.values == {"minimum": 600, "maximum": 3600, "default": 60}
    for member in ("300", "null", "[]"):
        text = settings_file(f'"offloadIdleTimeoutSeconds": {member}')
        assert errors_of(text) == [(3, 3, "offloadIdleTimeoutSeconds", "not_an_object")]
    assert errors_of(settings_file('"offloadIdleTimeoutSeconds": {"locked": 1}')) == [
        (3, 33, "offloadIdleTimeoutSeconds.locked", "not_a_boolean")
    ]


def test_a_key_of_ours_that_stands_twice_is_refused_at_the_second():
    text = settings_file(
        '"enableCloud": {"value": true}',
        '"enableCloud": {"value": false}',
        '"offloadGpuEnabled": {"value": true, "value": true}',
        '"configurationFileVersion": 2',
    )
    assert errors_of(text) == [
        (4, 3, "enableCloud", "duplicate_key"),
        (5, 40, "offloadGpuEnabled.value", "duplicate_key"),
        (6, 3, "configurationFileVersion", "duplicate_key"),
    ]
    with pytest.raises(InvalidAdminSettings, match=r"^line 4: This key stands in line 3 already"):
        read_admin_settings(text)


def test_an_unknown_field_of_our_own_keys_is_refused():
    """A misspelt bound would be no bound."""
    text = settings_file(
        '"offloadIdleTimeoutSeconds": {"maximun": 60, "default": 60}',
        '"offloadGpuEnabled": {"value": true, "state": "enabled"}',
    )
    assert errors_of(text) == [
        (3, 33, "offloadIdleTimeoutSeconds.maximun", "unknown_field"),
        (3, 48, "offloadIdleTimeoutSeconds.default", "unknown_field"),
        (4, 40, "offloadGpuEnabled.state", "unknown_field"),
    ]


def test_every_error_is_named_at_once_from_the_top():
    text = settings_file(
        '"offloadGpuEnabled": 1',
        '"offloadIdleTimeoutSeconds": {"value": 5}',
        '"enableCloud": {"locked": true}',
    )
    assert [error[2:] for error in errors_of(text)] == [
        ("offloadGpuEnabled", "not_an_object"),
        ("offloadIdleTimeoutSeconds.value", "out_of_bounds"),
        ("enableCloud.value", "missing_value"),
    ]


json_texts = st.recursive(
    st.sampled_from(["1", "60", "true", "false", "null", '"x"', "1.5", "{}", "[]"]),
    lambda inner: st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "configurationFileVersion",
                    "enableCloud",
                    "offloadIdleTimeoutSeconds",
                    "offloadGpuEnabled",
                    "locked",
                    "value",
                    "minimum",
                    "proxy",
                ]
            ),
            inner,
        ),
        max_size=5,
    ).map(lambda members: "{" + ",\n".join(f'"{key}": {said}' for key, said in members) + "}"),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_texts)
def test_any_file_is_read_or_refused_with_places_inside_of_it(text):
    text = text.replace("{", '{"configurationFileVersion": 2,\n', 1) if text[1:2] == '"' else text
    lines = text.split("\n")
    try:
        found = read_admin_settings(text)
    except InvalidAdminSettings as refused:
        places = [(error.line, error.column) for error in refused.errors]
    else:
        places = [(line, 1) for line, _ in found.ignored]
        assert read_admin_settings(write_admin_settings(found.rules)).rules == found.rules
    for line, column in places:
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
