"""From everything that decides about one member to the effective settings, with the reasons.

One pure function, `resolve`. Levels from the top: product → organization → team → exception →
the developer's own choice; above all stand spending limit and entitlement (domain.md §4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from orgs.domain.rules import (
    NO_CHOICES,
    PRODUCT_TIMEOUT,
    SWITCH_DEFAULTS,
    Choices,
    Rules,
    Setting,
    SpendingState,
    SwitchState,
)
from orgs.domain.timeout_ladder import TimeoutLadder
from orgs.domain.trace import Ladder, Level, Reason, Source, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamLevel:
    """A team's rules as one of its members meets them; a lower `priority` speaks first."""

    priority: int
    slug: str
    rules: Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class ExceptionLevel:
    """A granted exception, in force until `expires_at` (not included); `rules` say one setting.

    While several say the same setting, the last granted (highest `number`) decides it alone.
    """

    number: int
    rules: Rules
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Everything that decides about one member. The order of teams and exceptions is no matter."""

    organization: str
    organization_rules: Rules
    teams: tuple[TeamLevel, ...] = ()
    exceptions: tuple[ExceptionLevel, ...] = ()
    choices: Choices = NO_CHOICES
    is_entitled: bool
    spending: SpendingState = SpendingState.OK


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveSwitch:
    """An on/off setting as it holds for one member; `chosen` is kept as chosen."""

    value: bool
    state: SwitchState
    locked: bool
    chosen: bool | None
    source: Source
    reasons: tuple[Reason, ...]
    trace: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveTimeout:
    """The idle timeout as it holds for one member, in seconds.

    `minimum <= default <= maximum` and `minimum <= value <= maximum`; locked: the value is the
    default. `chosen` is kept as chosen, whatever the range is now.
    """

    value: int
    minimum: int
    maximum: int
    default: int
    locked: bool
    chosen: int | None
    source: Source
    reasons: tuple[Reason, ...]
    trace: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveSettings:
    """What one member's Desktop obeys."""

    offload_enabled: EffectiveSwitch
    idle_timeout_seconds: EffectiveTimeout
    gpu_enabled: EffectiveSwitch


class Speaker(NamedTuple):
    """One level that says something, in the order in which levels are heard."""

    level: Level
    name: str
    rules: Rules


class Period(NamedTuple):
    """Settings that hold from `since` until the next period's beginning."""

    since: datetime
    settings: EffectiveSettings


def resolve(standing: Standing, *, at: datetime) -> EffectiveSettings:
    """Return the settings in force at `at`, each with its trace.

    A function of the values only: the order of teams and exceptions in `standing` never matters.
    """
    speakers = list(_speakers(standing, at=at))
    return EffectiveSettings(
        offload_enabled=_switch(Setting.OFFLOAD_ENABLED, standing, speakers),
        idle_timeout_seconds=_timeout(standing, speakers),
        gpu_enabled=_switch(Setting.GPU_ENABLED, standing, speakers),
    )


def schedule(standing: Standing, *, at: datetime) -> list[Period]:
    """Return the settings from `at` on, with a period for each coming end of an exception.

    So an exception ends at its instant, with nothing that has to run then. Periods that would
    repeat the one before are left out.
    """
    ends = {exception.expires_at for exception in standing.exceptions}
    periods = [Period(at, resolve(standing, at=at))]
    for end in sorted(end for end in ends if end > at):
        following = Period(end, resolve(standing, at=end))
        if following.settings != periods[-1].settings:
            periods.append(following)
    return periods


def _speakers(standing: Standing, *, at: datetime) -> Iterator[Speaker]:
    yield Speaker(Level.ORGANIZATION, standing.organization, standing.organization_rules)
    for team in sorted(standing.teams, key=lambda team: (team.priority, team.slug)):
        yield Speaker(Level.TEAM, team.slug, team.rules)
    for exception in sorted(standing.exceptions, key=lambda exception: -exception.number):
        if at < exception.expires_at:
            yield Speaker(Level.EXCEPTION, str(exception.number), exception.rules)


def _switch(setting: Setting, standing: Standing, speakers: list[Speaker]) -> EffectiveSwitch:
    ladder = Ladder(product_says=SWITCH_DEFAULTS[setting])
    state = _hear_states(setting, ladder, speakers)
    value = SWITCH_DEFAULTS[setting] if state.value_given is None else state.value_given
    chosen = standing.choices.switch(setting)
    if chosen is not None and not ladder.silences(Level.USER, "", chosen):
        ladder.win(Level.USER, "", chosen)
        value = chosen
    if setting is Setting.OFFLOAD_ENABLED and _is_forbidden(standing, ladder):
        state, value = SwitchState.ALWAYS_DISABLED, False
    return EffectiveSwitch(
        value=value,
        state=state,
        locked=ladder.is_locked,
        chosen=chosen,
        source=ladder.source,
        reasons=(ladder.winner.reason,),
        trace=tuple(ladder.steps),
    )


def _hear_states(setting: Setting, ladder: Ladder, speakers: list[Speaker]) -> SwitchState:
    state = SwitchState.USER_DEFINED
    for level, name, rules in speakers:
        said = rules.switch(setting)
        if said is None or ladder.silences(level, name, said.value):
            continue
        state = said
        if said is SwitchState.USER_DEFINED:
            ladder.leave_open(level, name, said.value)
        else:
            ladder.win(level, name, said.value, locks=said.is_locked)
    return state


def _is_forbidden(standing: Standing, ladder: Ladder) -> bool:
    """Whether spending or entitlement switch Offload off; the entitlement speaks last."""
    if standing.spending.forbids_sessions:
        ladder.win(Level.SPENDING, standing.spending.value, said=False, locks=True)
    if not standing.is_entitled:
        ladder.win(Level.ENTITLEMENT, "", said=False, locks=True)
    return standing.spending.forbids_sessions or not standing.is_entitled


def _timeout(standing: Standing, speakers: list[Speaker]) -> EffectiveTimeout:
    ladder = TimeoutLadder(Ladder(product_says={"default": PRODUCT_TIMEOUT.default}))
    for speaker in speakers:
        if speaker.rules.idle_timeout_seconds is not None:
            ladder.hear(speaker.level, speaker.name, speaker.rules.idle_timeout_seconds)
    chosen = standing.choices.idle_timeout_seconds
    default = ladder.clamp(ladder.default)
    wanted = ladder.default
    steps = ladder.steps
    if chosen is not None and not steps.silences(Level.USER, "", chosen):
        steps.win(Level.USER, "", chosen)
        wanted = chosen
    winner = steps.winner
    value, clamped = ladder.clamp_with_reason(wanted)
    return EffectiveTimeout(
        value=value,
        minimum=ladder.minimum,
        maximum=ladder.maximum,
        default=default,
        locked=steps.is_locked,
        chosen=chosen,
        source=steps.source,
        reasons=(winner.reason, *clamped),
        trace=tuple(steps.steps),
    )
