"""An uploaded `admin-settings.json`: bytes from outside, read within a limit."""

from typing import Final

from orgs.domain.admin_settings import (
    AdminSettings,
    AdminSettingsError,
    InvalidAdminSettings,
    read_admin_settings,
)

BYTES_AT_MOST: Final = 256 * 1024
"""Docker's own files are a few kilobytes."""

FILE_NAME: Final = "admin-settings.json"


def read_settings_file(content: bytes) -> AdminSettings:
    """Return what a file says of Offload; raises `InvalidAdminSettings`, also for its bytes."""
    if len(content) > BYTES_AT_MOST:
        detail = f"The file is larger than {BYTES_AT_MOST // 1024} KB."
        raise InvalidAdminSettings([AdminSettingsError(1, 1, "", "too_large", detail)])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        detail = "The file is not UTF-8 here."
        raise InvalidAdminSettings(
            [AdminSettingsError(line, 1, "", "not_utf_8", detail)]
        ) from error
    return read_admin_settings(text)
