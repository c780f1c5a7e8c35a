"""The wiring as a Django app, for the one thing that must happen in every process."""

from importlib import import_module

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Binds shared tasks to our Celery application wherever Django is set up.

    Not in the package's `__init__`, where Celery's documentation puts it: the embedded
    services start without Django, and loading Celery would cost them most of a second.
    """

    name = "offload_admin"

    def ready(self) -> None:
        """Load the Celery application, so that `task.delay()` reaches our broker."""
        import_module("offload_admin.celery")
