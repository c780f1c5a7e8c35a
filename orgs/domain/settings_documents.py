"""Effective settings as JSON: what a Desktop is sent, and the trace that explains it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orgs.domain.audit import Json, canonical_json
from orgs.domain.policy import EffectiveSettings, EffectiveSwitch, EffectiveTimeout
from orgs.domain.rules import Setting, SpendingState
from orgs.domain.trace import Source, Step

DIGEST_BYTES: Final = 16

POLL_AFTER_SECONDS: Final = 300
"""How long a Desktop waits from one poll to the next."""

POLL_JITTER: Final = 0.2
"""The share of that wait by which each wait is longer or shorter, by chance."""


def desktop_document(
    *,
    organization: str,
    user: str,
    revision: int,
    settings: Mapping[str, Any],
    spending: str,
    stream_url: str,
) -> dict[str, Any]:
    """Return what a Desktop is sent: the effective settings of its user, and how to stay informed.

    `organization` is the slug, `user` the member's address, `settings` a `settings_document`.
    """
    return {
        "organization": organization,
        "user": user,
        "revision": revision,
        "settings": dict(settings),
        "spending": {"state": spending},
        "poll": {"after_seconds": POLL_AFTER_SECONDS, "jitter": POLL_JITTER},
        "stream": {"url": stream_url},
        "messages": [],
    }


def settings_document(settings: EffectiveSettings) -> dict[str, Json]:
    """Return the `settings` object of the public contract."""
    return {
        Setting.OFFLOAD_ENABLED.value: _switch(settings.offload_enabled),
        Setting.IDLE_TIMEOUT_SECONDS.value: _timeout(settings.idle_timeout_seconds),
        Setting.GPU_ENABLED.value: _switch(settings.gpu_enabled),
    }


def settings_digest(document: Mapping[str, Json], *, spending: SpendingState) -> bytes:
    """Return 16 bytes that stand for what a Desktop is told; equal only for equal contents."""
    text = canonical_json({"settings": document, "spending": spending.value})
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()


def trace_document(settings: EffectiveSettings) -> dict[str, Json]:
    """Return the trace of each setting: its steps from the top, in order."""
    return {
        Setting.OFFLOAD_ENABLED.value: _steps(settings.offload_enabled.trace),
        Setting.IDLE_TIMEOUT_SECONDS.value: _steps(settings.idle_timeout_seconds.trace),
        Setting.GPU_ENABLED.value: _steps(settings.gpu_enabled.trace),
    }


def _switch(setting: EffectiveSwitch) -> Json:
    return {
        "value": setting.value,
        "state": setting.state.value,
        "locked": setting.locked,
        "chosen": setting.chosen,
        "source": _source(setting.source),
        "reasons": [reason.value for reason in setting.reasons],
    }


def _timeout(setting: EffectiveTimeout) -> Json:
    return {
        "value": setting.value,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "default": setting.default,
        "locked": setting.locked,
        "chosen": setting.chosen,
        "source": _source(setting.source),
        "reasons": [reason.value for reason in setting.reasons],
    }


def _source(source: Source) -> Json:
    level: dict[str, Json] = {"level": source.level.value}
    return level | {"name": source.name} if source.name else level


def _steps(steps: Sequence[Step]) -> list[Json]:
    return [
        {
            "level": step.level.value,
            "name": step.name or None,
            "said": step.said,
            "outcome": step.outcome.value,
            "reason": step.reason.value,
        }
        for step in steps
    ]
