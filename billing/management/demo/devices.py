"""The demo's Docker Desktops, as they would have checked in: most in sync, some not."""

import random
from datetime import datetime, timedelta
from typing import Any

from orgs.domain.device_sign_in import DeviceFacts
from orgs.models import Device, Member, Organization
from orgs.selectors.settings_versions import find_held
from orgs.services.check_ins import check_in

SYSTEMS = ("macOS 15.6", "Windows 11 24H2", "Ubuntu 24.04", "macOS 14.7")
BEHIND, DRIFTED, OUTDATED, AWAY = 6, 9, 13, 7
"""Every so many devices: one revision behind, another value, an old version, not seen lately."""


def shape_devices(organization: Organization, *, now: datetime) -> None:
    """Let each member's Desktop check in once before `now`; a second call does nothing."""
    if Device.objects.filter(organization=organization).exists():
        return
    chance = random.Random(7)  # noqa: S311 - a demo that is the same at each load
    for place, member in enumerate(Member.objects.filter(organization=organization)):
        held = find_held(organization_id=organization.pk, member_id=member.pk, at=now)
        if held is None:
            continue
        revision, since = held.version.revision, held.version.since
        is_behind = place % BEHIND == BEHIND - 1
        says: dict[str, Any] = {
            "member": member,
            "facts": DeviceFacts(
                device_id=f"demo-{member.pk}",
                name=f"{member.email.split('@', maxsplit=1)[0]}-laptop",
                os=SYSTEMS[place % len(SYSTEMS)],
                desktop_version="4.48.0" if place % OUTDATED == OUTDATED - 1 else "4.52.1",
            ),
            "drift": ["idle_timeout_seconds"] if place % DRIFTED == DRIFTED - 1 else [],
        }
        applied = max(1, revision - 1) if is_behind else revision
        check_in(
            applied_revision=applied, at=since + timedelta(seconds=chance.randint(1, 9)), **says
        )
        if place % AWAY != AWAY - 1:
            seen = now - timedelta(seconds=chance.randint(5, 280))
            check_in(applied_revision=applied, at=seen, **says)
