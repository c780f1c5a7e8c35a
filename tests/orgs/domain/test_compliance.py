"""One state of a device, from its last check-in."""

from datetime import UTC, datetime, timedelta

import pytest

from orgs.domain.compliance import Compliance, LastCheckIn, compliance_of, is_supported

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def said(
    *, ago: float | None = 10, version: str = "4.52.0", applied: int | None = 42, drift=()
) -> Compliance:
    last = LastCheckIn(
        seen_at=None if ago is None else NOW - timedelta(seconds=ago),
        desktop_version=version,
        applied_revision=applied,
        drift=drift,
    )
    return compliance_of(last, revision=42, at=NOW)


def test_a_device_that_has_applied_the_revision_is_in_sync():
    assert said() is Compliance.IN_SYNC
    assert said(applied=43) is Compliance.IN_SYNC  # it has seen a later one than we read


def test_an_older_revision_is_pending():
    assert said(applied=41) is Compliance.PENDING
    assert said(applied=None) is Compliance.PENDING


def test_drift_outdates_and_absence_come_first():
    assert said(drift=("idle_timeout_seconds",), applied=41) is Compliance.DRIFTED
    assert said(version="4.49.9", drift=("idle_timeout_seconds",)) is Compliance.OUTDATED_CLIENT
    assert said(ago=900) is Compliance.IN_SYNC
    assert said(ago=900.000001, version="4.1") is Compliance.OFFLINE
    assert said(ago=None) is Compliance.NEVER_SEEN


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("4.50", True),
        ("4.50.0 (12345)", True),
        ("v5.0", True),
        ("4.9.1", False),
        ("4.49", False),
        ("", False),
        ("next", False),
        ("4.\u0665\u0660", False),
    ],
)
def test_versions_are_compared_as_numbers(version, expected):
    assert is_supported(version) is expected
