"""`manage.py verify_ledger`: prove that every stored number is what it was made from."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.selectors.ledger import ledger_faults
from orgs.management.arguments import organization_of
from orgs.models import Organization


class Command(BaseCommand):
    """Verifies sums, documents, numbers, reproducibility and the audit chain."""

    help = "Prove the ledger: sums, frozen documents, gapless numbers, audit chain."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        parser.add_argument("--organization", metavar="SLUG", help="only this one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify; exit 1 and a list on any failure."""
        slug = options["organization"]
        organizations = (
            [organization_of(slug)] if slug else list(Organization.objects.order_by("slug"))
        )
        faults = 0
        for organization in organizations:
            for fault in ledger_faults(organization):
                faults += 1
                self.stdout.write(f"{organization.slug}: {fault}")
        if faults:
            sys.exit(1)
        self.stdout.write(f"The ledger holds ({len(organizations)} organizations).")
