"""Usage: one question, answered by a picture and a table of the same numbers."""

from datetime import date, timedelta
from typing import Any, Final, cast

from django.utils.translation import gettext

from billing.selectors.choices import list_machine_names, list_teams
from billing.selectors.usage import GROUPINGS, GroupBy, UsageFilter, usage_by
from billing.web.charts import usage_chart
from billing.web.pages import BillingPage
from billing.web.timelines import shares_of
from orgs.domain.roles import Capability

MAXIMUM_DAYS: Final = 400
TABLE_ROWS: Final = 100
"""Groups listed; what is beyond stands in one last row, so that the sum is always whole."""


class UsagePage(BillingPage):
    """`/o/<slug>/usage/`: by day, member, team or machine, between two days."""

    capability = Capability.OWN_READ
    section = "usage"
    template_name = "billing/usage.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the use that the address asks for; without dates, this month's so far."""
        first, last = self._days()
        group_by = cast("GroupBy", self.choice("group_by", among=GROUPINGS, default="day"))
        narrowed = UsageFilter(
            first=first,
            last=last,
            team=self.word("team"),
            machine=self.word("machine"),
            member=self.word("member"),
        )
        report = usage_by(
            actor=self.request.actor,
            group_by=group_by,
            narrowed=narrowed,
            as_of=self.as_of,
            zone=self.zone,
        )
        rest = report.rows[TABLE_ROWS:] if group_by != "day" else ()
        return super().get_context_data(
            report=report,
            rows=report.rows[: len(report.rows) - len(rest)],
            rest_count=len(rest),
            rest_us=sum(row.billable_us for row in rest),
            group_by=group_by,
            narrowed=narrowed,
            chart=usage_chart(
                report,
                group_by=group_by,
                description=gettext("Billable hours: working, waiting for idle, bridged gaps"),
            ),
            shares=shares_of(
                activity_us=report.total.activity_us,
                waiting_us=report.total.waiting_us,
                bridged_us=report.total.bridged_us,
            ),
            teams=list_teams(organization_id=self.request.organization.pk),
            machines=list_machine_names(),
            **kwargs,
        )

    def _days(self) -> tuple[date, date]:
        first, last = self.day_in_query("from"), self.day_in_query("to")
        if last is None:
            last = self.today if first is None else max(first, self.today)
        if first is None:
            first = last.replace(day=1)
        first, last = min(first, last), max(first, last)
        return max(first, last - timedelta(days=MAXIMUM_DAYS)), last
