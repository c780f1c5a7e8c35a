"""The first page: is Offload on, who is active, what has this month cost."""

from datetime import date, timedelta
from typing import Any, Final

from django.utils.translation import gettext

from billing.rendering.words import duration_text
from billing.selectors.overview import Month, Overview, Timeline, get_overview
from billing.web.charts import DayTable, day_chart, days_by_team
from billing.web.pages import BillingPage
from billing.web.timelines import draw, session_summary, shares_of
from orgs.domain.roles import Capability

WINDOW: Final = timedelta(hours=8)
"""How far back the small timelines reach."""


class OverviewPage(BillingPage):
    """`/o/<slug>/`: one glance."""

    capability = Capability.ORGANIZATION_READ
    section = "overview"
    template_name = "billing/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the overview as of now, its chart and its timelines."""
        overview = get_overview(actor=self.request.actor, as_of=self.as_of, window=WINDOW)
        self.zone = overview.zone
        states = [session.state for session in overview.running]
        purges = [session.purges_at for session in overview.running if session.purges_at]
        context = {
            "overview": overview,
            "month": overview.month,
            "active_count": states.count("active"),
            "idle_count": states.count("idle"),
            "next_purge_us": (min(purges) - self.as_of) // timedelta(microseconds=1)
            if purges
            else None,
            "timelines": [self._row(row) for row in overview.timelines],
            "axis": self._axis(overview),
        }
        if overview.month is not None:
            context |= self._month(overview.month)
        return super().get_context_data(**context, **kwargs)

    def _row(self, row: Timeline) -> dict[str, Any]:
        summary = session_summary(
            working=duration_text(row.session.working_us),
            bridged=duration_text(row.session.bridged_us),
        )
        drawn = draw(
            row.pieces,
            start=self.as_of - WINDOW,
            end=self.as_of,
            now=None,
            zone=self.zone,
            summary=summary,
            has_labels=False,
        )
        return {"session": row.session, "timeline": drawn}

    def _axis(self, overview: Overview) -> Any:
        return draw(
            (),
            start=overview.window_start,
            end=self.as_of,
            now=None,
            zone=self.zone,
            summary="",
            has_labels=True,
        )

    def _month(self, month: Month) -> dict[str, Any]:
        first = date.fromisoformat(f"{month.period.label}-01")
        days = [day for day, _ in month.by_day_and_team]
        table: DayTable = days_by_team(
            month.by_day_and_team,
            team_names=month.team_names,
            first=min([first, *days]),
            last=max([self.today, *days]),
        )
        return {
            "first_day": first,
            "last_day": self.today,
            "machines": [
                (machine, used, month.machine_amounts.get(machine))
                for machine, used in sorted(month.by_machine.items(), key=lambda item: -item[1])
                if used > 0
            ],
            "table": table if month.billable_us else None,
            "chart": day_chart(
                table, description=gettext("Billable hours of each day, stacked by team")
            ),
            "shares": shares_of(
                activity_us=month.working_us - month.waiting_us,
                waiting_us=month.waiting_us,
                bridged_us=month.bridged_us,
            ),
        }
