#!/usr/bin/env python
"""Django's commands; without DATABASE_URL or REDIS_URL they use the embedded services."""

import os
import sys


def main() -> None:
    """Run one command, with the embedded services attached or started for its duration."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
    try:
        from django.core.management import execute_from_command_line

        from offload_admin.local.attach import services_for_command
    except ImportError as error:
        raise SystemExit(f"error: {error}; run `make setup` and use .venv/bin/python") from error
    with services_for_command(sys.argv):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
