"""Writing what holds for each member from now on, whenever something that decides it changed."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from orgs.domain.audit import Json
from orgs.domain.policy import EffectiveSettings, Standing, schedule
from orgs.domain.rules import SpendingState
from orgs.domain.settings_documents import settings_digest, settings_document
from orgs.models import SettingsHead
from orgs.selectors.settings_versions import Held, Written, find_held, list_written_from
from orgs.selectors.standings import load_standings


class _Content(NamedTuple):
    """What holds for everyone who stands alike, from `since` on."""

    since: datetime
    digest: bytes
    settings: EffectiveSettings
    document: dict[str, Json]
    spending: SpendingState


class _Row(NamedTuple):
    member_id: int
    revision: int
    content: _Content


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
    written = list_written_from(organization_id=organization_id, member_ids=standings, at=at)
    first = head.revision + 1 if revision is None else revision
    contents: dict[Standing, list[_Content]] = {}  # many members stand alike
    rows: list[_Row] = []
    changed: list[int] = []
    for member_id, standing in standings.items():
        if standing not in contents:
            contents[standing] = _contents(standing, at=at)
        wanted = contents[standing]
        kept = written.get(member_id, [])
        is_same_now = bool(kept) and kept[0].digest == wanted[0].digest
        if not is_same_now:
            changed.append(member_id)
        elif _lies_ahead(kept) == _lies_ahead(wanted):
            continue
        # when only what lies ahead changed, what holds keeps its revision
        revisions = [
            kept[0].revision if is_same_now else first,
            *range(first + 1, first + len(wanted)),
        ]
        rows += [
            _Row(member_id, number, content)
            for number, content in zip(revisions, wanted, strict=True)
        ]
    _store(organization_id, rows)
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


def _contents(standing: Standing, *, at: datetime) -> list[_Content]:
    contents: list[_Content] = []
    for since, settings in schedule(standing, at=at):
        document = settings_document(settings)
        digest = settings_digest(document, spending=standing.spending)
        # an end that changes the trace alone is no news for a Desktop, so no new revision
        if not contents or digest != contents[-1].digest:
            contents.append(_Content(since, digest, settings, document, standing.spending))
    return contents


def _lies_ahead(rows: Sequence[Written] | Sequence[_Content]) -> list[tuple[datetime, bytes]]:
    return [(row.since, row.digest) for row in rows[1:]]


def _store(organization_id: int, rows: Sequence[_Row]) -> None:
    """Insert rows in the given order; each content, which many may share, is sent once."""
    contents = {row.content.digest: row.content for row in rows}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orgs_settingsversion
                   (organization_id, member_id, revision, since, settings, spending, digest,
                    is_offload_enabled, is_gpu_enabled, idle_timeout_seconds)
            SELECT %s, member_id, revision, since, settings::jsonb, spending, digest,
                   is_offload_enabled, is_gpu_enabled, idle_timeout_seconds
              FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::bytea[])
                   WITH ORDINALITY AS wanted (member_id, revision, since, digest, place)
              JOIN unnest(%s::bytea[], %s::text[], %s::text[], %s::bool[], %s::bool[], %s::int[])
                   AS content (digest, settings, spending, is_offload_enabled, is_gpu_enabled,
                               idle_timeout_seconds)
             USING (digest)
             ORDER BY place
            """,
            [
                organization_id,
                [row.member_id for row in rows],
                [row.revision for row in rows],
                [row.content.since for row in rows],
                [row.content.digest for row in rows],
                list(contents),
                [json.dumps(content.document) for content in contents.values()],
                [content.spending.value for content in contents.values()],
                [content.settings.offload_enabled.value for content in contents.values()],
                [content.settings.gpu_enabled.value for content in contents.values()],
                [content.settings.idle_timeout_seconds.value for content in contents.values()],
            ],
        )
