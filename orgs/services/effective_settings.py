"""Writing what holds for each member from now on, whenever something that decides it changed."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from orgs.domain.audit import Json
from orgs.domain.policy import EffectiveSettings, Standing, schedule
from orgs.domain.settings_documents import settings_document
from orgs.models import SettingsHead, SettingsVersion
from orgs.selectors.settings_versions import Held, find_held, list_from
from orgs.selectors.standings import load_standings

ROWS_AT_ONCE = 10_000
"""Rows of one INSERT."""


class _Wanted(NamedTuple):
    since: datetime
    settings: EffectiveSettings
    document: dict[str, Json]


def lock_settings(*, organization_id: int) -> None:
    """Keep other writers of the organization's settings out until the transaction ends.

    Whoever compares before writing takes it first, before rows of policy or exceptions.
    """
    _bump(organization_id, generations=0)


def next_revision(*, organization_id: int) -> int:
    """Return a new revision of the organization."""
    return _bump(organization_id, revisions=1).revision


def bump_generation(*, organization_id: int) -> None:
    """Make every process read anew what it remembers of the organization's Desktops."""
    _bump(organization_id)


def refresh_settings(
    *,
    organization_id: int,
    at: datetime,
    member_ids: Collection[int] | None = None,
    revision: int | None = None,
) -> list[int]:
    """Write the settings of members whose effective settings changed; return those members' ids.

    Call it in the transaction of the change, after everything else but the audit trail. Looks at
    all members when none are named. Changed members get `revision`, or a new one. What will hold
    when an exception ends is written too, so nothing has to run at that instant. Two calls of
    one organization wait for each other, so the later one sees what the earlier one changed.
    """
    head = _bump(organization_id)
    standings = load_standings(organization_id=organization_id, at=at, member_ids=member_ids)
    stored = list_from(organization_id=organization_id, member_ids=list(standings), at=at)
    first = head.revision + 1 if revision is None else revision
    schedules: dict[Standing, list[_Wanted]] = {}  # many members stand alike
    rows: list[SettingsVersion] = []
    changed: list[int] = []
    for member_id, standing in standings.items():
        wanted = schedules.get(standing)
        if wanted is None:
            wanted = schedules[standing] = _wanted(standing, at=at)
        made, is_changed = _rows(
            stored.get(member_id, []), wanted, first_revision=first, standing=standing
        )
        for row in made:
            row.organization_id, row.member_id = organization_id, member_id
        rows += made
        if is_changed:
            changed.append(member_id)
    SettingsVersion.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    last = max((row.revision for row in rows), default=head.revision)
    if last > head.revision:
        _bump(organization_id, revisions=last - head.revision)
    return changed


def ensure_settings(*, organization_id: int, member_id: int, at: datetime) -> Held:
    """Return what holds for a member who has not left, writing it where nothing ever was.

    That is for members who came by other means than the services, such as imported rows. Call it
    outside of a transaction: the writing has its own.
    """
    held = find_held(organization_id=organization_id, member_id=member_id, at=at)
    if held is None:
        with transaction.atomic():
            refresh_settings(organization_id=organization_id, at=at, member_ids=[member_id])
        held = find_held(organization_id=organization_id, member_id=member_id, at=at)
    if held is None:
        msg = f"there is no member {member_id} in organization {organization_id}"
        raise LookupError(msg)
    return held


def _bump(organization_id: int, *, revisions: int = 0, generations: int = 1) -> SettingsHead:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orgs_settingshead AS head (organization_id, revision, generation)
            VALUES (%(organization)s, %(revisions)s, %(generations)s)
            ON CONFLICT (organization_id) DO UPDATE
               SET revision = head.revision + %(revisions)s,
                   generation = head.generation + %(generations)s
            RETURNING revision, generation
            """,
            {
                "organization": organization_id,
                "revisions": revisions,
                "generations": generations,
            },
        )
        revision, generation = cursor.fetchone() or (0, 0)
    return SettingsHead(organization_id=organization_id, revision=revision, generation=generation)


def _wanted(standing: Standing, *, at: datetime) -> list[_Wanted]:
    wanted: list[_Wanted] = []
    for since, settings in schedule(standing, at=at):
        document = settings_document(settings)
        # an end that changes the trace alone is no news for a Desktop, so no new revision
        if not wanted or document != wanted[-1].document:
            wanted.append(_Wanted(since, settings, document))
    return wanted


def _rows(
    stored: list[SettingsVersion],
    wanted: list[_Wanted],
    *,
    first_revision: int,
    standing: Standing,
) -> tuple[list[SettingsVersion], bool]:
    """Return the rows to add, without their member, and whether what holds now is new."""
    spending = standing.spending.value
    held = stored[0] if stored else None
    is_same_now = held is not None and (held.settings, held.spending) == (
        wanted[0].document,
        spending,
    )
    ahead = [(row.since, row.settings, row.spending) for row in stored[1:]]
    if is_same_now and ahead == [
        (period.since, period.document, spending) for period in wanted[1:]
    ]:
        return [], False
    rows = [
        SettingsVersion(
            revision=first_revision + index,
            since=period.since,
            settings=period.document,
            spending=spending,
            is_offload_enabled=period.settings.offload_enabled.value,
            is_gpu_enabled=period.settings.gpu_enabled.value,
            idle_timeout_seconds=period.settings.idle_timeout_seconds.value,
        )
        for index, period in enumerate(wanted)
    ]
    if is_same_now and held is not None:
        rows[0].revision = held.revision  # what lies ahead changed, not what holds
    return rows, not is_same_now
