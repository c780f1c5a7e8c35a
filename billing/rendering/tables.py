"""The tables that this app exports: their columns, by the public contract."""

from typing import Final

from orgs.rendering.tables import Table

SESSIONS: Final = Table(
    columns=(
        "session_id",
        "organization",
        "member",
        "team",
        "machine",
        "started_at",
        "ended_at",
        "state",
        "billable_seconds",
        "working_seconds",
        "bridged_seconds",
        "event_count",
        "invoice",
    ),
    numbers=frozenset({"billable_seconds", "working_seconds", "bridged_seconds", "event_count"}),
)
USAGE: Final = Table(
    columns=(
        "day",
        "organization",
        "member",
        "team",
        "machine",
        "seconds",
        "hourly_price",
        "amount",
        "currency",
        "session_id",
        "invoice",
    ),
    numbers=frozenset({"seconds", "hourly_price", "amount"}),
)
INVOICES: Final = Table(
    columns=(
        "invoice",
        "line",
        "kind",
        "description",
        "machine",
        "period_start",
        "period_end",
        "quantity_seconds",
        "unit_price",
        "amount",
        "currency",
        "corrects_period",
    ),
    numbers=frozenset({"line", "quantity_seconds", "unit_price", "amount"}),
)
