"""`manage.py export`: one table of an organization's billing period, as a file."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.services.exports import (
    FORMATS,
    KINDS,
    ExportRefused,
    export_to_file,
    write_export,
)
from orgs.management.arguments import organization_of

STANDARD_OUTPUT = "-"


class Command(BaseCommand):
    """Writes an export."""

    help = (
        "Write usage, sessions, invoices or the audit log of a billing period to a file. Sessions "
        "that overlap the period are listed whole. Of use that is not invoiced yet the amount is "
        "an estimate. The audit log as jsonl is what verify_audit reads."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments of the public contract."""
        parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(KINDS)}")
        parser.add_argument("--organization", metavar="SLUG", required=True)
        parser.add_argument(
            "--period", metavar="YYYY-MM", required=True, help="a billing period of it"
        )
        parser.add_argument(
            "--format", metavar="F", required=True, help=f"one of {', '.join(FORMATS)}"
        )
        parser.add_argument(
            "--output",
            metavar="PATH",
            required=True,
            help=f"the file, made when it is complete; {STANDARD_OUTPUT} for standard output",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it as of now, and say how many rows there are; one line and exit 1 if not."""
        export = {
            "organization": organization_of(options["organization"]),
            "kind": options["kind"],
            "period": options["period"],
            "file_format": options["format"],
            "as_of": timezone.now(),
        }
        output = options["output"]
        try:
            if output == STANDARD_OUTPUT:
                self._print(export)
                return
            count = export_to_file(Path(output), **export)
        except ExportRefused as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot write {output}: {error.strerror or error}") from error
        self.stdout.write(f"{count} rows in {output}")

    def _print(self, export: dict[str, Any]) -> None:
        out = cast("BinaryIO", self.stdout.buffer)
        try:
            write_export(out, **export)
            out.flush()
        except BrokenPipeError:
            # the reader has seen enough; nothing may be flushed into the pipe at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
