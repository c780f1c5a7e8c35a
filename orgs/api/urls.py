"""The addresses of this app below `/api/v1/`."""

from django.urls import URLPattern, URLResolver, path

from orgs.api.check_ins import DesktopCheckIns
from orgs.api.desktop import DesktopPreferences, DesktopSettings, wrong_process
from orgs.api.devices import DeviceItem, DeviceList
from orgs.api.organizations import OrganizationDetail

urlpatterns: list[URLPattern | URLResolver] = [
    path("desktop/settings", DesktopSettings.as_view(), name="api-desktop-settings"),
    path("desktop/preferences", DesktopPreferences.as_view(), name="api-desktop-preferences"),
    path("desktop/check-ins", DesktopCheckIns.as_view(), name="api-desktop-check-ins"),
    path("desktop/stream", wrong_process, name="api-desktop-stream"),
    path("organizations/<slug:slug>", OrganizationDetail.as_view(), name="api-organization"),
    path("organizations/<slug:slug>/devices", DeviceList.as_view(), name="api-devices"),
    path(
        "organizations/<slug:slug>/devices/<int:number>", DeviceItem.as_view(), name="api-device"
    ),
]
