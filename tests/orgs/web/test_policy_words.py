"""Policy in words, in both languages."""

from django.utils.translation import override

from orgs.domain.rules import Setting, SwitchState
from orgs.domain.trace import Level, Outcome, Reason
from orgs.templatetags.policy import (
    level_word,
    outcome_word,
    reason_text,
    said_text,
    setting_word,
    switch_note,
    switch_word,
    timeout,
)


def test_idle_timeout_is_short():
    with override("en"):
        assert [timeout(value) for value in (10, 90, 300, 3600)] == [
            "10 s",
            "1 min 30 s",
            "5 min",
            "1 h",
        ]


def test_every_word_is_there_in_both_languages():
    for language in ("en", "zh-hans"):
        with override(language):
            words = [
                *map(setting_word, Setting),
                *map(switch_word, SwitchState),
                *map(switch_note, SwitchState),
                *map(level_word, Level),
                *map(outcome_word, Outcome),
                *map(reason_text, Reason),
            ]
        assert all(words)


def test_what_a_level_said_is_read_as_a_person_would():
    with override("en"):
        assert said_text(True) == "On"
        assert said_text("always_disabled") == "Always disabled"
        assert said_text("blocked") == "blocked"
        assert said_text({"minimum": 60, "maximum": 900}) == "1 min to 15 min"
        assert said_text({"default": 300, "locked": True}) == "default 5 min, locked"
