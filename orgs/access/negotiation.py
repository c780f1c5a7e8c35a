"""Addresses that say themselves which form is sent."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class AsAddressed(BaseContentNegotiation):
    """The address alone says which form is sent; `Accept` is not asked."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the first parser."""
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Return the first renderer; files are sent without one."""
        return renderers[0], renderers[0].media_type
