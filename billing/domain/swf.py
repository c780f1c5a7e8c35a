"""Workload traces in Standard Workload Format (SWF), read as a runner would have reported them.

A trace is a text of one job a line, 18 numbers each, `-1` for what is unknown; lines that begin
with `;` are comments, of which the one `; UnixStartTime:` before the first job counts. Columns
beyond the 18th are the site's own and not read. Used, by their places from 1 on: 2 submit, 3 wait,
4 run time (seconds), 12 user, 13 group. A job runs `[submit + wait, + run)`.

Instants are `int` microseconds since the Unix epoch, UTC, durations `int` microseconds; digits
below a microsecond are cut off. Nothing in a file raises: a line that cannot be used becomes a
`Rejected`. The work and the memory are those of the jobs, never of the events.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final, NamedTuple

from billing.domain.instants import DAY_US, SECOND_US

MOST_LINE_BYTES: Final = 1 << 20
"""Longest line that is read; the list of a job's nodes, a site column, may be long."""
MOST_REJECTED_KEPT: Final = 10_000
"""Rejected lines that a trace describes; further ones are counted. A file may be pure noise."""
LONGEST_RUN_US: Final = 366 * DAY_US
"""No job runs for over a year: such a line is damaged, and would report for ever."""
END_OF_TIME_US: Final = 7_258_118_400 * SECOND_US
"""2200-01-01T00:00:00Z, where billing periods end."""
GREATEST_ID: Final = (1 << 31) - 1
"""Greatest id of a user or group; ids become parts of names."""

_FIELDS: Final = 18
_SUBMIT, _WAIT, _RUN, _USER, _GROUP = 1, 2, 3, 11, 12
_UNKNOWN_US: Final = -SECOND_US
_START_TIME = re.compile(rb";+\s*UnixStartTime\s*:\s*(\S*)", re.IGNORECASE)
# Twelve digits of seconds are 31,000 years; a longer number is not worth its conversion.
_NUMBER = re.compile(rb"(-?)([0-9]{1,12})(?:\.([0-9]{0,30}))?", re.ASCII)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Reason(StrEnum):
    """Why a line was rejected."""

    TOO_LONG = "line_too_long"
    NOT_TEXT = "not_text"
    TOO_FEW_FIELDS = "too_few_fields"
    START_TIME = "bad_unix_start_time"
    SUBMIT = "bad_submit_time"
    WAIT = "bad_wait_time"
    RUN = "bad_run_time"
    USER = "bad_user"
    GROUP = "bad_group"
    OUT_OF_RANGE = "time_out_of_range"


class SkippedWhy(StrEnum):
    """Why a sound job reports nothing."""

    NO_RUN_TIME = "no_run_time"
    UNKNOWN_USER = "unknown_user"


class Rejected(NamedTuple):
    """A line (counted from 1) that cannot be used, and why."""

    line_number: int
    reason: Reason


class Skipped(NamedTuple):
    """A job that did not run, or of nobody."""

    line_number: int
    why: SkippedWhy


class Job(NamedTuple):
    """A job that ran in `[begin_at, end_at)`; `group` is `None` where unknown."""

    line_number: int
    user: int
    group: int | None
    begin_at: int
    end_at: int


class Interval(NamedTuple):
    """The instants `[begin_at, end_at)`, never empty."""

    begin_at: int
    end_at: int


class Activity(NamedTuple):
    """An `active` event to report: whose, and when."""

    user: int
    at: int


class TraceOutOfRangeError(ValueError):
    """The shift would move a job out of the years 1970 to 2199."""


class _UnusableError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """What a trace says.

    `running` holds for each user, in order of id, the union of the running intervals: in order,
    apart from each other. `groups` holds each user's known groups in order of appearance, so the
    first is the primary one. `job_count` includes the `skipped` jobs. `rejected` is cut at
    MOST_REJECTED_KEPT, `rejected_count` is not.
    """

    running: dict[int, tuple[Interval, ...]]
    groups: dict[int, tuple[int, ...]]
    job_count: int
    skipped: dict[SkippedWhy, int]
    rejected: tuple[Rejected, ...]
    rejected_count: int

    @property
    def begin_at(self) -> int | None:
        """The instant at which the first job began; `None` without any job."""
        return min((intervals[0].begin_at for intervals in self.running.values()), default=None)

    @property
    def end_at(self) -> int | None:
        """The instant at which the last job ended; `None` without any job."""
        return max((intervals[-1].end_at for intervals in self.running.values()), default=None)


