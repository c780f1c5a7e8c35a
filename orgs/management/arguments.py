"""Arguments that commands of both apps take."""

from django.core.management.base import CommandError

from orgs.models import Organization
from orgs.selectors.organizations import find_organization


def organization_of(slug: str) -> Organization:
    """Return the organization with this slug.

    Raises:
        CommandError: there is none.
    """
    organization = find_organization(slug=slug)
    if organization is None:
        raise CommandError(f"there is no organization {slug}")
    return organization
