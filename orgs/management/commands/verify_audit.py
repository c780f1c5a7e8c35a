"""`manage.py verify_audit FILE`: prove an exported audit log; no database is asked."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from clients import verify_audit


class Command(BaseCommand):
    """Verifies a file, as the stand-alone program does that customers get."""

    help = (
        "Verify an exported audit log (JSON lines): hashes, order, personal values, signed "
        "checkpoints. The same as clients/verify_audit.py, which needs nothing but Python."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments of the public contract."""
        parser.add_argument("file", metavar="FILE", help="the export, or - for standard input")
        parser.add_argument("--public-key", metavar="HEX", action="append", default=[])

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify; exit 1 and one line on a failure, 2 without a file."""
        keys = [word for key in options["public_key"] for word in ("--public-key", key)]
        code = verify_audit.main([*keys, "--", options["file"]])
        if code:
            sys.exit(code)
