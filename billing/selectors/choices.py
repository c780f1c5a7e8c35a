"""What the filters of lists offer."""

from billing.models import Machine
from orgs.models import Team


def list_teams(*, organization_id: int) -> list[Team]:
    """Return the organization's teams, in the order of their priority."""
    return list(Team.objects.filter(organization_id=organization_id).order_by("priority"))


def list_machine_names() -> list[str]:
    """Return the names of all machine types."""
    return list(Machine.objects.order_by("name").values_list("name", flat=True))
