"""The app that says what it costs."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Events, sessions, usage records, rates, invoices."""

    name = "billing"
    verbose_name = _("Billing")
