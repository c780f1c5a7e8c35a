"""`manage.py fold_sessions`: fold what is waiting, as the worker does."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from billing.services.sessions import fold_all
from orgs.management.arguments import organization_of


class Command(BaseCommand):
    """Folds waiting events into sessions and usage records."""

    help = "Fold waiting session events into sessions and usage records."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--organization", metavar="SLUG", help="only this one")
        where.add_argument("--all", action="store_true", help="all organizations (the default)")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fold, and say how much."""
        slug = options["organization"]
        organization = organization_of(slug) if slug else None
        done = fold_all(
            as_of=timezone.now(), organization_id=organization.pk if organization else None
        )
        if options["json"]:
            self.stdout.write(json.dumps({"streams": done.streams, "events": done.events}))
        else:
            self.stdout.write(f"Folded {done.streams} streams, {done.events} events read.")
