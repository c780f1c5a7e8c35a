"""The addresses by which Docker Desktop signs in, where OAuth clients look for them."""

from django.urls import URLPattern, URLResolver, path

from orgs.api.oauth import device_code, metadata, token

urlpatterns: list[URLPattern | URLResolver] = [
    path(".well-known/oauth-authorization-server", metadata, name="oauth-metadata"),
    path("oauth/device/code", device_code, name="oauth-device-code"),
    path("oauth/token", token, name="oauth-token"),
]
