"""`/organizations/{slug}/devices`: which revision each device has applied, since when."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import CursorPages
from orgs.access.problems import FieldError, Problem
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.domain.compliance import Compliance
from orgs.domain.roles import Capability
from orgs.models import Device
from orgs.selectors.devices import DeviceRow, list_devices, look_at_devices
from orgs.selectors.members import find_member
from orgs.services.audit import recording
from orgs.services.devices import remove_device


class DeviceSerializer(serializers.Serializer[Any]):
    """A Docker Desktop and how far it has come."""

    id = serializers.IntegerField()
    device_id = serializers.CharField()
    name = serializers.CharField()
    os = serializers.CharField()
    desktop_version = serializers.CharField()
    member = serializers.EmailField()
    compliance = serializers.ChoiceField(choices=[state.value for state in Compliance])
    revision = serializers.IntegerField(
        allow_null=True, help_text="The revision of the member's settings."
    )
    revised_at = serializers.DateTimeField(allow_null=True, help_text="Since when it holds.")
    applied_revision = serializers.IntegerField(allow_null=True)
    applied_at = serializers.DateTimeField(allow_null=True)
    drift = serializers.ListField(child=serializers.CharField())
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)


class OldestDevices(CursorPages):
    """In the order in which they came."""

    ordering = ("id",)


class DeviceList(OrganizationAPIView):
    """The devices of an organization."""

    capabilities: ClassVar = {"GET": Capability.DEVICES_READ}

    @extend_schema(
        operation_id="list_devices",
        tags=["devices"],
        parameters=[
            OpenApiParameter("member", description="Only this member's, by e-mail address."),
            *PAGE_PARAMETERS,
        ],
        responses=page_of("DevicePage", DeviceSerializer),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the devices that were not taken off the list, with their state now."""
        member_id = None
        if address := request.query_params.get("member"):
            member = find_member(organization_id=self.organization.pk, email=address)
            if member is None:
                raise Problem(
                    400,
                    "invalid",
                    "There is no such member.",
                    errors=[FieldError("member", "unknown_member", "There is no such member.")],
                )
            member_id = member.pk
        pages = OldestDevices()
        devices: list[Device] = pages.paginate_queryset(
            list_devices(organization_id=self.organization.pk, member_id=member_id), request
        )
        rows = look_at_devices(devices, organization_id=self.organization.pk, at=timezone.now())
        return pages.get_paginated_response([_document(row) for row in rows])


class DeviceItem(OrganizationAPIView):
    """One device of an organization."""

    capabilities: ClassVar = {"DELETE": Capability.DEVICES_WRITE}

    @extend_schema(operation_id="remove_device", tags=["devices"], responses={204: None})
    def delete(self, request: Request, slug: str, number: int) -> HttpResponse:
        """Take the device off the list and sign it out; a new sign-in brings it back."""
        with recording(actor=self.actor, at=timezone.now()) as trail:
            is_removed = remove_device(
                trail=trail, organization_id=self.organization.pk, device_id=number
            )
        if not is_removed:
            raise Problem(404, "not_found", "There is no such device.")
        return HttpResponse(status=204)


def _document(row: DeviceRow) -> dict[str, Any]:
    device = row.device
    return {
        "id": device.pk,
        "device_id": device.device_id,
        "name": device.name,
        "os": device.os,
        "desktop_version": device.desktop_version,
        "member": device.member.email,
        "compliance": row.state.value,
        "revision": row.revision,
        "revised_at": row.revised_at,
        "applied_revision": device.applied_revision,
        "applied_at": device.applied_at,
        "drift": device.drift,
        "first_seen_at": device.first_seen_at,
        "last_seen_at": device.last_seen_at,
    }
