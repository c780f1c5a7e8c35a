"""An entry of the audit log as its readers see it, with names for ids; values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from orgs.domain.actors import ActorKind
from orgs.domain.audit import ADDRESS, Json

Names: TypeAlias = Mapping[tuple[str, str], str]
"""What things are called now, by (kind, id); an erased person by the pseudonym they got."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedEvent:
    """One event. `personal` holds None for a value that was erased."""

    organization_id: int
    sequence: int
    at: datetime
    actor_kind: ActorKind
    actor_member_id: int | None
    actor_token_id: int | None
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    diff: Mapping[str, Json]
    personal: Mapping[str, str | None]
    reason: str
    previous_hash: str
    hash: str
    names: Names = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str | None:
        """Where the request came from; None if it came from nowhere, or was erased."""
        return self.personal.get(ADDRESS)

    def name_of(self, kind: str, number: object) -> str:
        """Return what a thing is called now: its name, or `#id` where there is none."""
        return self.names.get((kind, str(number))) or f"#{number}"
