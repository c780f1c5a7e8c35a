"""`/api/v1/desktop/check-ins`: what a Desktop says of itself."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.desktops import DESKTOP_AUTH, DesktopAPIView
from orgs.access.json_bodies import LARGEST_INTEGER, Fields, SmallJson
from orgs.access.problems import Problem
from orgs.domain.compliance import Compliance
from orgs.domain.device_sign_in import (
    DESKTOP_VERSION_LENGTH,
    DEVICE_ID_LENGTH,
    DEVICE_NAME_LENGTH,
    OS_LENGTH,
    DeviceFacts,
    InvalidDevice,
)
from orgs.domain.rules import Setting
from orgs.models import Device
from orgs.selectors.devices import look_at_devices
from orgs.services.check_ins import DeviceRemoved, check_in

_LENGTHS: Final = {
    "device_id": DEVICE_ID_LENGTH,
    "name": DEVICE_NAME_LENGTH,
    "os": OS_LENGTH,
    "desktop_version": DESKTOP_VERSION_LENGTH,
}
_FIELDS: Final = (*_LENGTHS, "applied_revision", "drift")


class CheckInSerializer(serializers.Serializer[Any]):
    """What a Desktop says: who it is, which revision it has applied, where it differs."""

    device_id = serializers.CharField(
        max_length=DEVICE_ID_LENGTH, help_text="Chosen by the Desktop; stays the same."
    )
    name = serializers.CharField(max_length=DEVICE_NAME_LENGTH, required=False)
    os = serializers.CharField(max_length=OS_LENGTH, required=False)
    desktop_version = serializers.CharField(max_length=DESKTOP_VERSION_LENGTH, required=False)
    applied_revision = serializers.IntegerField(
        min_value=0, max_value=LARGEST_INTEGER, allow_null=True, required=False
    )
    drift = serializers.ListField(
        child=serializers.ChoiceField(choices=[setting.value for setting in Setting]),
        required=False,
        help_text="Settings in which it differs from the document that it has applied.",
    )


class CheckedInSerializer(serializers.Serializer[Any]):
    """How the device stands, and the revision that it should have."""

    compliance = serializers.ChoiceField(choices=[state.value for state in Compliance])
    revision = serializers.IntegerField(allow_null=True)


class DesktopCheckIns(DesktopAPIView):
    """What a Desktop says of itself."""

    parser_classes = (SmallJson,)

    @extend_schema(
        operation_id="check_in_desktop",
        tags=["desktop"],
        auth=DESKTOP_AUTH,
        request=CheckInSerializer,
        responses={200: CheckedInSerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep what the device says, and return how it stands; the last word counts.

        A token that was made for one device speaks for no other (409 `other_device`); a device
        that was taken off the list has to sign in again (409 `device_removed`).
        """
        said = _Said(request.data)
        bound = self.token.device
        if bound is not None and bound.device_id != said.facts.device_id:
            raise Problem(409, "other_device", "The token belongs to another device.")
        now = timezone.now()
        try:
            device = check_in(
                member=self.member,
                facts=said.facts,
                applied_revision=said.applied_revision,
                drift=said.drift,
                at=now,
            )
        except DeviceRemoved as removed:
            detail = "The device was taken off the list; sign in again."
            raise Problem(409, "device_removed", detail) from removed
        return Response(_document(device, organization_id=self.organization.pk, at=now))


def _document(device: Device, *, organization_id: int, at: Any) -> dict[str, Any]:
    (row,) = look_at_devices([device], organization_id=organization_id, at=at)
    return {"compliance": row.state.value, "revision": row.revision}


class _Said:
    """A check-in's body, checked; all mistakes are told at once."""

    def __init__(self, body: object) -> None:
        """Read the body; raises `Problem` 400."""
        fields = Fields(body, allowed=_FIELDS)
        texts = {
            name: fields.text(name, length=length, is_required=name == "device_id")
            for name, length in _LENGTHS.items()
        }
        self.applied_revision = fields.integer("applied_revision")
        self.drift = fields.words("drift", among=[setting.value for setting in Setting])
        fields.check()
        try:
            self.facts = DeviceFacts(**texts)
        except InvalidDevice as invalid:
            raise Problem(400, "invalid", str(invalid)) from invalid
