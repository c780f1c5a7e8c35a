"""What a level of policy can say: the product's settings, their bounds, and one level's rules.

Levels and settings are those of domain.md §4; `orgs.domain.policy` resolves them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

IDLE_TIMEOUT_MINIMUM_SECONDS: Final = 10
IDLE_TIMEOUT_MAXIMUM_SECONDS: Final = 3600
"""Docker's own bounds of the setting: 10 seconds to 1 hour."""

IDLE_TIMEOUT_DEFAULT_SECONDS: Final = 300


class Setting(StrEnum):
    """What policy decides. The text is a field of the public documents."""

    OFFLOAD_ENABLED = "offload_enabled"
    IDLE_TIMEOUT_SECONDS = "idle_timeout_seconds"
    GPU_ENABLED = "gpu_enabled"


SWITCHES: Final = (Setting.OFFLOAD_ENABLED, Setting.GPU_ENABLED)
"""The settings that are on or off."""

SWITCH_DEFAULTS: Final = {Setting.OFFLOAD_ENABLED: True, Setting.GPU_ENABLED: False}
"""What holds where nobody decides. Offload itself waits for the entitlement (domain.md §6); a GPU
costs several times a CPU, so it waits for somebody who wants one."""


class SwitchState(StrEnum):
    """Docker's five states of an on/off setting. The text is stored and sent as it is."""

    USER_DEFINED = "user_defined"
    ALWAYS_ENABLED = "always_enabled"
    ENABLED = "enabled"
    DISABLED = "disabled"
    ALWAYS_DISABLED = "always_disabled"

    @property
    def is_locked(self) -> bool:
        """Whether nobody below may choose otherwise."""
        return self in {SwitchState.ALWAYS_ENABLED, SwitchState.ALWAYS_DISABLED}

    @property
    def value_given(self) -> bool | None:
        """On or off; None where the state gives no value."""
        if self is SwitchState.USER_DEFINED:
            return None
        return self in {SwitchState.ALWAYS_ENABLED, SwitchState.ENABLED}


class SpendingState(StrEnum):
    """How an organization stands to its spending limit. The text is stored and sent as it is."""

    OK = "ok"
    WARNING = "warning"
    BLOCKED = "blocked"
    STOPPING = "stopping"

    @property
    def forbids_sessions(self) -> bool:
        """Whether no new session may start."""
        return self in {SpendingState.BLOCKED, SpendingState.STOPPING}


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeoutRule:
    """What one level says of the idle timeout, in seconds; None says nothing of that part."""

    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None
    locked: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What one level says; None says nothing of that setting, which the level above decides."""

    offload_enabled: SwitchState | None = None
    idle_timeout_seconds: TimeoutRule | None = None
    gpu_enabled: SwitchState | None = None

    def switch(self, setting: Setting) -> SwitchState | None:
        """Return what the level says of an on/off setting; no other has a state (`KeyError`)."""
        return {
            Setting.OFFLOAD_ENABLED: self.offload_enabled,
            Setting.GPU_ENABLED: self.gpu_enabled,
        }[setting]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What a developer chose, as chosen; None is no choice. Seconds for the idle timeout."""

    offload_enabled: bool | None = None
    idle_timeout_seconds: int | None = None
    gpu_enabled: bool | None = None

    def switch(self, setting: Setting) -> bool | None:
        """Return the choice of an on/off setting; no other is on or off (`KeyError`)."""
        return {
            Setting.OFFLOAD_ENABLED: self.offload_enabled,
            Setting.GPU_ENABLED: self.gpu_enabled,
        }[setting]


NO_CHOICES: Final = Choices()

PRODUCT_TIMEOUT: Final = TimeoutRule(
    minimum=IDLE_TIMEOUT_MINIMUM_SECONDS,
    maximum=IDLE_TIMEOUT_MAXIMUM_SECONDS,
    default=IDLE_TIMEOUT_DEFAULT_SECONDS,
    locked=False,
)

DEFAULT_RULES: Final = Rules(
    offload_enabled=SwitchState.USER_DEFINED,
    idle_timeout_seconds=PRODUCT_TIMEOUT,
    gpu_enabled=SwitchState.USER_DEFINED,
)
"""The policy of a new organization: nothing is forced, every product bound holds."""
