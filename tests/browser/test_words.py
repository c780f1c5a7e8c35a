"""The Chinese catalogue is complete and written as Chinese is written."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

CATALOGUE = Path(__file__).resolve().parents[2] / "locale/zh_Hans/LC_MESSAGES/django.po"
PLACES = re.compile(r"%\(\w+\)s|\{\w*\}")
HAN = "[\u4e00-\u9fff]"
# letters, digits or a value put in, next to Han without a space; dates are written without one
CRAMPED = re.compile(f"{HAN}(?:[A-Za-z0-9]|%\\(|{{)|(?:[A-Za-z0-9]|\\)s|}}){HAN}")


def messages() -> list[Message]:
    """Return every message with a text."""
    with CATALOGUE.open("rb") as file:
        return [message for message in read_po(file, locale="zh_Hans") if message.id]


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def test_nothing_is_missing_or_uncertain() -> None:
    found = messages()

    assert len(found) > 200
    assert [message.id for message in found if message.fuzzy] == []
    assert [message.id for message in found if not all(texts(message)[:1])] == []


@pytest.mark.parametrize("message", messages(), ids=lambda message: str(message.id)[:40])
def test_text_says_the_same_values_with_room_around_them(message: Message) -> None:
    wanted = message.id if isinstance(message.id, str) else message.id[-1]

    assert set(PLACES.findall(texts(message)[0])) == set(PLACES.findall(wanted))
    if message.context != "date format":
        text = texts(message)[0].replace("{day}", "日")  # dates are written without room
        assert CRAMPED.search(text) is None
