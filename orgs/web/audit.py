"""The audit log: who did what, with filters in the address, and as files."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.safestring import SafeString

from orgs.access.files import streamed_file
from orgs.access.organizations import OrganizationPage
from orgs.access.pages import WORD_CHARACTERS, ConsolePage
from orgs.domain.actors import ActorKind
from orgs.domain.audit_actions import TARGET_KINDS, ActionGroup
from orgs.domain.audit_log import LoggedEvent
from orgs.domain.roles import Capability
from orgs.rendering.audit_fields import FIELDS_SHOWN, FieldChange, field_changes
from orgs.rendering.audit_sentences import actor_text, sentence_html
from orgs.rendering.audit_table import AUDIT, audit_row
from orgs.rendering.audit_words import (
    ACTOR_KIND_WORDS,
    GROUP_WORDS,
    TARGET_WORDS,
    problem_text,
)
from orgs.rendering.tables import csv_pieces
from orgs.selectors.audit_export import audit_file, find_range
from orgs.selectors.audit_log import AuditFilter, list_events, stream_events
from orgs.selectors.audit_state import get_chain_state

PAGE_EVENTS: Final = 50
SEQUENCE_DIGITS: Final = 18
VERIFIER: Final = "clients/verify_audit.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An event in words."""

    event: LoggedEvent
    day: date
    actor: str
    actor_kind: str
    sentence: SafeString
    changes: list[FieldChange]
    hidden: int

    @property
    def count(self) -> int:
        """How many fields there are, with those that are not shown."""
        return len(self.changes) + self.hidden


class AuditReader(OrganizationPage):
    """What every address of the audit log reads from its query."""

    capability = Capability.AUDIT_READ

    def word(self, name: str) -> str:
        """Return a word of the query, at most 254 characters, NUL left out."""
        return self.request.GET.get(name, "").replace("\0", "").strip()[:WORD_CHARACTERS]

    def narrowed(self) -> AuditFilter:
        """Return the filter of the query; words that make no sense are left out."""
        kind, group, target = self.word("kind"), self.word("group"), self.word("target")
        return AuditFilter(
            actor=self.word("actor"),
            actor_kind=ActorKind(kind) if kind in set(ActorKind) else None,
            group=ActionGroup(group) if group in set(ActionGroup) else None,
            target_kind=target if target in TARGET_KINDS else "",
            text=self.word("text"),
            since=self._start_of("from"),
            until=self._start_of("to", days=1),
        )

    def day(self, name: str) -> date | None:
        """Return a date of the query (`YYYY-MM-DD`); None if it is absent or none."""
        try:
            return date.fromisoformat(self.word(name))
        except ValueError:
            return None

    def _start_of(self, name: str, *, days: int = 0) -> datetime | None:
        day = self.day(name)
        if day is None or day.year in {date.min.year, date.max.year}:
            return None
        return datetime.combine(day + timedelta(days=days), time(), tzinfo=UTC)


class AuditPage(AuditReader, ConsolePage):  # type: ignore[misc] # `request` is narrower here
    """`/o/<slug>/audit/`: newest first, by day; `before` is the sequence that a page ends at."""

    section = "audit"
    template_name = "orgs/audit.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the entries that the address asks for, and whether the chain holds."""
        organization_id = self.request.organization.pk
        narrowed, before = self.narrowed(), self.word("before")
        is_number = before.isascii() and before.isdigit() and len(before) <= SEQUENCE_DIGITS
        events = list_events(
            organization_id=organization_id,
            narrowed=narrowed,
            before=int(before) if is_number else None,
            number=PAGE_EVENTS + 1,
        )
        shown = events[:PAGE_EVENTS]
        state = get_chain_state(organization_id=organization_id)
        return super().get_context_data(
            entries=[self._entry(event) for event in shown],
            older=shown[-1].sequence if len(events) > PAGE_EVENTS else None,
            is_first=not is_number,
            narrowed=narrowed,
            from_day=self.day("from"),
            to_day=self.day("to"),
            state=state,
            problem=problem_text(state.fault.problem) if state.fault else "",
            actor_kinds=ACTOR_KIND_WORDS.items(),
            groups=GROUP_WORDS.items(),
            target_kinds=TARGET_WORDS.items(),
            **kwargs,
        )

    def _entry(self, event: LoggedEvent) -> Entry:
        return Entry(
            event=event,
            day=event.at.astimezone(UTC).date(),
            actor=actor_text(event),
            actor_kind=str(ACTOR_KIND_WORDS[event.actor_kind]),
            sentence=sentence_html(event),
            changes=field_changes(event, zone=self.zone),
            hidden=max(0, len(event.diff) - FIELDS_SHOWN),
        )


class AuditCsv(AuditReader):
    """`…/audit/log.csv`: exactly what the filter shows, oldest first, in the reader's language."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """Return the table."""
        organization = self.request.organization
        events = stream_events(organization_id=organization.pk, narrowed=self.narrowed())
        pieces = csv_pieces(map(audit_row, events), table=AUDIT)
        return streamed_file(pieces, slug=organization.slug, ending="csv", at=timezone.now())


class AuditFile(AuditReader):
    """`…/audit/log.jsonl`: the file that proves itself; of the filter only its days count."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """Return the file."""
        organization, now = self.request.organization, timezone.now()
        narrowed = self.narrowed()
        wanted = find_range(
            organization_id=organization.pk, since=narrowed.since, until=narrowed.until
        )
        pieces = audit_file(organization=organization, wanted=wanted, exported_at=now)
        return streamed_file(pieces, slug=organization.slug, ending="jsonl", at=now)


class AuditVerifier(OrganizationPage):
    """`…/audit/verify_audit.py`: the program that verifies the file, to take home."""

    capability = Capability.AUDIT_READ

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the program."""
        path = Path(settings.BASE_DIR) / VERIFIER
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
