"""Teams: which one carries a member's cost since when."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import F

from orgs.models import TeamAssignment


def list_team_assignments(
    member_ids: Collection[int],
) -> dict[int, list[tuple[datetime, int]]]:
    """Return (since, team id) of each member's primary teams, oldest first, in one query.

    The last one not after an instant is in force there; before the first there is no team.
    Members who never had a team are absent.
    """
    histories: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = (
        # the member names its organization, with which the index begins
        TeamAssignment.objects.filter(
            member__in=member_ids, organization_id=F("member__organization_id")
        )
        .order_by("member_id", "since")
        .values_list("member_id", "since", "team_id")
    )
    for member_id, since, team_id in rows:
        histories[member_id].append((since, team_id))
    return dict(histories)
