"""`manage.py rebuild_sessions`: sessions and records anew from the raw events."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from billing.services.rebuild import rebuild_sessions, session_differences
from orgs.management.arguments import organization_of


class Command(BaseCommand):
    """Recomputes an organization's sessions, or only compares them."""

    help = "Recompute sessions and usage records from raw events."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        parser.add_argument("--organization", metavar="SLUG", required=True)
        parser.add_argument(
            "--check", action="store_true", help="change nothing, exit 1 on any difference"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild or compare."""
        organization = organization_of(options["organization"])
        now = timezone.now()
        if not options["check"]:
            done = rebuild_sessions(organization_id=organization.pk, as_of=now)
            self.stdout.write(f"Rebuilt {done.streams} streams from {done.events} events.")
            return
        differences = list(session_differences(organization_id=organization.pk, as_of=now))
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            sys.exit(1)
        self.stdout.write("Sessions and records are what the events say.")
