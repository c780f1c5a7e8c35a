"""Migrations and models agree, and migrations are named."""

import re

import pytest
from django.core.management import call_command

from tests.contracts.tree import name_of, project_files


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=1)


def test_every_migration_has_a_name_of_its_own():
    migrations = [
        path
        for path in project_files(".py")
        if path.parent.name == "migrations" and path.name != "__init__.py"
    ]
    assert migrations
    unnamed = [
        name_of(path)
        for path in migrations
        if not re.fullmatch(r"\d{4}_[a-z][a-z0-9_]+", path.stem)
        or re.search(r"_auto_|_initial$", path.stem)
    ]
    assert unnamed == []


def test_migrations_stay_within_postgresql_15():
    """What 16 to 18 added would shut out the servers that we promise to support."""
    newer = re.compile(
        r"uuidv7\(|WITHOUT OVERLAPS|JSON_TABLE|\bVIRTUAL\b|builtin_locale", re.IGNORECASE
    )
    found = [
        name_of(path)
        for path in project_files(".py")
        if path.parent.name == "migrations" and newer.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
