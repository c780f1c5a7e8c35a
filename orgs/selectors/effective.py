"""What holds for one member, with the ladder of levels that explains it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orgs.domain.policy import EffectiveSettings, resolve
from orgs.domain.rules import SpendingState
from orgs.domain.settings_documents import settings_digest, settings_document
from orgs.selectors.settings_versions import Held, find_held
from orgs.selectors.standings import load_standings

TRIES: Final = 3
"""A change between two reads makes them differ; again is soon enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainedSettings:
    """Settings with their trace; `held` is the stored row, None before anything was written."""

    settings: EffectiveSettings
    spending: SpendingState
    held: Held | None


def explain_settings(
    *, organization_id: int, member_id: int, at: datetime
) -> ExplainedSettings | None:
    """Return what holds for a member at `at` and why; None for one who has left.

    The trace is worked out anew, revision and instant are those of the stored row; while a change
    commits between the two reads they are read again.
    """
    for _ in range(TRIES - 1):
        found = _look(organization_id, member_id, at)
        if found is None or _is_of_one_moment(found):
            return found
    return _look(organization_id, member_id, at)


def _look(organization_id: int, member_id: int, at: datetime) -> ExplainedSettings | None:
    standings = load_standings(organization_id=organization_id, at=at, member_ids=[member_id])
    if member_id not in standings:
        return None
    return ExplainedSettings(
        settings=resolve(standings[member_id], at=at),
        spending=standings[member_id].spending,
        held=find_held(organization_id=organization_id, member_id=member_id, at=at),
    )


def _is_of_one_moment(found: ExplainedSettings) -> bool:
    document = settings_document(found.settings)
    digest = settings_digest(document, spending=found.spending)
    return found.held is None or bytes(found.held.version.digest) == digest
