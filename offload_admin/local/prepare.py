"""Brings the database of a local run up to date: `python -m offload_admin.local.prepare`.

One process for both steps, because setting Django up is most of their time.
"""

import os
import sys

import django
from django.core.management import call_command, get_commands

from offload_admin.env import Environment

DEMO_COMMAND = "load_demo"  # idempotent; prints the sign-in, each time


def main() -> None:
    """Migrate, then load the demo organization unless it is there or OFFLOAD_DEMO is off."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "offload_admin.settings")
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    if Environment().flag("OFFLOAD_DEMO", default=True) and DEMO_COMMAND in get_commands():
        call_command(DEMO_COMMAND)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
