"""Erasing what names a person from the audit log; the chain holds digests and stays whole."""

from collections.abc import Collection

from django.db.models import Q

from orgs.domain.audit import ADDRESS
from orgs.models import AuditPersonalValue


def erase_personal_values(
    *, organization_id: int, member_id: int, texts: Collection[str] = ()
) -> int:
    """Delete the personal values of a member in one organization's log; return how many.

    These are the addresses that the member acted from, every personal value of entries about the
    member but other people's addresses, and wherever else one of `texts` stands: their e-mail
    addresses and names.
    """
    acted = Q(event__actor_member_id=member_id, name=ADDRESS)
    about = Q(event__target_kind="member", event__target_id=str(member_id)) & ~Q(name=ADDRESS)
    rows = AuditPersonalValue.objects.filter(event__organization_id=organization_id).filter(
        acted | about | Q(value__in=[text for text in texts if text])
    )
    deleted, _ = rows.delete()
    return deleted
