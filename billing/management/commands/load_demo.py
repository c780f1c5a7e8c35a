"""`manage.py load_demo`: the demo organization, and how to sign in to it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.management.demo.loading import DemoRefused, NotTheDemo, find_sign_in, load_demo


class Command(BaseCommand):
    """Loads the demo organization once; prints the sign-in each time."""

    help = (
        "Load the demo organization: 40 people with 60 days of use up to now, and the invoices "
        "of closed months. A second call only prints the sign-in."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it, or say in one line why not."""
        try:
            load_demo(now=timezone.now())
        except NotTheDemo as error:
            self.stdout.write(f"{error}.")
            return
        except DemoRefused as error:
            raise CommandError(f"the demo could not be loaded: {error}") from error
        sign_in = find_sign_in()
        assert sign_in is not None  # noqa: S101 - it was just loaded
        password = sign_in.password or (
            f"the one you have chosen (lost: manage.py changepassword {sign_in.email})"
        )
        self.stdout.write(
            f"Sign in to the demo: {settings.BASE_URL}\n"
            f"  e-mail    {sign_in.email}\n"
            f"  password  {password}"
        )
