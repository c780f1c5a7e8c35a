"""Which team carries a member's use."""

from collections.abc import Sequence
from datetime import datetime


def team_at(assignments: Sequence[tuple[datetime, int]], instant: datetime) -> int | None:
    """Return the id of the team in force at `instant`.

    `assignments` are the member's primary teams as (since, team id), oldest first. Before the
    first one there is none.
    """
    found = None
    for since, team_id in assignments:
        if since > instant:
            break
        found = team_id
    return found
