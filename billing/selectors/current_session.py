"""A member's session now, as Docker Desktop shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from billing.domain.instants import datetime_of, instant_of
from billing.domain.session_facts import purges_at, state_at
from billing.models import OffloadSession

CurrentState = Literal["active", "idle", "none"]
Environment = Literal["preserved", "new", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentSession:
    """The session that a member is in, if any; time that has not come is not billed.

    `state` is `none` when no session is active or idle; then all else but `environment` is
    empty. `idles_at` is given while active: when it goes idle unless activity comes. `purges_at`
    is given while idle: the last instant at which the environment still exists.

    `environment` is what the next activity on the same machine type finds:

    - `preserved`: the containers and images of this session (active, or idle and not purged);
    - `new`: a clean one, since that of the last session is gone: purged, or terminated;
    - `none`: the first one ever, since the member has never had a session.
    """

    state: CurrentState
    started_at: datetime | None = None
    idles_at: datetime | None = None
    purges_at: datetime | None = None
    billed_us: int = 0
    environment: Environment


def get_current_session(
    *, organization_id: int, member_id: int, as_of: datetime
) -> CurrentSession:
    """Return the member's session as it looks at `as_of`; one query, by one index.

    Sessions of a member do not overlap and only the last can go on, so it is the one looked at.
    """
    facts = (
        OffloadSession.objects.filter(
            organization_id=organization_id, member_id=member_id, started_at__lte=as_of
        )
        .order_by("-started_at")
        .values_list("started_at", "active_until", "terminated_at")
        .first()
    )
    if facts is None:
        return CurrentSession(state="none", environment="none")
    started_at, active_until, terminated_at = facts
    now, idle_at = instant_of(as_of), instant_of(active_until)
    ended_at = None if terminated_at is None else instant_of(terminated_at)
    state = state_at(active_until=idle_at, terminated_at=ended_at, as_of=now)
    if state == "ended":
        return CurrentSession(state="none", environment="new")
    is_active = state == "active"
    gone_at = purges_at(active_until=idle_at, terminated_at=None)
    return CurrentSession(
        state=state,
        started_at=started_at,
        idles_at=active_until if is_active else None,
        purges_at=None if is_active else datetime_of(gone_at),
        billed_us=min(now, idle_at) - instant_of(started_at),
        environment="preserved",
    )
