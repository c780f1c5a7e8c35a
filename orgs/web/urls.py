"""The addresses of people's own pages. Pages of an organization lie below `/o/<slug>/`."""

from django.urls import URLPattern, URLResolver, path

from orgs.web.device_sign_in import decide, enter_code
from orgs.web.home import home
from orgs.web.language import choose

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("device/", enter_code, name="device"),
    path("device/<int:sign_in_id>/", decide, name="device-sign-in"),
    path("i18n/setlang/", choose, name="set_language"),
]
