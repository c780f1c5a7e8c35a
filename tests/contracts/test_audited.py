"""Every action that is audited has its sentence, in both languages, and every sentence its use."""

import ast
from string import Formatter

import pytest
from django.utils import translation
from django.utils.functional import Promise

from orgs.domain.actors import ActorKind
from orgs.domain.audit_actions import ACTIONS, TARGET_KINDS, ActionGroup, sentence_keys
from orgs.domain.rules import Setting
from orgs.rendering.audit_fields import FIELD_WORDS
from orgs.rendering.audit_sentences import SENTENCES
from orgs.rendering.audit_words import ACTOR_KIND_WORDS, GROUP_WORDS, TARGET_WORDS
from tests.contracts.audited import Unreadable, everything_said, said_in


def read(text: str):
    return list(said_in("some.py", ast.parse(text)))


def test_every_action_is_known_and_used():
    used = {action for said in everything_said() for action in said.actions}
    assert used == set(ACTIONS)


def test_every_target_kind_is_known_and_used():
    used = {kind for said in everything_said() for kind in said.target_kinds}
    assert used == set(TARGET_KINDS)


def test_every_action_has_its_sentences_and_none_is_left_over():
    assert sorted(SENTENCES) == sorted(sentence_keys())


def test_every_field_that_is_written_out_has_a_word():
    fields = {field for said in everything_said() for field in said.fields}
    assert fields - set(FIELD_WORDS) - set(Setting) == set()


def test_everything_to_choose_among_has_a_word():
    assert set(TARGET_WORDS) == set(TARGET_KINDS)
    assert set(GROUP_WORDS) == set(ActionGroup)
    assert set(ACTOR_KIND_WORDS) == set(ActorKind)


def template(key: str) -> str:
    found = SENTENCES[key]
    return str(found) if isinstance(found, Promise) else found(2)


@pytest.mark.parametrize("key", sentence_keys())
def test_a_sentence_is_there_in_both_languages(key):
    with translation.override("en"):
        english = template(key)
    with translation.override("zh-hans"):
        chinese = template(key)
    assert english.endswith(".")
    assert chinese.endswith("。")
    places = [
        {name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)
    ]
    assert places[0] == places[1]


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("trail.add(action='a.b', target=('x', 1))", ["a.b"]),
        ("trail.add(action='a.b' if c else 'a.c', target=('x', 1))", ["a.b", "a.c"]),
        ("NAME: Final = 'a.b'\ntrail.add(action=NAME, target=('x', 1))", ["a.b"]),
        ("NAME = 'a.b'\ntrail.add(action=NAME, target=('x', 1))", ["a.b"]),
        (
            "def note(row, action):\n  trail.add(action=action, target=('x', 1))\n"
            "note(1, 'a.b')\nnote(1, action='a.c')",
            ["a.b", "a.c"],
        ),
    ],
)
def test_the_reader_finds_actions_however_they_are_written(text, actions):
    assert [said.actions for said in read(text)] == [actions]


@pytest.mark.parametrize(
    "text",
    [
        "trail.add(action=f'a.{b}', target=('x', 1))",
        "trail.add(action='a.' + b, target=('x', 1))",
        "trail.add(action=action, target=('x', 1))",
        "trail.add(action='a.b', target=target)",
        "trail.add(action='a.b', target=(kind, 1))",
    ],
)
def test_what_can_not_be_read_fails(text):
    with pytest.raises(Unreadable):
        read(text)


def test_the_reader_finds_targets_and_fields():
    text = "t.add(action='a', target=('x', 1) if b else ('y', 2), diff=d | {'f': [{'g': 1}]}, personal={'e': 2} if e else {})"
    (said,) = read(text)
    assert said.target_kinds == ["x", "y"]
    assert said.fields == ["f", "g", "e"]
