"""The tables of docs/continuity-rule.md, made of the worked cases.

Run `python -m tests.billing.domain.continuity_document` after a change of the cases; a test fails
until the document shows them.
"""

from itertools import groupby
from pathlib import Path

from tests.billing.domain.worked_boundaries import GROUPS
from tests.billing.domain.worked_cases import LONG_AFTER, STATED, Case, Expected, Told

DOCUMENT = Path(__file__).parents[3] / "docs" / "continuity-rule.md"
BEGIN = "<!-- worked cases: made by tests/billing/domain/continuity_document.py -->"
END = "<!-- worked cases: end -->"
HEAD = "| case | timeout (s) | events (s) | as of (s) | sessions (s) |\n|---|---|---|---|---|\n"
MOST_TIMES_SHOWN = 5
INSTANTS = {"idles_at": "idles at", "idle_since": "idle since", "purges_at": "purges at"}


def tables() -> str:
    """Return all worked cases as Markdown tables, one under each heading."""
    groups = {"The rule": STATED, **GROUPS}
    return "\n".join(
        f"### {heading}\n\n{HEAD}{''.join(map(row, cases))}" for heading, cases in groups.items()
    )


def row(case: Case) -> str:
    cells = (
        case.what,
        timeouts(case.events),
        told(case.events),
        "" if case.as_of == LONG_AFTER else str(case.as_of),
        "; ".join(shown(session, several=machines(case) > 1) for session in case.sessions)
        or "none",
    )
    return f"| {' | '.join(cells)} |\n"


def machines(case: Case) -> int:
    return len({event.on for event in case.events})


def timeouts(events: tuple[Told, ...]) -> str:
    """Return the timeouts in force, in the order of the events; only those of `active` count."""
    distinct = dict.fromkeys(str(event.t) for event in events if event.kind == "active")
    return ", then ".join(distinct)


def told(events: tuple[Told, ...]) -> str:
    """Return the events in words; machines where there are several, timeouts where they differ."""
    several = len({event.on for event in events}) > 1
    differ = len({event.t for event in events}) > 1
    words = []
    for (kind, on, t), run in groupby(events, key=lambda event: (event.kind, event.on, event.t)):
        times = [str(event.at) for event in run]
        if len(times) > MOST_TIMES_SHOWN:
            times = [*times[:3], "…", times[-1]]
        notes = [on] * several + [f"timeout {t}"] * differ
        note = f" ({', '.join(notes)})" if notes else ""
        words.append(f"{kind} {', '.join(times)}{note}")
    return "; ".join(words)


def shown(session: Expected, *, several: bool) -> str:
    """Return a session in words: its span, machine, bill, and what else is said."""
    span = f"{session.start}..{session.until}"
    parts = [f"{span} {session.on}" if several else span, f"billed {session.billed}"]
    if session.bridged:
        parts.append(f"bridged {session.bridged}")
    if "state" in session.said:
        parts.append(str(session.said["state"]))
    parts += [
        f"{words} {session.said[name]}"
        for name, words in INSTANTS.items()
        if session.said.get(name) is not None
    ]
    return ", ".join(parts)


def parts_of(document: str) -> tuple[str, str, str]:
    """Return what stands before the tables, the tables, and what stands after them."""
    before, rest = document.split(f"{BEGIN}\n")
    shown_tables, after = rest.split(END)
    return before, shown_tables, after


def main() -> None:
    """Write the tables anew, and nothing else."""
    before, _, after = parts_of(DOCUMENT.read_text(encoding="utf-8"))
    DOCUMENT.write_text(f"{before}{BEGIN}\n{tables()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
