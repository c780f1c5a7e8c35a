"""Exceptions as they stand at an instant: one whose end has come is over, noted or not."""

from datetime import datetime

from django.db.models import Q, QuerySet

from orgs.models import Member, PolicyException

_STATE = PolicyException.State


def exceptions_of(members: QuerySet[Member], *, organization_id: int) -> QuerySet[PolicyException]:
    """Return the exceptions of these members, with their people."""
    return PolicyException.objects.filter(
        organization_id=organization_id, member__in=members
    ).select_related("member", "decided_by")


def in_state(
    exceptions: QuerySet[PolicyException], state: str, *, at: datetime
) -> QuerySet[PolicyException]:
    """Return those that are in this state at `at`."""
    if state == _STATE.GRANTED:
        return exceptions.filter(state=_STATE.GRANTED, expires_at__gt=at)
    if state == _STATE.EXPIRED:
        return exceptions.filter(
            Q(state=_STATE.EXPIRED) | Q(state=_STATE.GRANTED, expires_at__lte=at)
        )
    return exceptions.filter(state=state)


def look_at_exception(row: PolicyException, *, at: datetime) -> tuple[str, datetime | None]:
    """Return the state of an exception at `at` and, when it is over, since when."""
    if row.state == _STATE.GRANTED and row.expires_at <= at:
        return _STATE.EXPIRED, row.expires_at
    return row.state, row.ended_at
