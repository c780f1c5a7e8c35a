"""What a change of policy would do: members, running sessions, and the last 30 days replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from billing.selectors.reach import organization_of
from billing.selectors.replays import list_affected_sessions
from billing.selectors.sessions import SessionView
from orgs.domain.actors import Actor
from orgs.domain.rules import Rules
from orgs.models import Member
from orgs.selectors.impact import Affected, list_affected


@dataclass(frozen=True, kw_only=True, slots=True)
class AffectedMember:
    """A member by name, with the values that change: setting → (before, after)."""

    member_id: int
    name: str
    email: str
    changes: dict[str, tuple[bool | int, bool | int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyImpact:
    """The effect of rules that are not saved: nothing of it is written."""

    member_count: int
    members: tuple[AffectedMember, ...]
    running: tuple[SessionView, ...]
    timeouts: dict[int, int | None]


def get_impact(
    *,
    actor: Actor,
    as_of: datetime,
    organization_rules: Rules | None = None,
    team_rules: Mapping[int, Rules] | None = None,
) -> PolicyImpact:
    """Return what these rules would change at `as_of`.

    `members` are those whose effective value of some setting changes, by address; `running` are
    their sessions that are active or idle; `timeouts` is what a replay of their use takes: the new
    idle timeout of each in seconds, None for those who would lose Offload.
    """
    organization_id = organization_of(actor)
    affected = {
        each.member_id: each
        for each in list_affected(
            organization_id=organization_id,
            at=as_of,
            organization_rules=organization_rules,
            team_rules=team_rules,
        )
    }
    return PolicyImpact(
        member_count=Member.objects.filter(organization_id=organization_id)
        .exclude(status=Member.Status.REMOVED)
        .count(),
        members=_named(affected),
        running=tuple(
            list_affected_sessions(actor=actor, member_ids=affected, as_of=as_of)
            if affected
            else ()
        ),
        timeouts=_timeouts(affected),
    )


def _timeouts(affected: Mapping[int, Affected]) -> dict[int, int | None]:
    """Return the members whose use would have been another; a GPU switched off is not replayed."""
    found: dict[int, int | None] = {}
    for member_id, each in affected.items():
        before, after = each.before, each.after
        if not after.offload_enabled.value:
            if before.offload_enabled.value:
                found[member_id] = None
        elif after.idle_timeout_seconds.value != before.idle_timeout_seconds.value:
            found[member_id] = after.idle_timeout_seconds.value
    return found


def _named(affected: Mapping[int, Affected]) -> tuple[AffectedMember, ...]:
    people = Member.objects.filter(pk__in=affected).order_by("email")
    return tuple(
        AffectedMember(
            member_id=person.pk,
            name=person.name or person.email,
            email=person.email,
            changes=affected[person.pk].changes,
        )
        for person in people
    )
