"""The worked cases of the continuity rule: data only, written out by hand.

The tests hold the product and the naive fold to them, and `docs/continuity-rule.md` shows them, so
that neither can drift. After a change: `python -m tests.billing.domain.continuity_document`.

Times are seconds, as whole numbers or as text with up to six decimals. A case without `as_of`
speaks for a day on which everything is long over. What a case does not say is not checked.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

Seconds = int | str
LONG_AFTER: Seconds = 1_000_000


class Told(NamedTuple):
    """One session event."""

    kind: str
    at: Seconds
    on: str
    t: int


class Expected(NamedTuple):
    """One session: its span, what is billed, the bridged part of it, and what else is said."""

    start: Seconds
    until: Seconds
    billed: Seconds
    bridged: Seconds
    on: str
    said: Mapping[str, Seconds | str | None]


class Case(NamedTuple):
    """One worked case."""

    what: str
    events: tuple[Told, ...]
    sessions: tuple[Expected, ...]
    as_of: Seconds = LONG_AFTER


def us(seconds: Seconds) -> int:
    """Return seconds as microseconds, exactly."""
    exact = Decimal(seconds) * 1_000_000
    assert exact == int(exact), f"{seconds} has more than six decimals"
    return int(exact)


def active(*at: Seconds, t: int = 300, on: str = "cpu") -> tuple[Told, ...]:
    return tuple(Told("active", each, on, t) for each in at)


def idle(at: Seconds, *, t: int = 300, on: str = "cpu") -> tuple[Told, ...]:
    return (Told("idle", at, on, t),)


def ended(at: Seconds, *, t: int = 300, on: str = "cpu") -> tuple[Told, ...]:
    return (Told("ended", at, on, t),)


def session(
    start: Seconds, until: Seconds, *, billed: Seconds, bridged: Seconds = 0, on="cpu", **said
) -> Expected:
    return Expected(start, until, billed, bridged, on, said)


# The cases that the rules themselves are stated with, in their order.
STATED = (
    Case(
        "a gap of 180 s is bridged",
        active(0, 600, 1200, 1980, t=600),
        (session(0, 2580, billed=2580, bridged=180),),
    ),
    Case(
        "a gap of exactly 300 s is bridged",
        active(0, 600, 1200, 2100, t=600),
        (session(0, 2700, billed=2700, bridged=300),),
    ),
    Case(
        "a gap of 300.001 s is not",
        active(0, 600, 1200, "2100.001", t=600),
        (session(0, 1800, billed=1800), session("2100.001", "2700.001", billed=600)),
    ),
    Case(
        "silence is idleness: the gap is 600 s",
        active(0, 1200, t=600),
        (session(0, 600, billed=600), session(1200, 1800, billed=600)),
    ),
    Case(
        "an explicit idle, then 300 s",
        active(0) + idle(40) + active(340),
        (session(0, 640, billed=640, bridged=300),),
    ),
    Case(
        "an explicit idle, then 301 s",
        active(0) + idle(40) + active(341),
        (session(0, 40, billed=40), session(341, 641, billed=300)),
    ),
    Case(
        "after `ended` even one second is too long",
        active(0) + ended(40) + active(41),
        (session(0, 40, billed=40), session(41, 341, billed=300)),
    ),
    Case(
        "a short timeout saves nothing: 60 gaps of 50 s",
        active(*range(0, 3601, 60), t=10),
        (session(0, 3610, billed=3610, bridged=3000),),
    ),
    Case(
        "another machine is another session",
        active(0) + active(100, on="gpu"),
        (session(0, 100, billed=100), session(100, 400, billed=300, on="gpu")),
    ),
    Case(
        "active now, billed so far",
        active(0),
        (session(0, 120, billed=120, state="active", idles_at=300, purges_at=None),),
        as_of=120,
    ),
    Case(
        "idle now, the wait is billed, the gap is not",
        active(0),
        (session(0, 300, billed=300, state="idle", idle_since=300, purges_at=600),),
        as_of=400,
    ),
    Case(
        "at the deadline it is idle",
        active(0),
        (session(0, 300, billed=300, state="idle", idle_since=300, idles_at=None, purges_at=600),),
        as_of=300,
    ),
    Case(
        "at the end of the window it is idle still",
        active(0),
        (session(0, 300, billed=300, state="idle", purges_at=600),),
        as_of=600,
    ),
    Case(
        "a microsecond later it has ended",
        active(0),
        (session(0, 300, billed=300, state="ended", purges_at=600),),
        as_of="600.000001",
    ),
    Case(
        "ended while idle: billed up to the idle",
        active(0) + idle(40) + ended(100) + active(101),
        (session(0, 40, billed=40), session(101, 401, billed=300)),
    ),
    Case(
        "each active replaces the deadline, also by an earlier one",
        active(0, t=600) + active(100, t=10),
        (session(0, 110, billed=110),),
    ),
    Case(
        "a machine named in between ends the session",
        active(0, on="gpu") + active(100, on="cpu") + active(100, on="gpu"),
        (session(0, 100, billed=100, on="gpu"), session(100, 400, billed=300, on="gpu")),
    ),
    Case(
        "the late word of an old environment",
        active(0) + active(100, on="gpu") + ended(105),
        (session(0, 100, billed=100), session(100, 400, billed=300, on="gpu")),
    ),
    Case(
        "`ended` is heard before `active`",
        ended(100) + active(100),
        (session(100, 400, billed=300),),
    ),
)
