"""JSON with places: the value is the standard library's, the places are counted by hand."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgs.domain.located_json import InvalidJson, LocatedObject, read_located

TEXT = """\
{
  "a": {"b": [1, {"c": "}{\\"[:"}],
        "ключ" : null},
 "a"
   :\t2, "": {}
}
"""


def places(value, path="") -> list[tuple[str, int, int]]:
    """Return (path, line, column) of every key."""
    if isinstance(value, list):
        return [place for item in value for place in places(item, f"{path}/-")]
    if not isinstance(value, LocatedObject):
        return []
    found = []
    for member in value.members:
        here = f"{path}/{member.key}"
        found += [(here, *member.place), *places(member.value, here)]
    return found


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, LocatedObject):
        return {member.key: plain(member.value) for member in value.members}
    return value


def refusal(text: str) -> tuple[int, int, str]:
    with pytest.raises(InvalidJson) as refused:
        read_located(text)
    return *refused.value.place, refused.value.code


def test_every_key_has_its_line_and_column():
    found = read_located(TEXT)
    assert found.place == (1, 1)
    assert places(found) == [
        ("/a", 2, 3),
        ("/a/b", 2, 9),
        ("/a/b/-/c", 2, 19),
        ("/a/ключ", 3, 9),
        ("/a", 4, 2),
        ("/", 5, 9),
    ]
    assert [member.value for member in found.members][1:] == [2, ((5, 13), ())]


def test_a_byte_order_mark_and_windows_line_ends_change_no_place():
    assert places(read_located('\ufeff{"a": 1,\r\n "b": 2}')) == [("/a", 1, 2), ("/b", 2, 2)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 1)),
        ("\ufeff", (1, 1)),
        ("  \n ", (2, 2)),
        ('{"a": 1}\n}', (2, 1)),
        ("{\n  // switch it off\n}", (2, 3)),
        ('{"a": 1 /* one */}', (1, 9)),
        ('{\n"a" 1}', (2, 5)),
        ("{'a': 1}", (1, 2)),
        ('{"a": tru}', (1, 7)),
        ('{"a": 01}', (1, 8)),
        ('{"a": NaN}', (1, 7)),
        ('{"NaN": 1,\n "b": [true, -Infinity, NaN]}', (2, 14)),
        ('{"a": Infinity', (1, 7)),
        ('{"a": "one\ntwo"}', (1, 11)),
        ('{"a": "\\x"}', (1, 8)),
        ('{"a": "{[', (1, 7)),
        ("]", (1, 1)),
        ("}", (1, 1)),
    ],
)
def test_what_is_no_json_is_refused_at_its_place(text, place):
    assert refusal(text) == (*place, "not_json")


def test_the_refusal_reads_as_a_sentence():
    with pytest.raises(InvalidJson, match=r"^line 1, column 7: JSON has no NaN\.$"):
        read_located('{"a": NaN}')


def test_sixteen_levels_are_read_and_a_seventeenth_is_refused_where_it_opens():
    assert plain(read_located('{"a":' * 15 + "[]" + "}" * 15))["a"]
    assert refusal('{"a":\n' * 16 + "[]" + "}" * 16) == (17, 1, "too_deep")
    assert refusal("[" * 200_000) == (1, 17, "too_deep")
    assert plain(read_located('["' + "[" * 20 + '"]')) == ["[" * 20]


def test_the_limit_of_size_counts_bytes():
    longest = '"' + "a" * (256 * 1024 - 2) + '"'
    assert len(read_located(longest)) == 256 * 1024 - 2
    assert len(read_located("\ufeff" + longest)) == 256 * 1024 - 2
    assert refusal(longest + " ") == (1, 1, "too_large")
    assert refusal('"' + "é" * (128 * 1024) + '"') == (1, 1, "too_large")


def test_half_of_a_surrogate_pair_is_read():
    assert read_located('"\ud800"') == "\ud800"
    assert read_located('"\\ud800"') == "\ud800"


def test_numbers_of_any_length_are_read():
    assert read_located("1" * 10_000) == 11111111111111111111
    assert read_located("-300") == -300
    assert read_located("1e999") == float("inf")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(json_values, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_the_value_is_the_standard_librarys_and_each_key_stands_at_its_place(
    value, indent, ascii_only
):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = read_located(text)
    assert plain(found) == value
    lines = text.split("\n")
    for path, line, column in places(found):
        key = json.JSONDecoder().raw_decode(lines[line - 1], column - 1)[0]
        assert path.endswith(f"/{key}")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]":,\\ \n1aNI-/\ufeff', max_size=30))
def test_any_text_is_read_or_refused_as_the_standard_library_does(text):
    known = False
    with suppress(ValueError):
        json.loads(text.removeprefix("\ufeff"), parse_constant=int)
        known = True
    read = False
    with suppress(InvalidJson):
        read_located(text)
        read = True
    assert read == known
