"""The spending state, as `billing` decides it and policy resolution reads it."""

from orgs.domain.rules import SpendingState
from orgs.models import SpendingStatus
from orgs.selectors.standings import get_spending_state
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import lock_settings, refresh_settings


def set_spending_state(*, trail: AuditTrail, organization_id: int, state: SpendingState) -> None:
    """Store how the organization stands to its limit; a block reaches every Desktop.

    Storing the state it has writes nothing.
    """
    lock_settings(organization_id=organization_id)
    before = get_spending_state(organization_id=organization_id)
    if state is before:
        return
    SpendingStatus.objects.update_or_create(
        organization_id=organization_id,
        defaults={"state": state.value, "changed_at": trail.at},
    )
    refresh_settings(organization_id=organization_id, at=trail.at)
    trail.add(
        organization_id=organization_id,
        action="spending.state_changed",
        target=("organization", organization_id),
        diff={"state": [before.value, state.value]},
    )
