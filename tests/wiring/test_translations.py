"""Catalogues compiled without gettext read like gettext's own."""

import gettext

import pytest

from offload_admin.translations import compile_catalogue

HEADER = (
    'msgid ""\nmsgstr ""\n'
    '"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    return folder / "django.po"


def test_plurals_contexts_and_left_out_values_survive(source):
    source.write_text(
        HEADER + 'msgid "Day"\nmsgstr "日"\n\n'
        'msgctxt "state"\nmsgid "open"\nmsgstr "进行中"\n\n'
        '#, python-format\nmsgid "one event"\n'
        'msgid_plural "%(counter)s events, %(reach)s apart"\n'
        'msgstr[0] "%(counter)s 个事件，间隔 %(reach)s"\n\n'
        'msgid "not yet"\nmsgstr ""\n',
        encoding="utf-8",
    )
    target = source.with_suffix(".mo")
    compile_catalogue(source, target)
    with target.open("rb") as compiled:
        found = gettext.GNUTranslations(compiled)
    assert found.gettext("Day") == "日"
    assert found.pgettext("state", "open") == "进行中"
    plural = "%(counter)s events, %(reach)s apart"
    assert found.ngettext("one event", plural, 2) == "%(counter)s 个事件，间隔 %(reach)s"
    assert found.gettext("not yet") == "not yet"


def test_a_broken_catalogue_is_named_in_one_line(source):
    source.write_text(HEADER + 'msgid "Day"\nnonsense\n', encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        compile_catalogue(source, source.with_suffix(".mo"))
    assert str(caught.value).startswith(f"error: {source}: ")
    assert "\n" not in str(caught.value)
    assert not source.with_suffix(".mo").exists()