def read_trace(*, lines: Iterable[bytes], limit: int | None = None) -> Trace:
    """Read a trace up to its end, or up to its `limit`th job, skipped ones included.

    Lines come as `split_lines` gives them. A bad line is rejected and never stops the reading.
    """
    intervals: dict[int, list[Interval]] = {}
    groups: dict[int, dict[int, None]] = {}
    skipped = dict.fromkeys(SkippedWhy, 0)
    rejected: list[Rejected] = []
    rejected_count = job_count = 0
    for entry in _entries(lines):
        if job_count == limit:
            break
        if isinstance(entry, Rejected):
            rejected_count += 1
            if rejected_count <= MOST_REJECTED_KEPT:
                rejected.append(entry)
            continue
        job_count += 1
        if isinstance(entry, Skipped):
            skipped[entry.why] += 1
            continue
        intervals.setdefault(entry.user, []).append(Interval(entry.begin_at, entry.end_at))
        known = groups.setdefault(entry.user, {})
        if entry.group is not None:
            known[entry.group] = None
    return Trace(
        running={user: _union(intervals[user]) for user in sorted(intervals)},
        groups={user: tuple(groups[user]) for user in sorted(groups)},
        job_count=job_count,
        skipped=skipped,
        rejected=tuple(rejected),
        rejected_count=rejected_count,
    )


def shift_to(*, trace: Trace, start_at: int | None) -> int:
    """Return by how much (us) the trace moves so that its first job begins at `start_at`.

    Zero without a start, or without jobs.

    Raises:
        TraceOutOfRangeError: a job would leave the years 1970 to 2199.
    """
    begin_at, end_at = trace.begin_at, trace.end_at
    if start_at is None or begin_at is None or end_at is None:
        return 0
    shift_us = start_at - begin_at
    if start_at < 0 or end_at + shift_us >= END_OF_TIME_US:
        raise TraceOutOfRangeError("the trace would leave the years 1970 to 2199")
    return shift_us


def events_of(*, trace: Trace, idle_timeout: int, shift_us: int = 0) -> Iterator[Activity]:
    """Yield what a runner would have reported: users by id, each one's instants in order.

    For each running interval of a user `active` at its begin, again every `idle_timeout / 2`
    (whole seconds in, exact microseconds out) and at its end. No instant of a user comes twice.
    """
    step_us = idle_timeout * SECOND_US // 2  # a second has an even number of microseconds
    for user, intervals in trace.running.items():
        for begin_at, end_at in intervals:
            for at in range(begin_at + shift_us, end_at + shift_us, step_us):
                yield Activity(user, at)
            yield Activity(user, end_at + shift_us)


