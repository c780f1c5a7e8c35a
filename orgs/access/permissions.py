"""The API is closed unless a view opens it."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # the framework reads this class while it makes APIView
    from rest_framework.views import APIView


class DenyAll(BasePermission):
    """The API's default: a view that says nothing about rights answers nobody."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return False."""
        return False
