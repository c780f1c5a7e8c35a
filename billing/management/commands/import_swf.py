"""`manage.py import_swf`: a workload trace as use of an organization."""

import json
from argparse import ArgumentTypeError
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from billing.domain.instants import instant_of, instant_text
from billing.domain.swf import Rejected, Trace, TraceOutOfRangeError, event_source, shift_to
from billing.management.trace_files import DamagedFile, read_trace_file
from billing.services.swf_import import (
    CannotImportError,
    ImportTally,
    TraceImport,
    import_trace,
)
from orgs.domain.actors import operator
from orgs.management.arguments import organization_of

LINES_PRINTED: Final = 20
LINES_IN_JSON: Final = 1_000
"""Rejected lines that are listed; all are counted."""


class Command(BaseCommand):
    """Imports a trace through the ingest service that the API uses."""

    help = (
        "Import a workload in Standard Workload Format (.swf, .swf.gz) as session events: each "
        "user becomes a member u<ID>@<slug>.example, each group a team g<ID>."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        parser.add_argument("file", type=Path, metavar="FILE", help="the trace")
        parser.add_argument("--organization", metavar="SLUG", required=True)
        parser.add_argument(
            "--start",
            type=_instant,
            metavar="INSTANT",
            help="when the first job begins (RFC 3339); the trace's own dates, if left out",
        )
        parser.add_argument(
            "--idle-timeout", type=int, default=300, metavar="SECONDS", help="10..3600 [300]"
        )
        parser.add_argument("--machine", default="cpu-4x8", help="what the jobs ran on [cpu-4x8]")
        parser.add_argument(
            "--limit", type=_count, metavar="N", help="only the first N jobs of the file"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and say what came of it; exit 1 when a part could not be read or stored."""
        organization = organization_of(options["organization"])
        path: Path = options["file"]
        trace, fault = _read(path, limit=options["limit"])
        try:
            start: datetime | None = options["start"]
            wanted = TraceImport(
                organization=organization,
                trace=trace,
                source=event_source(path.name),
                machine=options["machine"],
                idle_timeout=options["idle_timeout"],
                shift_us=shift_to(
                    trace=trace, start_at=None if start is None else instant_of(start)
                ),
            )
            tally, failure = self._import(wanted)
        except (CannotImportError, TraceOutOfRangeError) as error:
            raise CommandError(str(error)) from error
        report = _Report(path=path, wanted=wanted, tally=tally, error=failure or fault)
        self.stdout.write(report.json() if options["json"] else report.text())
        if report.error:
            raise CommandError(report.error)

    def _import(self, wanted: TraceImport) -> tuple[ImportTally, str]:
        """Import batch by batch; return the tally, and what stopped it."""
        tally = ImportTally()
        total = wanted.event_count
        is_watched = self.stderr.isatty()
        try:
            for tally in import_trace(
                wanted, actor=operator(label="import_swf"), now=timezone.now()
            ):
                if is_watched:
                    self.stderr.write(f"\r{tally.events:,} of {total:,} events", ending="")
        except DatabaseError as error:
            return tally, (
                f"the database stopped the import after {tally.events:,} of {total:,} events "
                f"(the same command goes on from there): {_first_line(error)}"
            )
        finally:
            if is_watched:
                self.stderr.write("")
        refused = tally.refusals.total()
        return tally, f"ingest refused {refused:,} events" if refused else ""


class _Report:
    """What is said at the end, for people or as one document."""

    def __init__(self, *, path: Path, wanted: TraceImport, tally: ImportTally, error: str) -> None:
        self.error = error
        self._path = path
        self._wanted = wanted
        self._trace = wanted.trace
        self._tally = tally

    def json(self) -> str:
        """Return one JSON document; instants are RFC 3339."""
        trace, tally = self._trace, self._tally
        return json.dumps(
            {
                "organization": self._wanted.organization.slug,
                "source": self._wanted.source,
                "events": tally.events,
                "accepted": tally.accepted,
                "duplicates": tally.duplicates,
                "refused": dict(tally.refusals),
                "users": len(trace.running),
                "jobs": trace.job_count,
                "skipped": {why.value: count for why, count in trace.skipped.items()},
                "rejected_count": trace.rejected_count,
                "rejected": [
                    {"line": line.line_number, "reason": line.reason.value}
                    for line in trace.rejected[:LINES_IN_JSON]
                ],
                "first_begin": self._instant(trace.begin_at),
                "last_end": self._instant(trace.end_at),
                "error": self.error or None,
            }
        )

    def text(self) -> str:
        """Return some lines for people."""
        trace, tally = self._trace, self._tally
        skipped = ", ".join(f"{count:,} {_words(why)}" for why, count in trace.skipped.items())
        counts = f"{tally.accepted:,} new, {tally.duplicates:,} known already"
        lines = [
            f"Imported {self._path.name} into {self._wanted.organization.slug}",
            f"  events    {tally.events:,} reported: {counts}",
            f"  users     {len(trace.running):,}",
            f"  jobs      {trace.job_count:,}, of which skipped: {skipped}",
            f"  time      {self._span()}",
            f"  rejected  {trace.rejected_count:,} lines",
        ]
        lines += _listed(trace.rejected, count=trace.rejected_count)
        for code, count in tally.refusals.items():
            lines.append(f"  refused   {count:,} events: {_words(code)}")
        lines += [f"    {verdict.event_id}: {verdict.detail}" for verdict in tally.first_refused]
        return "\n".join(lines)

    def _span(self) -> str:
        begin, end = self._instant(self._trace.begin_at), self._instant(self._trace.end_at)
        return f"{begin} to {end}" if begin else "nothing ran"

    def _instant(self, at: int | None) -> str | None:
        return None if at is None else instant_text(at + self._wanted.shift_us)


def _read(path: Path, *, limit: int | None) -> tuple[Trace, str]:
    """Return the trace and, when its file is damaged, a sentence about that."""
    try:
        return read_trace_file(path, limit=limit), ""
    except DamagedFile as damaged:
        if not damaged.trace.job_count:
            raise CommandError(f"{path} is damaged, nothing was imported: {damaged}") from damaged
        return damaged.trace, (
            f"{path} is damaged after {damaged.trace.job_count:,} jobs, "
            f"which were imported: {damaged}"
        )
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror or error}") from error


def _listed(rejected: tuple[Rejected, ...], *, count: int) -> list[str]:
    shown = rejected[:LINES_PRINTED]
    lines = [f"    line {line.line_number}: {_words(line.reason)}" for line in shown]
    if count > len(shown):
        lines.append(f"    … and {count - len(shown):,} more")
    return lines


def _words(code: str) -> str:
    return str(code).replace("_", " ")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not an instant") from error
    if instant.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} needs a zone, for example a final Z")
    return instant


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a number of jobs, which is at least 1")
    return int(text)
