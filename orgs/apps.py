"""Django's entry to the app."""

from importlib import import_module

from django.apps import AppConfig


class OrgsConfig(AppConfig):
    """Who may do what: organizations, people, teams, products, policy, tokens, audit."""

    name = "orgs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make our kind of token known to the OpenAPI generator."""
        import_module("orgs.access.openapi")
