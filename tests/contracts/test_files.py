"""Rules about files: how long, how named, what must not stand in them."""

import os
import re

from tests.contracts.tree import PROJECT, name_of, product_files, project_files

MOST_LINES = 350
HOMES_OF_EVERYTHING = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base"}


def lines_that_match(pattern: str, files) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


def test_no_file_is_longer_than_350_lines():
    """Migrations are exempt: the framework writes them, and they are never edited."""
    counts = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in project_files(".py", ".html", ".js", ".sh")
        if "migrations" not in path.parts
    }
    assert {name: count for name, count in counts.items() if count > MOST_LINES} == {}


def test_no_module_is_a_home_for_everything():
    found = [
        name_of(path)
        for path in project_files(".py")
        if HOMES_OF_EVERYTHING & {path.stem, *path.relative_to(PROJECT).parts[:-1]}
    ]
    assert found == []


def test_every_exception_from_a_rule_names_the_rule():
    bare = lines_that_match(
        r"#\s*type:\s*ignore(?!\[)|#\s*noqa(?!:\s*[A-Z])", project_files(".py")
    )
    this_file = name_of(PROJECT / "tests/contracts/test_files.py")
    assert [line for line in bare if not line.startswith(this_file)] == []


def test_the_product_does_not_know_that_it_is_tested():
    assert lines_that_match(r"PYTEST|pytest|import (unittest|tests)\b", product_files()) == []


def test_the_product_has_no_signal_receivers():
    """Celery's start-up hooks are wiring and stand in one file."""
    found = lines_that_match(
        r"@receiver\b|\b(pre|post)_(save|delete)\b|m2m_changed", product_files()
    )
    assert found == []


def test_no_model_works_in_save():
    models = [path for path in product_files() if "models" in path.parts]
    assert lines_that_match(r"def (save|delete)\(self", models) == []


def test_no_file_names_a_place_on_one_machine():
    """Paths of homes and mounts, index addresses and other hosts' files are nobody else's."""
    machine = "|".join([r"/root/", r"/home/\w", r"/Users/\w", r"/work/", r"/opt/\w"])
    texts = [
        path
        for path in project_files(
            ".py", ".txt", ".in", ".toml", ".json", ".sh", ".yaml", ".md", ""
        )
        if path.suffix or path.name in {"Makefile", "run", "gate", ".npmrc"}
    ]
    this_file = name_of(PROJECT / "tests/contracts/test_files.py")
    found = lines_that_match(machine, texts)
    assert [line for line in found if not line.startswith(this_file)] == []


def test_programs_are_executable():
    programs = ["manage.py", ".ci/run", ".ci/gate"]
    assert [name for name in programs if not os.access(PROJECT / name, os.X_OK)] == []


def test_text_ends_its_lines_with_a_line_feed():
    found = [
        name_of(path)
        for path in project_files(".py", ".html", ".md", ".toml", ".css", ".js", ".po")
        if b"\r" in path.read_bytes()
    ]
    assert found == []
