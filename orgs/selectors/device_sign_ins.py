"""Sign-ins of Docker Desktop as the person sees them who entered the code."""

from orgs.models import DeviceSignIn, Member


def find_opened_sign_in(*, sign_in_id: int, user_id: int) -> DeviceSignIn | None:
    """Return the sign-in whose code this person entered last, in any state, with its organization.

    None for anyone else: an id alone shows nobody where a Desktop asks from.
    """
    return (
        DeviceSignIn.objects.select_related("organization")
        .filter(pk=sign_in_id, opened_by_id=user_id)
        .first()
    )


def list_memberships(*, user_id: int) -> list[Member]:
    """Return the person's active memberships with their organizations, by name, then slug."""
    return list(
        Member.objects.select_related("organization")
        .filter(user_id=user_id, status=Member.Status.ACTIVE)
        .order_by("organization__name", "organization__slug")
    )
