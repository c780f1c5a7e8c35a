"""A second, deliberately naive replay, for the tests only: from events, not from stretches.

It makes up a runner that reports under the other timeout what the recorded runner saw, densely,
and has the naive fold hear it. It shares no line, type or constant with the product.
"""

from dataclasses import dataclass
from itertools import pairwise

from tests.billing.domain.naive_fold import (
    SECOND,
    NaiveSession,
    Word,
    naive_fold,
    timeout_half_and_one,
)


@dataclass(frozen=True)
class NaiveReplayed:
    """A session of the naive replay."""

    started_at: int
    active_until: int
    machine: str
    working: int
    waiting: int
    bridged: int


def naive_replay(words: list[Word], *, timeout: int | None, as_of: int) -> list[NaiveReplayed]:
    """Return the sessions under `timeout`, or under the recorded ones where that is None."""
    heard = [word for word in words if word.at <= as_of]
    recorded = naive_fold(heard, as_of=as_of)
    ends = {(one.purges_at, one.machine) for one in recorded if one.reason == "ended"}
    runs = runs_of([word for word in heard if word.kind == "active"], ends)
    told = [Word("ended", at, machine, 300) for at, machine in ends]
    for run in runs:
        told += told_anew(run, timeout)
    return [seen(one, runs) for one in naive_fold(told, as_of=as_of)]


def runs_of(actives: list[Word], ends: set[tuple[int, str]]) -> list[list[Word]]:
    """Cut the activity where the runner's promise was broken, or the environment was ended."""
    runs: list[list[Word]] = []
    for word in sorted(set(actives), key=lambda word: (word.at, word.machine, -word.timeout)):
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and last.machine == word.machine
            and word.at - last.at <= timeout_half_and_one(last.timeout)
            and not any(last.at < at <= word.at for at, _ in ends)
        ):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def told_anew(run: list[Word], timeout: int | None) -> list[Word]:
    """Return what a runner says of a run: activity from end to end, each with the timeout."""
    if timeout is None:
        return run
    told = [word._replace(timeout=timeout) for word in run]
    for one, other in pairwise(told):
        step = timeout * SECOND // 2
        told += [one._replace(at=at) for at in range(one.at + step, other.at, step)]
    return told


def seen(one: NaiveSession, runs: list[list[Word]]) -> NaiveReplayed:
    """Describe a session; its activity is that of the runs in it, whatever a new timeout joins."""
    active = sum(
        run[-1].at - run[0].at
        for run in runs
        if run[0].machine == one.machine and one.started_at <= run[0].at < one.active_until
    )
    return NaiveReplayed(
        started_at=one.started_at,
        active_until=one.active_until,
        machine=one.machine,
        working=one.working,
        waiting=one.working - active,
        bridged=one.bridged,
    )
