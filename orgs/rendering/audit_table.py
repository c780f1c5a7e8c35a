"""The audit log as a table for spreadsheets; the file that proves itself is another one."""

import json
from datetime import UTC
from typing import Final

from orgs.domain.audit_log import LoggedEvent
from orgs.rendering.audit_sentences import actor_text, sentence_text, target_text
from orgs.rendering.tables import Row, Table

AUDIT: Final = Table(
    columns=(
        "sequence",
        "at",
        "actor_kind",
        "actor",
        "action",
        "sentence",
        "target_kind",
        "target_id",
        "target",
        "changes",
        "reason",
        "address",
        "hash",
    ),
    numbers=frozenset({"sequence"}),
)
"""`sentence` is in the reader's language; `changes` is the diff as JSON."""


def audit_row(event: LoggedEvent) -> Row:
    """Return an event as a row of `AUDIT`."""
    return (
        event.sequence,
        event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        event.actor_kind.value,
        actor_text(event),
        event.action,
        sentence_text(event),
        event.target_kind,
        event.target_id,
        target_text(event),
        json.dumps(event.diff, ensure_ascii=False, sort_keys=True) if event.diff else None,
        event.reason or None,
        event.address,
        event.hash,
    )
