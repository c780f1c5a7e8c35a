"""`python -m tests.bench [B1 …]`: run the benchmarks named, or all, and print one table."""

import os
import sys
from importlib import import_module

from tests.bench.place import database
from tests.bench.report import machine, table

PROGRAMS = {
    "B1": "ingest",
    "B2": "backlog",
    "B3": "one_event",
    "B4": "late_event",
    "B5": "desktop_poll",
    "B11": "convergence",
}


def main() -> None:
    """Measure on one database, one benchmark after the other."""
    wanted = sys.argv[1:] or list(PROGRAMS)
    unknown = set(wanted) - set(PROGRAMS)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {list(PROGRAMS)}")
    load, _, _ = os.getloadavg()
    with database():
        rows = []
        for number in wanted:
            print(f"{number} …", file=sys.stderr, flush=True)
            rows += import_module(f"tests.bench.{PROGRAMS[number]}").run()
        print(table(rows), machine(load), sep="\n\n")


if __name__ == "__main__":
    main()
