"""What a chart is drawn from: plain data for charts.js, with every word already in place."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext, pgettext

from billing.domain.instants import HOUR_US
from billing.rendering.words import duration_text
from billing.selectors.usage import UsageReport, UsageRow
from orgs.templatetags.console import day as day_text

TOP_TEAMS: Final = 5
TOP_GROUPS: Final = 12


class TeamColumn(NamedTuple):
    """A team in the chart and its data table; `number` picks the colour, 0 is "other"."""

    name: str
    number: int
    values: tuple[int, ...]
    total_us: int

    @property
    def key(self) -> str:
        """The colour's name in css and in charts.js."""
        return str(self.number) if self.number else "other"


class DayTable(NamedTuple):
    """Days by teams: the one source of the picture and of the table behind it."""

    days: tuple[date, ...]
    columns: tuple[TeamColumn, ...]

    @property
    def rows(self) -> list[tuple[date, list[int], int]]:
        """Return day, a value per team, their sum."""
        return [
            (day, values := [column.values[index] for column in self.columns], sum(values))
            for index, day in enumerate(self.days)
        ]


def days_by_team(
    usage: Mapping[tuple[date, int | None], int],
    *,
    team_names: Mapping[int, str],
    first: date,
    last: date,
) -> DayTable:
    """Return billable microseconds by day and team: the five largest, then all other."""
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    totals: dict[int | None, int] = {}
    for (_, team), value in usage.items():
        totals[team] = totals.get(team, 0) + value
    named = sorted(
        (team for team in totals if team is not None), key=lambda team: (-totals[team], team)
    )
    top, rest = named[:TOP_TEAMS], {*named[TOP_TEAMS:], *({None} & set(totals))}
    columns = [
        _column(team_names.get(team, str(team)), number, days, usage, {team})
        for number, team in enumerate(top, start=1)
    ]
    if rest:
        word = gettext("No team") if rest == {None} else gettext("All other")
        columns.append(_column(word, 0, days, usage, rest))
    return DayTable(days, tuple(columns))


def _column(
    name: str,
    number: int,
    days: Sequence[date],
    usage: Mapping[tuple[date, int | None], int],
    teams: set[Any],
) -> TeamColumn:
    values = tuple(sum(usage.get((day, team), 0) for team in teams) for day in days)
    return TeamColumn(name, number, values, sum(values))


def day_chart(table: DayTable, *, description: str) -> dict[str, Any]:
    """Return stacked bars of hours, one a day, a colour for each team."""
    return {
        "direction": "columns",
        "description": description,
        "unit": pgettext("unit of a chart's axis", "h"),
        "total": gettext("Total"),
        "categories": [
            {"label": str(day.day), "name": day_text(day, "weekday")} for day in table.days
        ],
        "sums": [duration_text(total) for _, _, total in table.rows],
        "series": [
            {
                "name": column.name,
                "color": f"--series-{column.key}",
                "values": [value / HOUR_US for value in column.values],
                "texts": [duration_text(value) if value else "" for value in column.values],
            }
            for column in table.columns
        ],
    }


def usage_chart(report: UsageReport, *, group_by: str, description: str) -> dict[str, Any]:
    """Return bars in the encoding of time: columns for days, else lying bars, largest on top."""
    by_day = group_by == "day"
    rows: Sequence[UsageRow] = report.rows if by_day else report.rows[:TOP_GROUPS]
    return {
        "direction": "columns" if by_day else "rows",
        "description": description,
        "unit": pgettext("unit of a chart's axis", "h"),
        "total": gettext("Billable"),
        "categories": [_category(row, by_day=by_day) for row in rows],
        "sums": [duration_text(row.billable_us) for row in rows],
        "series": [
            _kind(gettext("Working"), "working", [row.activity_us for row in rows])
            | {"texts": [duration_text(row.working_us) for row in rows]},
            _kind(gettext("of which waiting"), "waiting", [row.waiting_us for row in rows]),
            _kind(gettext("Bridged gap"), "bridged", [row.bridged_us for row in rows]),
        ],
    }


def _category(row: UsageRow, *, by_day: bool) -> dict[str, str]:
    if by_day:
        return {"label": day_text(row.key, "short"), "name": day_text(row.key, "weekday")}
    name = row.name or row.handle or gettext("No team")
    return {"label": name, "name": name}


def _kind(name: str, kind: str, values: Sequence[int]) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "values": [value / HOUR_US for value in values],
        "texts": [duration_text(value) if value else "" for value in values],
    }
