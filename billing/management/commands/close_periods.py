"""`manage.py close_periods`: close every period that is due and finalize its invoice."""

import json
import sys
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.services.invoicing import (
    CloseOutcome,
    FutureAsOf,
    close_due_periods,
    list_due_periods,
)
from orgs.domain.actors import operator
from orgs.management.arguments import organization_of


class Command(BaseCommand):
    """Closes due billing periods."""

    help = "Close every billing period that is due, and finalize its invoice."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        parser.add_argument(
            "--as-of",
            metavar="INSTANT",
            help="which periods are due (RFC 3339, not in the future); now, if left out. "
            "The cutoff is always the database's clock",
        )
        parser.add_argument("--organization", metavar="SLUG", help="only this one")
        parser.add_argument("--dry-run", action="store_true", help="only say what is due")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Close, and say what came of it; exit 1 when a close failed."""
        slug = options["organization"]
        organization_id = organization_of(slug).pk if slug else None
        as_of = _instant(options["as_of"])
        try:
            if options["dry_run"]:
                outcomes = [
                    CloseOutcome(organization=due.organization.slug, period=due.label)
                    for due in list_due_periods(as_of=as_of, organization_id=organization_id)
                ]
            else:
                outcomes = close_due_periods(
                    as_of=as_of,
                    actor=operator(label="close_periods"),
                    organization_id=organization_id,
                )
        except FutureAsOf as error:
            raise CommandError(str(error)) from error
        self._report(outcomes, as_json=options["json"], is_dry_run=options["dry_run"])
        if any(outcome.failure for outcome in outcomes):
            sys.exit(1)

    def _report(self, outcomes: list[CloseOutcome], *, as_json: bool, is_dry_run: bool) -> None:
        rows = [_row(outcome) for outcome in outcomes]
        if as_json:
            self.stdout.write(json.dumps({"dry_run": is_dry_run, "periods": rows}))
            return
        if not rows:
            self.stdout.write("No period is due.")
        for row in rows:
            said = "due" if is_dry_run else row["failure"] or row["invoice"] or "no lines"
            total = f"  {row['total']} {row['currency']}" if row["total"] else ""
            self.stdout.write(f"{row['organization']}  {row['period']}  {said}{total}")


def _instant(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--as-of {text!r} is not an instant: {error}") from error
    if instant.tzinfo is None:
        raise CommandError(f"--as-of {text!r} needs a zone, for example a final Z")
    return instant


def _row(outcome: CloseOutcome) -> dict[str, str | None]:
    invoice = outcome.invoice
    return {
        "organization": outcome.organization,
        "period": outcome.period,
        "invoice": invoice.number if invoice else None,
        "total": str(invoice.total) if invoice else None,
        "currency": invoice.currency if invoice else None,
        "failure": outcome.failure or None,
    }
