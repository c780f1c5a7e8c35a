"""A developer's own choices: stored as chosen, clamped in effect."""

from collections.abc import Mapping

from orgs.domain.policy import resolve
from orgs.domain.rules import Setting
from orgs.models import Member, MemberChoices
from orgs.selectors.standings import load_standings
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, refresh_settings


class SettingLocked(Exception):
    """The setting is locked above the developer; `setting` says which."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(f"{setting.value} is locked")
        self.setting = setting


class MemberHasLeft(Exception):
    """The member was removed in the meantime."""


def choose(
    *, trail: AuditTrail, member: Member, choices: Mapping[Setting, bool | int | None]
) -> None:
    """Store what a member chooses; None takes a choice back. What is not named stays.

    A choice may lie outside of the range in force: it is kept, and comes back when the range
    allows it. Raises `SettingLocked` and `MemberHasLeft` before anything is written. Choosing
    what is chosen writes nothing.
    """
    organization_id = member.organization_id
    lock_settings(organization_id=organization_id)
    standing = load_standings(
        organization_id=organization_id, at=trail.at, member_ids=[member.pk]
    ).get(member.pk)
    if standing is None:
        raise MemberHasLeft
    effective = resolve(standing, at=trail.at)
    for setting in choices:
        if getattr(effective, setting.value).locked:
            raise SettingLocked(setting)
    before = {setting: getattr(standing.choices, setting.value) for setting in choices}
    changed = {setting: chosen for setting, chosen in choices.items() if chosen != before[setting]}
    if not changed:
        return
    values = {setting.value: chosen for setting, chosen in changed.items()}
    MemberChoices.objects.update_or_create(
        organization_id=organization_id,
        member_id=member.pk,
        defaults=values | {"changed_at": trail.at},
    )
    refresh_settings(organization_id=organization_id, at=trail.at, member_ids=[member.pk])
    trail.add(
        organization_id=organization_id,
        action="settings.chosen",
        target=("member", member.pk),
        diff={setting.value: [before[setting], chosen] for setting, chosen in changed.items()},
    )
