"""Where a request comes from."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest


def find_address(request: HttpRequest) -> str | None:
    """Return the caller's network address, None if it cannot be known.

    The peer's, or behind `TRUSTED_PROXIES` of our own the one that the outermost of them saw:
    what a caller writes into `X-Forwarded-For` by itself lies further left and is not read. The
    rule is allauth's, so that its limits on sign-in and ours count the same address.
    """
    try:
        return str(get_adapter(request).get_client_ip(request))
    except (PermissionDenied, ImproperlyConfigured):
        return None
