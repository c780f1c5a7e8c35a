"""Fills the database of the browser tests, in a process of its own.

Prints one JSON document: what the tests need to find their way.
"""

import json
import os
import sys

import django


def main() -> None:
    """Migrate, make two organizations and three people, and say where things are."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
    django.setup()

    from django.core.management import call_command
    from django.utils import timezone

    from billing.models import Invoice, OffloadSession
    from billing.services.invoicing import close_due_periods
    from orgs.access.accounts import make_sign_in_url
    from orgs.models import Member, User
    from tests.factories.billing import (
        OPERATOR,
        make_empty_organization,
        make_used_organization,
        sign_in_member,
    )
    from tests.factories.devices import make_device_sign_ins
    from tests.factories.policies import shape_policy

    call_command("migrate", verbosity=0)
    now = timezone.now()  # noqa: TID251 - pages read the clock, the data lies around it
    used = make_used_organization(now)
    close_due_periods(as_of=now, actor=OPERATOR, organization_id=used.organization.pk)
    empty = make_empty_organization(now)
    Member.objects.create(
        organization=empty.organization,
        email=used.owner.email,
        role="owner",
        user=used.owner,
        created_at=now,
    )
    member = sign_in_member(used.organization, "mei@acme.example")
    mei = shape_policy(used.organization, now=now)
    nobody = User.objects.create_user("nobody@acme.example", None)
    sessions = OffloadSession.objects.filter(organization=used.organization)
    invoice = Invoice.objects.filter(organization=used.organization).latest("finalized_at")
    devices = make_device_sign_ins(used.owner, used.organization, at=now)
    document = {
        "owner": used.owner.email,
        "member": member.email,
        "password_link": make_sign_in_url(nobody, base_url=""),
        "running": str(sessions.filter(member__email="mei@acme.example").latest("started_at").pk),
        "foreign": str(sessions.filter(member__email="hao@acme.example").latest("started_at").pk),
        "ended": str(
            sessions.filter(bridged_us__gt=0, active_until__lt=now).order_by("-started_at")[10].pk
        ),
        "invoice": invoice.number,
        "mei": str(mei.pk),
        **{f"device_{state}": str(sign_in.pk) for state, sign_in in devices.items()},
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main()
