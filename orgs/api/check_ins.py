"""`/api/v1/desktop/check-ins`: what a Desktop says of itself."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.desktops import DESKTOP_AUTH, DesktopAPIView
from orgs.access.json_bodies import SmallJson
from orgs.access.problems import FieldError, Problem
from orgs.domain.compliance import Compliance
from orgs.domain.device_sign_in import (
    DESKTOP_VERSION_LENGTH,
    DEVICE_ID_LENGTH,
    DEVICE_NAME_LENGTH,
    OS_LENGTH,
    DeviceFacts,
)
from orgs.domain.rules import Setting
from orgs.models import Device
from orgs.selectors.devices import look_at_devices
from orgs.services.check_ins import DeviceRemoved, check_in

REVISION_AT_MOST: Final = 2**31 - 1
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
        min_value=0, max_value=REVISION_AT_MOST, allow_null=True, required=False
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
        self._errors: list[FieldError] = []
        if not isinstance(body, Mapping):
            raise Problem(400, "invalid", "The body is a JSON object.")
        for name in body:
            if name not in _FIELDS:
                detail = f"The fields are {', '.join(_FIELDS)}."
                step = name.replace("~", "~0").replace("/", "~1")
                self._refuse(f"/{step}", "unknown_field", detail)
        texts = {name: self._text(body, name) for name in _LENGTHS}
        self.applied_revision = self._revision(body)
        self.drift = self._drift(body)
        if not texts["device_id"] and not self._errors:
            self._refuse("/device_id", "required", "device_id is missing.")
        if self._errors:
            raise Problem(400, "invalid", "The check-in is not valid.", errors=self._errors)
        self.facts = DeviceFacts(**texts)

    def _text(self, body: Mapping[str, Any], name: str) -> str:
        value = body.get(name, "")
        if isinstance(value, str) and len(value) <= _LENGTHS[name] and value.isprintable():
            return value
        detail = f"{name} is printable text of at most {_LENGTHS[name]} characters."
        self._refuse(f"/{name}", "invalid_text", detail)
        return ""

    def _revision(self, body: Mapping[str, Any]) -> int | None:
        value = body.get("applied_revision")
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (is_number and 0 <= value <= REVISION_AT_MOST):
            return value
        self._refuse("/applied_revision", "not_a_number", "This is a revision, or null.")
        return None

    def _drift(self, body: Mapping[str, Any]) -> list[str]:
        value = body.get("drift", [])
        known = {setting.value for setting in Setting}
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if is_list and set(value) <= known:
            return sorted(set(value))
        self._refuse("/drift", "invalid_drift", f"This is a list of {', '.join(sorted(known))}.")
        return []

    def _refuse(self, pointer: str, code: str, detail: str) -> None:
        self._errors.append(FieldError(pointer, code, detail))
