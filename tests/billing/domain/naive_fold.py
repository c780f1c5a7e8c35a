"""A second, deliberately naive implementation of the continuity rule, for the tests only.

It walks the line of time: it writes down every instant at which anything could happen, visits
them in order, and at each one lets the time since the last visit pass, then lets the clock ring,
then hears what the runners say. Durations are the sums of the small pieces that were lived
through, never differences of far ends. It shares no line, type or constant with the product, and
was written from the rules' text without sight of the product's fold. Speed is no aim.

Instants and durations are `int` microseconds, idle timeouts whole seconds.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1_000_000
FIVE_MINUTES = 300 * SECOND
# Rule 7: at one instant `idle` is heard before `ended`, `ended` before `active`.
TURN = {"idle": 0, "ended": 1, "active": 2}


class Word(NamedTuple):
    """What a runner said."""

    kind: str
    at: int
    machine: str
    timeout: int


class Piece(NamedTuple):
    """A piece of time that an environment lived through, working or resting."""

    since: int
    until: int
    working: bool


@dataclass
class Environment:
    """What runs in the cloud, from its first activity to its end."""

    machine: str
    born_at: int
    deadline: int = 0
    resting_since: int | None = None
    touches: list[tuple[int, int]] = field(default_factory=list)  # (instant, timeout in seconds)
    rests: list[int] = field(default_factory=list)  # every instant at which it went idle
    pieces: list[Piece] = field(default_factory=list)
    state: str = "active"
    reason: str | None = None
    ended_at: int | None = None
    gone_at: int | None = None  # purges_at

    def touch(self, word: Word) -> None:
        """Rules 1 and 4: activity; the newest one alone decides about the deadline."""
        self.touches.append((word.at, word.timeout))
        self.deadline = word.at + word.timeout * SECOND
        self.resting_since = None

    def rest(self, now: int) -> None:
        """Rules 2 and 3: it goes idle."""
        self.resting_since = now
        self.rests.append(now)

    def live(self, since: int, until: int) -> None:
        """Time passes."""
        self.pieces.append(Piece(since, until, working=self.resting_since is None))

    def end(self, reason: str, *, ended_at: int, gone_at: int) -> None:
        """It is over: `ended_at` is the end of the session, `gone_at` that of the environment."""
        self.state, self.reason = "ended", reason
        self.ended_at, self.gone_at = ended_at, gone_at


class NaiveStretch(NamedTuple):
    """A run of activity that its runner's promise holds together.

    `idle_at` is the instant at which the session stopped being active after it: went idle, or
    ended; `None` when that has not come, or the next stretch came before.
    """

    started_at: int
    active_until: int
    idle_at: int | None
    idle_timeout: int


@dataclass(frozen=True)
class NaiveSession:
    """What is known of a session at `as_of`."""

    started_at: int
    active_until: int
    machine: str
    state: str
    reason: str | None
    idles_at: int | None
    idle_since: int | None
    ended_at: int | None
    purges_at: int | None
    working: int
    bridged: int
    waiting: int
    billable: int
    stretches: tuple[NaiveStretch, ...]


def naive_fold(words: list[Word], *, as_of: int) -> list[NaiveSession]:
    """Return the sessions of one stream as they stand at `as_of`, oldest first."""
    heard = sorted(
        {word for word in words if word.at <= as_of},
        key=lambda word: (word.at, TURN[word.kind], word.machine, -word.timeout),
    )
    environments: list[Environment] = []
    before = None
    for now in line_of_time(heard, as_of):
        here = environments[-1] if environments and environments[-1].state != "ended" else None
        if here:
            here.live(before, now)
            ring(here, now)
        for word in heard:
            if word.at == now:
                hear(environments, word)
        before = now
    sessions = [described(environment, as_of) for environment in environments]
    # Rule 7: one of no length is not stored; with rule 8, nor one that has none so far.
    return [one for one in sessions if one.billable > 0]


def line_of_time(heard: list[Word], as_of: int) -> list[int]:
    """Return every instant up to `as_of` at which anything could happen, in order."""
    said = {word.at for word in heard}
    deadlines = {word.at + word.timeout * SECOND for word in heard}
    # "Right after i + W": the first microsecond that is outside.
    purges = {instant + FIVE_MINUTES + 1 for instant in said | deadlines}
    return sorted(now for now in said | deadlines | purges | {as_of} if now <= as_of)


def ring(here: Environment, now: int) -> None:
    """Let the clock do what it does without any word: rule 2, then the end of rule 4."""
    if here.resting_since is None and now == here.deadline:
        here.rest(now)
    if here.resting_since is not None and now - here.resting_since > FIVE_MINUTES:
        here.end("expired", ended_at=here.resting_since, gone_at=here.resting_since + FIVE_MINUTES)


def hear(environments: list[Environment], word: Word) -> None:
    """Let one word have its effect: rules 1, 3, 4, 5 and 6."""
    here = environments[-1] if environments and environments[-1].state != "ended" else None
    if word.kind == "active":
        if here and here.machine != word.machine:
            here.end("machine", ended_at=last_active(here, word.at), gone_at=word.at)
            here = None
        if here is None:
            here = Environment(machine=word.machine, born_at=word.at)
            environments.append(here)
        here.touch(word)
    elif here and here.machine == word.machine:
        if word.kind == "ended":
            here.end("ended", ended_at=last_active(here, word.at), gone_at=word.at)
        elif here.resting_since is None:
            here.rest(word.at)


def last_active(here: Environment, now: int) -> int:
    """Return the instant it last stopped being active, were it to end now."""
    return now if here.resting_since is None else here.resting_since


def described(one: Environment, as_of: int) -> NaiveSession:
    """Add up what the environment lived through."""
    last_touch = one.touches[-1][0]
    worked = [piece for piece in one.pieces if piece.working]
    # A rest was bridged when activity came after it.
    bridges = [piece for piece in one.pieces if not piece.working and piece.until <= last_touch]
    working = sum(piece.until - piece.since for piece in worked)
    bridged = sum(piece.until - piece.since for piece in bridges)
    stretches = stretches_of(one)
    state, idles_at, purges_at = one.state, None, one.gone_at
    if state != "ended" and one.resting_since is None:
        idles_at = one.deadline
    elif state != "ended":
        state, purges_at = "idle", one.resting_since + FIVE_MINUTES
    return NaiveSession(
        started_at=one.born_at,
        active_until=max([one.born_at, *(piece.until for piece in worked + bridges)]),
        machine=one.machine,
        state=state,
        reason=one.reason,
        idles_at=idles_at,
        idle_since=one.resting_since if state == "idle" else None,
        ended_at=one.ended_at,
        purges_at=purges_at,
        working=working,
        bridged=bridged,
        waiting=working - sum(each.active_until - each.started_at for each in stretches),
        billable=working + bridged,
        stretches=stretches,
    )


def stretches_of(one: Environment) -> tuple[NaiveStretch, ...]:
    """Cut the activity wherever it rested, or paused for longer than runners promise."""
    runs: list[list[tuple[int, int]]] = []
    for at, timeout in one.touches:
        promise = timeout_half_and_one(runs[-1][-1][1]) if runs else 0
        together = runs and at - runs[-1][-1][0] <= promise
        # Touches and rests are in the order of time; at one instant the rest comes first (rule 7).
        rested = together and any(runs[-1][-1][0] < rest <= at for rest in one.rests)
        if together and not rested:
            runs[-1].append((at, timeout))
        else:
            runs.append([(at, timeout)])
    following = [run[0][0] for run in runs[1:]] + [None]
    stretches = []
    for run, following_at in zip(runs, following, strict=True):
        last_at, timeout = run[-1]
        # A rest of the very instant of the last touch was heard before it.
        stops = [
            rest
            for rest in one.rests
            if rest > last_at and (following_at is None or rest <= following_at)
        ]
        if following_at is None and one.state == "ended":
            stops.append(one.ended_at)
        stretches.append(NaiveStretch(run[0][0], last_at, stops[0] if stops else None, timeout))
    return tuple(stretches)


def timeout_half_and_one(timeout: int) -> int:
    """Return `timeout / 2 + 1 s` in microseconds."""
    return timeout * SECOND // 2 + SECOND