def count_events(*, trace: Trace, idle_timeout: int) -> int:
    """Return how many events `events_of` yields, without making them."""
    step_us = idle_timeout * SECOND_US // 2
    return sum(
        -(-(end_at - begin_at) // step_us) + 1
        for intervals in trace.running.values()
        for begin_at, end_at in intervals
    )


def event_id(activity: Activity) -> str:
    """Return the event's id: the same for the same user and instant, at every import."""
    return f"u{activity.user}-{activity.at}"


def event_source(trace_name: str) -> str:
    """Return the source of the events of a trace, from the name of its file without directories.

    `metacentrum-2013.swf.gz` gives `swf/metacentrum-2013`. Characters that a source should not
    hold become `-`; at most 128 characters.
    """
    stem = re.sub(r"(\.swf)?(\.gz)?$", "", trace_name, flags=re.IGNORECASE)
    return f"swf/{re.sub(r'[^A-Za-z0-9._-]', '-', stem)}"[:128]


def split_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file that is read in blocks, without their line ends.

    A line beyond MOST_LINE_BYTES is cut one byte behind them, enough to be known as too long,
    and its rest is never held in memory.
    """
    pieces: list[bytes] = []
    held = 0
    for block in blocks:
        first, *others = block.split(b"\n")
        for piece, is_new in ((first, False), *((other, True) for other in others)):
            if is_new:
                yield b"".join(pieces)
                pieces, held = [], 0
            kept = piece[: MOST_LINE_BYTES + 1 - held]
            if kept:
                pieces.append(kept)
                held += len(kept)
    if pieces:
        yield b"".join(pieces)


def _entries(lines: Iterable[bytes]) -> Iterator[Job | Skipped | Rejected]:
    """Yield what each line that is neither empty nor a comment says, in the order of the file."""
    epoch_us: int | None = None
    is_header = True
    for line_number, raw in zip(count(1), lines, strict=False):
        line = raw.removeprefix(_BYTE_ORDER_MARK) if line_number == 1 else raw
        text = line.strip()
        if not text:
            continue
        try:
            if text.startswith(b";"):
                found = _START_TIME.match(text)
                if found and epoch_us is None and is_header:
                    epoch_us = _start_time(found[1])
                continue
            entry = _job(line, line_number=line_number, epoch_us=epoch_us or 0)
            is_header = False
            yield entry
        except _UnusableError as unusable:
            yield Rejected(line_number, unusable.reason)


def _job(line: bytes, *, line_number: int, epoch_us: int) -> Job | Skipped:
    if len(line) > MOST_LINE_BYTES:
        raise _UnusableError(Reason.TOO_LONG)
    if b"\0" in line:
        raise _UnusableError(Reason.NOT_TEXT)
    fields = line.split(None, _FIELDS)
    if len(fields) < _FIELDS:
        raise _UnusableError(Reason.TOO_FEW_FIELDS)
    run_us = _microseconds(fields[_RUN], Reason.RUN)
    user = _id(fields[_USER], Reason.USER)
    group = _id(fields[_GROUP], Reason.GROUP)
    if run_us <= 0:
        return Skipped(line_number, SkippedWhy.NO_RUN_TIME)
    if user is None:
        return Skipped(line_number, SkippedWhy.UNKNOWN_USER)
    begin_at = epoch_us + _begins(fields)
    if run_us > LONGEST_RUN_US or begin_at + run_us >= END_OF_TIME_US:
        raise _UnusableError(Reason.OUT_OF_RANGE)
    return Job(line_number, user, group, begin_at, begin_at + run_us)


def _begins(fields: list[bytes]) -> int:
    """Return submit + wait, from the start of the trace on; an unknown wait counts as none."""
    submit_us = _microseconds(fields[_SUBMIT], Reason.SUBMIT)
    wait_us = _microseconds(fields[_WAIT], Reason.WAIT)
    if submit_us < 0:  # unknown, or before the trace itself
        raise _UnusableError(Reason.SUBMIT)
    if wait_us == _UNKNOWN_US:
        return submit_us
    if wait_us < 0:
        raise _UnusableError(Reason.WAIT)
    return submit_us + wait_us


def _start_time(text: bytes) -> int:
    epoch_us = _microseconds(text, Reason.START_TIME)
    if not 0 <= epoch_us < END_OF_TIME_US:
        raise _UnusableError(Reason.START_TIME)
    return epoch_us


def _microseconds(field: bytes, reason: Reason) -> int:
    """Return seconds as microseconds; digits below are cut off."""
    number = _NUMBER.fullmatch(field)
    if number is None:
        raise _UnusableError(reason)
    sign, whole, part = number.groups()
    microseconds = int(whole) * SECOND_US
    if part:
        microseconds += int(part[:6].ljust(6, b"0"))
    return -microseconds if sign else microseconds


def _id(field: bytes, reason: Reason) -> int | None:
    """Return the id, or `None` when it is unknown, which is written as a negative number."""
    id_us = _microseconds(field, reason)
    if id_us < 0:
        return None
    whole, part = divmod(id_us, SECOND_US)
    if part or whole > GREATEST_ID:
        raise _UnusableError(reason)
    return whole


def _union(intervals: list[Interval]) -> tuple[Interval, ...]:
    """Return the same instants as intervals in order, none empty, none touching another."""
    merged: list[Interval] = []
    for begin_at, end_at in sorted(intervals):
        if merged and begin_at <= merged[-1].end_at:
            merged[-1] = Interval(merged[-1].begin_at, max(merged[-1].end_at, end_at))
        else:
            merged.append(Interval(begin_at, end_at))
    return tuple(merged)
