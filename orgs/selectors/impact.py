"""Whose effective settings a change of policy would change, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orgs.domain.policy import EffectiveSettings, Standing, resolve
from orgs.domain.rules import Rules, Setting
from orgs.selectors.standings import load_standings


@dataclass(frozen=True, kw_only=True, slots=True)
class Affected:
    """A member whose effective value of some setting changes."""

    member_id: int
    before: EffectiveSettings
    after: EffectiveSettings

    @property
    def changes(self) -> dict[str, tuple[bool | int, bool | int]]:
        """The values that change, by setting: (before, after)."""
        pairs = {
            setting.value: (
                getattr(self.before, setting.value).value,
                getattr(self.after, setting.value).value,
            )
            for setting in Setting
        }
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def list_affected(
    *,
    organization_id: int,
    at: datetime,
    organization_rules: Rules | None = None,
    team_rules: Mapping[int, Rules] | None = None,
) -> list[Affected]:
    """Return the members whose values these rules would change, by id; nothing is written.

    Members who stand alike are resolved once, so the cost is that of reading them.
    """
    now = load_standings(organization_id=organization_id, at=at)
    then = load_standings(
        organization_id=organization_id,
        at=at,
        organization_rules=organization_rules,
        team_rules=team_rules,
    )
    resolved: dict[Standing, EffectiveSettings] = {}

    def effective(standing: Standing) -> EffectiveSettings:
        if standing not in resolved:
            resolved[standing] = resolve(standing, at=at)
        return resolved[standing]

    pairs = (
        Affected(member_id=member_id, before=effective(now[member_id]), after=effective(standing))
        for member_id, standing in sorted(then.items())
        if member_id in now
    )
    return [pair for pair in pairs if pair.changes]
