"""Devices: known by their first sign-in, named anew by each, taken off the list by people."""

from orgs.domain.device_sign_in import DeviceFacts
from orgs.models import Device, Member
from orgs.services.audit import AuditTrail
from orgs.services.tokens import revoke_device_tokens


def register_device(*, trail: AuditTrail, member: Member, facts: DeviceFacts) -> Device:
    """Return the member's device of this id, locked, with what it says about itself now.

    Makes it if there is none, and brings a removed one back. Safe beside another call for the
    same device: the second waits for the first.
    """
    device, is_new = Device.objects.select_for_update().get_or_create(
        organization_id=member.organization_id,
        member=member,
        device_id=facts.device_id,
        defaults={"first_seen_at": trail.at},
    )
    before = {"os": device.os, "desktop_version": device.desktop_version}
    device.name, device.os = facts.name, facts.os
    device.desktop_version, device.removed_at = facts.desktop_version, None
    device.save(update_fields=["name", "os", "desktop_version", "removed_at"])
    trail.add(
        organization_id=member.organization_id,
        action="device.signed_in",
        target=("device", device.pk),
        diff={
            "member_id": [None if is_new else member.pk, member.pk],
            "os": [None if is_new else before["os"], device.os],
            "desktop_version": [
                None if is_new else before["desktop_version"],
                device.desktop_version,
            ],
        },
        personal={"device_id": device.device_id, "device_name": device.name},
    )
    return device


def remove_device(*, trail: AuditTrail, organization_id: int, device_id: int) -> bool:
    """Take a device off the list and sign it out; False if it is not on the organization's list.

    `device_id` is the row's id. A new sign-in on the device brings it back.
    """
    removed = Device.objects.filter(
        organization_id=organization_id, pk=device_id, removed_at__isnull=True
    ).update(removed_at=trail.at)
    if removed:
        trail.add(
            organization_id=organization_id,
            action="device.removed",
            target=("device", device_id),
            diff={"removed_at": [None, trail.at.isoformat()]},
        )
        revoke_device_tokens(trail=trail, organization_id=organization_id, device_id=device_id)
    return bool(removed)
