"""The table that `make bench` prints, with the machine and the versions."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("Django", "psycopg", "granian", "msgspec", "duckdb")


class Row(NamedTuple):
    """One figure: a ratio, what it must be, and what was measured."""

    number: str
    what: str
    figure: str
    target: str
    raw: str


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = ("#", "ratio", "figure", "target", "measured")
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)


def machine(load: float) -> str:
    """Return processor, memory, kernel, versions; `load` is what ran before the benchmarks did."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0].split()[0]
        connection.close()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release().split('-')[0]}, load before {load:.1f}\n"
        f"Python {platform.python_version()}, PostgreSQL {server}, {packages}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
