"""What a Desktop says of itself: kept as its last word, in no audit log."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from orgs.domain.device_sign_in import DeviceFacts
from orgs.models import Device, Member


class DeviceRemoved(Exception):
    """Somebody took the device off the list; it has to sign in again."""


def check_in(
    *,
    member: Member,
    facts: DeviceFacts,
    applied_revision: int | None,
    drift: Sequence[str],
    at: datetime,
) -> Device:
    """Keep what a device of the member says at `at`, and return it as it is kept.

    A device that is not known yet is made: tokens from the command line know no device.
    `applied_at` is when the applied revision was first reported. A word that is older than the
    last one changes nothing. Raises `DeviceRemoved`.
    """
    known = Device.objects.filter(
        organization_id=member.organization_id, member=member, device_id=facts.device_id
    )
    if not known.exists():
        Device.objects.bulk_create(
            [
                Device(
                    organization_id=member.organization_id,
                    member=member,
                    device_id=facts.device_id,
                    first_seen_at=at,
                )
            ],
            ignore_conflicts=True,  # another check-in of the same device was quicker
        )
    is_older = Q(last_seen_at__isnull=True) | Q(last_seen_at__lte=at)
    fresh = known.filter(is_older, removed_at__isnull=True)
    if applied_revision is not None:
        fresh.filter(
            Q(applied_revision__isnull=True) | ~Q(applied_revision=applied_revision)
        ).update(applied_revision=applied_revision, applied_at=at)
    fresh.update(
        name=facts.name,
        os=facts.os,
        desktop_version=facts.desktop_version,
        last_seen_at=at,
        drift=list(drift),
    )
    device = known.get()
    if device.removed_at is not None:
        msg = "the device was taken off the list"
        raise DeviceRemoved(msg)
    return device
