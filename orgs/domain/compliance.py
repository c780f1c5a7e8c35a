"""Whether a device does what it should: one state, from its last check-in."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

OFFLINE_AFTER: Final = timedelta(minutes=15)
"""Longer than two polls at their slowest: a device that was not seen for this long is away."""

MINIMUM_VERSION: Final = (4, 50)
"""The first Docker Desktop that knows Offload's settings."""

_VERSION: Final = re.compile(r"v?(\d{1,6})\.(\d{1,6})", re.ASCII)


class Compliance(StrEnum):
    """The state of a device. The text is sent as it is; the order is that of urgency."""

    DRIFTED = "drifted"
    OUTDATED_CLIENT = "outdated_client"
    PENDING = "pending"
    OFFLINE = "offline"
    NEVER_SEEN = "never_seen"
    IN_SYNC = "in_sync"


@dataclass(frozen=True, kw_only=True, slots=True)
class LastCheckIn:
    """What a device said last; `seen_at` is empty before its first check-in."""

    seen_at: datetime | None
    desktop_version: str
    applied_revision: int | None
    drift: tuple[str, ...]


def compliance_of(last: LastCheckIn, *, revision: int | None, at: datetime) -> Compliance:
    """Return the state of a device at `at`, whose member's settings are at `revision`.

    What is not known any more is not claimed: a device that is away is offline, whatever it said.
    """
    if last.seen_at is None:
        return Compliance.NEVER_SEEN
    if at - last.seen_at > OFFLINE_AFTER:
        return Compliance.OFFLINE
    if not is_supported(last.desktop_version):
        return Compliance.OUTDATED_CLIENT
    if last.drift:
        return Compliance.DRIFTED
    if revision is not None and (last.applied_revision or 0) < revision:
        return Compliance.PENDING
    return Compliance.IN_SYNC


def is_supported(desktop_version: str) -> bool:
    """Whether a Docker Desktop is new enough; a version that can't be read is not."""
    found = _VERSION.match(desktop_version.strip())
    return found is not None and (int(found[1]), int(found[2])) >= MINIMUM_VERSION
