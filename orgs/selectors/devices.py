"""Devices: who has applied which revision since when, and how quickly changes arrive."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from orgs.domain.compliance import Compliance, LastCheckIn, compliance_of
from orgs.models import Device
from orgs.selectors.settings_versions import list_written_from

_URGENCY: Final = {state: place for place, state in enumerate(Compliance)}


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceRow:
    """A device, the revision it should have and since when, and its state."""

    device: Device
    revision: int | None
    revised_at: datetime | None
    state: Compliance

    @property
    def took(self) -> timedelta | None:
        """How long the revision took to be applied here; None while it is not."""
        device = self.device
        if self.revised_at is None or device.applied_at is None or device.applied_revision is None:
            return None
        if device.applied_revision != self.revision or device.applied_at < self.revised_at:
            return None
        return device.applied_at - self.revised_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Convergence:
    """How far the devices of an organization are, and the time from save to applied."""

    counts: dict[str, int]
    total: int
    median: timedelta | None
    slowest_of_95: timedelta | None


def list_devices(*, organization_id: int, member_id: int | None = None) -> QuerySet[Device]:
    """Return the devices on the list, of one member if named, in no order."""
    devices = Device.objects.filter(organization_id=organization_id, removed_at__isnull=True)
    if member_id is not None:
        devices = devices.filter(member_id=member_id)
    return devices.select_related("member")


def look_at_devices(
    devices: Iterable[Device], *, organization_id: int, at: datetime
) -> list[DeviceRow]:
    """Return devices with their state at `at`, in their order; one query for all."""
    rows = list(devices)
    written = list_written_from(
        organization_id=organization_id, member_ids={row.member_id for row in rows}, at=at
    )
    found = []
    for row in rows:
        held = written[row.member_id][0] if row.member_id in written else None
        last = LastCheckIn(
            seen_at=row.last_seen_at,
            desktop_version=row.desktop_version,
            applied_revision=row.applied_revision,
            drift=tuple(row.drift),
        )
        revision = held.revision if held else None
        found.append(
            DeviceRow(
                device=row,
                revision=revision,
                revised_at=held.since if held else None,
                state=compliance_of(last, revision=revision, at=at),
            )
        )
    return found


def by_urgency(rows: Iterable[DeviceRow]) -> list[DeviceRow]:
    """Return rows with what needs somebody first, then by address and name."""
    return sorted(
        rows, key=lambda row: (_URGENCY[row.state], row.device.member.email, row.device.name)
    )


def converge(rows: Iterable[DeviceRow]) -> Convergence:
    """Return how many devices are in which state, and how long changes take to arrive."""
    counts: Counter[str] = Counter()
    taken: list[timedelta] = []
    for row in rows:
        counts[row.state.value] += 1
        if row.took is not None:
            taken.append(row.took)
    taken.sort()
    return Convergence(
        counts={state.value: counts[state.value] for state in Compliance},
        total=counts.total(),
        median=taken[len(taken) // 2] if taken else None,
        slowest_of_95=taken[len(taken) * 95 // 100] if taken else None,
    )
