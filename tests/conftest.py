"""What every test shares."""

import os
import shutil

import pytest
from django.db import connection

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install --no-install-recommends chromium fonts-noto-cjk"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's Chromium; without one the test is skipped, under CI it fails."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"no browser; as root: {INSTALL}")
    pytest.skip(f"no browser; as root: {INSTALL}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Leave the triggers that refuse TRUNCATE out of the test database.

    Django empties tables by TRUNCATE between tests that commit. The triggers are tested by
    themselves, where a test makes one again.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
              FROM pg_trigger
             WHERE NOT tgisinternal AND tgtype & 32 = 32  -- fires on TRUNCATE
            """
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
