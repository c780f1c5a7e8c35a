"""A small trace in Standard Workload Format, and the command that imports it."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from django.core.management import call_command

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def job(submit: int, wait: int, run: int, user: int, group: int) -> str:
    """A line of 18 fields; what the import does not read is unknown."""
    return f"9 {submit} {wait} {run} 1 -1 -1 1 -1 -1 1 {user} {group} -1 -1 -1 -1 -1"


# User 3 runs in [10, 610) in two jobs, user 4 in [1000, 1300), seconds after the new year.
LINES = [
    "; UnixStartTime: 1767225600",
    job(0, 10, 600, 3, 7),
    job(100, -1, 300, 3, 8),
    job(50, 0, 0, 5, 7),
    job(60, 0, 100, -1, 7),
    "this is no job",
    job(1000, 0, 300, 4, -1),
]


def write_trace(directory: Path, lines: list[str] = LINES, *, name: str = "cluster-2026") -> Path:
    """A plain file of these lines."""
    path = directory / f"{name}.swf"
    path.write_text("\n".join(lines) + "\n")
    return path


def run_import(path: Path, *arguments: str, slug: str = "acme") -> str:
    """What `import_swf` says; it must succeed and say nothing on standard error."""
    out, err = StringIO(), StringIO()
    call_command("import_swf", path, f"--organization={slug}", *arguments, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


def import_document(path: Path, *arguments: str) -> dict:
    """Its JSON document."""
    return json.loads(run_import(path, *arguments, "--json"))
