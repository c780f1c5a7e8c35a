"""What the people of the demo organization do with their days: seeded chance, always the same.

Instants and durations are `int` microseconds, instants since 1970 UTC. A person's activities
never overlap and come in order.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from billing.domain.events import Kind
from billing.domain.instants import HOUR_US, SECOND_US, instant_of
from billing.management.demo.people import BUILDS, HABITS, ZONE, Habit, Person

SEED: Final = 20_260_105
MINUTE_US: Final = 60 * SECOND_US
HOLIDAYS: Final = frozenset({(1, 1), (5, 1), (5, 2), (5, 3), *((10, day) for day in range(1, 8))})
"""(month, day) on which the office is empty."""


class Activity(NamedTuple):
    """Work on one machine in `[begin, end]`, and what the runner reports at its end.

    `after` is `None` for silence: the idle timer runs.
    """

    begin: int
    end: int
    machine: str
    idle_timeout: int
    after: Kind | None = None


def plan(person: Person, *, first: date, last: date) -> Iterator[Activity]:
    """Yield a person's activities that begin on the days `first` to `last`, in order.

    A day's activities depend on the person and the date only, whatever the range.
    """
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if person is BUILDS:
            yield from _nightly_builds(day)
        else:
            yield from _day(person, day)


def _chance(person: Person, day: date | None = None) -> random.Random:
    return random.Random(f"{SEED} {person.key} {day}")  # noqa: S311 - invented days, not secrets


def _at(day: date, hour: float) -> int:
    """Return an hour of the local day, with a fraction, as an instant (whole milliseconds)."""
    midnight = datetime.combine(day, time(), ZoneInfo(ZONE))
    return instant_of(midnight + timedelta(milliseconds=int(hour * 3_600_000)))


def _day(person: Person, day: date) -> Iterator[Activity]:
    habit = HABITS[person.team]
    always = _chance(person)
    idle_timeout = always.choice(habit.idle_timeouts)
    begins_at = habit.begins_at + always.uniform(-0.7, 0.7)
    chance = _chance(person, day)
    is_quiet = day.weekday() >= 5 or (day.month, day.day) in HOLIDAYS  # noqa: PLR2004 - Saturday
    if is_quiet:
        if chance.random() < 0.05:  # noqa: PLR2004 - one in twenty looks after something
            begin = chance.uniform(10, 20)
            yield from _block(habit, idle_timeout, day, hours=(begin, begin + 0.8), chance=chance)
        return
    if chance.random() < 0.09:  # noqa: PLR2004 - leave, illness, a day of meetings
        return
    yield from _office(habit, idle_timeout, day, begins_at, chance)
    if chance.random() < habit.night_share:
        begin = _at(day, chance.uniform(21.5, 23.5))
        length = int(chance.uniform(1.5, 5.5) * HOUR_US)
        machine = habit.big_machine if habit.machine.startswith("cpu-4") else habit.machine
        yield Activity(begin, begin + length, machine, 600, Kind.ENDED)


def _office(
    habit: Habit, idle_timeout: int, day: date, begins_at: float, chance: random.Random
) -> Iterator[Activity]:
    """A morning, lunch, an afternoon, sometimes an evening, and perhaps a stop at the end."""
    lunch = chance.uniform(11.7, 12.3)
    back = lunch + chance.uniform(1.0, 1.7)
    home = chance.uniform(17.4, 19.2)
    blocks = [(begins_at + chance.gauss(0, 0.25), lunch), (back, home)]
    if chance.random() < 0.12:  # noqa: PLR2004 - one evening in eight
        begin = chance.uniform(19.8, 20.3)
        blocks.append((begin, begin + chance.uniform(0.4, 1.1)))
    done = [
        activity
        for begin, end in blocks
        for activity in _block(habit, idle_timeout, day, hours=(begin, end), chance=chance)
    ]
    if chance.random() < 0.35:  # noqa: PLR2004 - who stops the environment before going home
        done[-1] = done[-1]._replace(after=Kind.ENDED)
    yield from done


def _block(
    habit: Habit,
    idle_timeout: int,
    day: date,
    *,
    hours: tuple[float, float],
    chance: random.Random,
) -> Iterator[Activity]:
    """Work with pauses between two hours of a day; at least one activity."""
    begin, end = hours
    at, until = _at(day, begin), max(_at(day, end), _at(day, begin + 0.1))
    while at < until:
        length = int(chance.triangular(2, 50, 11) * MINUTE_US)
        is_big = chance.random() < habit.big_share
        machine = habit.big_machine if is_big else habit.machine
        goes_idle = chance.random() < 0.05  # noqa: PLR2004 - one in twenty chooses to go idle
        finish = min(at + length, until)
        yield Activity(at, finish, machine, idle_timeout, Kind.IDLE if goes_idle else None)
        waited = 0 if goes_idle else idle_timeout * SECOND_US
        at = finish + _pause(waited, chance)


def _pause(waited: int, chance: random.Random) -> int:
    """Return how long nothing happens: within the timer, in a gap that is bridged, or longer."""
    kind = chance.random()
    if kind < 0.4 and waited:  # noqa: PLR2004
        return int(waited * chance.uniform(0.2, 0.98))
    if kind < 0.7:  # noqa: PLR2004
        return waited + int(chance.uniform(8, 296) * SECOND_US)
    return waited + int(chance.triangular(5.5, 70, 16) * MINUTE_US)


def _nightly_builds(day: date) -> Iterator[Activity]:
    """Every night three builds, the last one on another machine; each ends by itself."""
    chance = _chance(BUILDS, day)
    at = _at(day, 1.0)
    for machine, minutes in (("cpu-8x16", 42.0), ("cpu-8x16", 27.0), ("cpu-4x8", 18.0)):
        finish = at + int(minutes * chance.uniform(0.8, 1.3) * MINUTE_US)
        yield Activity(at, finish, machine, 60, Kind.ENDED)
        at = finish + int(chance.uniform(20, 200) * SECOND_US)
