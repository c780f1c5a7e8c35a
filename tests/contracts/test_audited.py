"""Every action that is audited has its sentence, in both languages, and every sentence its use."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.functional import Promise

from orgs.domain.actors import ActorKind
from orgs.domain.audit_actions import ACTIONS, TARGET_KINDS, ActionGroup, sentence_keys
from orgs.domain.rules import Setting
from orgs.rendering.audit_fields import FIELD_WORDS
from orgs.rendering.audit_sentences import SENTENCES
from orgs.rendering.audit_words import ACTOR_KIND_WORDS, GROUP_WORDS, TARGET_WORDS
from tests.contracts.audited import Unreadable, everything_said, said_in

CATALOGUE = Path(__file__).resolve().parents[2] / "locale/zh_Hans/LC_MESSAGES/django.po"
PLACES = re.compile(r"\{\w+\}")


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
    """The English text, of several where there are two."""
    found = SENTENCES[key]
    return str(found) if isinstance(found, Promise) else found(2)


def chinese_texts() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        found = [message for message in read_po(file, locale="zh_Hans") if message.id]
    return {
        message.id if isinstance(message.id, str) else message.id[-1]: message.string
        if isinstance(message.string, str)
        else message.string[0]
        for message in found
    }


@pytest.mark.parametrize("key", sentence_keys())
def test_a_sentence_is_there_in_both_languages(key):
    with translation.override("en"):
        english = template(key)
    chinese = chinese_texts()[english]
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert set(PLACES.findall(english)) == set(PLACES.findall(chinese))


HANDED_ON = """
def note(row, action):
    trail.add(action=action, target=('x', 1))
note(1, 'a.b')
note(1, action='a.c')
"""


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("trail.add(action='a.b', target=('x', 1))", ["a.b"]),
        ("trail.add(action='a.b' if c else 'a.c', target=('x', 1))", ["a.b", "a.c"]),
        ("NAME: Final = 'a.b'\ntrail.add(action=NAME, target=('x', 1))", ["a.b"]),
        ("NAME = 'a.b'\ntrail.add(action=NAME, target=('x', 1))", ["a.b"]),
        (HANDED_ON, ["a.b", "a.c"]),
        ("AuditEntry(action='a.b', target_kind='x', target_id='1')", ["a.b"]),
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
    text = (
        "t.add(action='a', target=('x', 1) if b else ('y', 2), "
        "diff=d | {'f': [{'g': 1}]}, personal={'e': 2} if e else {})"
    )
    (said,) = read(text)
    assert said.target_kinds == ["x", "y"]
    assert said.fields == ["f", "e"]
