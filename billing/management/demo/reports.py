"""What a runner reports of people's activities, as the ingest service takes it."""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from billing.domain.events import Kind
from billing.domain.instants import SECOND_US, datetime_of, instant_of
from billing.management.demo.people import PEOPLE, SLUG, ZONE, Person
from billing.management.demo.workdays import MINUTE_US, SEED, Activity, plan
from billing.services.ingest import Reported

LOST_IDLE: Final = 0.04
"""The share of `idle` events that never arrive: the rule needs none of them."""

RUNNERS: Final = {
    "backend": "/runners/cn-east-1",
    "frontend": "/runners/cn-east-1",
    "platform": "/runners/cn-north-1",
    "data": "/runners/cn-north-1",
    "ml": "/runners/cn-gpu-1",
    "qa": "/runners/cn-east-1",
}

_SOME_HOURS: Final = 200 * MINUTE_US


class _Live(NamedTuple):
    """Work under way at the moment of loading: minutes before it, machine, timer in seconds."""

    stretches: tuple[tuple[float, float], ...]
    machine: str
    idle_timeout: int
    after: Kind | None = None


LIVE: Final = {
    "mei": _Live(((98, 61), (53, 0.5)), "cpu-4x8", 1800),
    "jun.zhao": _Live(((47, 1.2),), "cpu-4x8", 600),
    "lena.ortiz": _Live(((75, 40), (38, 14)), "cpu-4x8", 900),
    "noor.rahman": _Live(((31, 0.8),), "cpu-8x16", 900),
    "kai.tang": _Live(((178, 2),), "gpu-l4", 3600),
    "lan.xie": _Live(((64, 33), (25, 1.1)), "cpu-2x4", 300, Kind.IDLE),
    "wei.li": _Live(((55, 15),), "cpu-8x16", 900, Kind.ENDED),
}
"""Whoever opens the demo, at whatever hour, meets active sessions, an idle and an ended one."""


def reported_use(*, now: datetime, days: int) -> Iterator[Reported]:
    """Yield everything reported in the `days` local days that end with the day of `now`.

    By person, in order of time, nothing after `now`. Deterministic: the same for the same
    arguments.
    """
    last = now.astimezone(ZoneInfo(ZONE)).date()
    first = last - timedelta(days=days - 1)
    for person in PEOPLE:
        activities = timeline(person, first=first, last=last, now=instant_of(now))
        yield from _reported(person, activities, until=instant_of(now))


def timeline(person: Person, *, first: date, last: date, now: int) -> list[Activity]:
    """Return what a person does from the day `first` to `now`, what is under way included."""
    activities = list(plan(person, first=first, last=last))
    live = LIVE.get(person.key)
    if live is None:
        return activities
    clear = now - _SOME_HOURS
    past = [
        activity._replace(end=min(activity.end, clear))
        for activity in activities
        if activity.begin < clear
    ]
    under_way = [
        Activity(
            now - int(begin * MINUTE_US),
            now - int(end * MINUTE_US),
            live.machine,
            live.idle_timeout,
        )
        for begin, end in live.stretches
    ]
    return [*past, *under_way[:-1], under_way[-1]._replace(after=live.after)]


def _reported(person: Person, activities: Iterable[Activity], *, until: int) -> Iterator[Reported]:
    source = RUNNERS[person.team]
    for at, kind, activity in _signals(person, list(activities)):
        if at > until:
            return
        yield Reported(
            ordinal=0,
            event_id=f"{person.key}-{kind.wire}-{at}",
            source=source,
            kind=kind.wire,
            at=datetime_of(at),
            organization=SLUG,
            subject=person.email,
            machine=activity.machine,
            idle_timeout_seconds=activity.idle_timeout,
        )


def _signals(
    person: Person, activities: Sequence[Activity]
) -> Iterator[tuple[int, Kind, Activity]]:
    """Yield (instant, kind, activity): signs of activity, and what follows each activity."""
    chance = random.Random(f"{SEED} {person.key} runner")  # noqa: S311 - invented, not secret
    never = activities[-1].end + SECOND_US**2 if activities else 0
    endless = Activity(never, never, "", 0)
    for activity, following in pairwise([*activities, endless]):
        step = activity.idle_timeout * SECOND_US // 2
        at = activity.begin
        while at < activity.end:
            yield at, Kind.ACTIVE, activity
            at += step - int(chance.uniform(0, 900)) * 1_000
        yield activity.end, Kind.ACTIVE, activity
        if activity.after is not None:
            yield activity.end + 2 * SECOND_US, activity.after, activity
            continue
        deadline = activity.end + activity.idle_timeout * SECOND_US
        if deadline < following.begin and chance.random() >= LOST_IDLE:
            yield deadline, Kind.IDLE, activity
