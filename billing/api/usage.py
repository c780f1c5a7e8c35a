"""`/organizations/{slug}/usage`: use between two days, by day, member, team or machine."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final, cast

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.parameters import Parameters
from billing.api.shapes import MoneySerializer, Seconds, utc_text
from billing.domain.instants import instant_of, seconds_text
from billing.domain.money import Money
from billing.domain.periods import day_of
from billing.selectors.overview import get_zone
from billing.selectors.usage import GROUPINGS, GroupBy, UsageFilter, UsageRow, usage_by
from orgs.access.organizations import OrganizationAPIView
from orgs.access.pagination import page_of_list
from orgs.access.shapes import PAGE_PARAMETERS, page_of
from orgs.domain.names import normalize_email
from orgs.domain.roles import Capability

DAYS_AT_MOST: Final = 400
"""A year and a month; the question is answered from memory."""

READERS: Final = (Capability.USAGE_READ, Capability.OWN_READ)
"""Either is enough: whoever may not read all use gets their own and their teams'."""


class UsageAmountsSerializer(serializers.Serializer[Any]):
    """Use in exact seconds, `billable = working + bridged`; `waiting` is a part of working.

    `estimated_amount` is what the use comes to at the rate card of its day: one rounding for
    each machine and rate card, split so that groups sum to the total. Null without the right to
    see money.
    """

    billable_seconds = Seconds()
    working_seconds = Seconds()
    waiting_seconds = Seconds()
    bridged_seconds = Seconds()
    estimated_amount = MoneySerializer(allow_null=True)


class UsageGroupSerializer(UsageAmountsSerializer):
    """The use of one group; only the field that is grouped by is there."""

    day = serializers.DateField(required=False)
    member = serializers.EmailField(required=False)
    team = serializers.SlugField(required=False, allow_null=True)
    machine = serializers.CharField(required=False)


class UsageReport(OrganizationAPIView):
    """Use, grouped."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="get_usage",
        tags=["usage"],
        parameters=[
            OpenApiParameter(
                "from",
                OpenApiTypes.DATE,
                description="The first day, in the billing time zone; else that of the month.",
            ),
            OpenApiParameter(
                "to",
                OpenApiTypes.DATE,
                description=f"The last day, included; else today. At most {DAYS_AT_MOST} days.",
            ),
            OpenApiParameter("group_by", enum=GROUPINGS, default="day"),
            OpenApiParameter("member", description="Only this member, by e-mail address."),
            OpenApiParameter("team", description="Only this team, by slug."),
            OpenApiParameter("machine", description="Only this machine type, by name."),
            *PAGE_PARAMETERS,
        ],
        responses=page_of(
            "UsagePage",
            UsageGroupSerializer,
            {
                "total": UsageAmountsSerializer(),
                "group_by": serializers.ChoiceField(choices=GROUPINGS),
                "from": serializers.DateField(),
                "to": serializers.DateField(),
                "zone": serializers.CharField(),
                "as_of": serializers.DateTimeField(),
            },
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the use that the caller may see, up to now, by group in order of its name."""
        as_of = timezone.now()
        zone = get_zone(actor=self.actor)
        query = Parameters(request)
        group_by = cast("GroupBy", query.choice("group_by", among=GROUPINGS, default="day"))
        narrowed = _narrowed(query, as_of=as_of, zone=zone)
        query.check()
        report = usage_by(
            actor=self.actor, group_by=group_by, narrowed=narrowed, as_of=as_of, zone=zone
        )
        rows, following = page_of_list(report.rows, request, key=lambda row: row.handle)
        return Response(
            {
                "results": [
                    {group_by: row.handle or None} | _amounts(row, currency=report.currency)
                    for row in rows
                ],
                "next": following,
                "total": _amounts(report.total, currency=report.currency),
                "group_by": group_by,
                "from": narrowed.first.isoformat(),
                "to": narrowed.last.isoformat(),
                "zone": zone,
                "as_of": utc_text(as_of),
            }
        )


def _narrowed(query: Parameters, *, as_of: datetime, zone: str) -> UsageFilter:
    first, last = query.day("from"), query.day("to")
    if last is None:
        today = day_of(instant_of(as_of), zone=zone).date
        last = today if first is None else max(first, today)
    if first is None:
        first = last.replace(day=1)
    _check_range(query, first, last)
    return UsageFilter(
        first=first,
        last=last,
        member=normalize_email(query.word("member")),
        team=query.word("team"),
        machine=query.word("machine"),
    )


def _check_range(query: Parameters, first: date, last: date) -> None:
    if last < first:
        query.refuse("to", "to lies before from.")
    elif last - first >= timedelta(days=DAYS_AT_MOST):
        query.refuse("to", f"from and to are at most {DAYS_AT_MOST} days apart.")


def _amounts(row: UsageRow, *, currency: str) -> dict[str, Any]:
    money = None if row.amount is None else Money(amount=row.amount, currency=currency)
    return {
        "billable_seconds": seconds_text(row.billable_us),
        "working_seconds": seconds_text(row.working_us),
        "waiting_seconds": seconds_text(row.waiting_us),
        "bridged_seconds": seconds_text(row.bridged_us),
        "estimated_amount": None if money is None else money.to_wire(),
    }
