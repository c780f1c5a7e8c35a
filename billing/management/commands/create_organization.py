"""`manage.py create_organization`: a new customer, ready to be used and billed."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.services.organizations import create_organization
from orgs.access.accounts import make_sign_in_url
from orgs.domain.actors import operator
from orgs.domain.products import Plan
from orgs.models import User
from orgs.services.organizations import OffloadNotEntitled, OrganizationExists


class Command(BaseCommand):
    """Creates an organization and prints what its owner and its runner need."""

    help = "Create an organization with owner, policy, rate card, billing periods and tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        parser.add_argument("slug", help="its name in addresses: a-z, 0-9 and -")
        parser.add_argument("--name", required=True, help="its name for people")
        parser.add_argument("--owner-email", required=True, help="who owns it")
        parser.add_argument("--plan", default="business", choices=[plan.value for plan in Plan])
        parser.add_argument("--currency", default="USD", help="ISO 4217 code, USD if left out")
        parser.add_argument("--timezone", default="UTC", help="billing time zone (IANA name)")
        parser.add_argument("--enable-offload", action="store_true", help="switch Offload on")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it, or say in one line why not."""
        try:
            new = create_organization(
                actor=operator(label="create_organization"),
                now=timezone.now(),
                slug=options["slug"],
                name=options["name"],
                owner_email=options["owner_email"],
                plan=Plan(options["plan"]),
                currency=options["currency"],
                zone=options["timezone"],
                is_offload_enabled=options["enable_offload"],
            )
        except (ValueError, OrganizationExists, OffloadNotEntitled) as error:
            raise CommandError(str(error)) from error
        owner = new.owner.user
        assert isinstance(owner, User)  # noqa: S101 - the service loads it
        document = {
            "organization": new.organization.slug,
            "owner": new.owner.email,
            "sign_in_url": make_sign_in_url(owner, base_url=settings.BASE_URL),
            "tokens": {"admin": new.admin_token, "metering": new.metering_token},
        }
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        self.stdout.write(
            f"Organization {document['organization']}\n"
            f"  owner           {document['owner']}\n"
            f"  sign in once    {document['sign_in_url']}\n"
            f"  admin token     {new.admin_token}\n"
            f"  metering token  {new.metering_token}  (for the runner, not for the customer)\n"
            "The tokens are not shown again."
        )
