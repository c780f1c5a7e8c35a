"""The devices of an organization: how far each has come, and taking one off the list."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from orgs.access.pages import ConsolePage
from orgs.domain.compliance import Compliance
from orgs.domain.roles import Capability
from orgs.selectors.devices import by_urgency, converge, list_devices, look_at_devices
from orgs.services.audit import recording
from orgs.services.devices import remove_device

DEVICES_SHOWN: Final = 200
METER_WIDTH: Final = 1000
"""The meter's own units across; it is stretched to where it stands."""


class DevicesPage(ConsolePage):
    """`/o/<slug>/devices/`: which revision each device has applied, since when.

    A POST takes one off the list and signs it out.
    """

    capability = Capability.DEVICES_READ
    section = "devices"
    template_name = "orgs/devices.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take the device of the form off the list."""
        if not self.request.actor.may(Capability.DEVICES_WRITE):
            raise PermissionDenied
        text = request.POST.get("device", "")
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - fits 64 bits
        with recording(actor=self.request.actor, at=self.as_of) as trail:
            remove_device(
                trail=trail, organization_id=self.request.organization.pk, device_id=number
            )
        return HttpResponseRedirect(request.get_full_path())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the devices by urgency, those of one state if asked for, and the meter."""
        organization_id = self.request.organization.pk
        state = self.choice("state", among=tuple(Compliance), default="")
        rows = look_at_devices(
            list_devices(organization_id=organization_id),
            organization_id=organization_id,
            at=self.as_of,
        )
        wanted = self.word("q").lower()
        shown = [
            row
            for row in by_urgency(rows)
            if (not state or row.state == state)
            and (not wanted or wanted in f"{row.device.member.email} {row.device.name}".lower())
        ]
        convergence = converge(rows)
        return super().get_context_data(
            rows=shown[:DEVICES_SHOWN],
            found=len(shown),
            convergence=convergence,
            meter=_meter(convergence.counts, convergence.total),
            states=list(Compliance),
            state=state,
            wanted=wanted,
            may_remove=self.request.actor.may(Capability.DEVICES_WRITE),
            **kwargs,
        )


def _meter(counts: dict[str, int], total: int) -> list[dict[str, Any]]:
    """Return the bars of the meter: in sync first, then by urgency."""
    bars, begin = [], 0
    order = [Compliance.IN_SYNC, *(state for state in Compliance if state != Compliance.IN_SYNC)]
    for state in order:
        count = counts[state.value]
        width = METER_WIDTH * count // total if total else 0
        if count:
            bars.append({"state": state.value, "x": begin, "width": max(width, 3), "n": count})
        begin += width
    return bars
